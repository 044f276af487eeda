//! What a document says it is.

use serde_json::Value;

use super::Kind;
use super::error::understood;
use super::place::shortened;

/// The kind of a document, or the field that is wrong and why.
pub(super) fn kind(value: &Value) -> Result<Kind, (String, String)> {
    let whole = |message: String| (String::new(), message);
    if !value.is_object() {
        return Err(whole(format!("expected an object, found {}", found(value))));
    }
    let kind = match value.get("kind") {
        None | Some(Value::Null) => Err(whole(format!("no `kind`, expected {}", understood()))),
        Some(Value::String(text)) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ("/kind".to_owned(), format!("expected {}, found `{}`", understood(), shortened(text)))),
        Some(other) => Err(("/kind".to_owned(), format!("expected a string, found {}", found(other)))),
    }?;
    let expected = kind.api_version();
    match value.get("apiVersion") {
        None | Some(Value::Null) => Err(whole(format!("no `apiVersion`, expected `{expected}`"))),
        Some(Value::String(text)) if text == expected => Ok(kind),
        Some(Value::String(text)) => Err((
            "/apiVersion".to_owned(),
            format!("expected `{expected}` for a {}, found `{}`", kind.as_str(), shortened(text)),
        )),
        Some(other) => Err(("/apiVersion".to_owned(), format!("expected a string, found {}", found(other)))),
    }
}

/// The type of a value, for a message.
pub(crate) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
