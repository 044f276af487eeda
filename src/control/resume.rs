//! `resume`: resumes a suspended run and its suspended nodes, and sets the output parameters they wait for.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::nodes::Nodes;
use super::{Change, Decision, Refusal, refuse_ended};
use crate::argo::Workflow;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::Node;

/// The order to resume.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    /// Selects the nodes; `None` means all nodes and the run itself.
    pub(crate) selector: Option<NodeSelector>,
    /// Values for the nodes' supplied output parameters.
    pub(crate) outputs: Vec<(String, String)>,
    /// A new message for the nodes.
    pub(crate) message: Option<String>,
    /// The current time, for the nodes' `finishedAt`.
    pub(crate) now: Timestamp,
}

/// Decides how to resume the run. Its suspended nodes end as Succeeded; every supplied output parameter gets its value,
/// else its default (as in ResumeWorkflow and updateSuspendedNode in workflow/util/util.go, v4.1.2).
pub(crate) fn decide(workflow: &Workflow, resume: &Resume) -> Result<Decision, Refusal> {
    refuse_ended(workflow)?;
    let nodes = match Nodes::of(workflow) {
        Ok(nodes) => nodes,
        // A suspended run can be resumed without reading its nodes.
        Err(_) if workflow.is_suspended() && resume.selector.is_none() && resume.outputs.is_empty() => {
            return Ok(resume_run(workflow));
        }
        Err(refusal) => return Err(refusal),
    };

    let waiting: Vec<(&String, &Value)> = nodes.all.iter().filter(|(_, node)| is_waiting(node)).collect();
    let selected: Vec<(&String, &Value)> = waiting.into_iter().filter(|(_, node)| resume.selects(node)).collect();
    let release = workflow.is_suspended() && resume.selector.is_none();

    if selected.is_empty() {
        let names_nodes = resume.selector.is_some() || !resume.outputs.is_empty();
        if names_nodes && !resume.is_done(&nodes) {
            return Err(if resume.selector.is_some() { Refusal::NoNode } else { Refusal::NoneSuspended });
        }
        return Ok(if release { resume_run(workflow) } else { Decision::Already("not suspended".to_owned()) });
    }

    let mut globals = Globals::of(workflow);
    let mut changed = Map::new();
    let mut names = Vec::new();
    for (id, node) in selected {
        changed.insert(id.clone(), resume.resumed_fields(node, &mut globals)?);
        names.push(display_name(node).to_owned());
    }

    let mut status = nodes.patch(changed);
    if let Some(parameters) = globals.changed() {
        status["outputs"] = json!({ "parameters": parameters });
    }
    let mut patch = json!({ "status": status });
    if release {
        patch["spec"] = json!({ "suspend": null });
    }
    Ok(Decision::Change(Change::of(workflow, patch, format!("resumed ({})", names.join(", ")))))
}

fn resume_run(workflow: &Workflow) -> Decision {
    Decision::Change(Change::of(workflow, json!({"spec": {"suspend": null}}), "resumed"))
}

pub(super) fn is_waiting(node: &Value) -> bool {
    node["type"] == "Suspend" && node["phase"] == "Running"
}

pub(super) fn display_name(node: &Value) -> &str {
    node["displayName"].as_str().or(node["name"].as_str()).unwrap_or_default()
}

impl Resume {
    fn selects(&self, node: &Value) -> bool {
        let Some(selector) = &self.selector else { return true };
        Node::deserialize(node).is_ok_and(|node| selector.matches(&node))
    }

    /// Whether selected nodes were already resumed with the same outputs.
    fn is_done(&self, nodes: &Nodes) -> bool {
        let done = |node: &&Value| node["type"] == "Suspend" && node["phase"] == "Succeeded" && self.selects(node);
        let gave = |node: &Value, output: &(String, String)| {
            let parameters = node.pointer("/outputs/parameters").and_then(Value::as_array).into_iter().flatten();
            parameters.into_iter().any(|one| one["name"] == output.0.as_str() && one["value"] == output.1.as_str())
        };
        nodes.all.values().filter(done).any(|node| self.outputs.iter().all(|output| gave(node, output)))
    }

    /// The changed fields of a resumed node.
    fn resumed_fields(&self, node: &Value, globals: &mut Globals) -> Result<Value, Refusal> {
        let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let mut fields = json!({"phase": "Succeeded", "finishedAt": now.to_string()});
        if let Some(message) = &self.message {
            fields["message"] = message.as_str().into();
        }

        let mut outputs = node["outputs"].clone();
        let parameters = outputs["parameters"].as_array().cloned().unwrap_or_default();
        for (name, _) in &self.outputs {
            if !parameters.iter().any(|parameter| parameter["name"] == name.as_str() && is_supplied(parameter)) {
                let (node, parameter) = (display_name(node).to_owned(), name.clone());
                return Err(Refusal::UnknownOutput { node, parameter });
            }
        }

        if !parameters.iter().any(is_supplied) {
            return Ok(fields);
        }
        let parameters = parameters.into_iter().map(|parameter| self.with_value(node, parameter, globals));
        outputs["parameters"] = parameters.collect::<Result<Vec<_>, _>>()?.into();
        fields["outputs"] = outputs;
        Ok(fields)
    }

    /// An output parameter with its value set.
    fn with_value(&self, node: &Value, mut parameter: Value, globals: &mut Globals) -> Result<Value, Refusal> {
        if !is_supplied(&parameter) {
            return Ok(parameter);
        }
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let given = self.outputs.iter().rev().find(|(output, _)| *output == name);
        let value = match given {
            Some((_, value)) => Value::from(value.as_str()),
            None => parameter["valueFrom"]["default"].clone(),
        };

        if value.is_null() {
            return Err(Refusal::MissingOutput { node: display_name(node).to_owned(), parameter: name });
        }
        if let Some(fields) = parameter.as_object_mut() {
            fields.shift_remove("valueFrom");
            fields.insert("value".to_owned(), value.clone());
        }
        if let Some(global) = parameter["globalName"].as_str().filter(|global| !global.is_empty()) {
            globals.set(global, &value);
        }
        Ok(parameter)
    }
}

/// Whether the user supplies the value when resuming (`valueFrom.supplied`).
pub(super) fn is_supplied(parameter: &Value) -> bool {
    parameter.pointer("/valueFrom/supplied").is_some_and(Value::is_object)
}

/// The workflow's global output parameters.
pub(super) struct Globals {
    parameters: Vec<Value>,
    changed: bool,
}

impl Globals {
    pub(super) fn of(workflow: &Workflow) -> Self {
        Self { parameters: workflow.output_parameters().to_vec(), changed: false }
    }

    pub(super) fn set(&mut self, name: &str, value: &Value) {
        self.changed = true;
        match self.parameters.iter_mut().find(|parameter| parameter["name"] == name) {
            Some(parameter) => parameter["value"] = value.clone(),
            None => self.parameters.push(json!({"name": name, "value": value})),
        }
    }

    pub(super) fn changed(self) -> Option<Vec<Value>> {
        self.changed.then_some(self.parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(spec: &Value, nodes: &Value) -> Workflow {
        let object = json!({
            "metadata": {"uid": "u", "resourceVersion": "7"}, "spec": spec,
            "status": {"phase": "Running", "nodes": nodes, "outputs": {"parameters": [{"name": "old", "value": "1"}]}},
        });
        object.into()
    }

    fn node(name: &str, phase: &str, outputs: &Value) -> Value {
        json!({"id": name, "name": format!("w.{name}"), "displayName": name, "type": "Suspend", "phase": phase, "outputs": outputs})
    }

    fn resume(selector: &str, outputs: &[(&str, &str)]) -> Resume {
        Resume {
            selector: selector.parse().ok(),
            outputs: outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            message: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn patch(workflow: &Workflow, resume: &Resume) -> Value {
        match decide(workflow, resume) {
            Ok(Decision::Change(change)) => change.patch,
            other => panic!("{other:?}"),
        }
    }

    fn asking() -> Value {
        json!({"artifacts": [], "parameters": [
            {"name": "approve", "globalName": "approved", "valueFrom": {"supplied": {}, "default": "no"}},
            {"name": "by", "valueFrom": {"supplied": {}}},
            {"name": "fixed", "value": "x"},
        ]})
    }

    #[test]
    fn a_run_and_its_suspended_nodes_are_resumed_together() {
        let nodes = json!({"a": node("a", "Running", &json!(null)), "b": node("b", "Succeeded", &json!(null))});
        let patch = patch(&workflow(&json!({"suspend": true}), &nodes), &resume("", &[]));
        assert_eq!(
            patch,
            json!({
                "status": {"nodes": {"a": {"phase": "Succeeded", "finishedAt": "1970-01-01T00:00:00Z"}}},
                "spec": {"suspend": null},
                "metadata": {"uid": "u", "resourceVersion": "7"},
            })
        );
    }

    #[test]
    fn one_node_is_resumed_and_the_run_stays_suspended() {
        let nodes = json!({"a": node("a", "Running", &json!(null)), "b": node("b", "Running", &json!(null))});
        let suspended = workflow(&json!({"suspend": true}), &nodes);
        let patch = patch(&suspended, &resume("displayName=b", &[]));
        assert!(patch.get("spec").is_none());
        assert_eq!(patch["status"]["nodes"].as_object().map(Map::len), Some(1));
        assert_eq!(patch["status"]["nodes"]["b"]["phase"], "Succeeded");
        assert_eq!(decide(&suspended, &resume("displayName=c", &[])), Err(Refusal::NoNode));
    }

    #[test]
    fn supplied_outputs_get_their_values_or_defaults() {
        let waiting = workflow(&json!({}), &json!({"a": node("a", "Running", &asking())}));
        let patch = patch(&waiting, &resume("", &[("by", "eve")]));
        assert_eq!(
            patch["status"]["nodes"]["a"]["outputs"],
            json!({"artifacts": [], "parameters": [
                {"name": "approve", "globalName": "approved", "value": "no"},
                {"name": "by", "value": "eve"},
                {"name": "fixed", "value": "x"},
            ]})
        );
        let globals = json!([{"name": "old", "value": "1"}, {"name": "approved", "value": "no"}]);
        assert_eq!(patch["status"]["outputs"]["parameters"], globals);
    }

    #[test]
    fn outputs_that_are_missing_or_unknown_are_refused() {
        let waiting = workflow(&json!({}), &json!({"a": node("a", "Running", &asking())}));
        let refusal =
            |outputs: &[(&str, &str)]| decide(&waiting, &resume("", outputs)).map_err(|error| error.to_string());
        assert_eq!(refusal(&[]), Err("node \"a\" needs a value for its output parameter \"by\"".to_owned()));
        for unknown in ["fixed", "other"] {
            assert_eq!(
                refusal(&[("by", "x"), (unknown, "y")]),
                Err(format!("node \"a\" has no output parameter {unknown:?} to set"))
            );
        }
        let running = workflow(&json!({}), &json!({}));
        assert_eq!(decide(&running, &resume("", &[("by", "x")])), Err(Refusal::NoneSuspended));
    }

    #[test]
    fn resuming_twice_does_nothing_more() {
        let nodes = json!({"a": node("a", "Succeeded", &json!(null))});
        let running = workflow(&json!({}), &nodes);
        for selector in ["", "displayName=a"] {
            let decision = decide(&running, &resume(selector, &[]));
            assert_eq!(decision, Ok(Decision::Already("not suspended".to_owned())));
        }
        let given = json!({"parameters": [{"name": "by", "value": "eve"}, {"name": "why", "value": "so"}]});
        let resumed = workflow(&json!({}), &json!({"a": node("a", "Succeeded", &given)}));
        for selector in ["", "displayName=a"] {
            let again = |outputs: &[(&str, &str)]| decide(&resumed, &resume(selector, outputs));
            assert_eq!(again(&[("by", "eve")]), Ok(Decision::Already("not suspended".to_owned())));
            let other = if selector.is_empty() { Refusal::NoneSuspended } else { Refusal::NoNode };
            for outputs in [&[("by", "adam")][..], &[("by", "eve"), ("who", "eve")]] {
                assert_eq!(again(outputs), Err(other.clone()), "{outputs:?}");
            }
        }
    }

    #[test]
    fn a_suspended_run_with_offloaded_nodes_is_resumed() {
        let mut offloaded = workflow(&json!({"suspend": true}), &json!({})).into_value();
        offloaded["status"]["offloadNodeStatusVersion"] = "fnv:1".into();
        let offloaded = Workflow::from(offloaded);
        assert_eq!(patch(&offloaded, &resume("", &[]))["spec"], json!({"suspend": null}));
        assert_eq!(decide(&offloaded, &resume("displayName=a", &[])), Err(Refusal::Offloaded));
    }
}
