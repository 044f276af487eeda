//! Templates whose cached nodes would keep a dag from ending.
//!
//! A controller connects a task of a dag with the last attempts of the tasks that it depends on (`getOutboundNodes`,
//! workflow/controller/operator.go, v4.1.2). A cached node of a template with a `retryStrategy` has no attempt, so that the task
//! stays unconnected; and a dag ends only when all of its last tasks are found by way of these connections (`assessDAGPhase`,
//! dag.go). Seen on a controller: the tasks have all succeeded, and the dag is never told to have ended.

use std::collections::HashMap;

use serde_json::Value;

use super::graph::Graph;
use crate::argo::expression::depends;
use crate::argo::template::{Template, at, list, text};

/// Which templates of the graph must not be hit: a task has no other way to its dag than by their nodes.
pub(super) fn stranding(graph: &Graph<'_>, defaults: &Value) -> Vec<bool> {
    let is_retried = |template: Template<'_>| {
        [template.value(), defaults].iter().any(|holder| holder.get("retryStrategy").is_some_and(Value::is_object))
    };
    let mut stranding = vec![false; graph.nodes.len()];
    for node in &graph.nodes {
        let called: HashMap<&str, usize> =
            node.edges.iter().filter(|edge| !edge.handler).map(|edge| (edge.call, edge.to)).collect();
        for task in list(at(node.template.value(), &["dag", "tasks"])) {
            let before: Vec<Option<usize>> =
                dependencies(task).iter().map(|name| called.get(&**name).copied()).collect();
            let retried = |to: &Option<usize>| to.is_some_and(|to| is_retried(graph.nodes[to].template));
            if before.iter().all(retried) {
                before.into_iter().flatten().for_each(|to| stranding[to] = true);
            }
        }
    }
    stranding
}

/// The tasks that a task depends on.
fn dependencies(task: &Value) -> Vec<String> {
    let depends = depends::parse(text(task, "depends")).ok();
    let named = depends.iter().flat_map(|depends| depends.tasks()).map(str::to_owned);
    let listed = list(task.get("dependencies")).iter().filter_map(Value::as_str).map(str::to_owned);
    named.chain(listed).collect()
}
