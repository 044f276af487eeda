//! Pods: tasks that the executor runs, from their place in the queue to their outputs.

use std::sync::Arc;

use serde_json::json;

use super::moment::Moment;
use super::state::{Body, Call, Kill, NodeIndex, Owner, PodBody};
use super::task::{Identity, artifact_key, task};
use super::{Action, Scheduler, Timer};
use crate::argo::duration;
use crate::argo::model::{Parameter, Template};
use crate::argo::status::{NodeType, OutputParameter, Outputs, Phase, pod_name};
use crate::local::resolved::Reference;
use crate::local::task::Outcome;

/// The exit code of Argo's executor where a container could not be run at all.
const NOT_RUN: i32 = 64;

impl Scheduler {
    pub(super) fn start_pod(&mut self, node: NodeIndex, template: &Arc<Template>) {
        if let Some(why) = not_a_pod_name(&pod_name(self.plan.name(), &template.name, &self.nodes[node].name)) {
            return self.raise(node, &why);
        }
        let frame = self.nodes.frame(node);
        let capture = self.scopes.asks_for_result(frame.boundary, frame.caller.step());
        let deadline = self.deadline_of_attempts(node);
        let status = &self.nodes[node];
        let pod = pod_name(self.plan.name(), &template.name, &status.name);
        let identity = Identity { node: &status.id, node_name: &status.name, pod: &pod, capture };
        match task(&self.plan, &self.own_keys.resolved(template), self.scopes.workflow(), &identity) {
            Ok(task) => {
                let containers = self.create_containers(node, template);
                let body = PodBody {
                    task: Some(Box::new(task)),
                    running: false,
                    daemoned: false,
                    containers,
                    deadline,
                    kill: None,
                };
                self.nodes.frame_mut(node).body = Body::Pod(body);
                self.pods.add(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    /// Gives places to waiting pods; whether that ended any node and so leaves more to do.
    pub(super) fn start_waiting_pods(&mut self) -> bool {
        while let Some(node) = self.pods.next() {
            if self.nodes[node].phase.is_fulfilled() {
                continue;
            }
            if self.ending(node) {
                let message = self.stop.of_pod();
                self.finish(node, Phase::Failed, &message);
                continue;
            }
            self.start_task_of(node);
        }
        !self.agenda.is_done()
    }

    fn start_task_of(&mut self, node: NodeIndex) {
        let Moment { wall, elapsed } = self.now;
        let Body::Pod(body) = &mut self.nodes.frame_mut(node).body else { return };
        let Some(task) = body.task.take() else { return };
        let deadline = body.deadline;
        body.running = true;
        self.pods.begun();
        let template = self.nodes.frame(node).template.clone();
        let is_daemon = template.as_ref().is_some_and(|template| template.daemon == Some(true));
        self.nodes.frame_mut(node).began = elapsed;
        self.nodes[node].started_at = Some(wall);
        // Argo leaves a daemon Pending until it is ready.
        if !is_daemon {
            self.nodes.set(node, Phase::Running, "");
            self.nodes[node].host_node_name = Some("localhost".to_owned());
        }
        for container in self.nodes.frame(node).children.clone() {
            if self.nodes[container].kind == NodeType::Container {
                self.nodes.set(container, Phase::Running, "");
            }
        }
        if let Some(deadline) = deadline {
            self.actions.push(Action::Wake(deadline, Timer::Deadline(node)));
        }
        self.actions.push(Action::Run(node, task));
        let Some(template) = template else { return };
        let seconds = template.active_deadline_seconds.as_deref();
        for limit in [template.timeout.as_deref(), seconds].into_iter().flatten().filter(|text| !text.is_empty()) {
            match duration::parse(limit) {
                Ok(limit) => self.wake(limit, Timer::Deadline(node)),
                Err(error) => {
                    self.nodes.frame_mut(node).raised = Some(error.to_string());
                    self.end_pod(node, Kill::Deadline);
                }
            }
        }
        if !is_daemon {
            self.fire_hooks(node);
        }
    }

    /// Asks a pod to end; one that waits ends at once.
    pub(super) fn end_pod(&mut self, node: NodeIndex, kill: Kill) {
        let on_exit = self.nodes.frame(node).on_exit;
        let Body::Pod(body) = &mut self.nodes.frame_mut(node).body else { return };
        if body.kill.is_some() || (on_exit && kill == Kill::WorkflowDeadline) {
            return;
        }
        body.kill = Some(kill);
        if body.running {
            let message = self.kill_message(node);
            self.actions.push(Action::Kill(node, message));
        }
    }

    fn kill_message(&self, node: NodeIndex) -> String {
        let Body::Pod(body) = &self.nodes.frame(node).body else { return String::new() };
        match body.kill {
            Some(Kill::Deadline) => "Pod was active on the node longer than the specified deadline".to_owned(),
            Some(Kill::WorkflowDeadline | Kill::Shutdown) | None => self.stop.of_pod(),
        }
    }

    pub(super) fn pod_ended(&mut self, node: NodeIndex, outcome: &Outcome) {
        let (Some(template), Body::Pod(body)) =
            (self.nodes.frame(node).template.clone(), &mut self.nodes.frame_mut(node).body)
        else {
            return;
        };
        body.running = false;
        let killed = body.kill.is_some() && outcome.killed.is_some();
        let daemoned = body.daemoned;
        if !daemoned {
            self.pods.ended();
        }
        self.end_containers(node, outcome);
        let outputs = self.outputs_of(node, &template, outcome);
        self.nodes[node].outputs = Some(outputs);
        let (phase, message) = match &self.nodes.frame(node).raised {
            Some(why) => (Phase::Error, why.clone()),
            None if killed => (Phase::Failed, self.kill_message(node)),
            None => judge(outcome),
        };
        // A daemon is not to end by itself. (assessNodeStatus in workflow/controller/operator.go, v4.1.2)
        let ended_well = template.daemon == Some(true) && phase == Phase::Succeeded;
        let phase = if ended_well { Phase::Failed } else { phase };
        if daemoned { self.daemon_ended(node, phase, &message) } else { self.finish(node, phase, &message) }
    }

    fn outputs_of(&self, node: NodeIndex, template: &Template, outcome: &Outcome) -> Outputs {
        let pod = pod_name(self.plan.name(), &template.name, &self.nodes[node].name);
        let artifacts = template.outputs.artifacts.iter().filter(|artifact| outcome.artifacts.contains(&artifact.name));
        let artifacts = artifacts.map(|artifact| {
            let key = artifact_key(self.plan.name(), &pod, &artifact.name);
            let mut document = json!({"name": artifact.name, "path": artifact.path, "s3": {"key": key}});
            if let Some(archive) = &artifact.archive {
                document["archive"] = archive.clone();
            }
            if let Some(name) = &artifact.global_name {
                document["globalName"] = name.clone().into();
            }
            document
        });
        // Argo takes the code of the container `main`, which a containerSet need not have.
        let of_main = template.container_set.is_none() || outcome.containers.contains_key("main");
        Outputs {
            parameters: template.outputs.parameters.iter().filter_map(|output| parameter(output, outcome)).collect(),
            artifacts: artifacts.collect(),
            result: outcome.result.clone(),
            exit_code: outcome.exit_code.filter(|_| of_main).map(|code| code.to_string()),
        }
    }

    fn create_containers(&mut self, pod: NodeIndex, template: &Template) -> Vec<NodeIndex> {
        let Some(set) = &template.container_set else { return Vec::new() };
        let prefix = self.nodes[pod].name.clone();
        let mut nodes: Vec<(String, NodeIndex)> = Vec::new();
        for container in &set.containers {
            let name = format!("{prefix}.{}", container.name);
            let reference = Reference::Name(template.name.clone());
            let scope = self.nodes.frame(pod).inner_scope.clone();
            let on_exit = self.nodes.frame(pod).on_exit;
            let call = Call { boundary: Some(pod), on_exit, ..Call::new(name, reference, scope, Owner::Hook(pod)) };
            let node = self.create(&call, NodeType::Container, Phase::Pending);
            self.nodes.frame_mut(node).counted = false;
            nodes.push((container.name.clone(), node));
        }
        for (container, (_, node)) in set.containers.iter().zip(&nodes) {
            let before = nodes.iter().filter(|(name, _)| container.dependencies.contains(name));
            let before: Vec<_> = before.map(|(_, node)| *node).collect();
            for parent in if before.is_empty() { vec![pod] } else { before } {
                self.nodes.join(parent, *node);
            }
        }
        nodes.into_iter().map(|(_, node)| node).collect()
    }

    fn containers_of(&self, pod: NodeIndex) -> Vec<NodeIndex> {
        match &self.nodes.frame(pod).body {
            Body::Pod(body) => body.containers.clone(),
            _ => Vec::new(),
        }
    }

    fn end_containers(&mut self, pod: NodeIndex, outcome: &Outcome) {
        let prefix = format!("{}.", self.nodes[pod].name);
        for node in self.containers_of(pod) {
            let name = self.nodes[node].name.strip_prefix(&prefix).unwrap_or_default().to_owned();
            let (phase, message) = match outcome.containers.get(&name).copied().flatten() {
                Some(0) => (Phase::Succeeded, String::new()),
                Some(NOT_RUN) => (Phase::Error, format!("{name}: Error (exit code {NOT_RUN}): ")),
                Some(code) => (Phase::Failed, format!("{name}: Error (exit code {code}): ")),
                None => (Phase::Error, format!("{name}: Error (exit code {NOT_RUN}): a container before it failed")),
            };
            let now = self.now.wall;
            self.nodes.set(node, phase, &message);
            self.nodes[node].finished_at = Some(now);
        }
    }
}

/// Why no pod can have this name: only templates can bring something else into it than Kubernetes takes.
fn not_a_pod_name(name: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    (!name.bytes().all(legal)).then(|| {
        format!(
            "Pod {name:?} is invalid: metadata.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist \
             of lower case alphanumeric characters, '-' or '.': give the template a name of these"
        )
    })
}

/// How a pod has ended that nobody ended.
fn judge(outcome: &Outcome) -> (Phase, String) {
    let beside = outcome.failed.as_ref().map(|process| (&process.name, process.exit_code));
    let of_set = || {
        let mut failed = outcome.containers.iter().filter_map(|(name, &code)| Some((name, code?)));
        failed.find(|&(_, code)| code != 0)
    };
    match (&outcome.error, outcome.exit_code, beside.or_else(of_set)) {
        (_, Some(code), None) if code != 0 => {
            let why = outcome.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            (Phase::Failed, format!("main: Error (exit code {code}){why}"))
        }
        (_, _, Some((name, code))) => (Phase::Failed, format!("{name}: Error (exit code {code})")),
        (Some(error), ..) => (Phase::Error, error.clone()),
        (None, Some(_), None) => (Phase::Succeeded, String::new()),
        (None, None, None) => (Phase::Error, "the task ended without an exit code".to_owned()),
    }
}

/// An output parameter of a pod: the content of its file, or the value that the template gives it.
fn parameter(output: &Parameter, outcome: &Outcome) -> Option<OutputParameter> {
    let path = output.value_from.as_ref().and_then(|source| source.path.clone());
    let value = outcome.parameters.get(&output.name).or(output.value.as_ref())?.clone();
    Some(OutputParameter {
        name: output.name.clone(),
        value: Some(value),
        global_name: output.global_name.clone(),
        value_from: path.map(|path| json!({ "path": path })),
    })
}

/// Names of the steps or tasks to whose `outputs.result` a text refers: `steps.NAME.outputs.result` or, in an expression,
/// `steps['NAME'].outputs.result`, whose double quotes JSON escapes. (hasOutputResultRef)
pub(super) fn referred_results(text: &str, root: &str) -> impl Iterator<Item = String> {
    text.match_indices(".outputs.result").filter_map(move |(end, _)| {
        let before = &text[..end];
        let inside = before.strip_suffix(']').map(|inside| inside.trim_end_matches(['\'', '"', '\\']));
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let named = inside.unwrap_or(before);
        let root_of = named.trim_end_matches(is_part);
        let name = &named[root_of.len()..];
        let holder = match inside {
            Some(_) => root_of.trim_end_matches(['\'', '"', '\\']).strip_suffix('['),
            None => root_of.strip_suffix('.'),
        };
        (!name.is_empty() && holder.is_some_and(|holder| holder.ends_with(root))).then(|| name.to_owned())
    })
}
