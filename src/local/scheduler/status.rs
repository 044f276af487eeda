//! The status of the run as Argo writes it.

use serde_json::{Map, Value, json};

use super::Scheduler;
use super::node_table::NodeTable;
use crate::argo::Workflow;
use crate::argo::status::{Node, NodeType, Phase};

impl Scheduler {
    /// The Workflow object with its status as it is now.
    pub fn object(&self) -> Value {
        let nodes = self.nodes.statuses().iter().cloned();
        self.object_with(documents(nodes, self.nodes.progress()))
    }

    /// The same at the end of a run, with the nodes beside it.
    pub(in crate::local) fn into_end(mut self) -> (Value, Vec<Node>) {
        let progress = self.nodes.progress();
        let object = self.object_with(Map::new());
        let nodes = self.nodes.take_statuses().into_iter().zip(progress);
        (object, nodes.map(with_progress).collect())
    }

    /// All nodes in the order of creation, of a run that nothing more is asked of.
    pub(crate) fn into_nodes(mut self) -> Vec<Node> {
        self.nodes.take_statuses()
    }

    fn object_with(&self, nodes: Map<String, Value>) -> Value {
        let mut object = Workflow::from(self.plan.workflow.clone());
        let phase = self.workflow.phase;
        object.set_label("workflows.argoproj.io/phase", phase.as_str());
        object.set_label("workflows.argoproj.io/completed", &phase.is_completed().to_string());
        if let Some(shutdown) = self.stop.shutdown() {
            object.set_in_spec("shutdown", shutdown.as_str().into());
        }
        object.set_status(self.status(nodes));
        object.into_value()
    }

    fn status(&self, nodes: Map<String, Value>) -> Value {
        let mut status = Map::new();
        let state = &self.workflow;
        status.insert("phase".to_owned(), state.phase.as_str().into());
        for (field, at) in [("startedAt", state.started_at), ("finishedAt", state.finished_at)] {
            if let Some(at) = at {
                status.insert(field.to_owned(), at.to_string().into());
            }
        }
        if !state.message.is_empty() {
            status.insert("message".to_owned(), state.message.clone().into());
        }
        let mut conditions =
            vec![json!({"type": "PodRunning", "status": if self.pods.is_running() { "True" } else { "False" }})];
        if state.phase.is_completed() {
            conditions.push(json!({"type": "Completed", "status": "True"}));
        }
        status.insert("conditions".to_owned(), conditions.into());
        let (done, total) = self
            .nodes
            .statuses()
            .iter()
            .filter(|node| is_work(node.kind))
            .fold((0, 0), |(done, total), node| (done + usize::from(node.phase == Phase::Succeeded), total + 1));
        status.insert("progress".to_owned(), format!("{done}/{total}").into());
        if let Some(outputs) = self.scopes.published() {
            status.insert("outputs".to_owned(), outputs);
        }
        status.insert("nodes".to_owned(), Value::Object(nodes));
        let workflow = format!("{}/{}", self.plan.metadata("namespace"), self.plan.name());
        if let Some(recorded) = self.locks.recorded(|node| format!("{workflow}/{}", self.nodes[node].id)) {
            status.insert("synchronization".to_owned(), recorded);
        }
        if Workflow::view(&self.plan.workflow).is_by_reference() {
            status.insert("storedWorkflowTemplateSpec".to_owned(), self.plan.spec.clone());
        }
        Value::Object(status)
    }
}

/// Nodes as they stand in a status, each with its progress. A field that is added to a document later would double the room
/// that it takes.
fn documents(nodes: impl Iterator<Item = Node>, progress: Vec<(usize, usize)>) -> Map<String, Value> {
    let documents = nodes.zip(progress).map(|node| {
        let node = with_progress(node);
        let document = serde_json::to_value(&node).unwrap_or_default();
        (node.id, document)
    });
    documents.collect()
}

fn with_progress((node, (done, total)): (Node, (usize, usize))) -> Node {
    let progress = if total > 0 { Some(format!("{done}/{total}")) } else { node.progress.clone() };
    Node { progress, ..node }
}

impl NodeTable {
    /// Done and all units of work at or below each node, in one pass over the nodes.
    fn progress(&self) -> Vec<(usize, usize)> {
        let mut progress = vec![(0, 0); self.statuses().len()];
        for node in self.indices().filter(|&node| is_work(self[node].kind)) {
            let done = usize::from(self[node].phase == Phase::Succeeded);
            let mut next = Some(node);
            while let Some(node) = next {
                progress[node.number()].0 += done;
                progress[node.number()].1 += 1;
                next = self.frame(node).boundary;
            }
        }
        progress
    }
}

fn is_work(kind: NodeType) -> bool {
    matches!(kind, NodeType::Pod | NodeType::Http | NodeType::Plugin | NodeType::Suspend)
}
