//! Templates whose cached nodes would keep a dag from ending (`argo/stranding.rs` says why).

use std::collections::HashMap;

use serde_json::Value;

use super::graph::Graph;
use crate::argo::stranding::{is_retried, strandable};
use crate::argo::template::{at, list};

/// Which templates of the graph must not be hit: a task has no other way to its dag than by their nodes.
pub(super) fn stranding(graph: &Graph<'_>, spec: &Value) -> Vec<bool> {
    let mut stranding = vec![false; graph.nodes.len()];
    for node in &graph.nodes {
        let called: HashMap<&str, usize> =
            node.edges.iter().filter(|edge| !edge.handler).map(|edge| (edge.call, edge.to)).collect();
        let is_retried =
            |name: &str| called.get(name).is_some_and(|to| is_retried(graph.nodes[*to].template.value(), spec));
        for task in list(at(node.template.value(), &["dag", "tasks"])) {
            let before = strandable(task, is_retried);
            before.iter().filter_map(|name| called.get(name.as_str())).for_each(|to| stranding[*to] = true);
        }
    }
    stranding
}
