//! Fields of a document as Go reads them: null is absent, an absent text is empty, an absent list has no items.

use serde_json::Value;

use crate::argo::document::any_string;
use crate::argo::value;

pub(super) fn get<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value::field(value, name).filter(|value| !value.is_null())
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value::text(value, name)
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value::list(value::field(value, name))
}

/// What Argo makes a text of; its form is the schema's to check.
pub(super) fn scalar(value: &Value, name: &str) -> Option<String> {
    get(value, name).map(|value| any_string(value).unwrap_or_else(|| value.to_string()))
}

pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| get(value, name))
}

/// The items of the list at the end of a path.
pub(super) fn items<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    value::list(at(value, path))
}

pub(super) fn is_true(value: &Value, name: &str) -> bool {
    get(value, name).and_then(Value::as_bool).unwrap_or(false)
}

/// The item of that name.
pub(super) fn named<'v>(items: &'v [Value], name: &str) -> Option<&'v Value> {
    items.iter().find(|item| text(item, "name") == name)
}
