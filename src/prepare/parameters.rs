//! The workflow's parameters: the run's own three, and those given at submit.

use serde_json::{Map, Value, json};

use super::catalogue::Templates;
use super::key::RUN_PARAMETERS;
use super::warnings::Notice;
use super::{Options, PrepareError, Run};
use crate::argo::Metadata;
use crate::argo::identity::RunId;
use crate::argo::template::text;
use crate::argo::workflow_spec::{self, set_parameter};

/// The most parameters that Argo's full schema allows.
const MOST: usize = 500;

/// Whose parameters they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A workflow: it runs, so it has a run id.
    Workflow,
    /// A template for workflows: these give it a run id.
    Template,
}

/// Sets the given parameters and adds the run's own. A parameter that the document does not declare is added, as
/// Argo does; of one that it declares, everything but the value stays.
pub(super) fn apply(
    spec: &mut Map<String, Value>,
    options: &Options,
    owner: Owner,
    notices: &mut Vec<Notice>,
) -> Result<Run, PrepareError> {
    let parameters = workflow_spec::parameters_mut(spec)
        .map_err(|(field, expected)| PrepareError::Form { field: field.to_owned(), expected })?;
    for (name, value) in &options.parameters {
        set_parameter(parameters, name, value);
    }
    let before = parameters.len();
    let run_id = run_id(parameters, options, owner, notices)?;
    let [run_id_name, others @ ..] = RUN_PARAMETERS;
    match &run_id {
        // A value that is there already stays as it is written.
        Some(run_id) if is_set_to(parameters, run_id_name, run_id) => {}
        Some(run_id) => set_parameter(parameters, run_id_name, run_id.as_str()),
        None => require(parameters, run_id_name),
    }
    for name in others {
        if find(parameters, name).is_none_or(|parameter| !has_value(parameter)) {
            let value = value_of(parameters, name).unwrap_or_default();
            set_parameter(parameters, name, &value);
        }
    }
    if before <= MOST && parameters.len() > MOST {
        notices.push(Notice::TooManyParameters { count: parameters.len() });
    }
    let [retry_run_id, retry_indicator] = others.map(|name| value_of(parameters, name).unwrap_or_default());
    Ok(Run { run_id, retry_run_id, retry_indicator, cache_name: None })
}

/// The run id: the given one, else the document's when it is a fixed text, else the generated one.
fn run_id(
    parameters: &[Value],
    options: &Options,
    owner: Owner,
    notices: &mut Vec<Notice>,
) -> Result<Option<RunId>, PrepareError> {
    let given = options.parameters.iter().rev().find(|(name, _)| name == RUN_PARAMETERS[0]);
    let given = given.map(|(_, value)| value.parse::<RunId>()).transpose()?;
    match (&options.run_id, given) {
        (Some(option), Some(parameter)) if *option != parameter => {
            return Err(PrepareError::TwoRunIds { option: option.clone(), parameter });
        }
        (Some(run_id), _) => return Ok(Some(run_id.clone())),
        (None, Some(run_id)) => return Ok(Some(run_id)),
        (None, None) => {}
    }
    let fallback = (owner == Owner::Workflow).then(|| options.generated_run_id.clone());
    let Some(declared) = find(parameters, RUN_PARAMETERS[0]) else { return Ok(fallback) };
    let value = value_of(parameters, RUN_PARAMETERS[0]).filter(|value| !value.is_empty());
    match value {
        Some(value) if value.contains("{{") => {
            notices.push(Notice::RunIdReplaced { value });
            Ok(fallback)
        }
        Some(value) => Ok(Some(value.parse()?)),
        None => {
            if let Some(source) = declared.get("valueFrom").filter(|source| source.is_object()) {
                notices.push(Notice::RunIdReplaced { value: source.to_string() });
            }
            Ok(fallback)
        }
    }
}

/// Names of the workflow's parameters that have neither a value nor a source, in their order. With a
/// `workflowTemplateRef` to a known object, those of the object included.
pub(crate) fn missing_parameters(workflow: &Value, templates: &Templates) -> Vec<String> {
    let own = workflow_spec::parameters(&workflow["spec"]);
    let namespace = Metadata::of(workflow).own_namespace();
    let referenced = workflow.pointer("/spec/workflowTemplateRef").and_then(|reference| {
        let cluster_scope = reference.get("clusterScope").and_then(Value::as_bool).unwrap_or(false);
        templates.find(text(reference, "name"), cluster_scope, namespace)
    });
    let inherited = referenced.map(|document| workflow_spec::parameters(&document["spec"])).unwrap_or_default();
    let mut missing: Vec<String> = Vec::new();
    for parameter in own.iter().chain(inherited) {
        let name = text(parameter, "name");
        let given = own.iter().chain(inherited).any(|other| text(other, "name") == name && has_value(other));
        if !given && !missing.iter().any(|other| other == name) {
            missing.push(name.to_owned());
        }
    }
    missing
}

fn find<'a>(parameters: &'a [Value], name: &str) -> Option<&'a Value> {
    parameters.iter().find(|parameter| text(parameter, "name") == name)
}

/// Whether a workflow's parameter has what Argo asks of it; a default alone will not do.
fn has_value(parameter: &Value) -> bool {
    ["value", "valueFrom"].iter().any(|field| parameter.get(field).is_some_and(|value| !value.is_null()))
}

fn is_set_to(parameters: &[Value], name: &str, run_id: &RunId) -> bool {
    let value = find(parameters, name).and_then(|parameter| parameter.get("value"));
    value.and_then(Value::as_str) == Some(run_id.as_str())
}

/// The text of a parameter's value or default.
fn value_of(parameters: &[Value], name: &str) -> Option<String> {
    let parameter = find(parameters, name)?;
    let value = ["value", "default"].iter().find_map(|field| parameter.get(field).filter(|value| !value.is_null()))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Declares a parameter that has no value, so that one must be given.
fn require(parameters: &mut Vec<Value>, name: &str) {
    let declared = parameters.iter_mut().find(|parameter| text(parameter, "name") == name);
    match declared.and_then(Value::as_object_mut) {
        Some(parameter) => ["value", "default", "valueFrom"].iter().for_each(|field| {
            parameter.shift_remove(*field);
        }),
        None => parameters.push(json!({"name": name})),
    }
}
