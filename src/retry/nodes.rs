//! The nodes of a live workflow as a graph. What is malformed or missing is passed over.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::template::{list, text};

/// The nodes by id, and which one each is a child of.
#[derive(Debug)]
pub(super) struct Nodes<'a> {
    pub(super) workflow: &'a str,
    by_id: BTreeMap<&'a str, &'a Value>,
    parents: BTreeMap<&'a str, &'a str>,
}

impl<'a> Nodes<'a> {
    pub(super) fn of(live: &'a Value) -> Self {
        let live = Workflow::view(live);
        // Compressed nodes are written out before a retry is planned.
        let values = match live.node_values() {
            Ok(Cow::Borrowed(nodes)) => Some(nodes),
            _ => None,
        };
        let by_id: BTreeMap<&str, &Value> = values
            .into_iter()
            .flatten()
            .filter(|(_, node)| node.is_object())
            .map(|(id, node)| (id.as_str(), node))
            .collect();
        // A node can be a child of several: Argo remembers the last one in the order of ids.
        let parents = by_id.iter().flat_map(|(id, node)| children(node).map(|child| (child, *id))).collect();
        Self { workflow: live.name(), by_id, parents }
    }

    pub(super) fn get(&self, id: &str) -> Option<&'a Value> {
        self.by_id.get(id).copied()
    }

    /// The id as the workflow holds it.
    pub(super) fn key(&self, id: &str) -> Option<&'a str> {
        self.by_id.get_key_value(id).map(|(id, _)| *id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.by_id.iter().map(|(id, node)| (*id, *node))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn parent(&self, id: &str) -> Option<(&'a str, &'a Value)> {
        let parent = *self.parents.get(id)?;
        Some((parent, self.get(parent)?))
    }

    /// The ids of the children that are there.
    pub(super) fn children(&self, id: &str) -> impl Iterator<Item = &'a str> {
        let known = |child: &&'a str| self.by_id.contains_key(child);
        self.get(id).into_iter().flat_map(children).filter(known)
    }

    /// Everything that comes after the node, without itself.
    pub(super) fn below(&self, id: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut queue: Vec<&str> = self.children(id).collect();
        while let Some(next) = queue.pop() {
            if found.insert(next) {
                queue.extend(self.children(next));
            }
        }
        found
    }

    /// The ids from the first node on, each before what comes after it, breadth first.
    pub(super) fn in_order(&self) -> Vec<&'a str> {
        let root = self.iter().find(|(_, node)| text(node, "name") == self.workflow).map(|(id, _)| id);
        let mut order: Vec<&str> = Vec::new();
        let mut seen: BTreeSet<&str> = root.into_iter().collect();
        let mut queue: VecDeque<&str> = root.into_iter().collect();
        while let Some(next) = queue.pop_front() {
            order.push(next);
            queue.extend(self.children(next).filter(|child| seen.insert(child)));
        }
        order
    }

    /// Whether the node belongs to the workflow's exit handler.
    pub(super) fn is_on_exit(&self, node: &Value) -> bool {
        text(node, "name").strip_prefix(self.workflow).is_some_and(|rest| rest.starts_with(".onExit"))
    }

    /// Whether anything after the node succeeded and is not among the nodes that run again.
    pub(super) fn leads_to_success(&self, id: &'a str, again: &BTreeSet<&str>) -> bool {
        self.below(id).into_iter().any(|below| {
            !again.contains(below) && self.get(below).is_some_and(|node| text(node, "phase") == "Succeeded")
        })
    }
}

fn children(node: &Value) -> impl Iterator<Item = &str> {
    list(node.get("children")).iter().filter_map(Value::as_str)
}

/// Failed or Error.
pub(super) fn is_unsuccessful(node: &Value) -> bool {
    matches!(text(node, "phase"), "Failed" | "Error")
}

/// A flag such as `retried` or `hooked`.
pub(super) fn flag(node: &Value, name: &str) -> bool {
    node.pointer(&format!("/nodeFlag/{name}")).and_then(Value::as_bool).unwrap_or(false)
}

/// The name of the template that the node calls.
pub(super) fn template_of(node: &Value) -> &str {
    let referenced = node.pointer("/templateRef/template").and_then(Value::as_str);
    referenced.unwrap_or_else(|| text(node, "templateName"))
}
