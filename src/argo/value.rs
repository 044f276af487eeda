//! Look-ups in a document's value, by field. What is absent or of another type is passed over.

use serde_json::Value;

/// A list that may be absent.
pub(crate) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// So many names are compared faster than one is hashed.
const FEW: usize = 16;

/// A field that may be absent. Most objects of a document have few.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value.as_object()? {
        fields if fields.len() > FEW => fields.get(name),
        fields => fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value),
    }
}

/// A field to be changed, if it is there.
pub(crate) fn field_mut<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    match value.as_object_mut()? {
        fields if fields.len() > FEW => fields.get_mut(name),
        fields => fields.iter_mut().find(|(field, _)| *field == name).map(|(_, value)| value),
    }
}

/// What stands at a path of fields, if anything.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| field(value, name))
}

/// A text field that may be absent; then it is empty.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    field(value, name).and_then(Value::as_str).unwrap_or_default()
}
