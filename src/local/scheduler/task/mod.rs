//! A pod template as a task: fully resolved, for the executor. Pure.

mod artifacts;
mod environment;
mod fields;
mod quantity;
mod volumes;

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde_json::Value;

use self::artifacts::Places;
use super::arguments::view;
use super::daemon;
use crate::argo::duration;
use crate::argo::expression::Scope;
use crate::argo::identity::is_dns_label;
use crate::argo::model::{Container, SecurityContext, Template};
use crate::local::resolved::Resolved;
use crate::local::runtime::Pull;
use crate::local::task::{Again, OutputParameter as ParameterFile, Process, Security, Task};

/// Where a run keeps artifacts, below its directory.
pub(crate) const ARTIFACTS: &str = "artifacts";

/// The key of an artifact in the store of its run.
pub(super) fn artifact_key(workflow: &str, pod: &str, artifact: &str) -> String {
    format!("{workflow}/{pod}/{artifact}")
}

/// Which pod a task stands for.
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    /// The id of its node.
    pub(super) node: &'a str,
    /// The name of its node.
    pub(super) node_name: &'a str,
    /// Its own name.
    pub(super) pod: &'a str,
    /// Whether its result is asked for.
    pub(super) capture: bool,
}

/// The task of a pod.
pub(super) fn task(plan: &Resolved, template: &Template, globals: &Scope, of: &Identity<'_>) -> Result<Task, String> {
    let Identity { node, node_name, pod, capture } = *of;
    let pod_volumes = volumes::of(plan, template, globals)?;
    let named = Pod { plan, template, node, node_name, name: pod, volumes: pod_volumes };
    let mut task = Task {
        node: node.to_owned(),
        template: template.name.clone(),
        init: Vec::new(),
        main: Vec::new(),
        sidecars: Vec::new(),
        input_artifacts: Vec::new(),
        mounts: Vec::new(),
        volume_files: Vec::new(),
        output_parameters: Vec::new(),
        output_artifacts: Vec::new(),
        capture_result: capture,
        again: again(template)?,
        daemon: daemon::probes(template)?,
    };
    let places = Places::of(plan, template)?;
    task.input_artifacts = places.inputs(template)?;
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
    task.output_artifacts = places.outputs(template, pod)?;
    let set = template.container_set.iter().flat_map(|set| {
        set.containers.iter().map(|container| Container {
            volume_mounts: container.volume_mounts.iter().chain(&set.volume_mounts).cloned().collect(),
            ..container.clone()
        })
    });
    // Argo calls the container of these templates `main`, whatever the document says: createWorkflowPod in
    // workflow/controller/workflowpod.go, v4.1.2.
    let only = template.container.iter().chain(&template.script);
    let only = only.map(|container| Container { name: "main".to_owned(), ..container.clone() });
    let main: Vec<Container> = only.chain(set).collect();
    for (containers, processes) in
        [(&template.init_containers, &mut task.init), (&template.sidecars, &mut task.sidecars), (&main, &mut task.main)]
    {
        for container in containers {
            processes.push(named.process(container)?);
            for mount in &container.volume_mounts {
                named.mount(mount, &mut task.mounts, &mut task.volume_files)?;
            }
        }
    }
    Ok(task)
}

/// How often the containers of a set are run: GetRetryStrategy in container_set_template_types.go, v4.1.2, whose retries are
/// all of the runs.
fn again(template: &Template) -> Result<Again, String> {
    let strategy = template.container_set.as_ref().and_then(|set| set.retry_strategy.as_ref());
    let Some((strategy, retries)) = strategy.and_then(|strategy| Some((strategy, strategy.retries.as_deref()?))) else {
        return Ok(Again::default());
    };
    let runs: u32 =
        retries.parse().map_err(|_| format!("containerSet.retryStrategy.retries: {retries:?} is no number"))?;
    let pause = match strategy.duration.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => duration::parse(text).map_err(|error| error.to_string())?,
        None => SignedDuration::ZERO,
    };
    let pause = u64::try_from(pause.as_millis()).map_err(|_| {
        format!("duration has to be positive, current duration: {}", strategy.duration.as_deref().unwrap_or_default())
    })?;
    Ok(Again { times: runs.saturating_sub(1), pause })
}

/// A pod on its way to a task.
struct Pod<'a> {
    plan: &'a Resolved,
    template: &'a Template,
    /// The id of its node.
    node: &'a str,
    /// The name of its node.
    node_name: &'a str,
    name: &'a str,
    /// `spec.volumes` and the template's, their tags replaced.
    volumes: Vec<Value>,
}

impl Pod<'_> {
    fn process(&self, container: &Container) -> Result<Process, String> {
        let is_script = !container.source.is_empty();
        let mut command = container.command.clone();
        command.extend(container.args.iter().cloned());
        if container.command.is_empty() {
            command.insert(0, if is_script { "sh".to_owned() } else { image_program(&container.image)? });
        }

        let name = if container.name.is_empty() { "main" } else { &container.name };
        // The API server refuses such a pod: `name` of a container is a DNS label.
        if !is_dns_label(name) {
            return Err(format!(
                "container {name:?}: expected a DNS label, lower-case letters, digits or '-', at most 63"
            ));
        }
        let env = self.env(container)?;
        Ok(Process {
            name: name.to_owned(),
            command: command.iter().map(|text| environment::expand(text, &env)).collect(),
            script: is_script.then(|| container.source.clone()),
            env,
            working_directory: (!container.working_dir.is_empty()).then(|| PathBuf::from(&container.working_dir)),
            dependencies: container.dependencies.clone(),
            image: container.image.clone(),
            user: self.user(container),
            stands_for_image: container.command.is_empty() && !is_script,
            pull: Pull::read(&container.image_pull_policy),
            security: security(container.security_context.as_ref()),
        })
    }
}

impl Pod<'_> {
    /// As whom a container runs in its image: what it says itself counts before its template, and that before the workflow.
    fn user(&self, container: &Container) -> Option<String> {
        let of_workflow =
            self.plan.spec.get("securityContext").and_then(|context| view::<SecurityContext>(context).ok());
        let said = [container.security_context.as_ref(), self.template.security_context.as_ref(), of_workflow.as_ref()];
        let user = said.iter().flatten().find_map(|context| context.run_as_user);
        let group = said.iter().flatten().find_map(|context| context.run_as_group);
        match (user, group) {
            (None, None) => None,
            (user, None) => user.map(|user| user.to_string()),
            (user, Some(group)) => Some(format!("{}:{group}", user.unwrap_or_default())),
        }
    }
}

fn security(context: Option<&SecurityContext>) -> Security {
    let Some(context) = context else { return Security::default() };
    let capabilities = context.capabilities.clone().unwrap_or_default();
    Security {
        privileged: context.privileged == Some(true),
        add: capabilities.add.unwrap_or_default(),
        drop: capabilities.drop.unwrap_or_default(),
        no_new_privileges: context.allow_privilege_escalation == Some(false),
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
