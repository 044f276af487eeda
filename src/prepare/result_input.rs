//! An input that keeps apart the calls of a template that read its `outputs.result` from those that do not.
//!
//! Argo records the result of a call only where its parent reads it. Both kinds with the same inputs would share a
//! cache entry, and the readers could be given one that has no result. So a template that is called in both ways gets
//! one more input with a default, and the readers pass another value: it takes part in the key like any input.

use serde_json::{Map, Value, json};

use crate::argo::template::text;

/// The input's name.
pub(crate) const RESULT_INPUT: &str = "runnable_result";
const READ: &str = "read";

/// Whether a parameter, declared or passed, is the one that prepare writes.
pub(super) fn is_ours(parameter: &Value) -> bool {
    text(parameter, "name") == RESULT_INPUT
}

/// Declares the input.
pub(super) fn declare(template: &mut Value) {
    push(template, "inputs", json!({"name": RESULT_INPUT, "default": ""}));
}

/// Passes the input from a call that reads the result.
pub(super) fn pass(call: &mut Value) {
    push(call, "arguments", json!({"name": RESULT_INPUT, "value": READ}));
}

fn push(holder: &mut Value, field: &str, parameter: Value) {
    let Some(holder) = holder.as_object_mut() else { return };
    let Some(arguments) = object(holder, field) else { return };
    let parameters = arguments.entry("parameters").or_insert_with(|| json!([]));
    if parameters.is_null() {
        *parameters = json!([]);
    }
    if let Some(parameters) = parameters.as_array_mut()
        && !parameters.iter().any(is_ours)
    {
        parameters.push(parameter);
    }
}

/// The object in `field`, made when there is none.
fn object<'a>(holder: &'a mut Map<String, Value>, field: &str) -> Option<&'a mut Map<String, Value>> {
    let value = holder.entry(field).or_insert_with(|| json!({}));
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut()
}
