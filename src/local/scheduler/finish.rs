//! Nodes that end: what they hold is given back, what they give is kept, their hooks run, their owner is told.

use super::Scheduler;
use super::agenda::Turn;
use super::hook_faults::{BrokenOff, HookFault};
use super::hooks::ON_EXIT;
use super::state::{Body, NodeIndex, Owner};
use crate::argo::status::{NodeType, Phase};

/// What becomes of the entrypoint's node that is Running when the workflow ends in Error. (operator.go, markWorkflowPhase)
pub(super) const OPERATION_ERROR: &str = "Workflow operation error";

impl Scheduler {
    /// Ends a node: gives back its places and locks, keeps its outputs, runs its hooks, then tells its owner.
    pub(super) fn finish(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        if self.nodes[node].phase.is_fulfilled() {
            return;
        }
        // In a plan: an entry may stand for all that the children of this node come to.
        let undecided = self.nodes.frame(node).undecided;
        let (phase, message) = if undecided.is_some() { (Phase::Succeeded, "") } else { (phase, message) };
        if let Some(number) = undecided {
            self.nodes[node].outputs = self.unknown_outputs(node, number);
        }

        let broken_off = self.nodes.frame_mut(node).broken_off.take();
        if let Some(BrokenOff { why, is_handed_up: true }) = &broken_off {
            return self.raise(node, why);
        }
        let (phase, message) = broken_off.as_ref().map_or((phase, message), |by| (Phase::Error, by.why.as_ref()));

        let status = &mut self.nodes[node];
        status.phase = phase;
        message.clone_into(&mut status.message);
        status.finished_at = Some(self.now.wall);
        status.synchronization_status = None;
        if status.daemoned.take().is_some() {
            self.daemons.retain(|daemon| *daemon != node);
        }
        self.nodes.frame_mut(node).ended = self.now.elapsed;

        self.spread_stub(node);
        self.remember(node, phase);
        if let Some(outputs) = &self.nodes[node].outputs {
            self.scopes.publish(outputs);
            if let Some(template) = &self.nodes.frame(node).template {
                self.own_keys.note(template, outputs);
            }
        }
        let frame = self.nodes.frame(node);
        if frame.owner == Owner::Entry {
            self.entry_ended(phase);
        }

        self.count_failure(node, phase);
        let is_looked_at_later = self.nodes.looks_later(node);
        if !is_looked_at_later {
            self.fire_hooks_of_ended(node);
        }
        self.release(node);
        self.forget(node);
        self.end_daemons(Some(node));
        if !is_looked_at_later {
            self.settle(node);
        }
    }

    /// Tells the owner of a node that has ended, once, unless hooks of it are at work.
    pub(super) fn settle(&mut self, node: NodeIndex) {
        let frame = self.nodes.frame_mut(node);
        if !frame.hooks.are_running() && !std::mem::replace(&mut frame.is_settling, true) {
            self.agenda.add(Turn::Settled(node));
        }
    }

    /// Lets a template that fails fast know of a child that failed. (workflow/controller/node_counters.go,
    /// getUnsuccessfulChildrenCounter)
    fn count_failure(&mut self, node: NodeIndex, phase: Phase) {
        let frame = self.nodes.frame(node);
        let Some(boundary) = frame.boundary.filter(|_| frame.counted && phase.is_unsuccessful()) else { return };
        let kind = self.nodes[self.nodes.last_attempt(node)].kind;
        if matches!(kind, NodeType::Pod | NodeType::Steps | NodeType::Dag) {
            let is_seen_first = kind == NodeType::Pod
                || self.nodes.errs_before_others(node)
                || self.nodes.were_ended(node, self.now.elapsed);
            self.places.count_failure(boundary, is_seen_first, self.now.elapsed);
        }
    }

    /// Ends a node in Error in a way that its caller takes over, as Argo's controller does with returned errors.
    pub(super) fn raise(&mut self, node: NodeIndex, why: &str) {
        let name = &self.nodes[node].name;
        let of_group = format!("step group deemed errored due to child {name} error: {why}");
        let is_exit_hook = name.ends_with(ON_EXIT);
        let frame = self.nodes.frame_mut(node);
        frame.raised = Some(why.to_owned());
        match frame.owner {
            Owner::Group(group) => {
                frame.hooks.clear();
                self.nodes.fail_group(group, of_group);
            }
            Owner::Hook(hooked) if is_exit_hook => self.exit_hook_failed(hooked, why),
            Owner::Hook(hooked) => {
                let has_begun = self.nodes.frame(hooked).children.contains(&node);
                self.hook_failed(hooked, why, if has_begun { HookFault::Erred } else { HookFault::Uncalled });
            }
            _ => {}
        }
        self.finish(node, Phase::Error, why);
    }

    /// Gives back the locks and the place among the boundary's children; who waited for them is started later, as
    /// starting it here could go on without end.
    pub(super) fn release(&mut self, node: NodeIndex) {
        self.free_pod(node);
        let frame = self.nodes.frame_mut(node);
        let locks = std::mem::take(&mut frame.locks);
        let boundary = if std::mem::take(&mut frame.counted) { frame.boundary } else { None };

        if !locks.is_empty() {
            for unlocked in self.locks.release(node, &locks) {
                self.agenda.add(Turn::Unlocked(unlocked));
            }
        }
        if let Some(boundary) = boundary.filter(|&boundary| self.places.leave(boundary)) {
            self.agenda.add(Turn::Freed(boundary));
        }
    }

    /// A pod that has ended, or waits for a lock, leaves its place to others.
    pub(super) fn free_pod(&mut self, node: NodeIndex) {
        for boundary in self.places.remove_pod(node) {
            self.agenda.add(Turn::Freed(boundary));
        }
    }

    /// Drops what only a running node needs, so that a wide fan-out costs memory only while it runs.
    fn forget(&mut self, node: NodeIndex) {
        let frame = self.nodes.frame_mut(node);
        (frame.template, frame.filled) = (None, None);
        match &mut frame.body {
            Body::Steps(_) | Body::Dag(_) => {
                frame.body = Body::None;
                self.scopes.close(node);
                self.places.close(node);
            }
            Body::Pod(_) | Body::Errand | Body::Suspend => frame.body = Body::None,
            Body::None | Body::Group(_) | Body::Items(_) | Body::Retry(_) => {}
        }
    }
}
