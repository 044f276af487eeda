//! Templates of other objects that the templates of a workflow call: copied into the workflow, each under a name of its
//! own, so that they are memoized. A controller looks up nothing of a called template but the template itself: not the
//! defaults, volumes and arguments of the object it stands in.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::catalogue::Templates;
use crate::argo::call::{Target, TemplateReference, for_each_call_mut};
use crate::argo::template::{Template, field_mut, text};
use crate::argo::workflow_spec::{templates, templates_mut};

/// The most templates that Argo's full schema allows.
const MOST: usize = 200;

/// A template of another object: the object's name, whether it is a ClusterWorkflowTemplate, the template's name.
type Origin = (String, bool, String);

/// Copies what is called by `templateRef`, and all that it calls in turn. Where that would be more templates than Argo
/// takes, nothing is copied. Whether anything was.
pub(super) fn apply(spec: &mut Value, known: &Templates, namespace: Option<&str>) -> bool {
    let taken = templates(spec).map(|template| template.name().to_owned()).collect();
    let mut copier = Copier { known, namespace, taken, names: HashMap::new(), copies: Vec::new() };
    let mut changed = spec.clone();
    templates_mut(&mut changed).for_each(|template| copier.lead_to_copies(template, None));
    let mut next = 0;
    while let Some((mut template, home)) = copier.copies.get(next).cloned() {
        copier.lead_to_copies(&mut template, Some(&home));
        copier.copies[next].0 = template;
        next += 1;
    }

    let Some(own) = field_mut(&mut changed, "templates").and_then(Value::as_array_mut) else { return false };
    if copier.copies.is_empty() || own.len() + copier.copies.len() > MOST {
        return false;
    }
    own.extend(copier.copies.into_iter().map(|(template, _)| template));
    *spec = changed;
    true
}

/// The templates that the workflow calls by `templateRef` and that are not memoized where they are, as `object/template`.
pub(super) fn left_alone(spec: &Value, known: &Templates, namespace: Option<&str>) -> BTreeSet<String> {
    let calls = templates(spec).flat_map(Template::calls).filter(|call| !call.handler);
    let referenced = calls.filter_map(|call| match call.target {
        Target::Reference(reference) => Some(reference),
        Target::Local(_) | Target::Inline(_) => None,
    });
    let plain = referenced.filter(|reference| {
        let document = known.find(reference.name, reference.cluster_scope, namespace);
        document.and_then(|document| named(document, reference.template)).is_some_and(|template| {
            let is_suspend = template.value().get("suspend").is_some();
            !is_suspend && template.value().get("memoize").is_none()
        })
    });
    plain.map(|TemplateReference { name, template, .. }| format!("{name}/{template}")).collect()
}

struct Copier<'a> {
    known: &'a Templates,
    namespace: Option<&'a str>,
    /// The names of the workflow's templates.
    taken: BTreeSet<String>,
    /// The names of the copies.
    names: HashMap<Origin, String>,
    /// The copies, each with the object that it is from.
    copies: Vec<(Value, (String, bool))>,
}

impl Copier<'_> {
    /// Makes the calls of a template lead to copies; `home` is the object that its own names are looked up in.
    fn lead_to_copies(&mut self, template: &mut Value, home: Option<&(String, bool)>) {
        for_each_call_mut(template, &mut |site| {
            self.lead_target(site, home);
            let Some(home) = home else { return };
            if let Some(handlers) = field_mut(site, "hooks").and_then(Value::as_object_mut) {
                handlers.values_mut().for_each(|hook| self.lead_local(hook, "template", home));
            }
            self.lead_local(site, "onExit", home);
        });
    }

    fn lead_target(&mut self, site: &mut Value, home: Option<&(String, bool)>) {
        if site.get("inline").is_some_and(Value::is_object) {
            return;
        }
        let Some(reference) = site.get("templateRef").filter(|reference| reference.is_object()) else {
            if let Some(home) = home {
                self.lead_local(site, "template", home);
            }
            return;
        };
        let cluster_scope = reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false);
        let object = (text(reference, "name").to_owned(), cluster_scope);
        let name = self.copy(&object, text(reference, "template"));
        if let (Some(name), Some(site)) = (name, site.as_object_mut()) {
            site.shift_remove("templateRef");
            site.insert("template".to_owned(), name.into());
        }
    }

    /// Puts the name of the copy into a field that names a template of `home`.
    fn lead_local(&mut self, holder: &mut Value, field: &str, home: &(String, bool)) {
        let written = text(holder, field).to_owned();
        if written.is_empty() || holder.get("templateRef").is_some_and(Value::is_object) {
            return;
        }
        if let (Some(name), Some(holder)) = (self.copy(home, &written), holder.as_object_mut()) {
            holder.insert(field.to_owned(), name.into());
        }
    }

    /// The name of the copy of a template; none where the template is not known.
    fn copy(&mut self, object: &(String, bool), template: &str) -> Option<String> {
        let origin = (object.0.clone(), object.1, template.to_owned());
        if let Some(name) = self.names.get(&origin) {
            return Some(name.clone());
        }
        let document = self.known.find(&object.0, object.1, self.namespace)?;
        let mut copy = named(document, template)?.value().clone();
        let name = self.free_name(&format!("{}-{template}", object.0.replace('.', "-")));
        copy.as_object_mut()?.insert("name".to_owned(), name.clone().into());
        self.names.insert(origin, name.clone());
        self.copies.push((copy, object.clone()));
        Some(name)
    }

    fn free_name(&mut self, wanted: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| self.taken.insert(name.clone())).unwrap_or_default()
    }
}

/// The template of a name in an object.
fn named<'a>(document: &'a Value, name: &str) -> Option<Template<'a>> {
    templates(document.get("spec")?).find(|template| template.name() == name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> Templates {
        let leaf = |name: &str| json!({"name": name, "container": {"image": "alpine"}});
        let call = |name: &str| {
            json!({"name": name, "template": name, "onExit": "bye",
            "hooks": {"told": {"template": "bye"}, "other": {"templateRef": {"name": "far", "template": "t"}}}})
        };
        let nested = json!({"name": "nested", "steps": [[call("leaf")], [{"name": "far", "templateRef": {"name": "far.away", "template": "t"}}],
            [{"name": "again", "template": "nested", "when": "false"}]]});
        let object = |name: &str, templates: Value| json!({"kind": "WorkflowTemplate", "metadata": {"name": name}, "spec": {"templates": templates}});
        let documents = [
            object("etl", json!([leaf("leaf"), leaf("bye"), nested])),
            object("far.away", json!([leaf("t"), {"name": "mine", "container": {}, "memoize": {"key": "k"}}])),
        ];
        documents.into_iter().collect()
    }

    fn spec() -> Value {
        let refer = |name: &str, object: &str, template: &str| json!({"name": name, "templateRef": {"name": object, "template": template}});
        json!({"templates": [{"name": "main", "dag": {"tasks": [
            refer("a", "etl", "nested"), refer("b", "etl", "leaf"), refer("c", "missing", "t"),
            {"name": "d", "inline": {"steps": [[refer("e", "far.away", "t")]]}}]}}, {"name": "etl-leaf", "suspend": {}}]})
    }

    #[test]
    fn what_is_called_is_copied_with_all_that_it_calls() {
        let mut spec = spec();
        assert!(apply(&mut spec, &known(), None));
        let names: Vec<&str> = templates(&spec).map(Template::name).collect();
        assert_eq!(names, ["main", "etl-leaf", "etl-nested", "etl-leaf-2", "far-away-t", "etl-bye"]);
        let tasks = &spec["templates"][0]["dag"]["tasks"];
        assert_eq!(tasks[0], json!({"name": "a", "template": "etl-nested"}));
        assert_eq!(tasks[1]["template"], "etl-leaf-2", "the workflow's own etl-leaf stays what it is");
        assert_eq!(tasks[2]["templateRef"]["name"], "missing");
        assert_eq!(tasks[3]["inline"]["steps"][0][0]["template"], "far-away-t");
        let nested = &spec["templates"][2]["steps"];
        assert_eq!((&nested[0][0]["template"], &nested[0][0]["onExit"]), (&json!("etl-leaf-2"), &json!("etl-bye")));
        assert_eq!(nested[0][0]["hooks"]["told"]["template"], "etl-bye");
        assert_eq!(nested[0][0]["hooks"]["other"]["templateRef"]["name"], "far");
        assert_eq!(
            (&nested[1][0]["template"], &nested[2][0]["template"]),
            (&json!("far-away-t"), &json!("etl-nested"))
        );
        let once = spec.clone();
        assert!(!apply(&mut spec, &known(), None) && spec == once, "a second time there is nothing to copy");
    }

    #[test]
    fn more_templates_than_argo_takes_are_not_copied() {
        let mut spec = spec();
        let many = (0..196).map(|at| json!({"name": format!("t{at}"), "suspend": {}}));
        spec["templates"].as_array_mut().into_iter().for_each(|own| own.extend(many.clone()));
        let before = spec.clone();
        assert!(!apply(&mut spec, &known(), None) && spec == before);
    }

    #[test]
    fn what_is_left_alone_is_known() {
        let mut spec = spec();
        spec["templates"][0]["dag"]["tasks"][1]["templateRef"] = json!({"name": "far.away", "template": "mine"});
        let left: Vec<String> = left_alone(&spec, &known(), None).into_iter().collect();
        assert_eq!(left, ["etl/nested", "far.away/t"]);
    }
}
