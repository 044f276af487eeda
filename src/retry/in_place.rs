//! The same Workflow with the nodes that run again taken out of its status: what `argo retry` does.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::memoized::whole_seconds;
use super::nodes::{Nodes, flag, is_unsuccessful, template_of};
use super::refusal::Refusal;
use super::resubmit::{override_parameters, unstop};
use crate::argo::Workflow;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::{node_id, pod_name};
use crate::argo::template::text;

/// The changes of a retry in place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InPlace {
    /// The workflow to put in the place of the live one; it keeps its resourceVersion.
    pub workflow: Value,
    /// The pods to delete, so that the nodes of their names run again.
    pub pods: Vec<String>,
    /// The nodes that were taken out.
    pub removed: BTreeSet<String>,
    /// The nodes that are set back to Running.
    pub reset: BTreeSet<String>,
}

/// Formulates the retry. With a selector, nodes that succeeded run again where it matches them.
pub(crate) fn in_place(
    live: &Value,
    restart: Option<&NodeSelector>,
    parameters: &[(String, String)],
    now: Timestamp,
) -> Result<InPlace, Refusal> {
    let nodes = Nodes::of(live);
    let mut cut = Cut { nodes: &nodes, removed: BTreeSet::new(), reset: BTreeSet::new() };
    let again = again(&nodes, restart);
    // What stands above takes what is below with it, so it goes first.
    for id in nodes.in_order() {
        if again.contains(id) && !cut.removed.contains(id) {
            cut.take_out(id)?;
        }
    }
    if !parameters.is_empty() {
        cut.take_out_expanded();
    }
    let exit: BTreeSet<&str> = nodes.iter().filter(|(_, node)| nodes.is_on_exit(node)).map(|(id, _)| id).collect();
    let pods = pods(live, &nodes, cut.removed.iter().chain(&exit).copied());
    let Cut { mut removed, mut reset, .. } = cut;
    reset.retain(|id| !removed.contains(id));
    let workflow = changed(live, &nodes, &Gone { removed: &removed, exit: &exit }, &reset, parameters, now);
    removed.extend(&exit);
    let owned = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_owned).collect();
    Ok(InPlace { workflow, pods, removed: owned(removed), reset: owned(reset) })
}

/// The nodes that run again: what failed without anything after it having succeeded, and what was selected.
fn again<'a>(nodes: &Nodes<'a>, restart: Option<&NodeSelector>) -> BTreeSet<&'a str> {
    let selected: BTreeSet<&str> = nodes
        .iter()
        .filter(|(_, node)| restart.is_some_and(|selector| selector.selects(node)))
        .map(|(id, _)| id)
        .collect();
    let failed = nodes.iter().filter(|(id, node)| {
        let works = matches!(text(node, "type"), "Container" | "Pod" | "HTTP" | "Plugin");
        let judged = if flag(node, "retried") { retry_node(nodes, id) } else { *id };
        is_unsuccessful(node) && works && !nodes.leads_to_success(judged, &selected)
    });
    failed.map(|(id, _)| id).chain(selected.iter().copied()).collect()
}

/// The Retry node whose attempt this is.
fn retry_node<'a>(nodes: &Nodes<'a>, attempt: &'a str) -> &'a str {
    let holds = |id: &str| nodes.children(id).any(|child| child == attempt);
    nodes.iter().find(|(id, node)| text(node, "type") == "Retry" && holds(id)).map_or(attempt, |(id, _)| id)
}

/// What is taken out and what is set back, while it is found.
struct Cut<'n, 'a> {
    nodes: &'n Nodes<'a>,
    removed: BTreeSet<&'a str>,
    reset: BTreeSet<&'a str>,
}

impl<'a> Cut<'_, 'a> {
    /// Takes out the node and all after it, and sets back what it is part of.
    fn take_out(&mut self, start: &'a str) -> Result<(), Refusal> {
        self.removed.insert(start);
        self.removed.extend(self.nodes.below(start));
        let mut next = Some(start);
        while let Some(id) = next {
            let node = self.nodes.get(id).unwrap_or(&Value::Null);
            next = match text(node, "type") {
                "DAG" | "TaskGroup" | "StepGroup" | "Steps" => {
                    // The first node has nothing above it that could be set back.
                    if id != start {
                        self.reset.insert(id);
                    }
                    self.set_back_boundaries(id)?
                }
                "Container" => {
                    let pod = self.ancestor(id, |node| text(node, "type") == "Pod")?;
                    self.removed.insert(pod);
                    self.removed.extend(self.nodes.below(pod));
                    Some(pod)
                }
                kind => {
                    if kind == "Retry" && is_unsuccessful(node) {
                        self.reset.insert(id);
                    }
                    self.nodes.parent(id).map(|(parent, _)| parent)
                }
            };
        }
        Ok(())
    }

    /// Sets back the groups and boundaries round a group; gives what stands above the outermost.
    fn set_back_boundaries(&mut self, group: &'a str) -> Result<Option<&'a str>, Refusal> {
        let mut id = group;
        loop {
            if let Some((parent, node)) = self.nodes.parent(id)
                && text(node, "type") == "Retry"
            {
                self.reset.insert(parent);
                id = parent;
            }
            if let Some((parent, node)) = self.nodes.parent(id)
                && matches!(text(node, "type"), "StepGroup" | "TaskGroup")
            {
                self.reset.insert(parent);
            }
            let boundary = self.nodes.get(id).map(|node| text(node, "boundaryID")).unwrap_or_default();
            if boundary.is_empty() {
                return Ok(self.nodes.parent(id).map(|(parent, _)| parent));
            }
            let above = self.ancestor(id, |node| text(node, "id") == boundary)?;
            if above == id {
                return Ok(None);
            }
            self.reset.insert(above);
            id = above;
        }
    }

    /// The nearest node that fits, from the node itself upwards.
    fn ancestor(&self, from: &'a str, fits: impl Fn(&Value) -> bool) -> Result<&'a str, Refusal> {
        let mut id = from;
        let mut seen = BTreeSet::new();
        while seen.insert(id) {
            if self.nodes.get(id).is_some_and(&fits) {
                return Ok(id);
            }
            let Some((parent, _)) = self.nodes.parent(id) else { break };
            id = parent;
        }
        Err(Refusal::Broken { name: self.nodes.workflow.to_owned(), node: from.to_owned() })
    }

    /// Takes out what was expanded in groups that are set back: with other parameters it is expanded again.
    fn take_out_expanded(&mut self) {
        let is_group =
            |id: &&str| self.nodes.get(id).is_some_and(|node| matches!(text(node, "type"), "TaskGroup" | "StepGroup"));
        let groups: Vec<&str> =
            self.reset.iter().copied().filter(|id| !self.removed.contains(id)).filter(is_group).collect();
        for group in groups {
            self.removed.extend(self.nodes.below(group));
        }
    }
}

fn pods<'a>(live: &Value, nodes: &Nodes<'a>, ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let format = live.pointer("/metadata/annotations/workflows.argoproj.io~1pod-name-format").and_then(Value::as_str);
    let named = ids.filter_map(|id| nodes.get(id)).filter(|node| text(node, "type") == "Pod").map(|node| {
        let name = text(node, "name");
        match format {
            Some("v1") => node_id(nodes.workflow, name),
            _ => pod_name(nodes.workflow, template_of(node), name),
        }
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The nodes that are not in the new status.
struct Gone<'n, 'a> {
    removed: &'n BTreeSet<&'a str>,
    exit: &'n BTreeSet<&'a str>,
}

fn changed(
    live: &Value,
    nodes: &Nodes<'_>,
    gone: &Gone<'_, '_>,
    reset: &BTreeSet<&str>,
    parameters: &[(String, String)],
    now: Timestamp,
) -> Value {
    let mut workflow = live.clone();
    let now = whole_seconds(now);
    unstop(&mut workflow["spec"]);
    override_parameters(&mut workflow, parameters);
    if let Some(labels) = workflow.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.shift_remove("workflows.argoproj.io/completed");
        labels.shift_remove("workflows.argoproj.io/workflow-archiving-status");
    }
    if let Some(stored) = workflow.pointer_mut("/status/storedWorkflowTemplateSpec").and_then(Value::as_object_mut) {
        stored.shift_remove("shutdown");
    }
    let status = &mut workflow["status"];
    if let Some(fields) = status.as_object_mut() {
        for field in ["phase", "message", "finishedAt", "persistentVolumeClaims"] {
            fields.shift_remove(field);
        }
    }
    status["startedAt"] = now.clone().into();
    not_completed(status);
    let kept =
        nodes.iter().filter(|(id, _)| !gone.removed.contains(id) && !gone.exit.contains(id)).map(|(id, node)| {
            let mut node = node.clone();
            if reset.contains(id) {
                set_back(&mut node, &now);
            }
            for field in ["children", "outboundNodes"] {
                if let Some(ids) = node.get_mut(field).and_then(Value::as_array_mut) {
                    ids.retain(|id| id.as_str().is_some_and(|id| !gone.removed.contains(id)));
                }
            }
            (id.to_owned(), node)
        });
    let kept = kept.collect();
    Workflow::view_mut(&mut workflow).set_nodes(kept);
    workflow
}

fn not_completed(status: &mut Value) {
    let conditions = &mut status["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    if let Some(conditions) = conditions.as_array_mut() {
        match conditions.iter_mut().find(|condition| condition["type"] == "Completed") {
            Some(condition) => condition["status"] = "False".into(),
            None => conditions.push(json!({"type": "Completed", "status": "False"})),
        }
    }
}

fn set_back(node: &mut Value, now: &str) {
    if text(node, "phase") != "Skipped" {
        node["phase"] = "Running".into();
    }
    node["startedAt"] = now.into();
    if let Some(fields) = node.as_object_mut() {
        fields.shift_remove("message");
        fields.shift_remove("finishedAt");
        // Its output would be saved under the key of the inputs that it had.
        fields.shift_remove("memoizationStatus");
    }
}
