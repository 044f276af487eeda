//! The workflow around its nodes: its entrypoint, its exit handler, its deadline, its end.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::agenda::Agenda;
use super::arguments::view;
use super::finish::OPERATION_ERROR;
use super::form::Forms;
use super::locks::Locks;
use super::marshalled::{self, Failure};
use super::memoization::Memory;
use super::moment::Moment;
use super::node_table::NodeTable;
use super::own_keys::OwnKeys;
use super::places::Places;
use super::pod_queue::PodQueue;
use super::scopes::Scopes;
use super::state::{Body, Call, Kill, NodeIndex, Owner};
use super::stop::Stop;
use super::{Scheduler, Shutdown, Timer, locks};
use crate::argo::expression::{Unresolved, render_value};
use crate::argo::model::{Arguments, Synchronization};
use crate::argo::status::{NodeFlag, NodeType, Phase, pod_name};
use crate::argo::workflow_spec;
use crate::local::resolved::{Reference, Resolved, TemplateScope};

/// The part of the status that is not a node.
#[derive(Debug, Default)]
pub(super) struct Workflow {
    pub(super) phase: Phase,
    pub(super) message: String,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    /// When it began, counted as everything else is that is waited for.
    began: SignedDuration,
    entry: Option<NodeIndex>,
    /// Whether all has begun that begins at once.
    has_begun: bool,
    /// Why the entrypoint's node ended the workflow while the node itself was Running.
    handed_up: Option<String>,
    /// Whether that node is looked at once more while the exit handler is at work.
    is_seen_again: bool,
}

impl Workflow {
    /// This node stands for the workflow.
    pub(super) fn enter(&mut self, node: NodeIndex) {
        self.entry = Some(node);
    }

    /// The workflow ends for this reason.
    pub(super) fn hand_up(&mut self, why: String) {
        self.handed_up = Some(why);
    }

    /// The entrypoint's node, which hands an error up, is looked at once more while the exit handler is at work.
    pub(super) fn see_again(&mut self) {
        self.is_seen_again = true;
    }

    /// Whether all has begun that begins at once.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// How long it has been running, in seconds.
    pub(super) fn seconds(&self, now: Moment) -> f64 {
        (now.elapsed - self.began).as_secs_f64()
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Succeeded, Failed or Error.
    pub phase: Phase,
    /// Why.
    pub(crate) message: String,
}

impl Scheduler {
    /// The state before anything has run.
    pub fn new(plan: Resolved) -> Self {
        let limit = plan.spec["parallelism"].as_u64().and_then(|limit| usize::try_from(limit).ok());
        let parallelism = limit.filter(|&limit| limit > 0);
        let pod_limit = parallelism.map_or(plan.task_limit, |limit| limit.min(plan.task_limit));
        let asks_for_duration = plan.mentions("workflow.duration");
        let retry_strategy = plan.spec.get("retryStrategy").and_then(|strategy| view(strategy).ok());
        Self {
            forms: Forms::default(),
            now: Moment::begin(Timestamp::UNIX_EPOCH),
            workflow: Workflow::default(),
            nodes: NodeTable::new(plan.name()),
            scopes: Scopes::default(),
            places: Places::new(parallelism),
            pods: PodQueue::new(pod_limit),
            locks: Locks::default(),
            own_keys: OwnKeys::default(),
            memory: Memory::new(&plan),
            known_keys: None,
            stop: Stop::default(),
            agenda: Agenda::default(),
            actions: Vec::new(),
            retry_strategy,
            asks_for_duration,
            stubs_are_published: false,
            daemons: Vec::new(),
            within: 0,
            plan: Arc::new(plan),
        }
    }

    /// The Workflow object as the run was given it.
    pub(crate) fn workflow(&self) -> &Value {
        &self.plan.workflow
    }

    /// How the run ended; none while it goes on.
    pub fn finished(&self) -> Option<Finished> {
        let phase = self.workflow.phase;
        self.workflow.finished_at?;
        Some(Finished { phase, message: self.workflow.message.clone() })
    }

    pub(super) fn begin_workflow(&mut self) {
        self.workflow.started_at = Some(self.now.wall);
        self.workflow.began = self.now.elapsed;
        self.workflow.phase = Phase::Running;
        // (workflow/controller/operator.go, setExecWorkflow)
        if let Err(why) = self.scopes.declare(&self.plan) {
            return self.end_workflow(Phase::Failed, &format!("failed to set global parameters: {why}"));
        }
        let workflow = self.scopes.workflow();
        self.known_keys = self.known_keys.take().filter(|keys| keys.are_of(workflow));
        self.scopes.declare_duration(0.0);
        if let Err(why) = self.plan.workflow_locks() {
            let message = format!("Failed to acquire the synchronization lock. {why}");
            return self.end_workflow(Phase::Failed, &message);
        }
        if let Some(shutdown) = self.plan.spec["shutdown"].as_str().and_then(Shutdown::of) {
            self.stop.shut_down_from_the_start(shutdown);
        }
        if let Some(seconds) = self.plan.spec["activeDeadlineSeconds"].as_i64() {
            self.wake(SignedDuration::from_secs(seconds), Timer::Workflow);
        }
        let arguments = workflow_spec::arguments(&self.plan.spec).cloned().unwrap_or_default();
        let arguments = render_value(&arguments, self.scopes.workflow(), Unresolved::Keep)
            .map_err(|error| error.to_string())
            .and_then(|arguments| if arguments.is_null() { Ok(Arguments::default()) } else { view(&arguments) });
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(why) => return self.end_workflow(Phase::Error, &why),
        };
        let entrypoint = workflow_spec::entrypoint(&self.plan.spec).to_owned();
        let name = self.plan.name().to_owned();
        let hooks = self.plan.hooks_of_workflow();
        let call = Call::new(name, Reference::Name(entrypoint), TemplateScope::Local, Owner::Entry);
        self.begin(Call { arguments, hooks, ..call });
    }

    /// Looks at the hooks of the workflow once all has begun that begins at once: where the workflow has ended with that, it has never
    /// been Running to them. (workflow/controller/operator.go, operate)
    pub(super) fn look_at_hooks(&mut self) {
        if self.workflow.has_begun || self.scopes.stop().is_raised() {
            return;
        }
        self.workflow.has_begun = true;
        if let Some(entry) = self.workflow.entry.filter(|&entry| !self.nodes[entry].phase.is_fulfilled()) {
            self.fire_hooks(entry);
        }
    }

    pub(super) fn entry_ended(&mut self, phase: Phase) {
        let phase = if phase.is_completed() { phase } else { Phase::Succeeded };
        let failures: Vec<Failure> = self
            .nodes
            .statuses()
            .iter()
            .filter(|node| node.phase.is_unsuccessful())
            .map(|node| {
                let template = node.template_name.as_deref().unwrap_or_default();
                Failure {
                    display_name: node.display_name.clone(),
                    message: node.message.clone(),
                    template_name: template.to_owned(),
                    phase: node.phase.as_str(),
                    pod_name: pod_name(self.plan.name(), template, &node.name),
                    finished_at: node.finished_at.map(marshalled::time),
                }
            })
            .collect();
        let unknown = self.workflow.entry.and_then(|entry| self.nodes.frame(entry).unknown);
        self.scopes.declare_end(phase, &failures, unknown);
        self.scopes.declare_duration(self.workflow.seconds(self.now));
    }

    pub(super) fn entry_settled(&mut self, entry: NodeIndex) {
        if let Some(why) = self.nodes.frame(entry).raised.clone() {
            return self.end_workflow(Phase::Error, &format!("error in entry template execution: {why}"));
        }
        let Some(hook) = self.plan.exit_handler().filter(|_| !self.stop.is_termination()) else {
            return self.conclude(None);
        };
        let arguments = render_value(&hook.arguments, self.scopes.workflow(), Unresolved::Keep)
            .map_err(|error| error.to_string())
            .and_then(|arguments| if arguments.is_null() { Ok(Arguments::default()) } else { view(&arguments) });
        match arguments {
            Ok(arguments) => {
                let name = format!("{}.onExit", self.plan.name());
                let call = Call::new(name, Reference::from(&hook), TemplateScope::Local, Owner::ExitHandler);
                let flag = Some(NodeFlag { hooked: true, retried: false });
                self.begin(Call { arguments, flag, on_exit: true, ..call });
            }
            Err(why) => self.end_workflow(Phase::Error, &format!("error in exit template execution : {why}")),
        }
    }

    pub(super) fn exit_handler_settled(&mut self, node: NodeIndex) {
        let frame = self.nodes.frame(node);
        let Some(why) = frame.raised.clone() else { return self.conclude(Some(node)) };
        if let Some(entry) = self.workflow.entry
            && self.workflow.is_seen_again
            && frame.began == frame.ended
        {
            self.nodes.set(entry, Phase::Error, OPERATION_ERROR);
        }
        self.end_workflow(Phase::Error, &format!("error in exit template execution : {why}"));
    }

    fn conclude(&mut self, exit_handler: Option<NodeIndex>) {
        self.end_daemons(None);
        let Some(entry) = self.workflow.entry.map(|entry| self.nodes[entry].clone()) else { return };
        match entry.phase {
            Phase::Failed | Phase::Error if self.stop.shutdown().is_some() => {
                let message = self.stop.of_run();
                self.end_workflow(entry.phase, &message);
            }
            Phase::Failed | Phase::Error => {
                let message = self.workflow.handed_up.take().unwrap_or(entry.message);
                self.end_workflow(entry.phase, &message);
            }
            _ => match exit_handler.map(|node| self.nodes[node].clone()).filter(|node| node.phase.is_unsuccessful()) {
                Some(node) => self.end_workflow(node.phase, &node.message),
                None => self.end_workflow(Phase::Succeeded, ""),
            },
        }
    }

    pub(super) fn end_workflow(&mut self, phase: Phase, message: &str) {
        self.workflow.phase = phase;
        message.clone_into(&mut self.workflow.message);
        self.workflow.finished_at = Some(self.now.wall);
    }

    pub(super) fn workflow_expired(&mut self) {
        self.stop.expire();
        self.end_all(Kill::WorkflowDeadline);
    }

    pub(super) fn shut_down(&mut self, shutdown: Shutdown) {
        self.stop.shut_down(shutdown);
        self.end_all(Kill::Shutdown);
    }

    /// Ends whatever is at work and not part of an exit handler that may still run.
    fn end_all(&mut self, kill: Kill) {
        let (message, unstarted) = (self.stop.of_pod(), self.stop.of_unstarted());
        for node in self.nodes.indices() {
            let spared = self.nodes.frame(node).on_exit && !self.stop.is_termination();
            if spared || self.nodes[node].phase.is_fulfilled() || self.is_daemoned(node) {
                continue;
            }
            match (&self.nodes.frame(node).body, self.nodes[node].kind) {
                (Body::Pod(body), _) if body.running => self.end_pod(node, kill),
                (Body::Pod(_), _) => self.finish(node, Phase::Failed, &message),
                (Body::Errand, _) => self.end_errand(node, kill),
                (Body::Suspend, _) => self.finish(node, Phase::Failed, &unstarted),
                // One that waits for its lock has no body yet; one between attempts has no attempt at work.
                (Body::None, kind) if kind != NodeType::Container => self.finish(node, Phase::Failed, &unstarted),
                (Body::Retry(attempts), _) if attempts.are_idle(&self.nodes) => {
                    self.finish(node, Phase::Failed, &unstarted);
                }
                _ => {}
            }
        }
        if self.nodes.statuses().is_empty() {
            let message = self.stop.of_run();
            self.end_workflow(Phase::Failed, &message);
        }
    }
}

impl Resolved {
    /// The locks that the workflow takes as a whole, with their limits.
    pub(crate) fn workflow_locks(&self) -> Result<Vec<(String, usize)>, String> {
        let synchronization: Synchronization = match self.spec.get("synchronization") {
            Some(value) if value.is_object() => view(value)?,
            _ => return Ok(Vec::new()),
        };
        let locks = locks::named(&synchronization, self.metadata("namespace"), |map, key| self.limit(map, key))?;
        Ok(locks.into_iter().map(|lock| (lock.name, lock.limit)).collect())
    }

    /// The limit of a semaphore, from its ConfigMap.
    pub(super) fn limit(&self, map: &str, key: &str) -> Result<usize, String> {
        let text = self
            .config_maps
            .get(map)
            .and_then(|data| data.get(key))
            .ok_or_else(|| format!("semaphore: ConfigMap {map:?} with key {key:?} not found in the given files"))?;
        match text.trim().parse() {
            Ok(limit) if limit > 0 => Ok(limit),
            _ => Err(format!("semaphore {map}/{key}: limit {text:?} is no whole number above 0")),
        }
    }
}
