//! The table of a run's nodes: by id and by name, what is above and below each, and their order. Read from whatever
//! stands in the status: plain, compressed, or kept elsewhere. Must never fail: a malformed node is read as far as it
//! goes.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::{Serialize, Serializer};

use super::declaration::declaration_order;
use super::status::Node;
use super::workflow::Workflow;

/// The nodes that a status tells of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Nodes {
    /// In the order of their starts; those that started in one second in the order of their declaration.
    pub(crate) all: Vec<Node>,
    /// Why there may be more than these.
    pub(crate) partial: Option<Partial>,
    workflow: String,
    by_id: HashMap<String, usize>,
    /// Of each node the one whose child it is.
    parents: Vec<Option<usize>>,
}

/// Why a run's nodes are not all known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Partial {
    /// The controller keeps them in a database.
    #[error("the controller keeps the nodes in its database")]
    Offloaded,
    /// They are kept in a database; these are of what else there is.
    #[error("the controller keeps the nodes in its database; these are of pods and task results")]
    Rebuilt,
    /// They cannot be decompressed.
    #[error("the compressed nodes cannot be read: {0}")]
    Unreadable(String),
}

impl Serialize for Partial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Nodes {
    /// The nodes of a Workflow object.
    pub(crate) fn of(workflow: &Workflow) -> Self {
        match workflow.node_values() {
            Ok(values) => Self::new(workflow, values.iter().map(|(id, node)| Node::read(id, node)).collect()),
            Err(why) => Self { partial: Some(why), workflow: workflow.name().to_owned(), ..Self::default() },
        }
    }

    /// Nodes of a Workflow object that stand beside it.
    pub(crate) fn beside(workflow: &Workflow, mut nodes: Vec<Node>) -> Self {
        nodes.iter_mut().for_each(Node::take_report);
        Self::new(workflow, nodes)
    }

    /// Nodes that were put together from elsewhere.
    pub(crate) fn rebuilt(workflow: &Workflow, nodes: Vec<Node>) -> Self {
        Self { partial: Some(Partial::Rebuilt), ..Self::new(workflow, nodes) }
    }

    fn new(workflow: &Workflow, nodes: Vec<Node>) -> Self {
        let mut nodes = declaration_order(workflow, nodes);
        // A stable sort: what started in the same second stays in the order of its declaration.
        nodes.sort_by_key(|node| (node.started_at.is_none(), node.started_at));
        let by_id: HashMap<String, usize> = nodes.iter().map(|node| node.id.clone()).zip(0..).collect();

        let mut parents = vec![None; nodes.len()];
        let mut in_order_of_ids: Vec<usize> = (0..nodes.len()).collect();
        in_order_of_ids.sort_unstable_by_key(|&place| &nodes[place].id);
        for place in in_order_of_ids {
            for child in nodes[place].children.iter().filter_map(|child| by_id.get(child)) {
                // A node can be a child of several. Argo's retry remembers the last one (`newWorkflowsDag` in
                // workflow/util/util.go, v4.1.2) of a map without order; here it is the last in the order of ids.
                parents[*child] = Some(place);
            }
        }
        Self { all: nodes, partial: None, workflow: workflow.name().to_owned(), by_id, parents }
    }

    /// The workflow's name.
    pub(crate) fn workflow(&self) -> &str {
        &self.workflow
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Node> {
        self.by_id.get(id).map(|place| &self.all[*place])
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Node> {
        self.all.iter().find(|node| node.name == name)
    }

    /// The first node, which stands for the workflow.
    pub(crate) fn root(&self) -> Option<&Node> {
        self.named(&self.workflow)
    }

    /// The node whose child it is.
    pub(crate) fn parent(&self, id: &str) -> Option<&Node> {
        let parent = self.parents[*self.by_id.get(id)?]?;
        Some(&self.all[parent])
    }

    /// The children that are there, in the order in which the controller added them.
    pub(crate) fn children<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> {
        node.children.iter().filter_map(|child| self.get(child))
    }

    /// The steps or dag node that a node belongs to.
    pub(crate) fn owner(&self, node: &Node) -> Option<&Node> {
        self.get(node.boundary_id.as_deref()?)
    }

    /// The steps and dag nodes that a node stands within, the innermost first.
    pub(crate) fn owners<'a>(&'a self, node: &Node) -> impl Iterator<Item = &'a Node> {
        let mut seen = HashSet::new();
        // A malformed status can hold a circle.
        std::iter::successors(self.owner(node), |owner| self.owner(owner))
            .take_while(move |owner| seen.insert(&owner.id))
    }

    /// Everything that comes after a node, without itself.
    pub(crate) fn below<'a>(&'a self, node: &'a Node) -> Vec<&'a Node> {
        let mut found: Vec<&Node> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut queue: Vec<&Node> = self.children(node).collect();
        while let Some(next) = queue.pop() {
            if seen.insert(&next.id) {
                found.push(next);
                queue.extend(self.children(next));
            }
        }
        found
    }

    /// The nodes from the first one on, each before what comes after it, breadth first. Nodes that no way leads to are
    /// not among them.
    pub(crate) fn in_order(&self) -> Vec<&Node> {
        let mut order: Vec<&Node> = Vec::new();
        let mut seen: HashSet<&str> = self.root().map(|root| root.id.as_str()).into_iter().collect();
        let mut queue: VecDeque<&Node> = self.root().into_iter().collect();
        while let Some(next) = queue.pop_front() {
            order.push(next);
            queue.extend(self.children(next).filter(|child| seen.insert(&child.id)));
        }
        order
    }

    /// Whether the node belongs to the workflow's exit handler.
    pub(crate) fn is_on_exit(&self, node: &Node) -> bool {
        is_on_exit(&self.workflow, &node.name)
    }
}

/// Whether a node of this name belongs to the workflow's exit handler.
pub(crate) fn is_on_exit(workflow: &str, name: &str) -> bool {
    name.strip_prefix(workflow).is_some_and(|rest| rest.starts_with(".onExit"))
}

/// A node's name without the workflow's, which differs in each attempt of a run, and without the indices of step groups:
/// `load` for `etl-x2k9f[0].load`. A step group is known by its index alone; the first node by its name.
pub(crate) fn path(workflow: &str, name: &str) -> String {
    let below = name.strip_prefix(workflow).filter(|rest| rest.starts_with(['.', '[']) || rest.starts_with('('));
    let Some(below) = below else { return name.to_owned() };
    let mut path = String::with_capacity(below.len());
    let mut rest = below;
    let mut depth = 0_usize;
    while let Some(letter) = rest.chars().next() {
        // An item in parentheses may have brackets and dots of its own.
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '[' if depth == 0 => {
                if let Some(behind) = group_index(rest).filter(|behind| !behind.is_empty()) {
                    rest = behind;
                    continue;
                }
            }
            _ => {}
        }
        path.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    path.strip_prefix('.').unwrap_or(&path).to_owned()
}

/// What follows the index of a step group.
fn group_index(text: &str) -> Option<&str> {
    let (index, rest) = text.strip_prefix('[')?.split_once(']')?;
    (!index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::status::Phase;

    /// A dag `w` that runs, with a pod `w.a` that succeeded, as gzip, zstd and brotli.
    const COMPRESSED: [&str; 3] = [
        "H4sIAAAAAAAAA6tWKleyqlbKTFGyUipX0lHKS8xNhTJTMosLchIr/RAiJZUFIKaLo7uSjlJBRmIxiBdUmpeXmZeuVKujVK5riDBM1xDJOL1EDAMTEQYG5KcgGRhcmpycmpqSmqJUWwsA9KEUGJ8AAAA=",
        "KLUv/SSf9QIAsgQRF4CrDuwVx+1q3ceCeHoEDQx46fFgQ+aMc355mdd6xzKFKpBQQvBnHmnW/QynSfv5EAgtNkRUpTm2vGj/HF592aU6vAwJAMAMbJeKiaWIGBRAxWTkskZNyNktTEIYzSs=",
        "G54ASKyKd4D9oFMT4aizxqVDMHwp0rZXMWTgHMtZEKyG+vjyx6UOS1+LtLiESRGnMp0c4AE00tq+xXnCQRLGsecpmyTJponfS/Ma2AbkbrCwinZThxX5KrEVqg4qqk/dTYzUz/Wcn+MB",
    ];

    fn names(nodes: &Nodes) -> Vec<&str> {
        nodes.all.iter().map(|node| node.name.as_str()).collect()
    }

    fn nodes(workflow: &Value) -> Nodes {
        Workflow::view(workflow).nodes()
    }

    fn written_out(workflow: &Value) -> Value {
        Workflow::from(workflow.clone()).written_out().into_value()
    }

    #[test]
    fn compressed_nodes_are_read_and_written_out() {
        for compressed in COMPRESSED {
            let workflow = json!({"status": {"phase": "Running", "compressedNodes": compressed}});
            let nodes = nodes(&workflow);
            assert_eq!((names(&nodes), &nodes.partial), (vec!["w", "w.a"], &None), "{compressed}");
            let written = written_out(&workflow);
            assert_eq!(written["status"]["nodes"]["w-1"]["phase"], "Succeeded");
            assert!(written["status"].get("compressedNodes").is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_as_it_is() {
        for compressed in ["%", "H4sIAAAA", "aGVsbG8=", "KLUv/SSf9QIA"] {
            let workflow = json!({"status": {"compressedNodes": compressed}});
            let nodes = nodes(&workflow);
            assert!(matches!(nodes.partial, Some(Partial::Unreadable(_))), "{compressed}: {nodes:?}");
            assert_eq!(written_out(&workflow), workflow);
        }
        let offloaded = nodes(&json!({"status": {"offloadNodeStatusVersion": "fnv:1"}}));
        assert_eq!(offloaded.partial, Some(Partial::Offloaded));
    }

    #[test]
    fn a_malformed_node_is_read_as_far_as_it_goes() {
        let workflow = json!({"status": {"nodes": {
            "a": {"name": 7, "phase": "", "type": "Novel", "startedAt": "yesterday", "children": null, "message": "m"},
            "b": null,
            "c": {"id": "c", "name": "w.c", "displayName": "c", "type": "Pod", "phase": "Failed", "outputs": 7},
        }}});
        let nodes = nodes(&workflow);
        assert_eq!(names(&nodes), ["a", "b", "w.c"]);
        assert_eq!((nodes.all[0].phase, nodes.all[0].message.as_str()), (Phase::Pending, "m"));
        assert_eq!((nodes.all[2].phase, &nodes.all[2].outputs), (Phase::Failed, &None));
    }

    #[test]
    fn no_status_has_no_nodes() {
        for workflow in [json!(null), json!([]), json!({"status": 1}), json!({"status": {"nodes": []}})] {
            assert_eq!(nodes(&workflow), Nodes::default(), "{workflow}");
            assert_eq!(written_out(&workflow), workflow);
        }
    }

    #[test]
    fn a_node_is_known_by_its_path_in_every_attempt() {
        for (name, expected) in [
            ("w", "w"),
            ("w[0]", "[0]"),
            ("w[0].load", "load"),
            ("w.all.load", "all.load"),
            ("w[0].each(1:a.b[2])[2].load(0:x[1].y)(1)", "each(1:a.b[2]).load(0:x[1].y)(1)"),
            ("w[1].each(0)[3]", "each(0)[3]"),
            ("w.onExit", "onExit"),
            ("w(1)[0].a", "(1).a"),
            ("wide.load", "wide.load"),
        ] {
            assert_eq!(path("w", name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_above_and_below_a_node_is_found() {
        let node = |id: &str, boundary: &str, children: &[&str]| {
            json!({"id": id, "name": if id == "w" { "w".to_owned() } else { format!("w.{id}") }, "displayName": id,
                "type": "Pod", "phase": "Succeeded", "boundaryID": boundary, "children": children})
        };
        let nodes = nodes(&json!({"metadata": {"name": "w"}, "status": {"nodes": {
            "w": node("w", "", &["a", "b", "gone"]), "a": node("a", "w", &["c"]), "b": node("b", "w", &["c"]),
            "c": node("c", "w", &["d"]), "d": node("d", "c", &["c"]), "lost": node("lost", "d", &[]),
        }}}));
        let ids = |found: Vec<&Node>| found.iter().map(|node| node.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(nodes.in_order()), ["w", "a", "b", "c", "d"]);
        assert_eq!(nodes.parent("c").map(|node| node.id.as_str()), Some("d"));
        assert_eq!(nodes.parent("b").map(|node| node.id.as_str()), Some("w"));
        let below = |id: &str| nodes.get(id).map(|node| ids(nodes.below(node))).unwrap_or_default();
        assert_eq!(below("a"), ["c", "d"]);
        let owners = |id: &str| nodes.get(id).map(|node| ids(nodes.owners(node).collect())).unwrap_or_default();
        assert_eq!(owners("lost"), ["d", "c", "w"]);
    }

    #[test]
    fn what_started_in_one_second_is_told_in_the_order_of_its_declaration() {
        let at = "2026-11-21T10:00:00Z";
        let node = |name: &str, kind: &str, template: &str, boundary: &str| {
            json!({"id": name, "name": name, "displayName": name, "type": kind, "phase": "Succeeded", "startedAt": at,
                "templateName": template, "boundaryID": boundary})
        };
        let pod = |name: &str, boundary: &str| node(name, "Pod", "work", boundary);
        let all = [
            node("w", "DAG", "main", ""),
            node("w.zebra", "Steps", "inner", "w"),
            node("w.zebra[0]", "StepGroup", "", "w.zebra"),
            pod("w.zebra[0].two", "w.zebra"),
            pod("w.zebra[0].one", "w.zebra"),
            node("w.zebra[1]", "StepGroup", "", "w.zebra"),
            pod("w.zebra[1].alone", "w.zebra"),
            node("w.monkey", "TaskGroup", "work", "w"),
            pod("w.monkey(2:b)", "w"),
            pod("w.monkey(10:a)", "w"),
            pod("w.monkey.onExit", "w"),
            node("w.inline", "DAG", "", "w"),
            pod("w.inline.y", "w.inline"),
            pod("w.inline.x", "w.inline"),
            pod("w.ape", "w"),
            pod("w.unknown", "w"),
            pod("w.onExit", ""),
        ];
        let map: serde_json::Map<String, Value> =
            all.iter().rev().map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        let found = nodes(&json!({"metadata": {"name": "w"}, "status": {"nodes": map}, "spec": {"templates": [
            {"name": "main", "dag": {"tasks": [{"name": "zebra"}, {"name": "monkey"},
                {"name": "inline", "inline": {"dag": {"tasks": [{"name": "y"}, {"name": "x"}]}}}, {"name": "ape"}]}},
            {"name": "inner", "steps": [[{"name": "two"}, {"name": "one"}], [{"name": "alone"}]]},
        ]}}));
        assert_eq!(names(&found), all.iter().map(|node| node["name"].as_str().unwrap_or_default()).collect::<Vec<_>>());
    }
}
