//! The workflow around its nodes: its entrypoint, its exit handler, its deadline, its end.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::arguments::view;
use super::marshalled::{self, Failure};
use super::state::{Body, Call, Kill, NodeIndex, Owner};
use super::{Scheduler, Shutdown, Timer, locks};
use crate::argo::expression::{Scope, Unresolved, render_value, unknown};
use crate::argo::model::{Arguments, Hook, Synchronization};
use crate::argo::status::{NodeFlag, NodeType, Phase, pod_name};
use crate::local::resolved::{Plan, Reference, TemplateScope};

/// The part of the status that is not a node.
#[derive(Debug)]
pub(super) struct Workflow {
    pub(super) phase: Phase,
    pub(super) message: String,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    /// Global outputs in the order of their first appearance.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) artifacts: Vec<(String, Value)>,
    entry: Option<NodeIndex>,
}

impl Workflow {
    pub(super) fn publish_parameter(&mut self, name: &str, value: &str) {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
    }

    pub(super) fn publish_artifact(&mut self, name: &str, document: Value) {
        match self.artifacts.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = document,
            None => self.artifacts.push((name.to_owned(), document)),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Succeeded, Failed or Error.
    pub phase: Phase,
    /// Why.
    pub message: String,
}

impl Scheduler {
    /// The state before anything has run.
    pub fn new(plan: Plan) -> Self {
        let limit = plan.spec["parallelism"].as_u64().and_then(|limit| usize::try_from(limit).ok());
        let parallelism = limit.filter(|&limit| limit > 0);
        let pod_limit = parallelism.map_or(plan.task_limit, |limit| limit.min(plan.task_limit));
        let asks_for_duration = plan.mentions("workflow.duration");
        let retry_strategy = plan.spec.get("retryStrategy").and_then(|strategy| view(strategy).ok());
        Self {
            plan: Arc::new(plan),
            nodes: Vec::new(),
            frames: Vec::new(),
            globals: Arc::new(Scope::new()),
            global_artifacts: Arc::new(HashMap::new()),
            retry_strategy,
            workflow: Workflow {
                phase: Phase::Pending,
                message: String::new(),
                started_at: None,
                finished_at: None,
                parameters: Vec::new(),
                artifacts: Vec::new(),
                entry: None,
            },
            settled: VecDeque::new(),
            unlocked: VecDeque::new(),
            freed: VecDeque::new(),
            actions: Vec::new(),
            changed: HashSet::new(),
            queue: VecDeque::new(),
            running: 0,
            waiting_for_pods: Vec::new(),
            parallelism,
            active_pods: HashSet::new(),
            pod_limit,
            memory: HashMap::new(),
            locks: locks::Locks::default(),
            shutdown: None,
            asks_for_duration,
            expired: false,
            now: Timestamp::UNIX_EPOCH,
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
        self.workflow.started_at = Some(self.now);
        self.workflow.phase = Phase::Running;
        if let Err(why) = self.declare_globals() {
            return self.end_workflow(Phase::Error, &why);
        }
        if let Err(why) = self.plan.workflow_locks() {
            let message = format!("Failed to acquire the synchronization lock. {why}");
            return self.end_workflow(Phase::Failed, &message);
        }
        if let Some(seconds) = self.plan.spec["activeDeadlineSeconds"].as_i64() {
            self.wake(SignedDuration::from_secs(seconds), Timer::Workflow);
        }
        let arguments = self.plan.spec.get("arguments").cloned().unwrap_or_default();
        let arguments = render_value(&arguments, &self.globals, Unresolved::Keep)
            .map_err(|error| error.to_string())
            .and_then(|arguments| if arguments.is_null() { Ok(Arguments::default()) } else { view(&arguments) });
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(why) => return self.end_workflow(Phase::Error, &why),
        };
        let entrypoint = self.plan.spec["entrypoint"].as_str().unwrap_or_default().to_owned();
        let name = self.plan.name().to_owned();
        let hooks = self.workflow_hooks();
        let call = Call::new(name, Reference::Name(entrypoint), TemplateScope::Local, Owner::Entry);
        let entry = self.begin(Call { arguments, hooks, ..call });
        self.workflow.entry = entry;
    }

    fn workflow_hooks(&self) -> std::collections::BTreeMap<String, Hook> {
        let hooks = self.plan.spec.get("hooks").cloned().unwrap_or_default();
        let mut hooks: std::collections::BTreeMap<String, Hook> = view(&hooks).unwrap_or_default();
        hooks.remove("exit");
        hooks
    }

    /// The workflow's exit handler: `onExit`, or `hooks.exit`.
    fn exit_handler(&self) -> Option<Hook> {
        let hooks = self.plan.spec.get("hooks").map(|hooks| view(hooks).unwrap_or_default()).unwrap_or_default();
        self.exit_hook(self.plan.spec["onExit"].as_str().unwrap_or_default(), &hooks)
    }

    pub(super) fn entry_ended(&mut self, phase: Phase) {
        let phase = if phase.is_completed() { phase } else { Phase::Succeeded };
        let failures: Vec<Failure> = self
            .nodes
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
        let unknown = self.workflow.entry.and_then(|entry| self.frame(entry).unknown);
        let globals = Arc::make_mut(&mut self.globals);
        globals.set("workflow.status", phase.as_str());
        globals.set("workflow.failures", marshalled::failures(&failures));
        if let Some(number) = unknown {
            for name in ["status", "failures"] {
                globals.set(format!("workflow.{name}"), unknown::unknown(number));
            }
        }
        self.declare_duration();
    }

    pub(super) fn entry_settled(&mut self, entry: NodeIndex) {
        if let Some(why) = self.frame(entry).raised.clone() {
            return self.end_workflow(Phase::Error, &format!("error in entry template execution: {why}"));
        }
        let terminated = self.shutdown == Some(Shutdown::Terminate);
        let Some(hook) = self.exit_handler().filter(|_| !terminated) else { return self.conclude(None) };
        let arguments = render_value(&hook.arguments, &self.globals, Unresolved::Keep)
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
        match self.frame(node).raised.clone() {
            Some(why) => self.end_workflow(Phase::Error, &format!("error in exit template execution : {why}")),
            None => self.conclude(Some(node)),
        }
    }

    fn conclude(&mut self, exit_handler: Option<NodeIndex>) {
        let Some(entry) = self.workflow.entry.map(|entry| self.node(entry).clone()) else { return };
        match entry.phase {
            Phase::Failed | Phase::Error if self.shutdown.is_some() => {
                let message = self.stop_message();
                self.end_workflow(entry.phase, &message);
            }
            Phase::Failed | Phase::Error => self.end_workflow(entry.phase, &entry.message),
            _ => match exit_handler.map(|node| self.node(node).clone()).filter(|node| node.phase.is_unsuccessful()) {
                Some(node) => self.end_workflow(node.phase, &node.message),
                None => self.end_workflow(Phase::Succeeded, ""),
            },
        }
    }

    fn end_workflow(&mut self, phase: Phase, message: &str) {
        self.workflow.phase = phase;
        message.clone_into(&mut self.workflow.message);
        self.workflow.finished_at = Some(self.now);
    }

    pub(super) fn workflow_expired(&mut self) {
        self.expired = true;
        self.end_all(Kill::WorkflowDeadline);
    }

    pub(super) fn shut_down(&mut self, shutdown: Shutdown) {
        self.shutdown = Some(shutdown);
        self.end_all(Kill::Shutdown);
    }

    /// Ends whatever is at work and not part of an exit handler that may still run.
    fn end_all(&mut self, kill: Kill) {
        let (message, unstarted) = (self.end_message(), self.message_of_unstarted());
        for place in 0..self.nodes.len() {
            let node = NodeIndex(place);
            let spared = self.frame(node).on_exit && self.shutdown != Some(Shutdown::Terminate);
            if spared || self.node(node).phase.is_fulfilled() {
                continue;
            }
            match (&self.frame(node).body, self.node(node).kind) {
                (Body::Pod(body), _) if body.running => self.end_pod(node, kill),
                (Body::Pod(_), _) => self.finish(node, Phase::Failed, &message),
                (Body::Suspend, _) => self.finish(node, Phase::Failed, &unstarted),
                // One that waits for its lock has no body yet; one between attempts has no attempt at work.
                (Body::None, kind) if kind != NodeType::Container => self.finish(node, Phase::Failed, &unstarted),
                (Body::Retry(body), _) => {
                    let idle = body.attempts.last().is_none_or(|&last| self.node(last).phase.is_fulfilled());
                    if idle {
                        self.finish(node, Phase::Failed, &unstarted);
                    }
                }
                _ => {}
            }
        }
        if self.nodes.is_empty() {
            let message = self.stop_message();
            self.end_workflow(Phase::Failed, &message);
        }
    }
}

impl Plan {
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
