//! Who calls whom: the steps and tasks of templates, the hooks and exit handlers of steps, tasks and workflows, and what
//! each names. The one walker of calls; the functions with `_mut` change them in place.

use serde_json::Value;

use super::template::Template;
use super::value::{field, field_mut, text};
use super::workflow_spec::templates;

/// A step or a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallSite<'a> {
    pub(crate) value: &'a Value,
    /// The number of its group, if it is a step.
    pub(crate) group: Option<usize>,
    /// Its number in its group or dag.
    pub(crate) place: usize,
}

impl<'a> CallSite<'a> {
    pub(crate) fn name(self) -> &'a str {
        text(self.value, "name")
    }

    /// What it calls; none where nothing is named.
    pub(crate) fn target(self) -> Option<Target<'a>> {
        Target::of(self.value)
    }

    /// The template that is written in it.
    pub(crate) fn inline(self) -> Option<Template<'a>> {
        match self.target() {
            Some(Target::Inline(template)) => Some(template),
            _ => None,
        }
    }

    /// Whether it becomes one run an item.
    pub(crate) fn expands(self) -> bool {
        ["withItems", "withParam", "withSequence"].iter().any(|name| !absent(field(self.value, name)))
    }

    /// Where it stands in its template: `steps/0/1` or `dag/tasks/1`.
    pub(crate) fn pointer(self) -> String {
        match self.group {
            Some(group) => format!("steps/{group}/{}", self.place),
            None => format!("dag/tasks/{}", self.place),
        }
    }

    /// The name of its node below that of the template's: `[0].a` or `.a`.
    pub(crate) fn node_suffix(self) -> String {
        match self.group {
            Some(group) => format!("[{group}].{}", self.name()),
            None => format!(".{}", self.name()),
        }
    }
}

/// One place that calls a template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The name of the step or task.
    pub(crate) name: &'a str,
    /// What is called.
    pub(crate) target: Target<'a>,
    /// Whether it is called once per item.
    pub(crate) looped: bool,
    /// Whether it is a lifecycle hook or exit handler of the step or task.
    pub(crate) handler: bool,
}

/// What a call names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// A template of the same document.
    Local(&'a str),
    /// A template of another object.
    Reference(TemplateReference<'a>),
    /// A template written at the call.
    Inline(Template<'a>),
}

/// A template of a WorkflowTemplate or ClusterWorkflowTemplate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TemplateReference<'a> {
    /// The object's name.
    pub(crate) name: &'a str,
    /// The template's name in it.
    pub(crate) template: &'a str,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub(crate) cluster_scope: bool,
}

impl<'a> Call<'a> {
    pub(super) fn collect(site: CallSite<'a>, calls: &mut Vec<Self>) {
        let (name, looped) = (site.name(), site.expands());
        if let Some(target) = site.target() {
            calls.push(Self { name, target, looped, handler: false });
            if let Target::Inline(inline) = target {
                let first = calls.len();
                inline.sites().for_each(|site| Self::collect(site, calls));
                calls[first..].iter_mut().for_each(|call| call.looped |= looped);
            }
        }
        calls.extend(handlers(site.value).map(|target| Self { name, target, looped, handler: true }));
    }
}

impl<'a> Target<'a> {
    /// In Argo's order (`GetTemplate` in templateresolution/context.go, v4.1.2).
    fn of(site: &'a Value) -> Option<Self> {
        if let Some(inline) = field(site, "inline").filter(|inline| inline.is_object()) {
            return Some(Self::Inline(Template::new(inline)));
        }
        if let Some(reference) = field(site, "templateRef").filter(|reference| reference.is_object()) {
            return Some(Self::Reference(TemplateReference {
                name: text(reference, "name"),
                template: text(reference, "template"),
                cluster_scope: reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false),
            }));
        }
        match text(site, "template") {
            "" => None,
            name => Some(Self::Local(name)),
        }
    }
}

/// What runs when `holder` (a spec, a step or a task) starts, changes or ends: `onExit` and `hooks`.
pub(crate) fn handlers(holder: &Value) -> impl Iterator<Item = Target<'_>> {
    let on_exit = field(holder, "onExit").and_then(Value::as_str).filter(|name| !name.is_empty()).map(Target::Local);
    let hooks = field(holder, "hooks").and_then(Value::as_object);
    on_exit.into_iter().chain(hooks.into_iter().flat_map(|hooks| hooks.values()).filter_map(Target::of))
}

/// An object whose templates a document uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectReference {
    /// The object's name.
    pub(crate) name: String,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub(crate) cluster_scope: bool,
    /// Whether the workflow is made from it (`workflowTemplateRef`), rather than calling one of its templates.
    pub(crate) whole: bool,
}

/// The objects that a document refers to, in the order they are named.
pub(crate) fn references(document: &Value) -> Vec<ObjectReference> {
    let Some(spec) = document.get("spec") else { return Vec::new() };
    let whole =
        spec.get("workflowTemplateRef").filter(|reference| reference.is_object()).map(|reference| ObjectReference {
            name: text(reference, "name").to_owned(),
            cluster_scope: reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false),
            whole: true,
        });
    let called = templates(spec).flat_map(|template| template.calls().into_iter().map(|call| call.target));
    let called = called.chain(handlers(spec)).filter_map(|target| match target {
        Target::Reference(TemplateReference { name, cluster_scope, .. }) => {
            Some(ObjectReference { name: name.to_owned(), cluster_scope, whole: false })
        }
        Target::Local(_) | Target::Inline(_) => None,
    });
    whole.into_iter().chain(called).collect()
}

fn absent(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    }
}

/// Visits every step and task of `template`, those of its inline templates included.
pub(crate) fn for_each_call_mut(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    if let Some(groups) = field_mut(template, "steps").and_then(Value::as_array_mut) {
        for group in groups {
            match group {
                Value::Array(steps) => steps.iter_mut().for_each(|step| visit_site(step, visit)),
                single => visit_site(single, visit),
            }
        }
    }
    let tasks = field_mut(template, "dag").and_then(|dag| field_mut(dag, "tasks")).and_then(Value::as_array_mut);
    tasks.into_iter().flatten().for_each(|task| visit_site(task, visit));
}

/// Visits every inline template of `template`, at any depth.
pub(crate) fn for_each_inline_mut(template: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    for_each_call_mut(template, &mut |site| {
        if let Some(inline) = field_mut(site, "inline").filter(|inline| inline.is_object()) {
            visit(inline);
        }
    });
}

fn visit_site(site: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(site);
    if let Some(inline) = field_mut(site, "inline") {
        for_each_call_mut(inline, visit);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn locals(calls: &[Call<'_>]) -> Vec<(String, String, bool, bool)> {
        calls
            .iter()
            .map(|call| {
                let target = match call.target {
                    Target::Local(name) => name.to_owned(),
                    Target::Reference(reference) => format!("{}/{}", reference.name, reference.template),
                    Target::Inline(_) => "inline".to_owned(),
                };
                (call.name.to_owned(), target, call.looped, call.handler)
            })
            .collect()
    }

    #[test]
    fn calls_are_found_in_steps_tasks_inline_templates_and_hooks() {
        let steps = json!({"steps": [[{"name": "a", "template": "x", "onExit": "bye"}], [
            {"name": "b", "templateRef": {"name": "w", "template": "t"}, "withItems": [1]},
            {"name": "c", "inline": {"dag": {"tasks": [{"name": "d", "template": "y"}]}}, "withParam": "[]"},
        ]]});
        assert_eq!(
            locals(&Template::new(&steps).calls()),
            [
                ("a".into(), "x".into(), false, false),
                ("a".into(), "bye".into(), false, true),
                ("b".into(), "w/t".into(), true, false),
                ("c".into(), "inline".into(), true, false),
                ("d".into(), "y".into(), true, false),
            ]
        );
        let dag = json!({"dag": {"tasks": [{"name": "a", "template": "x", "hooks": {"exit": {"template": "h"}}}]}});
        assert_eq!(
            locals(&Template::new(&dag).calls()),
            [("a".into(), "x".into(), false, false), ("a".into(), "h".into(), false, true)]
        );
    }
}
