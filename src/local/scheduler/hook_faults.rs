//! Hooks that cannot be asked or called, and what waits for hooks: what becomes of the nodes that they belong to.

use std::iter;

use super::Scheduler;
use super::hooks::ON_EXIT;
use super::node_table::NodeTable;
use super::state::{Call, Frame, NodeIndex, Owner};
use crate::argo::status::{NodeType, Phase};

/// Why a node begins nothing more and ends in Error.
#[derive(Debug)]
pub(super) struct BrokenOff {
    pub(super) why: Box<str>,
    /// Whether its caller errs with it.
    pub(super) is_handed_up: bool,
}

/// What is wrong with a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HookFault {
    /// Its expression cannot be evaluated, or its template not be read, however often Argo looks.
    Unasked,
    /// It cannot begin.
    Uncalled,
    /// It has begun, and hands an error up.
    Erred,
}

impl Scheduler {
    /// A hook is at fault: the node ends in Error, of a step the group, and where Argo has only come to the hook at the end of
    /// its look at a dag the dag. Argo marks it at once; here it ends when what is at work in it has ended.
    /// (workflow/controller/dag.go, executeDAGTask and executeDAG; steps.go, executeStepGroup; operator.go, operate)
    pub(super) fn hook_failed(&mut self, hooked: NodeIndex, why: &str, fault: HookFault) {
        let owner = self.nodes.frame(hooked).owner;
        let broken_off = |is_handed_up| Some(BrokenOff { why: why.into(), is_handed_up });
        match owner {
            Owner::Group(group) => {
                let counts = fault == HookFault::Unasked || self.have_all_ended(group, hooked);
                if let Some(group) = self.nodes.group_mut(group).filter(|_| counts) {
                    group.hook_failed(hooked, why.to_owned(), self.now.elapsed);
                }
            }
            Owner::Task(dag, _) if self.is_last_seen(hooked, fault) => {
                let dag = self.nodes.frame_mut(dag);
                dag.broken_off = dag.broken_off.take().or_else(|| broken_off(true));
            }
            _ if self.nodes[hooked].phase.is_fulfilled() => {
                self.nodes.set(hooked, Phase::Error, why);
                self.learn_again(hooked);
            }
            _ => self.nodes.frame_mut(hooked).broken_off = broken_off(false),
        }
    }

    /// What comes after a task that has erred since it was told of finds it in Error, without the outputs of one that did not run.
    fn learn_again(&mut self, node: NodeIndex) {
        if let Owner::Task(dag, task) = self.nodes.frame(node).owner
            && self.nodes.dag(dag).is_some_and(|tasks| tasks.has_gone_on(task))
        {
            // Why it cannot be read was noted when it was told of.
            let _ = self.learn_task(dag, task, node);
        }
    }

    /// Makes the node of a call whose template cannot be read. Argo reads that of a hook whenever it looks at the hook.
    /// (operator.go, executeTemplate)
    pub(super) fn create_unreadable(&mut self, call: &Call, why: &str) -> NodeIndex {
        if let Owner::Hook(hooked) = call.owner
            && !call.name.ends_with(ON_EXIT)
        {
            self.hook_failed(hooked, why, HookFault::Unasked);
        }
        self.create_raised(call, why)
    }

    /// Whether nothing of a group is at work but for hooks of this step. A group of which something is at work is Running again
    /// when Argo looks for the next time. (steps.go, executeStepGroup)
    fn have_all_ended(&self, group: NodeIndex, hooked: NodeIndex) -> bool {
        let has_ended = |step: NodeIndex| {
            let is_at_work = step != hooked && self.nodes.frame(step).hooks.are_running();
            self.nodes[step].phase.is_fulfilled() && !is_at_work
        };
        has_ended(hooked) && self.nodes.of_group(group).into_iter().all(has_ended)
    }

    /// Whether Argo looks at the hooks of a task as one with which its dag ends, and not as it comes to the task: it has not been
    /// Running or over before this look. (dag.go, executeDAG)
    fn is_last_seen(&self, hooked: NodeIndex, fault: HookFault) -> bool {
        let status = &self.nodes[hooked];
        let was_seen =
            matches!(status.kind, NodeType::Pod | NodeType::Http | NodeType::Plugin) && status.phase != Phase::Pending;
        let is_last = match fault {
            HookFault::Unasked => true,
            HookFault::Uncalled => !was_seen,
            HookFault::Erred => false,
        };
        is_last && !self.nodes.is_passed_by(hooked)
    }

    /// The task that Argo does not go on with while a hook of it is at work, and with it what is within.
    /// (dag.go, executeDAGTask)
    pub(super) fn held_up_by(&self, node: NodeIndex) -> Option<NodeIndex> {
        let nodes = &self.nodes;
        let is_at_work = |hook: NodeIndex| {
            let status = &nodes[hook];
            let waits = status.synchronization_status.is_some();
            !status.phase.is_fulfilled() && !self.is_daemoned(hook) && !waits
        };
        let is_held_up = |&node: &NodeIndex| {
            let frame = nodes.frame(node);
            matches!(frame.owner, Owner::Task(..))
                && frame.hooks.are_running()
                && !nodes[node].phase.is_fulfilled()
                && nodes.hooks_of(node).any(is_at_work)
        };
        nodes.around(node).find(is_held_up)
    }
}

impl NodeTable {
    /// The nodes that this one is part of, from within.
    fn around(&self, node: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        iter::successors(self.frame(node).around(), |&around| self.frame(around).around())
    }

    /// Why a node begins nothing more: a hook of it or of what it is part of is at fault.
    pub(super) fn broken_off(&self, node: NodeIndex) -> Option<&str> {
        iter::once(node).chain(self.around(node)).find_map(|node| Some(&*self.frame(node).broken_off.as_ref()?.why))
    }

    /// The same, of what the node is part of.
    pub(super) fn broken_off_around(&self, node: NodeIndex) -> Option<&str> {
        self.frame(node).around().and_then(|around| self.broken_off(around))
    }
}

impl Frame {
    /// Whether the node hands an error up, or will.
    pub(super) fn errs(&self) -> bool {
        self.raised.is_some() || self.broken_off.as_ref().is_some_and(|by| by.is_handed_up)
    }

    /// The node that this one is part of; of a hook the template that calls it.
    fn around(&self) -> Option<NodeIndex> {
        self.owner.whole().or(self.boundary)
    }
}
