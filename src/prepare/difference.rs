//! What tells two prepared workflows apart, beside what makes them two runs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::key::RUN_PARAMETERS;
use crate::argo::Workflow;
use crate::argo::template::{Template, field};

/// Fields of a spec that are compared otherwise, and those that change while the workflow runs.
const APART: [&str; 5] = ["arguments", "templates", "suspend", "shutdown", "activeDeadlineSeconds"];

/// The parts in which two workflows differ: `parameter date`, `template build`, `spec.priority`.
pub(crate) fn differences(one: &Workflow, other: &Workflow) -> Vec<String> {
    let (values, others) = (one.own_values(), other.own_values());
    let names = values.iter().chain(&others).map(|(name, _)| name.as_str());
    let names: BTreeSet<&str> = names.filter(|name| !RUN_PARAMETERS.contains(name)).collect();
    let value = |of: &[(String, String)], name: &str| of.iter().rev().find(|(own, _)| own == name).cloned();
    let parameters = names.into_iter().filter(|name| value(&values, name) != value(&others, name));

    let names: BTreeSet<&str> = one.templates().chain(other.templates()).map(Template::name).collect();
    let template = |of: &Workflow, name: &str| of.template(name).map(|template| without_memoize(template.value()));
    let templates = names.into_iter().filter(|name| template(one, name) != template(other, name));

    let keys = [one, other].into_iter().filter_map(|workflow| workflow.spec().as_object());
    let keys: BTreeSet<&str> = keys.flatten().map(|(key, _)| key.as_str()).collect();
    let fields = keys.into_iter().filter(|key| !APART.contains(key));
    let fields = fields.filter(|key| field(one.spec(), key) != field(other.spec(), key));

    let parameters = parameters.map(|name| format!("parameter {name}"));
    let templates = templates.map(|name| format!("template {name}"));
    parameters.chain(templates).chain(fields.map(|key| format!("spec.{key}"))).collect()
}

/// Each run has a cache of its own.
fn without_memoize(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("memoize");
    }
    template
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(run_id: &str, date: &str, command: &str) -> Workflow {
        json!({"spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "run_id", "value": run_id}, {"name": "date", "value": date}]},
            "templates": [{"name": "main", "container": {"command": [command]}, "memoize": {"key": run_id}}],
        }})
        .into()
    }

    #[test]
    fn two_runs_of_one_document_do_not_differ() {
        assert!(differences(&workflow("a", "1", "x"), &workflow("b", "1", "x")).is_empty());
    }

    #[test]
    fn what_differs_is_named() {
        let one = workflow("a", "1", "x");
        let mut other = workflow("b", "2", "y");
        other.set_in_spec("priority", json!(3));
        other.set_in_spec("suspend", json!(true));
        assert_eq!(differences(&one, &other), ["parameter date", "template main", "spec.priority"]);
        other.set_parameter("new", "1");
        assert_eq!(differences(&one, &other)[1], "parameter new");
    }
}
