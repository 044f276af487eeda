//! Which nodes come after one that is not the same in both engines, for a documented reason.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::documented::Outcomes;

/// A node, and what comes after it in one engine or the other.
pub(crate) struct After<'w> {
    node: &'w str,
    reached: BTreeSet<&'w str>,
}

impl<'w> After<'w> {
    pub(crate) fn new(node: &'w str, workflows: [&'w Value; 2]) -> Self {
        Self { node, reached: workflows.into_iter().flat_map(|workflow| reached(node, workflow)).collect() }
    }

    /// Whether what a node comes to depends on this one: the one is part of the other, or begins later.
    pub(crate) fn has(&self, name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
        let is_group = theirs.get(self.node).is_some_and(|node| node.starts_with("StepGroup "));
        if is_group && name.strip_prefix(self.node).is_some_and(|rest| rest.starts_with('.')) {
            return false;
        }
        let is_handler = name.strip_prefix(self.node).is_some_and(|rest| rest.starts_with(".onExit"));
        if name == self.node || is_handler || name.starts_with('(') || self.reached.contains(name) {
            return true;
        }
        let is_node = |name: &str| theirs.contains_key(name) || ours.contains_key(name);
        let parts = self.node.char_indices().map(|(at, _)| self.node.split_at(at));
        parts.filter(|(above, _)| is_node(above)).any(|(above, inner)| {
            let Some(rest) = name.strip_prefix(above) else { return false };
            rest.is_empty()
                || [".onExit", ".hooks."].iter().any(|hook| rest.starts_with(hook))
                || is_later(rest, inner)
                || is_dag(above, theirs, ours)
                    && first(rest) != first(inner)
                    && has_begun(above, rest, theirs) != has_begun(above, rest, ours)
        })
    }
}

/// The nodes that are joined to a node, or to what is joined to it.
fn reached<'w>(node: &str, workflow: &'w Value) -> BTreeSet<&'w str> {
    let nodes: BTreeMap<&str, &Value> =
        workflow["status"]["nodes"].as_object().into_iter().flatten().map(|(id, node)| (id.as_str(), node)).collect();
    let mut rest: Vec<&Value> = nodes.values().copied().filter(|other| other["name"] == node).collect();
    let mut reached = BTreeSet::new();
    while let Some(node) = rest.pop() {
        let children = node["children"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for child in children.filter_map(|id| nodes.get(id)) {
            if child["name"].as_str().is_some_and(|name| reached.insert(name)) {
                rest.push(child);
            }
        }
    }
    reached
}

/// Whether one name goes on with a group or an attempt of a higher number than the other.
fn is_later(rest: &str, inner: &str) -> bool {
    [('[', ']'), ('(', ')')].into_iter().any(|(open, close)| {
        let number = |text: &str| text.strip_prefix(open)?.split_once(close)?.0.parse::<usize>().ok();
        number(rest).zip(number(inner)).is_some_and(|(rest, inner)| rest > inner)
    })
}

fn is_dag(name: &str, theirs: &Outcomes, ours: &Outcomes) -> bool {
    [theirs, ours].iter().any(|nodes| nodes.get(name).is_some_and(|node| node.starts_with("DAG ")))
}

/// The first part of what a name goes on with, such as a task.
fn first(rest: &str) -> &str {
    let end = rest.char_indices().skip(1).find(|(_, one)| ['.', '[', '('].contains(one));
    &rest[..end.map_or(rest.len(), |(at, _)| at)]
}

/// Whether a task of a dag has begun.
fn has_begun(dag: &str, rest: &str, nodes: &Outcomes) -> bool {
    nodes.get(&format!("{dag}{}", first(rest))).is_some_and(|node| !node.contains(" Omitted "))
}
