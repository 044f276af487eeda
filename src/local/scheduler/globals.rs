//! The values of the workflow that every template can refer to: `workflow.…`.

use jiff::Timestamp;
use serde_json::Value;

use super::arguments::view;
use super::marshalled;
use crate::argo::Metadata;
use crate::argo::expression::{Scope, StopFlag, golang};
use crate::argo::model::{Parameter, any_string};
use crate::argo::status::Phase;
use crate::local::resolved::Resolved;

/// The values of a workflow that has just begun.
pub(super) fn of(plan: &Resolved, stop: &StopFlag) -> Result<Scope, String> {
    let mut globals = Scope::stopped_by(stop);
    for (name, field) in [("workflow.name", "name"), ("workflow.namespace", "namespace"), ("workflow.uid", "uid")] {
        globals.set(name, plan.metadata(field));
    }
    let text = |field: &str| plan.spec[field].as_str().unwrap_or_default().to_owned();
    globals.set("workflow.mainEntrypoint", text("entrypoint"));
    globals.set("workflow.serviceAccountName", text("serviceAccountName"));
    globals.set("workflow.status", Phase::Running.as_str());
    if let Some(priority) = plan.spec["priority"].as_i64() {
        globals.set("workflow.priority", priority.to_string());
    }

    declare_creation(&mut globals, plan.metadata("creationTimestamp"));
    declare_metadata(&mut globals, plan);

    let parameters = plan.spec.pointer("/arguments/parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    for name in ["workflow.parameters", "workflow.parameters.json"] {
        globals.set(name, marshalled::parameters(&parameters));
    }
    for document in &parameters {
        let parameter: Parameter = view(document)?;
        let value = workflow_parameter(&parameter, plan)?;
        globals.set(format!("workflow.parameters.{}", parameter.name), value);
    }
    Ok(globals)
}

fn declare_metadata(globals: &mut Scope, plan: &Resolved) {
    for field in ["labels", "annotations"] {
        let own = Metadata::of(&plan.workflow).field(field).and_then(Value::as_object).cloned().unwrap_or_default();
        let added = plan.spec.pointer(&format!("/workflowMetadata/{field}")).and_then(Value::as_object).cloned();
        // Go writes a map that is not there as null.
        let own_or_null = if own.is_empty() { Value::Null } else { Value::Object(own.clone()) };
        let json = golang::json(&own_or_null);
        globals.set(format!("workflow.{field}"), json.clone());
        globals.set(format!("workflow.{field}.json"), json);
        for (key, value) in own.iter().chain(added.iter().flatten()) {
            globals.set(format!("workflow.{field}.{key}"), any_string(value));
        }
    }
}

fn declare_creation(globals: &mut Scope, created: &str) {
    let name = "workflow.creationTimestamp";
    globals.set(name, created);
    globals.set(format!("{name}.RFC3339"), created);
    let Ok(at) = created.parse::<Timestamp>() else { return };
    globals.set(format!("{name}.s"), at.as_second().to_string());
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    for letter in
        ["a", "A", "b", "B", "d", "H", "I", "j", "m", "M", "p", "S", "y", "Y", "Z", "F", "T", "D", "R", "h", "e"]
    {
        if let Ok(text) = jiff::fmt::strtime::format(format!("%{letter}"), &at) {
            globals.set(format!("{name}.{letter}"), text);
        }
    }
}

fn workflow_parameter(parameter: &Parameter, plan: &Resolved) -> Result<String, String> {
    if let Some(value) = &parameter.value {
        return Ok(value.clone());
    }
    let name = &parameter.name;
    let source = parameter.value_from.as_ref().ok_or_else(|| {
        format!("either value or valueFrom must be specified in order to set global parameter {name}")
    })?;
    let found = source
        .config_map_key_ref
        .as_ref()
        .and_then(|key| plan.config_maps.get(&key.name).and_then(|data| data.get(&key.key)));
    found
        .or(source.default.as_ref())
        .cloned()
        .ok_or_else(|| format!("failed to set global parameter {name}: its ConfigMap key is not in the given files"))
}
