//! A call as Go writes it: Argo looks for the tags of a step or task in that text, where one that its own text does not
//! close goes on. (validateSteps, validateDAG; encoding/json over WorkflowStep and DAGTask)

use serde_json::{Map, Value};

use super::substitute::{holds_tag, next_tag};

/// The fields of a struct, in the order in which it declares them. (workflow_types.go)
type Fields = &'static [&'static str];

const CALL: Fields = &[
    "name",
    "template",
    "inline",
    "arguments",
    "templateRef",
    "dependencies",
    "withItems",
    "withParam",
    "withSequence",
    "when",
    "continueOn",
    "onExit",
    "depends",
    "hooks",
];
const HOOK: Fields = &["template", "arguments", "templateRef", "expression"];
const ARGUMENTS: Fields = &["parameters", "artifacts"];
const PARAMETER: Fields = &["name", "default", "value", "valueFrom", "globalName", "enum", "description"];
const VALUE_FROM: Fields =
    &["path", "jsonPath", "jqFilter", "event", "parameter", "supplied", "configMapKeyRef", "default", "expression"];

/// What is not told apart here: templates, artifacts and the like begin with their name.
const OTHER: Fields = &["name"];
/// Hooks by their event.
const HOOKS: Fields = &[];

/// Whether a tag of the call is open where the call ends. (fasttemplate, NewTemplate)
pub(super) fn leaves_tag_open(call: &Value) -> bool {
    if !has_open_tag(call) {
        return false;
    }
    let mut written = String::new();
    write(call, CALL, &mut written);
    is_open(&written)
}

fn has_open_tag(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_tag(text) && is_open(text),
        Value::Array(items) => items.iter().any(has_open_tag),
        Value::Object(fields) => fields.values().any(has_open_tag),
        _ => false,
    }
}

fn is_open(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, _, after)) = next_tag(rest) {
        rest = after;
    }
    rest.contains("{{")
}

/// Writes a value whose fields have this order; those of a map have the order of their names.
fn write(value: &Value, order: Fields, to: &mut String) {
    match value {
        Value::Object(fields) => write_object(fields, order, to),
        Value::Array(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index == 0 { "" } else { "," });
                write(item, order, to);
            }
            to.push(']');
        }
        scalar => to.push_str(&scalar.to_string()),
    }
}

fn write_object(fields: &Map<String, Value>, order: Fields, to: &mut String) {
    let place = |key: &str| order.iter().position(|field| *field == key).unwrap_or(order.len());
    let mut keys: Vec<&str> = fields.keys().map(String::as_str).collect();
    // The arguments are no pointer: they are written where there are none.
    if order.contains(&"arguments") && !fields.contains_key("arguments") {
        keys.push("arguments");
    }
    keys.sort_by_key(|key| (place(key), *key));

    to.push('{');
    let mut separator = "";
    for key in keys {
        let value = fields.get(key);
        if order.contains(&key) && key != "arguments" && value.is_none_or(is_left_out) {
            continue;
        }
        to.push_str(separator);
        to.push_str(&Value::from(key).to_string());
        to.push(':');
        match value {
            Some(value) => write(value, order_below(key, order), to),
            None => to.push_str("{}"),
        }
        separator = ",";
    }
    to.push('}');
}

/// The order of what a field holds.
fn order_below(key: &str, order: Fields) -> Fields {
    match key {
        "arguments" if order == CALL || order == HOOK => ARGUMENTS,
        "parameters" if order == ARGUMENTS => PARAMETER,
        "valueFrom" if order == PARAMETER => VALUE_FROM,
        "hooks" if order == CALL => HOOKS,
        _ if order == HOOKS => HOOK,
        _ => OTHER,
    }
}

/// (omitempty)
fn is_left_out(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// Each was asked of Argo's validator.
    #[rstest]
    #[case(json!({"name": "a", "template": "t", "when": "{{item} == b", "withItems": ["a"]}), true)]
    #[case(json!({"arguments": {"parameters": [{"name": "x", "value": "{{item}"}]}, "template": "t", "name": "a"}), false)]
    #[case(json!({"name": "a", "template": "t", "arguments": {"parameters": [{"name": "x", "value": "{{item}"}]}, "withItems": ["a"]}), true)]
    #[case(json!({"name": "a", "template": "t", "arguments": {"parameters": [{"name": "x", "value": "{{item}"}]}, "withParam": "{{steps.b.outputs.result}}"}), false)]
    #[case(json!({"name": "a", "templateRef": {"template": "t", "name": "{{item}"}, "withItems": ["a"]}), true)]
    #[case(json!({"name": "a", "template": "t", "when": "{{item}", "hooks": {"exit": {"template": "t"}}}), false)]
    #[case(json!({"name": "a", "template": "t", "onExit": "{{item}", "continueOn": {"failed": true}}), true)]
    #[case(json!({"name": "a", "template": "t", "when": "{{item}} == b"}), false)]
    fn a_tag_ends_where_the_written_call_has_the_next_braces(#[case] call: Value, #[case] open: bool) {
        assert_eq!(leaves_tag_open(&call), open, "{call}");
    }
}
