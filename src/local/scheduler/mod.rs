//! The scheduler: events in, actions out. It decides what runs next and writes the status that the Argo controller
//! would; it never touches a process, a file or the clock. Each event costs the nodes that it changes, not the run.
//!
//! A node ends (`finish`), its hooks run, then its owner is told (`settled`); the owner starts what comes next.

mod arguments;
mod attempts;
mod dag;
mod finish;
mod globals;
mod hooks;
mod items;
mod locks;
mod marshalled;
mod memoization;
mod node;
mod outputs;
mod pod;
mod references;
mod retry;
mod start;
mod state;
mod status;
mod steps;
mod suspend;
mod task;
#[cfg(test)]
mod tests;
mod workflow;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use self::state::{Body, Frame, Kill, Owner};
use crate::argo::expression::Scope;
use crate::argo::model::{Artifact, RetryStrategy};
use crate::argo::status::{Node, Outputs, Phase};
use crate::local::resolved::Plan;
use crate::local::task::{Outcome, Task};

pub(crate) use self::memoization::{Found, Wanted};
pub(crate) use self::state::NodeIndex;
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
    /// What a node asked of the cache.
    Found(NodeIndex, Found),
    /// A time that was asked for has come.
    Due(Timer),
    /// Somebody lets a suspended node go on.
    Resumed(NodeIndex, Box<Given>),
    /// The run is to end.
    Shutdown(Shutdown),
}

/// How a run is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Exit handlers still run.
    Stop,
    /// Nothing more runs.
    Terminate,
}

impl Shutdown {
    /// The word in `spec.shutdown`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "Stop",
            Self::Terminate => "Terminate",
        }
    }
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
    /// End a running task, for this reason.
    Kill(NodeIndex, String),
    /// Ask the cache for an entry.
    LookUp(NodeIndex, Box<Wanted>),
    /// Make an entry of a node that succeeded.
    Keep(NodeIndex),
    /// Make no entry of a node that did not succeed.
    Forget(NodeIndex),
    /// Send the timer back at this time.
    Wake(Timestamp, Timer),
}

/// The state of a run.
#[derive(Debug)]
pub struct Scheduler {
    plan: Arc<Plan>,
    nodes: Vec<Node>,
    frames: Vec<Frame>,
    globals: Arc<Scope>,
    global_artifacts: Arc<HashMap<String, Artifact>>,
    /// What retries a template that has no retryStrategy of its own.
    retry_strategy: Option<RetryStrategy>,
    workflow: workflow::Workflow,
    /// Nodes that have ended, hooks included, and whose owner is not told yet.
    settled: VecDeque<NodeIndex>,
    /// Steps and dag nodes deep in others whose children are to start.
    nested: VecDeque<NodeIndex>,
    /// Nodes that have got the locks they waited for.
    unlocked: VecDeque<NodeIndex>,
    /// Steps and dag nodes of whose children one gave its place to those that wait.
    freed: VecDeque<NodeIndex>,
    actions: Vec<Action>,
    changed: HashSet<NodeIndex>,
    /// Pods that wait for a place, in order.
    queue: VecDeque<NodeIndex>,
    running: usize,
    /// Steps and dag nodes that fail fast and whose calls wait until the workflow's parallelism allows more pods.
    waiting_for_pods: Vec<NodeIndex>,
    parallelism: Option<usize>,
    /// Pods that wait for nothing but a place, or run: what the workflow's parallelism limits.
    active_pods: HashSet<NodeIndex>,
    pod_limit: usize,
    memory: HashMap<(String, String), (Timestamp, Option<Outputs>)>,
    locks: locks::Locks,
    shutdown: Option<Shutdown>,
    /// Whether the workflow has a tag of its own duration, which is another at every event.
    asks_for_duration: bool,
    expired: bool,
    now: Timestamp,
}

impl Scheduler {
    /// Takes an event that happened at `now` and gives what is to be done.
    pub fn handle(&mut self, now: Timestamp, event: Event) -> Vec<Action> {
        self.now = now;
        if self.asks_for_duration && self.workflow.started_at.is_some() {
            self.declare_duration();
        }
        match event {
            Event::Start => self.begin_workflow(),
            Event::Ended(node, outcome) => self.pod_ended(node, &outcome),
            Event::Found(node, found) => self.looked_up(node, found),
            Event::Due(timer) => self.due(timer),
            Event::Resumed(node, given) => self.resume(node, *given),
            Event::Shutdown(shutdown) => self.shut_down(shutdown),
        }
        self.go_on();
        std::mem::take(&mut self.actions)
    }

    /// All nodes, in the order of creation.
    pub fn indices(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len()).map(NodeIndex)
    }

    /// The nodes that changed since the last call, in the order of creation.
    pub fn changes(&mut self) -> Vec<NodeIndex> {
        let mut changed: Vec<_> = self.changed.drain().collect();
        changed.sort_unstable();
        changed
    }

    /// A node's status.
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// All nodes in the order of creation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn go_on(&mut self) {
        loop {
            if let Some(node) = self.settled.pop_front() {
                self.tell_owner(node);
            } else if let Some(node) = self.unlocked.pop_front() {
                self.unlocked(node);
            } else if let Some(node) = self.nested.pop_front() {
                self.start_nested(node);
            } else if let Some(boundary) = self.freed.pop_front() {
                self.start_waiting_calls(boundary);
            } else if !self.start_waiting_pods() {
                return;
            }
        }
    }

    fn tell_owner(&mut self, node: NodeIndex) {
        match self.frame(node).owner {
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
            Timer::Deadline(node) => self.end_pod(node, Kill::Deadline),
            Timer::Retry(node) => {
                if !self.node(node).phase.is_fulfilled() {
                    self.node_mut(node).message.clear();
                    self.attempt(node);
                }
            }
            Timer::Resume(node) => self.resume(node, Given::default()),
            Timer::Workflow => self.workflow_expired(),
        }
    }

    fn wake(&mut self, after: jiff::SignedDuration, timer: Timer) {
        let at = self.now.saturating_add(after).unwrap_or(self.now);
        self.actions.push(Action::Wake(at, timer));
    }

    /// The variables that the children of a boundary see, over the workflow's values as they are now.
    fn scope_of_children(&mut self, boundary: NodeIndex) -> Arc<Scope> {
        let globals = Arc::clone(&self.globals);
        match self.children_mut(boundary) {
            Some(children) => {
                Arc::make_mut(&mut children.scope).set_parent(&globals);
                Arc::clone(&children.scope)
            }
            None => globals,
        }
    }

    fn with_defaults(&self, template: &Arc<Value>) -> Arc<Value> {
        match self.plan.spec.get("templateDefaults") {
            Some(defaults) if defaults.is_object() => {
                Arc::new(crate::argo::defaults::with_defaults(template, defaults))
            }
            _ => Arc::clone(template),
        }
    }

    /// Whether the run is ending and this node is not part of an exit handler that may still run.
    fn stopping(&self, node: NodeIndex) -> bool {
        match self.shutdown {
            None => false,
            Some(Shutdown::Terminate) => true,
            Some(Shutdown::Stop) => !self.frame(node).on_exit,
        }
    }

    /// Whether the run is ending, by whatever, and this node with it.
    fn ending(&self, node: NodeIndex) -> bool {
        self.stopping(node) || (self.expired && !self.frame(node).on_exit)
    }

    fn set(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        let status = self.node_mut(node);
        status.phase = phase;
        message.clone_into(&mut status.message);
    }

    fn depth(&self, boundary: Option<NodeIndex>) -> usize {
        boundary.map_or(0, |boundary| self.frame(boundary).depth)
    }

    fn frame(&self, node: NodeIndex) -> &Frame {
        &self.frames[node.0]
    }

    fn frame_mut(&mut self, node: NodeIndex) -> &mut Frame {
        &mut self.frames[node.0]
    }

    fn node_mut(&mut self, node: NodeIndex) -> &mut Node {
        self.changed.insert(node);
        &mut self.nodes[node.0]
    }

    fn children_mut(&mut self, node: NodeIndex) -> Option<&mut state::Children> {
        match &mut self.frames[node.0].body {
            Body::Steps(steps) => Some(&mut steps.children),
            Body::Dag(dag) => Some(&mut dag.children),
            _ => None,
        }
    }

    fn children(&self, node: NodeIndex) -> Option<&state::Children> {
        match &self.frames[node.0].body {
            Body::Steps(steps) => Some(&steps.children),
            Body::Dag(dag) => Some(&dag.children),
            _ => None,
        }
    }
}
