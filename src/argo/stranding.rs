//! Tasks that a controller does not find behind cached nodes. Pure.
//!
//! A controller connects a task of a dag with the last attempts of the tasks that it depends on (`getOutboundNodes`,
//! workflow/controller/operator.go, v4.1.2). A cached node of a template with a `retryStrategy` has no attempt, so that the task
//! stays unconnected; and a dag ends only when all of its last tasks are found by way of these connections (`assessDAGPhase`,
//! dag.go). Seen on a controller: the tasks have all succeeded, and the dag is never told to have ended.

use serde_json::Value;

use super::expression::depends;
use super::template::{list, text};

/// The tasks that a task depends on, if a cached node of each would have no attempt: then nothing else leads to the task.
pub(crate) fn strandable(task: &Value, is_retried: impl Fn(&str) -> bool) -> Vec<String> {
    let before = dependencies(task);
    if before.iter().all(|name| is_retried(name)) { before } else { Vec::new() }
}

/// Whether a template is retried: by itself, by the workflow's defaults or by the workflow.
pub(crate) fn is_retried(template: &Value, spec: &Value) -> bool {
    let defaults = spec.get("templateDefaults").unwrap_or(&Value::Null);
    [template, defaults, spec].iter().any(|holder| holder.get("retryStrategy").is_some_and(Value::is_object))
}

/// The tasks that a task depends on.
fn dependencies(task: &Value) -> Vec<String> {
    let depends = depends::parse(text(task, "depends")).ok();
    let named = depends.iter().flat_map(|depends| depends.tasks()).map(str::to_owned);
    let listed = list(task.get("dependencies")).iter().filter_map(Value::as_str).map(str::to_owned);
    named.chain(listed).collect()
}
