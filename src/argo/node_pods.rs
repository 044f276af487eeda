//! Which pods a user means by the name of a node.

use super::nodes::Nodes;
use super::status::{Node, NodeType};

impl Nodes {
    /// The pods that are meant by the id, name or display name of a node: its own, or those of all that belongs to it.
    /// Without a name, all pods. None, where no node has the name.
    pub(crate) fn pods(&self, wanted: Option<&str>) -> Option<Vec<&Node>> {
        let pods = self.all.iter().filter(|node| node.kind == NodeType::Pod);
        let Some(wanted) = wanted else { return Some(pods.collect()) };
        let is_named = |node: &&Node| [&node.id, &node.name, &node.display_name].iter().any(|name| *name == wanted);
        let named: Vec<&Node> = self.all.iter().filter(is_named).collect();
        (!named.is_empty()).then(|| pods.filter(|pod| named.iter().any(|node| self.belongs(pod, node))).collect())
    }

    /// Whether a pod is the node, one of its attempts or items, or within it.
    fn belongs(&self, pod: &Node, node: &Node) -> bool {
        let is_attempt_of = |node: &Node| {
            let gathers = matches!(node.kind, NodeType::Retry | NodeType::TaskGroup | NodeType::StepGroup);
            gathers && node.children.contains(&pod.id)
        };
        let groups = matches!(node.kind, NodeType::TaskGroup | NodeType::StepGroup);
        pod.id == node.id
            || self.owners(pod).any(|owner| owner.id == node.id)
            || is_attempt_of(node)
            || (groups && self.children(node).any(is_attempt_of))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let nodes = Workflow::view(&workflow()).nodes();
        let ids = |wanted| nodes.pods(wanted).map(|pods| pods.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>());
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
