//! `-o jsonpath=…`, `-o custom-columns=…` and `--sort-by`: what kubectl understands by them
//! (<https://kubernetes.io/docs/reference/kubectl/jsonpath/>). What an object lacks is empty, as for kubectl.

mod columns;
mod path;
mod template;

pub(crate) use self::columns::CustomColumns;
pub(crate) use self::path::ObjectPath;
pub(crate) use self::template::JsonPath;

use serde_json::Value;

/// A value as kubectl prints it: text as it is, anything else as JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
