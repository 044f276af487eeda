//! A new Workflow whose finished pods count as done: what `argo resubmit --memoized` makes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::in_place::leads_to_success;
use super::resubmit::override_parameters;
use crate::argo::identity::ObjectName;
use crate::argo::status::{Node, NodeType, node_id};
use crate::argo::template::text;
use crate::argo::{Nodes, Workflow};

/// The workflow under its new name, with the status of the live one's nodes. The parameters are also those of its next
/// attempt (`Attempt::parameters`).
pub(crate) fn memoized(live: &Value, name: &ObjectName, parameters: &[(String, String)], now: Timestamp) -> Value {
    let live = Workflow::view(live);
    let mut workflow = live.successor();
    let prefix = workflow.generate_name().map(str::to_owned);
    workflow.set_names(Some(name.as_str()), prefix.as_deref());
    override_parameters(&mut workflow, parameters);

    let nodes = live.nodes();
    let carry = Carry { nodes: &nodes, name: name.as_str(), now: whole_seconds(now) };
    let values = live.node_values().unwrap_or_default();
    let carried = nodes.all.iter().filter_map(|node| carry.node(node, values.get(&node.id)?));
    workflow.carry_over(live, &carried.map(|node| (text(&node, "id").to_owned(), node)).collect());
    workflow.into_value()
}

/// The time as Kubernetes writes it.
pub(super) fn whole_seconds(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

struct Carry<'a> {
    nodes: &'a Nodes,
    name: &'a str,
    now: String,
}

impl Carry<'_> {
    /// The node in the new workflow; none where the new workflow has to make it itself.
    fn node(&self, known: &Node, node: &Value) -> Option<Value> {
        if self.nodes.is_on_exit(known) {
            return None;
        }
        let is_pod = known.kind == NodeType::Pod;
        let failed_pod = is_pod && known.phase.is_unsuccessful();
        let done_pod = is_pod && !known.phase.is_unsuccessful();
        if known.kind == NodeType::Skipped && !leads_to_success(self.nodes, known, &BTreeSet::new()) {
            return None;
        }
        if !node.is_object() {
            return None;
        }
        let mut new = node.clone();
        let renamed = self.renamed(&known.name);
        new["id"] = node_id(self.name, &renamed).into();
        new["name"] = renamed.into();
        if let Some(boundary) = node.get("boundaryID").and_then(Value::as_str) {
            new["boundaryID"] = self.id(boundary).into();
        }
        for field in ["children", "outboundNodes"] {
            if let Some(ids) = node.get(field).and_then(Value::as_array) {
                new[field] = ids.iter().filter_map(Value::as_str).map(|id| self.id(id)).collect();
            }
        }
        let time = if failed_pod { Value::Null } else { self.now.clone().into() };
        new["startedAt"] = time.clone();
        new["finishedAt"] = time;
        if done_pod {
            new["phase"] = "Skipped".into();
            new["type"] = "Skipped".into();
            new["message"] = format!("original pod: {}", known.id).into();
        } else {
            new["phase"] = "Pending".into();
            if let Some(fields) = new.as_object_mut() {
                fields.shift_remove("message");
                // The controller saves what the node gives under the key that it finds here, and only without one makes
                // the key of the inputs that the node has now (operator.go, initializeNode, v4.1.2).
                fields.shift_remove("memoizationStatus");
            }
        }
        Some(new)
    }

    fn renamed(&self, name: &str) -> String {
        match name.strip_prefix(self.nodes.workflow()) {
            Some(rest) => format!("{}{rest}", self.name),
            None => name.to_owned(),
        }
    }

    fn id(&self, old: &str) -> String {
        let name = self.nodes.get(old).map(|node| node.name.as_str()).unwrap_or_default();
        node_id(self.name, &self.renamed(name))
    }
}
