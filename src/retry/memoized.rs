//! A new Workflow whose finished pods count as done: what `argo resubmit --memoized` makes.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::attempt::Attempt;
use super::nodes::{Nodes, is_unsuccessful};
use super::resubmit::{of_attempt, override_parameters, successor};
use crate::argo::identity::ObjectName;
use crate::argo::status::node_id;
use crate::argo::template::text;

/// The workflow under its new name, with the status of the live one's nodes. A workflow that has a run id gets the
/// parameters of its next attempt.
pub(crate) fn memoized(live: &Value, name: &ObjectName, parameters: &[(String, String)], now: Timestamp) -> Value {
    let mut workflow = successor(live);
    workflow["metadata"]["name"] = name.as_str().into();
    override_parameters(&mut workflow, parameters);
    let attempt = Attempt::after(live);
    if let Some(run_id) = &attempt.run_id {
        override_parameters(&mut workflow, &of_attempt(run_id, attempt.number));
    }
    let nodes = Nodes::of(live);
    let carry = Carry { nodes: &nodes, name: name.as_str(), now: whole_seconds(now) };
    let carried: Map<String, Value> = nodes
        .iter()
        .filter_map(|(id, node)| carry.node(id, node))
        .map(|node| (text(&node, "id").to_owned(), node))
        .collect();
    let mut status = json!({
        "nodes": carried,
        "conditions": [{"type": "Completed", "status": "False"}],
    });
    if let Some(stored) = live.pointer("/status/storedTemplates") {
        status["storedTemplates"] = stored.clone();
    }
    workflow["status"] = status;
    workflow
}

/// The time as Kubernetes writes it.
pub(super) fn whole_seconds(now: Timestamp) -> String {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

struct Carry<'a> {
    nodes: &'a Nodes<'a>,
    name: &'a str,
    now: String,
}

impl Carry<'_> {
    /// The node in the new workflow; none where the new workflow has to make it itself.
    fn node(&self, id: &str, node: &Value) -> Option<Value> {
        if self.nodes.is_on_exit(node) {
            return None;
        }
        let failed_pod = is_unsuccessful(node) && text(node, "type") == "Pod";
        let done_pod = !is_unsuccessful(node) && text(node, "type") == "Pod";
        let skipped = text(node, "type") == "Skipped";
        if skipped && !self.nodes.leads_to_success(self.nodes.key(id)?, &std::collections::BTreeSet::new()) {
            return None;
        }
        let mut new = node.clone();
        let renamed = self.renamed(text(node, "name"));
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
            new["message"] = format!("original pod: {id}").into();
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
        match name.strip_prefix(self.nodes.workflow) {
            Some(rest) => format!("{}{rest}", self.name),
            None => name.to_owned(),
        }
    }

    fn id(&self, old: &str) -> String {
        let name = self.nodes.get(old).map(|node| text(node, "name")).unwrap_or_default();
        node_id(self.name, &self.renamed(name))
    }
}
