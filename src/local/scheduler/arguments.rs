//! Hands arguments to a template: Argo's ProcessArgs. Pure.

use std::sync::Arc;

use serde_json::Value;

use super::form::Form;
use super::marshalled;
use crate::argo::expression::{Scope, Unresolved, has_open, render, render_in_place};
use crate::argo::model::{Arguments, Artifact, Parameter, Template, any_string};
use crate::local::resolved::Resolved;

/// The value of an argument that is an output of a step which did not run: the input's own default holds.
/// (workflow/common/common.go, AbsentOptionalArgumentValue)
pub(super) const ABSENT: &str = "__argo-internal.absent-optional-output__";

/// What a call makes of a template's form.
#[derive(Debug)]
pub(super) struct Filled {
    form: Arc<Form>,
    /// The part that the call changes, every tag replaced that has a value by now.
    part: Value,
}

impl Filled {
    /// The inputs.
    pub(super) fn inputs(&self) -> &Value {
        &self.part["inputs"]
    }

    /// Leaves the inputs to the node's status.
    pub(super) fn forget_inputs(&mut self) {
        if self.form.texts_can_wait()
            && let Some(part) = self.part.as_object_mut()
        {
            part.shift_remove("inputs");
        }
    }

    /// A view for what is read before a node does its work.
    pub(super) fn begun(&self) -> Result<Arc<Template>, String> {
        self.form.begun(&self.part)
    }

    /// The key of the cache entry, where that view has it with its tags.
    pub(super) fn key(&self) -> Option<&str> {
        self.form.key(&self.part)
    }

    /// The template for the work, with these inputs; none where the view that it began with is that.
    pub(super) fn whole(&self, inputs: Option<&Value>) -> Result<Option<Arc<Template>>, String> {
        self.form.whole(&self.part, inputs)
    }

    /// The same as a document.
    pub(super) fn document(&self, inputs: Option<&Value>) -> Value {
        self.form.filled(&self.part, inputs)
    }
}

/// What a call stands in.
pub(super) struct Surroundings<'a> {
    pub(super) plan: &'a Resolved,
    /// The workflow's values.
    pub(super) globals: &'a Arc<Scope>,
    /// The name of the pod, of a call that is one.
    pub(super) pod: Option<&'a str>,
}

/// Puts arguments, or defaults, into a template's inputs and replaces the tags that have a value by now: first those of
/// `locals` (and the workflow's, which stand behind them), then those of the inputs; of a pod those once more.
pub(super) fn fill(
    form: &Arc<Form>,
    arguments: &Arguments,
    locals: &Arc<Scope>,
    of: &Surroundings<'_>,
) -> Result<Filled, String> {
    let mut part = form.part();
    let inputs = form.inputs()?;
    let parameters = part.pointer_mut("/inputs/parameters").and_then(Value::as_array_mut);
    for (input, declared) in parameters.into_iter().flatten().zip(&inputs.parameters) {
        supply_parameter(input, declared.clone(), arguments, locals, of.plan)?;
    }
    let artifacts = part.pointer_mut("/inputs/artifacts").and_then(Value::as_array_mut);
    for (input, declared) in artifacts.into_iter().flatten().zip(&inputs.artifacts) {
        supply_artifact(input, declared, arguments)?;
    }
    substitute_in(&mut part, form.outputs(), locals)?;
    if let Some(pod) = of.pod {
        substitute_pod(&mut part, of.globals, pod)?;
    }
    Ok(Filled { form: Arc::clone(form), part })
}

/// Replaces the tags of `locals` in a template and then those of its own inputs.
pub(super) fn substitute(template: &mut Value, locals: &Arc<Scope>) -> Result<(), String> {
    substitute_in(template, None, locals)
}

/// The same in a part of a template; its outputs, where these are not part of it.
fn substitute_in(part: &mut Value, outputs: Option<&Value>, locals: &Arc<Scope>) -> Result<(), String> {
    render_in_place(part, locals, Unresolved::Keep).map_err(|error| error.to_string())?;
    if has_tags(part) {
        let mut scope = Scope::child(locals);
        for (name, text) in input_variables(&part["inputs"], outputs.unwrap_or(&part["outputs"])) {
            scope.set(name, text);
        }
        render_in_place(part, &scope, Unresolved::Keep).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Replaces what is left of the workflow's tags and the inputs', as in a parameter whose value holds one: Argo does so
/// once more as it makes the pod (substitutePodParams in workflow/controller/workflowpod.go, v4.1.2).
pub(super) fn substitute_pod(part: &mut Value, globals: &Arc<Scope>, pod: &str) -> Result<(), String> {
    if !has_tags(part) {
        return Ok(());
    }
    let mut scope = Scope::child(globals);
    scope.set("pod.name", pod);
    for input in part.pointer("/inputs/parameters").and_then(Value::as_array).into_iter().flatten() {
        if let Some(value) = input.get("value") {
            scope.set(format!("inputs.parameters.{}", text(input, "name")), any_string(value));
        }
    }
    render_in_place(part, &scope, Unresolved::Keep).map_err(|error| error.to_string())
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
pub(super) fn input_variables(inputs: &Value, outputs: &Value) -> Vec<(String, Value)> {
    let mut variables = Vec::new();
    let parameters = list(inputs, "parameters");
    for parameter in parameters {
        if let Some(value) = parameter.get("value") {
            variables
                .push((format!("inputs.parameters.{}", text(parameter, "name")), Value::String(any_string(value))));
        }
    }
    variables.push(("inputs.parameters".to_owned(), Value::String(marshalled::parameters(parameters))));
    for (part, given) in [("inputs", inputs), ("outputs", outputs)] {
        for artifact in list(given, "artifacts") {
            if let Some(path) = artifact.get("path") {
                variables.push((format!("{part}.artifacts.{}.path", text(artifact, "name")), path.clone()));
            }
        }
    }
    for parameter in list(outputs, "parameters") {
        if let Some(path) = parameter.pointer("/valueFrom/path") {
            variables.push((format!("outputs.parameters.{}.path", text(parameter, "name")), path.clone()));
        }
    }
    variables
}

fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn supply_parameter(
    input: &mut Value,
    mut parameter: Parameter,
    arguments: &Arguments,
    locals: &Arc<Scope>,
    plan: &Resolved,
) -> Result<(), String> {
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

fn supply_artifact(input: &mut Value, artifact: &Artifact, arguments: &Arguments) -> Result<(), String> {
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
