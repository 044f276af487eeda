//! Hands arguments to a template: Argo's ProcessArgs. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::marshalled;
use crate::argo::expression::{Scope, Unresolved, has_open, render, render_in_place};
use crate::argo::model::{Arguments, Artifact, Parameter, Template};
use crate::local::resolved::Resolved;

/// The value of an argument that is an output of a step which did not run: the input's own default holds.
/// (workflow/common/common.go, AbsentOptionalArgumentValue)
pub(super) const ABSENT: &str = "__argo-internal.absent-optional-output__";

/// A template with its inputs in place.
pub(super) struct Processed {
    /// With every tag replaced that has a value by now.
    pub(super) value: Value,
    /// A view of `value`; boxed, because calls of templates in templates hold one each on the stack.
    pub(super) template: Box<Template>,
}

/// Puts arguments, or defaults, into a template's inputs and replaces the tags that have a value by now: first those of
/// `locals` (and the workflow's, which stand behind them), then those of the inputs.
pub(super) fn process(
    template: &Value,
    arguments: &Arguments,
    locals: &Arc<Scope>,
    plan: &Resolved,
) -> Result<Processed, String> {
    let mut template = template.clone();
    if let Some(parameters) = template.pointer_mut("/inputs/parameters").and_then(Value::as_array_mut) {
        for parameter in parameters {
            supply_parameter(parameter, arguments, locals, plan)?;
        }
    }
    if let Some(artifacts) = template.pointer_mut("/inputs/artifacts").and_then(Value::as_array_mut) {
        for artifact in artifacts {
            supply_artifact(artifact, arguments)?;
        }
    }
    substitute(template, locals)
}

/// Replaces the tags of `locals` and then those of the template's own inputs.
pub(super) fn substitute(mut value: Value, locals: &Arc<Scope>) -> Result<Processed, String> {
    render_in_place(&mut value, locals, Unresolved::Keep).map_err(|error| error.to_string())?;
    if has_tags(&value) {
        let mut scope = Scope::child(locals);
        for (name, text) in input_variables(&value) {
            scope.set(name, text);
        }
        render_in_place(&mut value, &scope, Unresolved::Keep).map_err(|error| error.to_string())?;
    }
    let template = Box::new(view(&value)?);
    Ok(Processed { value, template })
}

/// Replaces what is left of the workflow's tags and the inputs', as in a parameter whose value holds one: Argo does so
/// once more as it makes the pod (substitutePodParams in workflow/controller/workflowpod.go, v4.1.2).
pub(super) fn substitute_pod(mut processed: Processed, globals: &Arc<Scope>, pod: &str) -> Result<Processed, String> {
    if !has_tags(&processed.value) {
        return Ok(processed);
    }
    let mut scope = Scope::child(globals);
    scope.set("pod.name", pod);
    for input in &processed.template.inputs.parameters {
        if let Some(value) = &input.value {
            scope.set(format!("inputs.parameters.{}", input.name), value.clone());
        }
    }
    render_in_place(&mut processed.value, &scope, Unresolved::Keep).map_err(|error| error.to_string())?;
    *processed.template = view(&processed.value)?;
    Ok(processed)
}

fn has_tags(value: &Value) -> bool {
    match value {
        Value::String(text) => has_open(text),
        Value::Array(values) => values.iter().any(has_tags),
        Value::Object(fields) => fields.values().any(has_tags),
        _ => false,
    }
}

/// A part of a document as the engine reads it.
pub(super) fn view<'a, T: serde::Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

/// The variables that a template's inputs and output paths give, by name.
pub(super) fn input_variables(template: &Value) -> Vec<(String, Value)> {
    let list = |part: &str, field: &str| template[part][field].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut variables = Vec::new();
    let parameters = list("inputs", "parameters");
    for parameter in parameters {
        if let Some(value) = parameter.get("value") {
            variables.push((
                format!("inputs.parameters.{}", text(parameter, "name")),
                Value::String(crate::argo::model::any_string(value)),
            ));
        }
    }
    variables.push(("inputs.parameters".to_owned(), Value::String(marshalled::parameters(parameters))));
    for part in ["inputs", "outputs"] {
        for artifact in list(part, "artifacts") {
            if let Some(path) = artifact.get("path") {
                variables.push((format!("{part}.artifacts.{}.path", text(artifact, "name")), path.clone()));
            }
        }
    }
    for parameter in list("outputs", "parameters") {
        if let Some(path) = parameter.pointer("/valueFrom/path") {
            variables.push((format!("outputs.parameters.{}.path", text(parameter, "name")), path.clone()));
        }
    }
    variables
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn supply_parameter(
    input: &mut Value,
    arguments: &Arguments,
    locals: &Arc<Scope>,
    plan: &Resolved,
) -> Result<(), String> {
    let mut parameter: Parameter = view(input)?;
    if parameter.value.is_none() {
        parameter.value.clone_from(&parameter.default);
    }
    if let Some(argument) = arguments.parameters.iter().find(|argument| argument.name == parameter.name) {
        overwrite(&mut parameter, argument)?;
    }
    let name = &parameter.name;
    let source = parameter.value_from.as_ref();
    let value = match source.and_then(|source| source.config_map_key_ref.as_ref()) {
        Some(key) => {
            let resolve = |text: &str| render(text, locals, Unresolved::Refuse).map_err(|error| error.to_string());
            let (map, key) = (resolve(&key.name)?, resolve(&key.key)?);
            let value = plan.config_maps.get(&map).and_then(|data| data.get(&key)).cloned();
            value.or_else(|| source.and_then(|source| source.default.clone())).ok_or_else(|| {
                format!("unable to retrieve inputs.parameters.{name} from ConfigMap: {map:?} has no key {key:?}")
            })?
        }
        None => parameter.value.ok_or_else(|| format!("inputs.parameters.{name} was not supplied"))?,
    };
    if let Some(input) = input.as_object_mut() {
        input.insert("value".to_owned(), Value::String(value));
        input.shift_remove("valueFrom");
    }
    Ok(())
}

/// What a call gives counts before what the input has of its own.
fn overwrite(parameter: &mut Parameter, argument: &Parameter) -> Result<(), String> {
    if argument.value.as_deref() != Some(ABSENT) {
        parameter.value.clone_from(&argument.value);
        parameter.value_from = if argument.value.is_some() { None } else { argument.value_from.clone() };
        return Ok(());
    }
    if parameter.value.is_none() && parameter.value_from.is_none() {
        return Err(format!(
            "inputs.parameters.{}: argument references an absent optional (skipped/omitted node output with no default)",
            parameter.name
        ));
    }
    Ok(())
}

fn supply_artifact(input: &mut Value, arguments: &Arguments) -> Result<(), String> {
    let artifact: Artifact = view(input)?;
    let argument = arguments.artifacts.iter().find(|argument| argument.name == artifact.name);
    if !artifact.optional && !artifact.has_content() {
        let argument = argument.ok_or_else(|| format!("inputs.artifacts.{} was not supplied", artifact.name))?;
        if !argument.has_content() {
            return Err(format!("inputs.artifacts.{} missing location information", artifact.name));
        }
    }
    if let (Some(argument), Some(input)) = (argument, input.as_object_mut()) {
        for field in Artifact::CONTENT {
            input.shift_remove(field);
        }
        if argument.optional {
            input.insert("optional".to_owned(), true.into());
        }
        let content = argument.document();
        for field in Artifact::CONTENT {
            if let Some(value) = content.get(field) {
                input.insert(field.to_owned(), value.clone());
            }
        }
    }
    Ok(())
}
