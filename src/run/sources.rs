//! Which nodes have logs, and which of them a user means by a node's name.

use std::collections::HashMap;

use crate::argo::status::{Node, NodeType};

/// The pods that are meant by the id, name or display name of a node: its own, or those of all that belongs to it.
/// Without a name, all pods. None, where no node has the name.
pub(crate) fn pods<'a>(nodes: &'a [Node], wanted: Option<&str>) -> Option<Vec<&'a Node>> {
    let pods = nodes.iter().filter(|node| node.kind == NodeType::Pod);
    let Some(wanted) = wanted else { return Some(pods.collect()) };
    let named = |node: &&Node| [&node.id, &node.name, &node.display_name].iter().any(|name| *name == wanted);
    let named: Vec<&Node> = nodes.iter().filter(named).collect();
    if named.is_empty() {
        return None;
    }
    let by_id: HashMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    Some(pods.filter(|pod| named.iter().any(|node| belongs(pod, node, &by_id))).collect())
}

/// Whether a pod is the node, one of its attempts or items, or within it.
fn belongs(pod: &Node, node: &Node, by_id: &HashMap<&str, &Node>) -> bool {
    let is_attempt_of = |node: &Node| {
        let gathers = matches!(node.kind, NodeType::Retry | NodeType::TaskGroup | NodeType::StepGroup);
        gathers && node.children.contains(&pod.id)
    };
    let through = |node: &Node| {
        let groups = node.children.iter().filter_map(|child| by_id.get(child.as_str()));
        let gathers = matches!(node.kind, NodeType::TaskGroup | NodeType::StepGroup);
        gathers && groups.into_iter().any(|child| is_attempt_of(child))
    };
    let mut boundary = pod.boundary_id.as_deref();
    // No run is nested deeper than its nodes are many.
    for _ in 0..by_id.len() {
        match boundary {
            Some(id) if id == node.id => return true,
            Some(id) => boundary = by_id.get(id).and_then(|node| node.boundary_id.as_deref()),
            None => break,
        }
    }
    pod.id == node.id || is_attempt_of(node) || through(node)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::Workflow;

    fn workflow() -> Value {
        let node = |id: &str, kind: &str, boundary: Option<&str>, children: &[&str]| {
            json!({"id": id, "name": format!("w.{id}"), "displayName": id, "type": kind, "phase": "Running",
                "boundaryID": boundary, "children": children})
        };
        json!({"status": {"nodes": {
            "w": node("w", "DAG", None, &["a", "many"]),
            "a": node("a", "Retry", Some("w"), &["a0", "a1"]),
            "a0": node("a0", "Pod", Some("w"), &["inner"]),
            "a1": node("a1", "Pod", Some("w"), &[]),
            "many": node("many", "TaskGroup", Some("w"), &["m0"]),
            "m0": node("m0", "Pod", Some("w"), &["inner"]),
            "inner": node("inner", "Steps", Some("w"), &["group"]),
            "group": node("group", "StepGroup", Some("inner"), &["deep"]),
            "deep": node("deep", "Pod", Some("inner"), &[]),
        }}})
    }

    #[test]
    fn a_name_means_a_pod_or_all_that_belongs_to_the_node() {
        let nodes = Workflow::view(&workflow()).nodes().all;
        let ids = |wanted| pods(&nodes, wanted).map(|pods| pods.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>());
        assert_eq!(ids(Some("a1")), Some(vec!["a1"]));
        assert_eq!(ids(Some("w.a1")), Some(vec!["a1"]));
        assert_eq!(ids(Some("a")), Some(vec!["a0", "a1"]));
        assert_eq!(ids(Some("many")), Some(vec!["m0"]));
        assert_eq!(ids(Some("inner")), Some(vec!["deep"]));
        assert_eq!(ids(Some("w")), ids(None));
        assert_eq!(ids(None), Some(vec!["a0", "a1", "deep", "m0"]));
        assert_eq!(ids(Some("absent")), None);
    }
}
