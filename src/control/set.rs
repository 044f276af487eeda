//! `node set`, and `stop --node-field-selector`: what suspended nodes are given while they wait.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::nodes::Nodes;
use super::resume::{Globals, display_name, is_supplied, is_waiting};
use super::{Change, Decision, Refusal, refuse_ended};
use crate::argo::Workflow;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::{Node, Phase};

/// What the nodes are given.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    /// Selects the suspended nodes; all of them if omitted.
    pub(crate) selector: Option<NodeSelector>,
    /// Their new phase; one that is an end ends them.
    pub(crate) phase: Option<Phase>,
    /// Their new message.
    pub(crate) message: Option<String>,
    /// Values for their supplied output parameters.
    pub(crate) outputs: Vec<(String, String)>,
    /// The current time, for `finishedAt`.
    pub(crate) now: Timestamp,
}

/// Decides what changes. Only nodes that wait are changed, and an output without a value stays without one (SetWorkflow and
/// updateSuspendedNode in workflow/util/util.go, v4.1.2).
pub(crate) fn decide(workflow: &Workflow, set: &Set) -> Result<Decision, Refusal> {
    refuse_ended(workflow)?;
    let nodes = Nodes::of(workflow)?;
    let mut globals = Globals::of(workflow);
    let (mut changed, mut names) = (Map::new(), Vec::new());
    for (id, node) in nodes.all.iter().filter(|(_, node)| is_waiting(node) && set.selects(node)) {
        changed.insert(id.clone(), set.fields(node, &mut globals)?);
        names.push(display_name(node).to_owned());
    }
    if changed.is_empty() {
        return Err(if set.selector.is_some() { Refusal::NoNode } else { Refusal::NothingSuspended });
    }

    let mut status = nodes.patch(changed);
    if let Some(parameters) = globals.changed() {
        status["outputs"] = json!({ "parameters": parameters });
    }
    Ok(Decision::Change(Change::of(workflow, json!({ "status": status }), format!("set ({})", names.join(", ")))))
}

impl Set {
    fn selects(&self, node: &Value) -> bool {
        let Some(selector) = &self.selector else { return true };
        Node::deserialize(node).is_ok_and(|node| selector.matches(&node))
    }

    /// The changed fields of a node.
    fn fields(&self, node: &Value, globals: &mut Globals) -> Result<Value, Refusal> {
        let mut fields = json!({});
        if let Some(phase) = &self.phase {
            fields["phase"] = phase.as_str().into();
            if phase.is_fulfilled() {
                let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
                fields["finishedAt"] = now.to_string().into();
            }
        }
        if let Some(message) = &self.message {
            fields["message"] = message.as_str().into();
        }
        if !self.outputs.is_empty() {
            fields["outputs"] = self.given(node, globals)?;
        }
        Ok(fields)
    }

    /// The node's outputs with the values that are given.
    fn given(&self, node: &Value, globals: &mut Globals) -> Result<Value, Refusal> {
        let mut outputs = node["outputs"].clone();
        let mut parameters = outputs["parameters"].as_array().cloned().unwrap_or_default();
        for (name, value) in &self.outputs {
            let supplied = parameters.iter_mut().find(|one| one["name"] == name.as_str() && is_supplied(one));
            let Some(parameter) = supplied else {
                let node = display_name(node).to_owned();
                return Err(Refusal::UnknownOutput { node, parameter: name.clone() });
            };
            if let Some(fields) = parameter.as_object_mut() {
                fields.shift_remove("valueFrom");
                fields.insert("value".to_owned(), value.as_str().into());
            }
            if let Some(global) = parameter["globalName"].as_str().filter(|global| !global.is_empty()) {
                globals.set(global, &value.as_str().into());
            }
        }
        outputs["parameters"] = parameters.into();
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow() -> Workflow {
        let outputs = json!({"parameters": [
            {"name": "by", "globalName": "approver", "valueFrom": {"supplied": {}}},
            {"name": "why", "valueFrom": {"supplied": {}}},
        ]});
        let node = |name: &str, phase: &str| json!({"id": name, "name": format!("w.{name}"), "displayName": name, "type": "Suspend", "phase": phase, "outputs": outputs});
        json!({
            "metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {},
            "status": {"phase": "Running", "nodes": {"a": node("a", "Running"), "b": node("b", "Succeeded")}},
        })
        .into()
    }

    fn set(selector: &str) -> Set {
        let selector = selector.parse().ok();
        Set { selector, phase: None, message: None, outputs: Vec::new(), now: Timestamp::UNIX_EPOCH }
    }

    fn patch(set: &Set) -> Value {
        match decide(&workflow(), set) {
            Ok(Decision::Change(change)) => change.patch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_waiting_node_fails_with_a_message() {
        let order = Set { phase: Some(Phase::Failed), message: Some("no".to_owned()), ..set("displayName=a") };
        assert_eq!(
            patch(&order)["status"]["nodes"],
            json!({"a": {"phase": "Failed", "finishedAt": "1970-01-01T00:00:00Z", "message": "no"}})
        );
        assert_eq!(patch(&order)["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn an_output_is_set_and_the_node_waits_on() {
        let order = Set { outputs: vec![("by".to_owned(), "eve".to_owned())], ..set("") };
        let status = &patch(&order)["status"];
        assert_eq!(
            status["nodes"]["a"],
            json!({"outputs": {"parameters": [
                {"name": "by", "globalName": "approver", "value": "eve"},
                {"name": "why", "valueFrom": {"supplied": {}}},
            ]}})
        );
        assert_eq!(status["outputs"]["parameters"], json!([{"name": "approver", "value": "eve"}]));
    }

    #[test]
    fn nothing_else_is_set() {
        let message = |selector| Set { message: Some("x".to_owned()), ..set(selector) };
        assert_eq!(decide(&workflow(), &message("displayName=b")), Err(Refusal::NoNode));
        let unknown = Set { outputs: vec![("who".to_owned(), "eve".to_owned())], ..set("") };
        assert!(matches!(decide(&workflow(), &unknown), Err(Refusal::UnknownOutput { .. })));
        let mut ended = workflow().into_value();
        ended["status"]["phase"] = "Failed".into();
        assert_eq!(decide(&ended.into(), &message("")), Err(Refusal::Ended("Failed".to_owned())));
    }
}
