//! The environment a container can tell its run and its attempt by.
//!
//! Containers, scripts and the containers of a set get it; init containers and sidecars serve these and get none.

use serde_json::{Map, Value, json};

use crate::argo::call::for_each_inline_mut;
use crate::argo::template::{field_mut, list, text};
use crate::argo::workflow_spec::templates_mut;

/// The variables: name and value.
pub(crate) const VARIABLES: [(&str, &str); 5] = [
    ("RETRY_RUN_ID", "{{workflow.parameters.run_id}}"),
    ("RETRY_INDICATOR", "{{workflow.parameters.retry_indicator}}"),
    ("RUNNABLE_RUN_ID", "{{workflow.parameters.run_id}}"),
    ("RUNNABLE_RETRY_RUN_ID", "{{workflow.parameters.retry_run_id}}"),
    ("RUNNABLE_RETRY_INDICATOR", "{{workflow.parameters.retry_indicator}}"),
];

/// Whether an entry of an environment is one that prepare writes.
pub(super) fn is_ours(entry: &Value) -> bool {
    let name = text(entry, "name");
    VARIABLES.iter().any(|(ours, value)| *ours == name && *value == text(entry, "value"))
}

/// Adds the variables to every container of the spec's templates. One that the user has set is kept, also when it
/// is set in `templateDefaults`.
pub(super) fn add(spec: &mut Value) {
    // Made once and cloned: five objects a template are most of what a large workflow gets.
    let entries = VARIABLES.map(|(name, value)| json!({"name": name, "value": value}));
    let defaults = spec.get("templateDefaults").cloned().unwrap_or_default();
    if let Some(defaults) = spec.get_mut("templateDefaults") {
        add_to_template(defaults, &Value::Null, &entries);
    }
    for template in templates_mut(spec) {
        add_to_template(template, &defaults, &entries);
        for_each_inline_mut(template, &mut |inline| add_to_template(inline, &defaults, &entries));
    }
}

fn add_to_template(template: &mut Value, defaults: &Value, entries: &[Value]) {
    for field in ["container", "script"] {
        if let Some(container) = field_mut(template, field).and_then(Value::as_object_mut) {
            add_to_container(container, list(defaults.get(field).and_then(|container| container.get("env"))), entries);
        }
    }
    let containers =
        field_mut(template, "containerSet").and_then(|set| field_mut(set, "containers")).and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        add_to_container(container, &[], entries);
    }
}

fn add_to_container(container: &mut Map<String, Value>, inherited: &[Value], entries: &[Value]) {
    let here = list(container.get("env"));
    let is_set = |name: &str| {
        let above = || inherited.iter().any(|entry| text(entry, "name") == name && !is_ours(entry));
        here.iter().any(|entry| text(entry, "name") == name) || above()
    };
    let missing: Vec<Value> = entries.iter().filter(|entry| !is_set(text(entry, "name"))).cloned().collect();
    match container.get_mut("env") {
        Some(Value::Array(environment)) => environment.extend(missing),
        None | Some(Value::Null) if !missing.is_empty() => {
            container.insert("env".to_owned(), Value::Array(missing));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(container: &Value) -> Vec<&str> {
        list(container.get("env")).iter().map(|entry| text(entry, "name")).collect()
    }

    fn added(mut spec: Value) -> Value {
        add(&mut spec);
        spec
    }

    #[test]
    fn containers_scripts_sets_and_inline_templates_get_the_variables() {
        let all = VARIABLES.map(|(name, _)| name);
        let spec = added(json!({"templates": [
            {"container": {"image": "x"}, "sidecars": [{"name": "s"}], "initContainers": [{"name": "i"}]},
            {"script": {"env": null}},
            {"containerSet": {"containers": [{"name": "a"}, {"name": "b"}]}},
            {"steps": [[{"name": "a", "inline": {"container": {}}}]]},
            {"dag": {"tasks": [{"name": "a", "inline": {"script": {}}}]}},
        ]}));
        for path in [
            "/0/container",
            "/1/script",
            "/2/containerSet/containers/0",
            "/2/containerSet/containers/1",
            "/3/steps/0/0/inline/container",
            "/4/dag/tasks/0/inline/script",
        ] {
            let container = spec.pointer(&format!("/templates{path}"));
            assert_eq!(container.map(names), Some(all.to_vec()), "{path}");
        }
        assert_eq!(spec.pointer("/templates/0/sidecars/0/env"), None);
        assert_eq!(spec.pointer("/templates/0/initContainers/0/env"), None);
    }

    #[test]
    fn what_the_user_set_is_kept_in_its_place() {
        let spec = added(json!({
            "templateDefaults": {"container": {"env": [{"name": "RETRY_INDICATOR", "value": "mine"}]}},
            "templates": [{"container": {"env": [{"name": "A"}, {"name": "RETRY_RUN_ID", "value": "mine"}, {"name": "B"}]}}],
        }));
        let container = spec.pointer("/templates/0/container");
        assert_eq!(
            container.map(names),
            Some(vec![
                "A",
                "RETRY_RUN_ID",
                "B",
                "RUNNABLE_RUN_ID",
                "RUNNABLE_RETRY_RUN_ID",
                "RUNNABLE_RETRY_INDICATOR"
            ])
        );
        assert_eq!(spec.pointer("/templates/0/container/env/1/value"), Some(&json!("mine")));
    }
}
