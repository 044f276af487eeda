//! The next attempt with nothing left in it that does work: its templates, calls, inputs, outputs and keys. What a
//! scheduler makes of it asks the cache exactly what the attempt will ask.

use serde_json::{Map, Value, json};

use crate::argo::expression::unknown::unknown;
use crate::argo::template::field_mut;

/// The cache of templates that are not memoized: every call asks, so that a plan hears of it.
pub(super) const NO_CACHE: &str = "";
/// Stands for what a ConfigMap holds when a node reads it.
pub(super) const CONFIG_MAP: usize = usize::MAX;

const OF_SPEC: [&str; 9] = [
    "entrypoint",
    "templates",
    "templateDefaults",
    "arguments",
    "onExit",
    "serviceAccountName",
    "priority",
    "workflowMetadata",
    "hooks",
];
const OF_TEMPLATE: [&str; 6] = ["name", "inputs", "outputs", "memoize", "steps", "dag"];

/// The outline of a workflow or of an object with templates.
pub(super) fn outline(document: &Value) -> Value {
    let mut document = document.clone();
    let Some(spec) = field_mut(&mut document, "spec").and_then(Value::as_object_mut) else { return document };
    let is_retried = spec.contains_key("retryStrategy");
    spec.retain(|field, _| OF_SPEC.contains(&field.as_str()));
    if is_retried {
        spec.insert("retryStrategy".to_owned(), json!({"limit": 0}));
    }
    if let Some(defaults) = spec.get_mut("templateDefaults").and_then(Value::as_object_mut) {
        outline_fields(defaults);
    }
    let has_default_key = spec.get("templateDefaults").is_some_and(|defaults| defaults.get("memoize").is_some());
    if let Some(arguments) = spec.get_mut("arguments") {
        forget_sources(arguments);
    }
    for template in spec.get_mut("templates").and_then(Value::as_array_mut).into_iter().flatten() {
        outline_template(template, has_default_key);
    }
    document
}

fn outline_template(template: &mut Value, has_default_key: bool) {
    let Some(fields) = template.as_object_mut() else { return };
    outline_fields(fields);
    if !fields.contains_key("steps") && !fields.contains_key("dag") {
        fields.insert("container".to_owned(), json!({"image": "none", "command": ["none"]}));
    }
    if !has_default_key && !fields.get("memoize").is_some_and(Value::is_object) {
        let memoize = json!({"key": "none", "cache": {"configMap": {"name": NO_CACHE}}});
        fields.insert("memoize".to_owned(), memoize);
    }
    for site in sites(fields) {
        if let Some(inline) = field_mut(site, "inline") {
            outline_template(inline, has_default_key);
        }
    }
}

fn outline_fields(fields: &mut Map<String, Value>) {
    let is_retried = fields.get("retryStrategy").is_some_and(Value::is_object);
    fields.retain(|field, value| OF_TEMPLATE.contains(&field.as_str()) && !value.is_null());
    if is_retried {
        fields.insert("retryStrategy".to_owned(), json!({"limit": 0}));
    }
    if let Some(dag) = fields.get_mut("dag").and_then(Value::as_object_mut) {
        dag.shift_remove("failFast");
    }
    if let Some(inputs) = fields.get_mut("inputs") {
        forget_sources(inputs);
    }
}

/// Parameters that are read from a ConfigMap when they are used.
fn forget_sources(holder: &mut Value) {
    for parameter in field_mut(holder, "parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(fields) = parameter.as_object_mut()
            && fields.get("valueFrom").is_some_and(|source| source.get("configMapKeyRef").is_some())
        {
            fields.shift_remove("valueFrom");
            fields.insert("value".to_owned(), unknown(CONFIG_MAP).into());
        }
    }
}

fn sites(template: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for (name, value) in template.iter_mut() {
        match (name.as_str(), value) {
            ("steps", Value::Array(groups)) => {
                for group in groups {
                    match group {
                        Value::Array(steps) => found.extend(steps.iter_mut()),
                        single => found.push(single),
                    }
                }
            }
            ("dag", dag) => {
                found.extend(field_mut(dag, "tasks").and_then(Value::as_array_mut).into_iter().flatten());
            }
            _ => {}
        }
    }
    found
}
