//! The steps of a group, which run side by side: what each became, and when all have ended. Pure.

use jiff::SignedDuration;
use serde_json::Value;

use super::node_table::NodeTable;
use super::state::{Body, NodeIndex, Owner};
use super::steps::FAILED_FAST;
use crate::argo::status::Phase;

/// A group at work.
#[derive(Debug)]
pub(super) struct StepGroup {
    unsettled: usize,
    error: Option<String>,
    /// Whether it has failed as its steps began, so that nothing more begins.
    failed: bool,
    /// Whether all of its steps have begun, or wait for a place.
    all_begun: bool,
    /// When the error of an exit hook came up, which Argo returns.
    handed_up: Option<SignedDuration>,
    failed_fast: bool,
    /// The step of whose hooks one could not be looked at, and when.
    silent_after: Option<(NodeIndex, SignedDuration)>,
    /// Steps at whose hooks Argo looks when all have begun.
    unlooked: Vec<NodeIndex>,
    steps: Vec<Member>,
}

/// A step of the document and the nodes that it became.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) step: Value,
    pub(super) name: String,
    pub(super) expanded: bool,
    pub(super) nodes: Vec<NodeIndex>,
}

impl StepGroup {
    /// A group that cannot end before all of its steps have been started: it counts one more than there are.
    pub(super) fn new() -> Self {
        Self {
            unsettled: 1,
            error: None,
            failed: false,
            all_begun: false,
            handed_up: None,
            failed_fast: false,
            silent_after: None,
            unlooked: Vec::new(),
            steps: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, step: &Value, expanded: bool) {
        let name = step["name"].as_str().unwrap_or_default().to_owned();
        self.steps.push(Member { step: step.clone(), name, expanded, nodes: Vec::new() });
    }

    /// A step, or an item of one, is on its way.
    pub(super) fn begun(&mut self) {
        self.unsettled += 1;
    }

    /// Records the node of a step, or of an item of one.
    pub(super) fn join(&mut self, name: &str, node: NodeIndex) {
        let is_of = |member: &Member| {
            member.name == name
                || member.expanded && name.strip_prefix(&member.name).is_some_and(|rest| rest.starts_with('('))
        };
        if let Some(member) = self.steps.iter_mut().rev().find(|member| is_of(member)) {
            member.nodes.push(node);
        }
    }

    /// Makes the group end in Error with nothing more to start; the first reason counts.
    pub(super) fn fail(&mut self, why: String) {
        self.error.get_or_insert(why);
        self.failed = true;
    }

    /// Notes that all steps have begun, and gives those whose hooks are to be looked at.
    pub(super) fn all_begun(&mut self) -> Vec<NodeIndex> {
        self.all_begun = true;
        let mut unlooked = std::mem::take(&mut self.unlooked);
        unlooked.sort_unstable();
        unlooked.dedup();
        unlooked
    }

    /// Whether others have to begin before the hooks of this step are looked at. (workflow/controller/steps.go, executeStepGroup)
    fn looks_later(&mut self, step: NodeIndex) -> bool {
        if !self.all_begun {
            self.unlooked.push(step);
        }
        !self.all_begun
    }

    /// Makes the group end in Error once all of it has started: Argo looks at hooks after that, and not at those of the
    /// steps after this one. (executeStepGroup)
    pub(super) fn hook_failed(&mut self, of: NodeIndex, why: String, now: SignedDuration) {
        self.error.get_or_insert(why);
        self.silent_after.get_or_insert((of, now));
    }

    /// Makes the group end in Error in a way that its caller hears of at once, unless a step has erred before: then no handler is
    /// looked at any more. (workflow/controller/steps.go, executeSteps and executeStepGroup)
    pub(super) fn hand_up(&mut self, of: NodeIndex, why: String, now: SignedDuration) {
        if self.failed {
            return;
        }
        self.hook_failed(of, why, now);
        self.handed_up.get_or_insert(now);
    }

    /// Whether no hook of this step begins any more: Argo has ended the group, or could not look at the hooks of a step
    /// before this one.
    fn is_silent(&self, step: NodeIndex) -> bool {
        let has_failed = self.failed && self.handed_up.is_none();
        has_failed || self.silent_after.is_some_and(|(failed, _)| failed < step)
    }

    pub(super) fn hands_up(&self) -> bool {
        self.handed_up.is_some()
    }

    /// Whether steps were at work when such an error came up.
    pub(super) fn was_left(&self, now: SignedDuration) -> bool {
        self.handed_up.is_some_and(|at| at < now)
    }

    /// Whether a hook failed while steps were at work: Argo has ended the group since.
    fn was_ended(&self, now: SignedDuration) -> bool {
        self.silent_after.is_some_and(|(_, at)| at < now)
    }

    /// Whether a hook has failed at this look alone: Argo marks the group and comes to its steps when it looks again.
    pub(super) fn is_seen_later(&self, now: SignedDuration) -> bool {
        !self.failed && self.handed_up.is_none() && self.silent_after.is_some_and(|(_, at)| at == now)
    }

    /// Whether nothing more begins. Hooks are looked at when all has begun.
    pub(super) fn is_stopped(&self) -> bool {
        self.failed || self.handed_up.is_some() && self.all_begun
    }

    /// A step will not be started, because a sibling failed.
    pub(super) fn give_up(&mut self) {
        self.failed_fast = true;
    }

    /// A step has ended with its hooks, or will never run; whether it was the last one.
    pub(super) fn settled(&mut self) -> bool {
        self.unsettled -= 1;
        self.unsettled == 0
    }

    pub(super) fn steps(&self) -> &[Member] {
        &self.steps
    }

    pub(super) fn nodes(&self) -> Vec<NodeIndex> {
        self.steps.iter().flat_map(|member| member.nodes.iter().copied()).collect()
    }

    /// How the group ends. `tripped` says that the template fails fast and a pod of it failed.
    pub(super) fn end(&self, tripped: bool, nodes: &NodeTable) -> (Phase, String) {
        if let Some(why) = &self.error {
            return (Phase::Error, why.clone());
        }
        if tripped {
            return (Phase::Failed, FAILED_FAST.to_owned());
        }
        let counts = |step: NodeIndex| {
            let continue_on = nodes.frame(step).continue_on;
            match nodes[step].phase {
                Phase::Failed => !continue_on.failed,
                Phase::Error => !continue_on.error,
                _ => false,
            }
        };
        match self.steps.iter().flat_map(|member| &member.nodes).find(|&&step| counts(step)) {
            Some(&step) => (Phase::Failed, format!("child '{}' failed", nodes[step].id)),
            None if self.failed_fast => (Phase::Failed, FAILED_FAST.to_owned()),
            None => (Phase::Succeeded, String::new()),
        }
    }
}

impl NodeTable {
    pub(super) fn group(&self, node: NodeIndex) -> Option<&StepGroup> {
        match &self.frame(node).body {
            Body::Group(group) => Some(group),
            _ => None,
        }
    }

    pub(super) fn group_mut(&mut self, node: NodeIndex) -> Option<&mut StepGroup> {
        match &mut self.frame_mut(node).body {
            Body::Group(group) => Some(group),
            _ => None,
        }
    }

    pub(super) fn fail_group(&mut self, group: NodeIndex, why: String) {
        if let Some(group) = self.group_mut(group) {
            group.fail(why);
        }
    }

    pub(super) fn is_group_stopped(&self, group: NodeIndex) -> bool {
        self.group(group).is_some_and(StepGroup::is_stopped)
    }

    /// Whether the hooks of a node are looked at later, when all steps of its group have begun.
    pub(super) fn looks_later(&mut self, node: NodeIndex) -> bool {
        match self.frame(node).owner {
            Owner::Group(group) => self.group_mut(group).is_some_and(|group| group.looks_later(node)),
            _ => false,
        }
    }

    /// Whether a hook of an earlier step in the same group could not be looked at.
    pub(super) fn is_silent(&self, node: NodeIndex) -> bool {
        match self.frame(node).owner {
            Owner::Group(group) => self.group(group).is_some_and(|group| group.is_silent(node)),
            _ => false,
        }
    }

    /// Whether a step of the current group has erred, which ends them in Argo.
    pub(super) fn have_failed(&self, steps: NodeIndex) -> bool {
        let Body::Steps(body) = &self.frame(steps).body else { return false };
        body.group.and_then(|group| self.group(group)).is_some_and(|group| group.failed)
    }

    /// Whether Argo has ended the steps with their group while work of that went on.
    pub(super) fn were_ended(&self, steps: NodeIndex, now: SignedDuration) -> bool {
        let Body::Steps(body) = &self.frame(steps).body else { return false };
        body.group.and_then(|group| self.group(group)).is_some_and(|group| group.was_ended(now))
    }

    /// The nodes that the steps of a group became.
    pub(super) fn of_group(&self, group: NodeIndex) -> Vec<NodeIndex> {
        self.group(group).map(StepGroup::nodes).unwrap_or_default()
    }
}
