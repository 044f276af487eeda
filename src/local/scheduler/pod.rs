//! Pods: tasks that the executor runs, from the template to the outputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Body, Call, Kill, NodeIndex, Owner, PodBody};
use super::{Action, Scheduler, Shutdown, Timer};
use crate::argo::duration;
use crate::argo::spec::{Container, EnvFrom, EnvVar, KeyRef, Template, VolumeMount, any_string};
use crate::argo::status::{NodeType, OutputParameter, Outputs, Phase, pod_name};
use crate::local::plan::{Plan, Reference};
use crate::local::task::{
    ArtifactSource, InputArtifact, Mount, Outcome, OutputArtifact, OutputParameter as ParameterFile, Process, Task,
};

/// Where a run keeps artifacts, below its directory.
pub(crate) const ARTIFACTS: &str = "artifacts";

impl Scheduler {
    pub(super) fn start_pod(&mut self, node: NodeIndex, template: &Arc<Template>) {
        let capture = self.result_is_used(node);
        let status = self.node(node);
        let pod = pod_name(self.plan.name(), &template.name, &status.name);
        match task(&self.plan, template, &status.id, &pod, capture) {
            Ok(task) => {
                let body = PodBody { task: Some(Box::new(task)), running: false, kill: None };
                self.frame_mut(node).body = Body::Pod(body);
                self.create_containers(node, template);
                self.queue.push_back(node);
            }
            Err(why) => self.raise(node, &why),
        }
    }

    /// Gives places to waiting pods; whether that ended any node.
    pub(super) fn start_waiting_pods(&mut self) -> bool {
        while self.running < self.pod_limit {
            let Some(node) = self.queue.pop_front() else { break };
            if self.node(node).phase.is_fulfilled() {
                continue;
            }
            if self.stopping(node) || (self.expired && !self.frame(node).on_exit) {
                let message = self.end_message();
                self.finish(node, Phase::Failed, &message);
                continue;
            }
            self.start_task_of(node);
        }
        !self.settled.is_empty()
    }

    fn start_task_of(&mut self, node: NodeIndex) {
        let now = self.now;
        let Body::Pod(body) = &mut self.frame_mut(node).body else { return };
        let Some(task) = body.task.take() else { return };
        body.running = true;
        self.running += 1;
        self.set(node, Phase::Running, "");
        let status = self.node_mut(node);
        status.started_at = Some(now);
        status.host_node_name = Some("localhost".to_owned());
        for container in self.frame(node).children.clone() {
            if self.node(container).kind == NodeType::Container {
                self.set(container, Phase::Running, "");
            }
        }
        self.actions.push(Action::Run(node, task));
        let Some(template) = self.frame(node).template.clone() else { return };
        let seconds = template.active_deadline_seconds.as_deref();
        for limit in [template.timeout.as_deref(), seconds].into_iter().flatten().filter(|text| !text.is_empty()) {
            match duration::parse(limit) {
                Ok(limit) => self.wake(limit, Timer::Deadline(node)),
                Err(error) => {
                    self.frame_mut(node).raised = Some(error.to_string());
                    self.end_pod(node, Kill::Deadline);
                }
            }
        }
        self.fire_hooks(node);
    }

    /// Asks a pod to end; one that waits ends at once.
    pub(super) fn end_pod(&mut self, node: NodeIndex, kill: Kill) {
        let on_exit = self.frame(node).on_exit;
        let Body::Pod(body) = &mut self.frame_mut(node).body else { return };
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
        let Body::Pod(body) = &self.frame(node).body else { return String::new() };
        match body.kill {
            Some(Kill::Deadline) => "Pod was active on the node longer than the specified deadline".to_owned(),
            Some(Kill::WorkflowDeadline | Kill::Shutdown) | None => self.end_message(),
        }
    }

    /// Why nodes end that the end of the whole run takes with it.
    pub(super) fn end_message(&self) -> String {
        match self.shutdown {
            Some(shutdown) => format!("workflow shutdown with strategy: {}", shutdown.as_str()),
            None => "Step exceeded its deadline".to_owned(),
        }
    }

    /// Why a run that was ended from outside has ended.
    pub(super) fn stop_message(&self) -> String {
        format!("Stopped with strategy '{}'", self.shutdown.unwrap_or(Shutdown::Stop).as_str())
    }

    pub(super) fn pod_ended(&mut self, node: NodeIndex, outcome: &Outcome) {
        let (Some(template), Body::Pod(body)) = (self.frame(node).template.clone(), &mut self.frame_mut(node).body)
        else {
            return;
        };
        body.running = false;
        let killed = body.kill.is_some() && outcome.killed.is_some();
        self.running -= 1;
        self.end_containers(node, outcome);
        let outputs = self.outputs_of(node, &template, outcome);
        self.node_mut(node).outputs = Some(outputs);
        let beside = outcome.failed.as_ref().map(|process| (&process.name, process.exit_code));
        let of_set =
            outcome.containers.iter().find_map(|(name, code)| code.filter(|&code| code != 0).map(|code| (name, code)));
        let failed = beside.or(of_set);
        let raised = self.frame(node).raised.clone();
        let (phase, message) = match (&outcome.error, outcome.exit_code, failed) {
            _ if raised.is_some() => (Phase::Error, raised.unwrap_or_default()),
            _ if killed => (Phase::Failed, self.kill_message(node)),
            (error, Some(code), None) if code != 0 => (Phase::Failed, failure("main", code, error.as_deref())),
            (error, _, Some((name, code))) => (Phase::Failed, failure(name, code, error.as_deref())),
            (Some(error), ..) => (Phase::Error, error.clone()),
            (None, Some(_), None) => (Phase::Succeeded, String::new()),
            (None, None, None) => (Phase::Error, "the task ended without an exit code".to_owned()),
        };
        self.finish(node, phase, &message);
    }

    fn outputs_of(&self, node: NodeIndex, template: &Template, outcome: &Outcome) -> Outputs {
        let pod = pod_name(self.plan.name(), &template.name, &self.node(node).name);
        let parameters = template.outputs.parameters.iter().filter_map(|parameter| {
            let value = outcome.parameters.get(&parameter.name)?.clone();
            let path = parameter.value_from.as_ref().and_then(|source| source.path.clone());
            Some(OutputParameter {
                name: parameter.name.clone(),
                value: Some(value),
                global_name: parameter.global_name.clone(),
                value_from: path.map(|path| json!({ "path": path })),
            })
        });
        let artifacts = template.outputs.artifacts.iter().filter(|artifact| outcome.artifacts.contains(&artifact.name));
        let artifacts = artifacts.map(|artifact| {
            let key = artifact_key(self.plan.name(), &pod, &artifact.name);
            let mut document = json!({"name": artifact.name, "path": artifact.path, "s3": {"key": key}});
            if let Some(name) = &artifact.global_name {
                document["globalName"] = name.clone().into();
            }
            document
        });
        Outputs {
            parameters: parameters.collect(),
            artifacts: artifacts.collect(),
            result: outcome.result.clone(),
            exit_code: outcome.exit_code.map(|code| code.to_string()),
        }
    }

    /// Whether the calling template refers to `outputs.result` of this call: only then Argo records it.
    fn result_is_used(&self, node: NodeIndex) -> bool {
        let Some(boundary) = self.frame(node).boundary else { return false };
        let Some(children) = self.children(boundary) else { return false };
        let name = self.node(node).display_name.split('(').next().unwrap_or_default();
        let kind = if matches!(self.frame(boundary).body, Body::Dag(_)) { "tasks" } else { "steps" };
        let refers = |text: &str| children.text.contains(text);
        // The text is JSON, in which a double quote of an expression is escaped.
        refers(&format!("{kind}.{name}.outputs.result"))
            || ["'", "\\\"", "\""].iter().any(|quote| refers(&format!("{kind}[{quote}{name}{quote}].outputs.result")))
    }

    fn create_containers(&mut self, pod: NodeIndex, template: &Template) {
        let Some(set) = &template.container_set else { return };
        let prefix = self.node(pod).name.clone();
        let mut nodes: Vec<(String, NodeIndex)> = Vec::new();
        for container in &set.containers {
            let name = format!("{prefix}.{}", container.name);
            let reference = Reference::Name(template.name.clone());
            let scope = self.frame(pod).inner_scope.clone();
            let on_exit = self.frame(pod).on_exit;
            let call = Call { boundary: Some(pod), on_exit, ..Call::new(name, reference, scope, Owner::Hook(pod)) };
            let node = self.create(&call, NodeType::Container, Phase::Pending);
            self.frame_mut(node).counted = false;
            nodes.push((container.name.clone(), node));
        }
        for (container, (_, node)) in set.containers.iter().zip(&nodes) {
            let before = nodes.iter().filter(|(name, _)| container.dependencies.contains(name));
            let before: Vec<_> = before.map(|(_, node)| *node).collect();
            for parent in if before.is_empty() { vec![pod] } else { before } {
                self.join(parent, *node);
            }
        }
    }

    fn end_containers(&mut self, pod: NodeIndex, outcome: &Outcome) {
        let prefix = format!("{}.", self.node(pod).name);
        let containers: Vec<NodeIndex> = (pod.0 + 1..self.nodes.len())
            .map(NodeIndex)
            .take_while(|&node| self.frame(node).boundary == Some(pod))
            .filter(|&node| self.node(node).kind == NodeType::Container)
            .collect();
        for node in containers {
            let name = self.node(node).name.strip_prefix(&prefix).unwrap_or_default().to_owned();
            let (phase, message) = match outcome.containers.get(&name).copied().flatten() {
                Some(0) => (Phase::Succeeded, String::new()),
                Some(code) => (Phase::Failed, format!("Error (exit code {code})")),
                None => (Phase::Omitted, "a container before it did not succeed".to_owned()),
            };
            let now = self.now;
            self.set(node, phase, &message);
            self.node_mut(node).finished_at = Some(now);
        }
    }
}

/// The message of a failed container, with the cause where it could not be started.
fn failure(name: &str, code: i32, cause: Option<&str>) -> String {
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{name}: Error (exit code {code}){cause}")
}

/// The key of an artifact in the store of its run.
fn artifact_key(workflow: &str, pod: &str, artifact: &str) -> String {
    format!("{workflow}/{pod}/{artifact}")
}

fn task(plan: &Plan, template: &Template, node: &str, pod: &str, capture: bool) -> Result<Task, String> {
    let store = plan.run_directory.join(ARTIFACTS);
    let mut task = Task {
        node: node.to_owned(),
        init: Vec::new(),
        main: Vec::new(),
        sidecars: Vec::new(),
        input_artifacts: Vec::new(),
        mounts: Vec::new(),
        output_parameters: Vec::new(),
        output_artifacts: Vec::new(),
        capture_result: capture,
    };
    for artifact in &template.inputs.artifacts {
        let source = match (&artifact.raw, &artifact.s3) {
            (Some(raw), _) => ArtifactSource::Raw(raw.data.clone()),
            (None, Some(location)) => ArtifactSource::Stored(store.join(safe_relative(&location.key)?)),
            (None, None) => continue,
        };
        task.input_artifacts.push(InputArtifact {
            name: artifact.name.clone(),
            path: PathBuf::from(&artifact.path),
            source,
            mode: artifact.mode,
            recurse_mode: artifact.recurse_mode,
        });
    }
    for parameter in &template.outputs.parameters {
        let source = parameter.value_from.as_ref();
        if let Some(path) = source.and_then(|source| source.path.as_ref()) {
            task.output_parameters.push(ParameterFile {
                name: parameter.name.clone(),
                path: PathBuf::from(path),
                default: source.and_then(|source| source.default.clone()),
            });
        }
    }
    for artifact in template.outputs.artifacts.iter().filter(|artifact| !artifact.path.is_empty()) {
        let key = artifact_key(plan.name(), pod, &artifact.name);
        task.output_artifacts.push(OutputArtifact {
            name: artifact.name.clone(),
            path: PathBuf::from(&artifact.path),
            store: store.join(safe_relative(&key)?),
            optional: artifact.optional,
        });
    }
    let containers = Containers { plan, template, node, pod };
    for container in &template.init_containers {
        containers.add(container, &mut task.mounts, &mut task.input_artifacts, &mut task.init)?;
    }
    for container in &template.sidecars {
        containers.add(container, &mut task.mounts, &mut task.input_artifacts, &mut task.sidecars)?;
    }
    let set = template.container_set.iter().flat_map(|set| {
        set.containers.iter().map(|container| Container {
            volume_mounts: container.volume_mounts.iter().chain(&set.volume_mounts).cloned().collect(),
            ..container.clone()
        })
    });
    let main: Vec<Container> = template.container.iter().chain(&template.script).cloned().chain(set).collect();
    for container in &main {
        containers.add(container, &mut task.mounts, &mut task.input_artifacts, &mut task.main)?;
    }
    Ok(task)
}

/// The containers of one pod on their way to processes.
struct Containers<'a> {
    plan: &'a Plan,
    template: &'a Template,
    node: &'a str,
    pod: &'a str,
}

impl Containers<'_> {
    fn add(
        &self,
        container: &Container,
        mounts: &mut Vec<Mount>,
        files: &mut Vec<InputArtifact>,
        processes: &mut Vec<Process>,
    ) -> Result<(), String> {
        let is_script = !container.source.is_empty();
        let mut command = container.command.clone();
        command.extend(container.args.iter().cloned());
        if container.command.is_empty() {
            command.insert(0, if is_script { "sh".to_owned() } else { image_program(&container.image)? });
        }
        let name = if container.name.is_empty() { "main" } else { &container.name };
        processes.push(Process {
            name: name.to_owned(),
            command,
            script: is_script.then(|| container.source.clone()),
            env: self.env(container)?,
            working_directory: (!container.working_dir.is_empty()).then(|| PathBuf::from(&container.working_dir)),
            dependencies: container.dependencies.clone(),
        });
        for mount in &container.volume_mounts {
            self.mount(mount, mounts, files)?;
        }
        Ok(())
    }

    fn env(&self, container: &Container) -> Result<Vec<(String, String)>, String> {
        let mut env = Vec::new();
        for EnvFrom { prefix, config_map_ref, secret_ref } in &container.env_from {
            for (source, objects) in [(config_map_ref, &self.plan.config_maps), (secret_ref, &self.plan.secrets)] {
                let Some(source) = source else { continue };
                match objects.get(&source.name) {
                    Some(data) => env.extend(data.iter().map(|(key, value)| (format!("{prefix}{key}"), value.clone()))),
                    None if source.optional => {}
                    None => return Err(format!("envFrom: {:?} not found in the given files", source.name)),
                }
            }
        }
        for variable in &container.env {
            if let Some(value) = self.env_value(variable)? {
                env.push((variable.name.clone(), value));
            }
        }
        Ok(env)
    }

    fn env_value(&self, variable: &EnvVar) -> Result<Option<String>, String> {
        let Some(source) = &variable.value_from else { return Ok(Some(variable.value.clone().unwrap_or_default())) };
        if let Some(field) = &source.field_ref {
            return match field.field_path.as_str() {
                "metadata.name" => Ok(Some(self.pod.to_owned())),
                "metadata.namespace" => Ok(Some(self.plan.metadata("namespace").to_owned())),
                "metadata.uid" => Ok(Some(self.node.to_owned())),
                "spec.serviceAccountName" => {
                    Ok(Some(self.plan.spec["serviceAccountName"].as_str().unwrap_or("default").to_owned()))
                }
                "status.podIP" | "status.hostIP" => Ok(Some("127.0.0.1".to_owned())),
                "spec.nodeName" => Ok(Some("localhost".to_owned())),
                other => Err(format!("env {:?}: fieldRef {other:?} has no value on this machine", variable.name)),
            };
        }
        let found = |key: &KeyRef, objects: &std::collections::BTreeMap<String, crate::local::plan::Data>| match objects
            .get(&key.name)
            .and_then(|data| data.get(&key.key))
        {
            Some(value) => Ok(Some(value.clone())),
            None if key.optional => Ok(None),
            None => Err(format!(
                "env {:?}: key {:?} of {:?} not found in the given files",
                variable.name, key.key, key.name
            )),
        };
        match (&source.config_map_key_ref, &source.secret_key_ref) {
            (Some(key), _) => found(key, &self.plan.config_maps),
            (None, Some(key)) => found(key, &self.plan.secrets),
            (None, None) => Err(format!("env {:?}: valueFrom names no source", variable.name)),
        }
    }

    fn mount(
        &self,
        mount: &VolumeMount,
        mounts: &mut Vec<Mount>,
        files: &mut Vec<InputArtifact>,
    ) -> Result<(), String> {
        let target = PathBuf::from(&mount.mount_path);
        let below = safe_relative(&mount.sub_path)?;
        let shared = self.plan.spec["volumeClaimTemplates"].as_array().into_iter().flatten();
        let is_shared = shared.filter_map(|claim| claim["metadata"]["name"].as_str()).any(|name| name == mount.name);
        let directory = if is_shared {
            self.plan.run_directory.join("volumes").join(safe_relative(&mount.name)?)
        } else {
            let volume = self.volume(&mount.name)?;
            if volume.get("emptyDir").is_some() {
                self.plan.run_directory.join("nodes").join(self.node).join("volumes").join(safe_relative(&mount.name)?)
            } else {
                return self.lay_files(&volume, mount, &target, files);
            }
        };
        if !mounts.iter().any(|known| known.target == target) {
            mounts.push(Mount { source: directory.join(below), target, read_only: mount.read_only });
        }
        Ok(())
    }

    fn volume(&self, name: &str) -> Result<Value, String> {
        let of_spec = self.plan.spec["volumes"].as_array().into_iter().flatten();
        let mut all = self.template.volumes.iter().chain(of_spec);
        all.find(|volume| volume["name"].as_str() == Some(name))
            .cloned()
            .ok_or_else(|| format!("volume {name:?} is mounted but not declared"))
    }

    /// A ConfigMap or Secret volume becomes files.
    fn lay_files(
        &self,
        volume: &Value,
        mount: &VolumeMount,
        target: &Path,
        files: &mut Vec<InputArtifact>,
    ) -> Result<(), String> {
        let (source, name, objects) = match (volume.get("configMap"), volume.get("secret")) {
            (Some(source), _) => (source, &source["name"], &self.plan.config_maps),
            (None, Some(source)) => (source, &source["secretName"], &self.plan.secrets),
            (None, None) => return Err(format!("volume {:?} is of a kind that needs a cluster", mount.name)),
        };
        let name = name.as_str().unwrap_or_default();
        let Some(data) = objects.get(name) else {
            if source["optional"].as_bool() == Some(true) {
                return Ok(());
            }
            return Err(format!("volume {:?}: {name:?} not found in the given files", mount.name));
        };
        let items = source["items"].as_array();
        for (key, content) in data {
            let path = match items {
                None => key.clone(),
                Some(items) => match items.iter().find(|item| item["key"].as_str() == Some(key)) {
                    Some(item) => any_string(&item["path"]),
                    None => continue,
                },
            };
            let path = match mount.sub_path.as_str() {
                "" => target.join(safe_relative(&path)?),
                wanted if wanted == path => target.to_owned(),
                _ => continue,
            };
            if !files.iter().any(|file| file.path == path) {
                let mode = if volume.get("secret").is_some() { 0o600 } else { 0o644 };
                files.push(InputArtifact {
                    name: format!("{}/{key}", mount.name),
                    path,
                    source: ArtifactSource::Raw(content.clone()),
                    mode: Some(mode),
                    recurse_mode: false,
                });
            }
        }
        Ok(())
    }
}

/// The program for a container without a command: locally the one of the image's name, as its entrypoint is unknown.
pub(crate) fn image_program(image: &str) -> Result<String, String> {
    let name = image.rsplit('/').next().unwrap_or_default();
    let name = name.split([':', '@']).next().unwrap_or_default();
    if name.is_empty() {
        return Err("a container without a command needs its image, which only a cluster runs".to_owned());
    }
    Ok(name.to_owned())
}

/// A path that stays below where it is put.
fn safe_relative(path: &str) -> Result<&Path, String> {
    let relative = Path::new(path);
    let inside = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if inside { Ok(relative) } else { Err(format!("path {path:?} leaves its directory")) }
}
