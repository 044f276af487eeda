//! Nodes that end: what they hold is given back, what they give is kept, their hooks run, their owner is told.

use std::sync::Arc;

use super::state::{Body, NodeIndex, Owner};
use super::{Scheduler, arguments, references};
use crate::argo::model::Artifact;
use crate::argo::status::{NodeType, Outputs, Phase};

impl Scheduler {
    /// Ends a node: gives back its places and locks, keeps its outputs, runs its hooks, then tells its owner.
    pub(super) fn finish(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        if self.node(node).phase.is_fulfilled() {
            return;
        }
        let now = self.now;
        let status = self.node_mut(node);
        status.phase = phase;
        message.clone_into(&mut status.message);
        status.finished_at = Some(now);
        status.synchronization_status = None;
        let outputs = status.outputs.take();
        self.remember(node, phase, outputs.as_ref());
        self.publish(outputs.as_ref());
        self.nodes[node.0].outputs = outputs;
        if self.frame(node).owner == Owner::Entry {
            self.entry_ended(phase);
        }
        self.count_failure(node, phase);
        self.fire_hooks(node);
        self.fire_exit_hook(node);
        self.release(node);
        self.forget(node);
        if self.frame(node).hooks.running == 0 {
            self.settled.push_back(node);
        }
    }

    /// Ends a node in Error in a way that its caller takes over, as Argo's controller does with returned errors.
    pub(super) fn raise(&mut self, node: NodeIndex, why: &str) {
        self.frame_mut(node).raised = Some(why.to_owned());
        if let Owner::Group(group) = self.frame(node).owner {
            let name = &self.node(node).name;
            let why = format!("step group deemed errored due to child {name} error: {why}");
            self.group_errs(group, why);
            self.frame_mut(node).hooks.waiting.clear();
        }
        self.finish(node, Phase::Error, why);
    }

    /// A child that failed keeps the further ones of a template that fails fast from starting.
    fn count_failure(&mut self, node: NodeIndex, phase: Phase) {
        let frame = self.frame(node);
        let (counted, boundary, kind) = (frame.counted, frame.boundary, self.node(node).kind);
        let children = boundary.filter(|_| counted && phase.is_unsuccessful());
        if let Some(children) = children.and_then(|boundary| self.children_mut(boundary)) {
            children.slots.unsuccessful += 1;
            children.slots.tripped |= children.slots.fail_fast && kind == NodeType::Pod;
        }
    }

    /// Gives back the locks and the place among the boundary's children; who waited for them is started later, as
    /// starting it here could go on without end.
    fn release(&mut self, node: NodeIndex) {
        self.free_pod(node);
        let locks = std::mem::take(&mut self.frame_mut(node).locks);
        if !locks.is_empty() {
            let unlocked = self.locks.release(node, &locks);
            self.unlocked.extend(unlocked);
        }
        let frame = self.frame_mut(node);
        if !std::mem::take(&mut frame.counted) {
            return;
        }
        let Some(boundary) = frame.boundary else { return };
        if let Some(children) = self.children_mut(boundary) {
            children.slots.active -= 1;
            if !children.slots.waiting.is_empty() {
                self.freed.push_back(boundary);
            }
        }
    }

    /// A pod that has ended, or waits for a lock, leaves its place to others.
    pub(super) fn free_pod(&mut self, node: NodeIndex) {
        if self.active_pods.remove(&node) {
            self.freed.extend(std::mem::take(&mut self.waiting_for_pods));
        }
    }

    /// Drops what only a running node needs, so that a wide fan-out costs memory only while it runs.
    fn forget(&mut self, node: NodeIndex) {
        let frame = self.frame_mut(node);
        frame.template = None;
        match &mut frame.body {
            Body::Pod(_) | Body::Suspend | Body::Steps(_) | Body::Dag(_) => frame.body = Body::None,
            Body::Retry(retry) => retry.value = serde_json::Value::Null,
            Body::None | Body::Group(_) | Body::Items(_) => {}
        }
    }

    fn publish(&mut self, outputs: Option<&Outputs>) {
        let Some(outputs) = outputs else { return };
        for parameter in &outputs.parameters {
            if let (Some(name), Some(value)) = (&parameter.global_name, &parameter.value) {
                Arc::make_mut(&mut self.globals).set(format!("workflow.outputs.parameters.{name}"), value.clone());
                self.workflow.publish_parameter(name, value);
            }
        }
        for document in &outputs.artifacts {
            if let Ok(artifact) = arguments::view::<Artifact>(document)
                && let Some(name) = artifact.global_name.clone()
            {
                let artifact = Artifact { name: name.clone(), path: String::new(), global_name: None, ..artifact };
                self.workflow.publish_artifact(&name, references::document(&artifact));
                let artifacts = Arc::make_mut(&mut self.global_artifacts);
                artifacts.insert(format!("workflow.outputs.artifacts.{name}"), artifact);
            }
        }
    }
}
