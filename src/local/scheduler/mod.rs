//! The scheduler: events in, actions out. It decides what runs next and writes the status that the Argo controller
//! would; it never touches a process, a file or the clock. Each event costs the nodes that it changes, not the run.
//!
//! A node ends (`finish`), its hooks run, then its owner is told (`settled`); the owner starts what comes next.

mod agenda;
mod arguments;
mod attempts;
mod daemon;
mod dag;
mod dag_looks;
mod dag_plan;
mod dag_tasks;
mod errands;
mod finish;
mod form;
mod globals;
mod hook_faults;
mod hooks;
mod item_group;
mod items;
mod known_keys;
mod locks;
mod marshalled;
mod memoization;
mod moment;
mod node_table;
mod outputs;
mod own_keys;
mod part;
mod places;
mod pod;
mod pod_queue;
mod references;
mod retry;
mod runs;
mod scopes;
mod standstill;
mod start;
mod state;
mod status;
mod step_group;
mod steps;
mod stop;
mod stubs;
mod suspend;
mod task;
#[cfg(test)]
mod tests;
mod workflow;

use std::sync::Arc;

use jiff::SignedDuration;

use self::agenda::{Agenda, Turn};
use self::dag_tasks::DagTasks;
use self::form::Forms;
use self::locks::Locks;
use self::memoization::Memory;
use self::node_table::NodeTable;
use self::own_keys::OwnKeys;
use self::places::Places;
use self::pod_queue::PodQueue;
use self::scopes::Scopes;
use self::state::{Kill, Owner};
use self::stop::Stop;
use self::workflow::Workflow;
use crate::argo::Shutdown;
use crate::argo::expression::StopFlag;
use crate::argo::model::RetryStrategy;
use crate::argo::status::Node;
use crate::local::errand::{Errand, Returned};
use crate::local::resolved::Resolved;
use crate::local::runtime::Wanted as ImageWanted;
use crate::local::task::{Outcome, Task};

pub(crate) use self::known_keys::KnownKeys;
pub use self::memoization::Found;
pub(crate) use self::memoization::Wanted;
pub use self::moment::Moment;
pub use self::state::NodeIndex;
pub(crate) use self::suspend::Given;
pub(crate) use self::task::{ARTIFACTS, image_program};
pub(crate) use self::workflow::Finished;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The run begins.
    Start,
    /// A task ended.
    Ended(NodeIndex, Box<Outcome>),
    /// A daemon is ready.
    Ready(NodeIndex),
    /// What came of an errand.
    Returned(NodeIndex, Box<Returned>),
    /// What a node asked of the cache.
    Found(NodeIndex, Found),
    /// A time that was asked for has come.
    Due(Timer),
    /// Somebody lets a suspended node go on.
    Resumed(NodeIndex, Box<Given>),
    /// The run is to end.
    Shutdown(Shutdown),
    /// Nothing is at work and nothing is waited for, although the run has not ended.
    Stuck,
}

/// What a time was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// A pod has run long enough.
    Deadline(NodeIndex),
    /// A retry may make its next attempt.
    Retry(NodeIndex),
    /// A suspended node goes on.
    Resume(NodeIndex),
    /// The workflow has run long enough.
    Workflow,
}

/// Something to do.
#[derive(Debug)]
pub enum Action {
    /// Run a task.
    Run(NodeIndex, Box<Task>),
    /// Run an errand.
    Errand(NodeIndex, Box<Errand>),
    /// End a running task or errand, for this reason.
    Kill(NodeIndex, String),
    /// End a daemon that nothing needs any more.
    Dismiss(NodeIndex),
    /// Ask the cache for an entry.
    LookUp(NodeIndex, Box<Wanted>),
    /// Make an entry of a node that succeeded; where containers run in their images, in these.
    Keep(NodeIndex, Vec<ImageWanted>),
    /// Make no entry of a node that did not succeed.
    Forget(NodeIndex),
    /// Make no entry of a node that depends on a stub.
    LeaveOut(NodeIndex),
    /// Send the timer back once the run has lasted this long.
    Wake(SignedDuration, Timer),
}

/// So many starts may be within one another before what comes next waits for its turn.
const DEEPEST_WITHIN: usize = 64;

/// The state of a run: parts with a state of their own, between which events pass.
#[derive(Debug)]
pub struct Scheduler {
    plan: Arc<Resolved>,
    forms: Forms,
    now: Moment,
    workflow: Workflow,
    nodes: NodeTable,
    scopes: Scopes,
    places: Places,
    pods: PodQueue,
    locks: Locks,
    own_keys: OwnKeys,
    memory: Memory,
    /// Keys that a rehearsal of this run has evaluated.
    known_keys: Option<Arc<KnownKeys>>,
    stop: Stop,
    agenda: Agenda,
    actions: Vec<Action>,
    /// What retries a template that has no retryStrategy of its own.
    retry_strategy: Option<RetryStrategy>,
    /// Whether the workflow has a tag of its own duration, which is another at every event.
    asks_for_duration: bool,
    /// Whether an output that depends on a stub is known in the whole workflow.
    stubs_are_published: bool,
    /// The daemons that are ready and run.
    daemons: Vec<NodeIndex>,
    /// So many starts are within one another.
    within: usize,
}

impl Scheduler {
    /// Takes an event that happened at `now` and gives what is to be done.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        self.now = now;
        self.places.look_again(now.elapsed);
        if self.asks_for_duration && self.workflow.started_at.is_some() {
            self.scopes.declare_duration(self.workflow.seconds(now));
        }

        match event {
            Event::Start => self.begin_workflow(),
            Event::Ended(node, outcome) => self.pod_ended(node, &outcome),
            Event::Ready(node) => self.ready(node),
            Event::Returned(node, returned) => self.returned(node, *returned),
            Event::Found(node, found) => self.looked_up(node, found),
            Event::Due(timer) => self.due(timer),
            Event::Resumed(node, given) => self.resume(node, *given),
            Event::Shutdown(shutdown) => {
                self.scopes.stop().lower();
                self.shut_down(shutdown);
            }
            Event::Stuck => self.end_stuck(),
        }
        self.go_on();
        self.look_at_hooks();
        self.go_on();
        std::mem::take(&mut self.actions)
    }

    /// What another thread raises when the run is to end while an event is being handled: the event then ends early, and what
    /// is left of it is done after the [shutdown](Event::Shutdown) that has to follow.
    pub(crate) fn stop_flag(&self) -> StopFlag {
        self.scopes.stop().clone()
    }

    /// The same with keys that a rehearsal of the run has evaluated.
    pub(crate) fn knowing(self, keys: Arc<KnownKeys>) -> Self {
        Self { known_keys: Some(keys), ..self }
    }

    /// In a plan: the key that a node asks for as its template has it; none where the run may have another one.
    pub(crate) fn key_of_call(&self, node: NodeIndex) -> Option<Arc<str>> {
        self.nodes.frame(node).filled.as_ref()?.key_of_call().cloned()
    }

    /// In a plan: no keys yet, of a workflow with these values.
    pub(crate) fn no_keys(&self) -> KnownKeys {
        KnownKeys::of(self.scopes.workflow())
    }

    /// All nodes, in the order of creation.
    pub(crate) fn indices(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        self.nodes.indices()
    }

    /// The nodes that changed since the last call, in the order of creation.
    pub fn changes(&mut self) -> Vec<NodeIndex> {
        self.nodes.take_changes()
    }

    /// A node's status.
    pub(crate) fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index]
    }

    /// All nodes in the order of creation.
    pub fn nodes(&self) -> &[Node] {
        self.nodes.statuses()
    }

    fn go_on(&mut self) {
        while !self.scopes.stop().is_raised() {
            match self.agenda.next() {
                Some(Turn::Settled(node)) => self.tell_owner(node),
                Some(Turn::Unlocked(node)) => {
                    // Argo asks for its locks again when it looks again.
                    self.look_at_hooks();
                    self.unlocked(node);
                }
                Some(Turn::Nested(node)) => self.start_nested(node),
                Some(Turn::Freed(boundary)) => self.start_waiting_calls(boundary),
                Some(Turn::Holding(node)) => self.release(node),
                None if self.start_waiting_pods() => {}
                None => match self.agenda.next_look() {
                    Some(node) => self.look_again(node),
                    None => return,
                },
            }
        }
    }

    /// Starts something, then what comes next where it has ended at once: all this before what stands beside it, as Argo's
    /// controller does on its way down. Deep within others what comes next waits for its turn, or it would use up the stack.
    fn start_through(&mut self, start: impl FnOnce(&mut Self)) {
        let before = self.agenda.settled();
        self.within += 1;
        start(self);
        while self.within < DEEPEST_WITHIN
            && !self.scopes.stop().is_raised()
            && let Some(node) = self.agenda.next_settled_since(before)
        {
            self.tell_owner(node);
        }
        self.within -= 1;
    }

    /// Starts what is within a node and tells of what has ended there, until the node itself has: its owner is told once the
    /// node is one of its own. A dag of which all has ended as it began is not looked at again.
    fn start_within(&mut self, node: NodeIndex, start: impl FnOnce(&mut Self)) {
        let before = self.agenda.settled();
        self.within += 1;
        start(self);
        while self.within < DEEPEST_WITHIN && !self.scopes.stop().is_raised() && !self.nodes[node].phase.is_fulfilled()
        {
            if let Some(ended) = self.agenda.next_settled_since(before) {
                self.tell_owner(ended);
            } else if self.nodes.dag(node).is_some_and(DagTasks::waits_for_nothing_else)
                && let Some(task) = self.agenda.next_look_of(|task| self.nodes.waits_for_hooks_in(node, task))
            {
                self.look_again(task);
            } else {
                break;
            }
        }
        self.within -= 1;
    }

    fn tell_owner(&mut self, node: NodeIndex) {
        self.nodes.frame_mut(node).is_settling = false;
        if self.nodes.frame(node).told {
            return;
        }
        if let Some(task) = self.held_up_by(node) {
            return self.nodes.frame_mut(task).hooks.hold(node);
        }
        self.nodes.frame_mut(node).told = self.is_daemoned(node);
        match self.nodes.frame(node).owner {
            Owner::Entry => self.entry_settled(node),
            Owner::ExitHandler => self.exit_handler_settled(node),
            Owner::Steps(steps) => self.group_settled(steps, node),
            Owner::Group(group) => self.step_done(group),
            Owner::Task(dag, task) => self.task_settled(dag, task),
            Owner::Item(group) => self.item_settled(group),
            Owner::Attempt(retry) => self.attempt_settled(retry),
            Owner::Hook(hooked) => self.hook_settled(hooked),
        }
    }

    fn due(&mut self, timer: Timer) {
        match timer {
            Timer::Deadline(node) => {
                self.end_pod(node, Kill::Deadline);
                self.end_errand(node, Kill::Deadline);
            }
            Timer::Retry(node) => {
                if !self.nodes[node].phase.is_fulfilled() {
                    self.nodes[node].message.clear();
                    self.attempt(node);
                }
            }
            Timer::Resume(node) => self.resume(node, Given::default()),
            Timer::Workflow => self.workflow_expired(),
        }
    }

    fn wake(&mut self, after: SignedDuration, timer: Timer) {
        let at = self.now.elapsed.saturating_add(after);
        self.actions.push(Action::Wake(at, timer));
    }

    /// Whether somebody ended the run and this node with it, or a fault of a hook ends the node: it begins nothing more.
    fn stopping(&self, node: NodeIndex) -> bool {
        self.stop.begins_nothing(self.nodes.frame(node).on_exit) || self.nodes.broken_off(node).is_some()
    }

    /// Whether the run is ending, by whatever, and this node with it.
    fn ending(&self, node: NodeIndex) -> bool {
        self.stop.ends(self.nodes.frame(node).on_exit)
    }
}
