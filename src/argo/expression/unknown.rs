//! Values that nobody knows yet. A plan puts one where the output of a node will be that has to run; whatever is made
//! of it is unknown too, and tells by its number which node it waits for.

use serde_json::Value;

// Letters that Unicode leaves to private use: no value of a workflow holds them in this order.
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// The unknown value of a number.
pub(crate) fn unknown(number: usize) -> String {
    format!("{BEGIN}{number}{END}")
}

/// The number of the first unknown value in a text.
pub(crate) fn in_text(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(BEGIN)?;
    rest.split_once(END)?.0.parse().ok()
}

/// The number of the first unknown value in a tree.
pub(crate) fn in_value(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => in_text(text),
        Value::Array(values) => values.iter().find_map(in_value),
        Value::Object(fields) => fields.values().find_map(in_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What comes before the first unknown value of a text.
pub(crate) fn known_beginning(text: &str) -> &str {
    text.split_once(BEGIN).map_or(text, |(known, _)| known)
}
