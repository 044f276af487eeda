//! A call of a template: what it names, and what the template says of itself. (validateTemplateHolder)

use serde_json::Value;

use super::checker::{At, Checker, DOCUMENT};
use super::finding::{Holder, Rule};
use super::nearest::nearest_of_few;
use super::read::{get, is_true, items, list, text};
use super::substitute::has_placeholder;
use super::template::Arguments;

/// So many names are listed where none of them is near.
const FEW: usize = 8;
/// What to do about an object that is not known.
const GIVE: &str = "give the file that holds it too";
/// The same where a cluster was asked.
const NOWHERE: &str = "it is neither in the files nor on the cluster";

/// The template that a call names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Called<'t> {
    Template(&'t Value),
    /// It is named when the workflow runs: nothing is known of its outputs.
    Dynamic,
    /// It stands in an object that is not known here.
    Unknown,
}

impl<'a> Checker<'a> {
    /// Checks the template that a step or task names. `at` is where the call stands.
    pub(super) fn call<'t>(&mut self, call: &'t Value, at: &At, arguments: Arguments<'_>) -> Called<'t>
    where
        'a: 't,
    {
        let reference = get(call, "templateRef");
        let name = text(call, "template");
        if let Some(reference) = reference {
            if !name.is_empty() {
                self.error(Rule::TemplateRef, &at.field("template"), "`template` and `templateRef` exclude each other");
                return Called::Unknown;
            }
            return self.referenced(reference, at, arguments);
        }
        if !name.is_empty() && self.template_of(at.base, name).is_none() {
            let why = self.no_template(at.base, name);
            let at = if get(call, "template").is_some() { at.field("template") } else { at.clone() };
            self.error_with(Rule::UnknownTemplate, &at, why.0, why.1);
            return Called::Unknown;
        }
        if let Some(inline) = get(call, "inline").filter(|inline| inline.is_object()) {
            let key = (at.base, text(call, "name").to_owned());
            let (inline, place) = self.inlines.get(&key).cloned().unwrap_or_else(|| (inline, at.field("inline")));
            self.template(inline, &place, arguments, at);
            return Called::Template(inline);
        }
        if let Some(found) = self.template_of(at.base, name) {
            self.found(found, arguments, at)
        } else {
            self.error(Rule::UnknownTemplate, at, "`template`, `templateRef` or `inline` has to say what is called");
            Called::Unknown
        }
    }

    /// Checks the template of an object that a field of the spec names: the workflow begins or ends with it, and gives it its
    /// own arguments.
    pub(super) fn begins_with(&mut self, base: usize, name: &str, field: &At, arguments: Arguments<'_>) {
        if let Some(found) = self.template_of(base, name) {
            let spec = self.spec_at(DOCUMENT);
            self.found(found, arguments, &spec);
        } else {
            let (message, hint) = self.no_template(base, name);
            self.error_with(Rule::UnknownTemplate, field, message, hint);
        }
    }

    fn found<'t>(&mut self, found: (&'a Value, At), arguments: Arguments<'_>, caller: &At) -> Called<'t>
    where
        'a: 't,
    {
        let (template, place) = found;
        self.keep_inlines(template, &place);
        self.template(template, &place, arguments, caller);
        Called::Template(template)
    }

    fn referenced<'t>(&mut self, reference: &'t Value, at: &At, arguments: Arguments<'_>) -> Called<'t>
    where
        'a: 't,
    {
        let (name, template) = (text(reference, "name"), text(reference, "template"));
        for (field, value) in [("name", name), ("template", template)] {
            if value.is_empty() {
                self.error(Rule::TemplateRef, &at.field("templateRef"), format!("templateRef has no `{field}`"));
                return Called::Unknown;
            }
        }
        // (VerifyResolvedVariables)
        if name.contains("{{") || template.contains("{{") {
            return Called::Dynamic;
        }
        let cluster_scope = is_true(reference, "clusterScope");
        let kind = if cluster_scope { "ClusterWorkflowTemplate" } else { "WorkflowTemplate" };
        let at_name = at.path(&["templateRef", "name"]);
        let Some(base) = self.base(name, cluster_scope) else {
            if has_placeholder(template) {
                return Called::Dynamic;
            }
            let message = format!("{kind} `{name}` is not known");
            self.unknown_object(&at_name, message);
            return Called::Unknown;
        };
        match self.template_of(base, template) {
            Some(found) => self.found(found, arguments, at),
            None if has_placeholder(template) => Called::Dynamic,
            None => {
                let (message, hint) = self.no_template(base, template);
                self.error_with(Rule::UnknownTemplate, &at.path(&["templateRef", "template"]), message, hint);
                Called::Unknown
            }
        }
    }

    /// Keeps the inline templates of another object's template as they are written: Argo stores them before it gives the
    /// template its inputs, by the object and the name of the call, and takes them from there.
    /// (workflow_types.go, SetStoredInlineTemplate)
    fn keep_inlines(&mut self, template: &'a Value, place: &At) {
        if place.base == DOCUMENT {
            return;
        }
        let groups = list(template, "steps").iter().enumerate().flat_map(|(number, group)| {
            let group_at = place.field("steps").index(number);
            group.as_array().into_iter().flatten().enumerate().map(move |(index, step)| (step, group_at.index(index)))
        });
        let tasks_at = place.path(&["dag", "tasks"]);
        let tasks = items(template, &["dag", "tasks"]).iter().enumerate();
        for (call, at) in groups.chain(tasks.map(|(index, task)| (task, tasks_at.index(index)))) {
            if let Some(inline) = get(call, "inline").filter(|inline| inline.is_object()) {
                let key = (place.base, text(call, "name").to_owned());
                self.inlines.entry(key).or_insert_with(|| (inline, at.field("inline")));
            }
        }
    }

    /// Says that an object is not known, where that is not the cluster's to know.
    pub(super) fn unknown_object(&mut self, at: &At, message: String) {
        if self.options.all_known {
            let hint = if self.options.local { GIVE } else { NOWHERE };
            self.error_with(Rule::TemplateRef, at, message, Some(hint.to_owned()));
        } else if !self.options.completes {
            self.warn(Rule::TemplateRef, at, message, Some(GIVE));
        }
    }

    /// Why there is no such template, and which one is meant.
    pub(super) fn no_template(&self, base: usize, name: &str) -> (String, Option<String>) {
        let of = &self.bases[base];
        let near = nearest_of_few(name, of.names());
        let hint = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if name.contains("{{") => Some(
                "a template is named, or taken with `templateRef`; choose with `when` in steps of their own".to_owned(),
            ),
            None => {
                let mut names: Vec<&str> = of.names().collect();
                names.sort_unstable();
                (!names.is_empty() && names.len() <= FEW).then(|| format!("its templates are {}", names.join(", ")))
            }
        };
        let holder = match &of.holder {
            Holder::Document => String::new(),
            Holder::Template(name) => format!(" in WorkflowTemplate `{name}`"),
            Holder::ClusterTemplate(name) => format!(" in ClusterWorkflowTemplate `{name}`"),
        };
        (format!("template `{name}` does not exist{holder}"), hint)
    }
}
