//! What a spec says of the run: its templates, arguments and where it begins. A spec stands in a Workflow, in a
//! WorkflowTemplate, and in the status of a Workflow that was made from one.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::model::Artifact;
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

/// The artifacts of the arguments, as they are written.
pub(crate) fn argument_artifacts(spec: &Value) -> &[Value] {
    list(at(spec, &["arguments", "artifacts"]))
}

/// Whether an artifact of this name is taken, and the arguments do not say where it is.
pub(crate) fn is_artifact_open(spec: &Map<String, Value>, name: &str) -> bool {
    let declared = list(spec.get("arguments").and_then(|arguments| field(arguments, "artifacts")));
    let own = declared.iter().find(|artifact| text(artifact, "name") == name);
    let has_content = |artifact: &Value| Artifact::deserialize(artifact).is_ok_and(|artifact| artifact.has_content());
    entrypoint_without_artifact(spec, name).is_none() && !own.is_some_and(has_content)
}

/// The name of the template to begin with, where neither it nor the arguments have an artifact of this name.
pub(crate) fn entrypoint_without_artifact<'a>(spec: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let is_named = |artifact: &Value| text(artifact, "name") == name;
    let declared = spec.get("arguments").and_then(|arguments| field(arguments, "artifacts"));
    if list(declared).iter().any(is_named) {
        return None;
    }
    let entrypoint = spec.get("entrypoint").and_then(Value::as_str)?;
    let template = templates_of(spec).find(|template| template.name() == entrypoint)?;
    let inputs = list(at(template.value(), &["inputs", "artifacts"]));
    (!inputs.iter().any(is_named)).then_some(entrypoint)
}

/// Puts an artifact among the arguments, in the place of one of its name; else what is not of its form, and the form.
pub(crate) fn set_artifact(
    spec: &mut Map<String, Value>,
    artifact: &Value,
) -> Result<(), (&'static str, &'static str)> {
    let arguments = spec.entry("arguments").or_insert(Value::Null);
    if arguments.is_null() {
        *arguments = json!({});
    }
    let arguments = arguments.as_object_mut().ok_or(("spec.arguments", "an object"))?;
    let artifacts = arguments.entry("artifacts").or_insert(Value::Null);
    if artifacts.is_null() {
        *artifacts = json!([]);
    }
    let artifacts = artifacts.as_array_mut().ok_or(("spec.arguments.artifacts", "a list"))?;
    match artifacts.iter_mut().find(|found| text(found, "name") == text(artifact, "name")) {
        Some(found) => found.clone_from(artifact),
        None => artifacts.push(artifact.clone()),
    }
    Ok(())
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
