//! Which pods a user means by the name of a node.

use std::collections::HashSet;

use super::check::nearest_of_few;
use super::nodes::{Nodes, path};
use super::status::{Node, NodeType};

/// Which pods of a run are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PodSelection {
    /// The id, name, display name or path of a node; all nodes if there is none.
    pub(crate) node: Option<String>,
    /// Only those that failed.
    pub(crate) failed: bool,
    /// Only attempts that were followed by another one.
    pub(crate) previous: bool,
}

impl Nodes {
    /// The pods that are meant: those of a node are its own, or those of all that belongs to it. None if no node has the
    /// name.
    pub(crate) fn pods(&self, wanted: &PodSelection) -> Option<Vec<&Node>> {
        let superseded = if wanted.previous || wanted.failed { self.superseded() } else { HashSet::new() };
        let pods = self.all.iter().filter(|node| node.kind == NodeType::Pod);
        let pods = pods.filter(|pod| !wanted.failed || pod.phase.is_unsuccessful());
        // Of what failed, attempts that were repeated are only shown if they are asked for.
        let pods = pods
            .filter(|pod| !(wanted.previous || wanted.failed) || wanted.previous == self.is_within(pod, &superseded));
        let Some(name) = &wanted.node else { return Some(pods.collect()) };
        let named = self.called(name);
        (!named.is_empty()).then(|| pods.filter(|pod| named.iter().any(|node| self.belongs(pod, node))).collect())
    }

    /// The nodes of an id, name or display name; else those of a path.
    pub(crate) fn called(&self, name: &str) -> Vec<&Node> {
        let is_named = |node: &&Node| [&node.id, &node.name, &node.display_name].iter().any(|own| *own == name);
        let named: Vec<&Node> = self.all.iter().filter(is_named).collect();
        if named.is_empty() {
            self.all.iter().filter(|node| path(self.workflow(), &node.name) == name).collect()
        } else {
            named
        }
    }

    /// The name of a node that is the nearest to one that no node has.
    pub(crate) fn nearest(&self, name: &str) -> Option<String> {
        let shown = self.all.iter().filter(|node| node.kind != NodeType::StepGroup);
        let names: Vec<String> =
            shown.flat_map(|node| [node.display_name.clone(), path(self.workflow(), &node.name)]).collect();
        nearest_of_few(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The attempts of retry nodes that were followed by another one.
    fn superseded(&self) -> HashSet<&str> {
        let retries = self.all.iter().filter(|node| node.kind == NodeType::Retry);
        let before = retries.flat_map(|retry| {
            let attempts = self.children(retry).filter(|child| !child.node_flag.is_some_and(|flag| flag.hooked));
            let mut attempts: Vec<&str> = attempts.map(|attempt| attempt.id.as_str()).collect();
            attempts.pop();
            attempts
        });
        before.collect()
    }

    fn is_within(&self, pod: &Node, ids: &HashSet<&str>) -> bool {
        ids.contains(pod.id.as_str()) || self.owners(pod).any(|owner| ids.contains(owner.id.as_str()))
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
        let nodes = Workflow::view(&workflow()).nodes();
        let chosen = |wanted: PodSelection| {
            nodes.pods(&wanted).map(|pods| pods.iter().map(|pod| pod.id.clone()).collect::<Vec<_>>())
        };
        let ids =
            |node: Option<&str>| chosen(PodSelection { node: node.map(str::to_owned), ..PodSelection::default() });
        assert_eq!(ids(Some("a1")), Some(["a1"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("w.a1")), Some(["a1"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("a")), Some(["a0", "a1"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("many")), Some(["m0"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("inner")), Some(["deep"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("w")), ids(None));
        assert_eq!(ids(None), Some(["a0", "a1", "deep", "m0"].map(str::to_owned).to_vec()));
        assert_eq!(ids(Some("absent")), None);
        let previous = chosen(PodSelection { previous: true, ..PodSelection::default() });
        assert_eq!(previous, Some(vec!["a0".to_owned()]), "what follows an attempt does not belong to it");
        assert_eq!(nodes.nearest("dep").as_deref(), Some("deep"));
    }
}
