//! What a spec says of the run: its templates, arguments and where it begins. A spec stands in a Workflow, in a
//! WorkflowTemplate, and in the status of a Workflow that was made from one.

use serde_json::{Map, Value, json};

use super::template::Template;
use super::value::{at, field, field_mut, list, text};

pub(crate) fn templates(spec: &Value) -> impl Iterator<Item = Template<'_>> {
    list(field(spec, "templates")).iter().map(Template::new)
}

/// The same of a spec whose fields are at hand.
pub(crate) fn templates_of(fields: &Map<String, Value>) -> impl Iterator<Item = Template<'_>> {
    list(fields.get("templates")).iter().map(Template::new)
}

pub(crate) fn templates_mut(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    field_mut(spec, "templates").and_then(Value::as_array_mut).into_iter().flatten()
}

/// The name of the template to begin with; empty where none is named.
pub(crate) fn entrypoint(spec: &Value) -> &str {
    text(spec, "entrypoint")
}

/// What the entrypoint is called with.
pub(crate) fn arguments(spec: &Value) -> Option<&Value> {
    field(spec, "arguments")
}

/// The parameters of the arguments, as they are written.
pub(crate) fn parameters(spec: &Value) -> &[Value] {
    list(at(spec, &["arguments", "parameters"]))
}

/// The parameters of the arguments, made where there are none; else what is not of its form, and the form.
pub(crate) fn parameters_mut(spec: &mut Map<String, Value>) -> Result<&mut Vec<Value>, (&'static str, &'static str)> {
    let arguments = spec.entry("arguments").or_insert(Value::Null);
    if arguments.is_null() {
        *arguments = json!({});
    }
    let arguments = arguments.as_object_mut().ok_or(("spec.arguments", "an object"))?;
    let parameters = arguments.entry("parameters").or_insert(Value::Null);
    if parameters.is_null() {
        *parameters = json!([]);
    }
    parameters.as_array_mut().ok_or(("spec.arguments.parameters", "a list"))
}

/// Gives a parameter a value, and takes away its source.
pub(crate) fn set_parameter(parameters: &mut Vec<Value>, name: &str, value: &str) {
    let declared = parameters.iter_mut().find(|parameter| text(parameter, "name") == name);
    match declared.and_then(Value::as_object_mut) {
        Some(parameter) => {
            parameter.shift_remove("valueFrom");
            parameter.insert("value".to_owned(), json!(value));
        }
        None => parameters.push(json!({"name": name, "value": value})),
    }
}

/// Where the name of the template to begin with stands in its object.
pub(crate) const ENTRYPOINT_POINTER: &str = "/spec/entrypoint";

/// Where the template of this place stands in its object.
pub(crate) fn template_pointer(place: usize) -> String {
    format!("/spec/templates/{place}")
}

/// Where the value of the parameter of this place stands in its object.
pub(crate) fn parameter_pointer(place: usize) -> String {
    format!("/spec/arguments/parameters/{place}/value")
}
