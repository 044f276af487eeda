//! A pod template as a task: fully resolved, for the executor. Pure.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::argo::identity::is_dns_label;
use crate::argo::model::{Container, EnvFrom, EnvVar, KeyRef, SecurityContext, Template, VolumeMount, any_string};
use crate::local::resolved::Plan;
use crate::local::task::{
    ArtifactSource, InputArtifact, Mount, OutputArtifact, OutputParameter as ParameterFile, Process, Security, Task,
};

/// Where a run keeps artifacts, below its directory.
pub(crate) const ARTIFACTS: &str = "artifacts";

/// The key of an artifact in the store of its run.
pub(super) fn artifact_key(workflow: &str, pod: &str, artifact: &str) -> String {
    format!("{workflow}/{pod}/{artifact}")
}

/// The task of a pod.
pub(super) fn task(plan: &Plan, template: &Template, node: &str, pod: &str, capture: bool) -> Result<Task, String> {
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
    // Argo calls the container of these templates `main`, whatever the document says: createWorkflowPod in
    // workflow/controller/workflowpod.go, v4.1.2.
    let only = template.container.iter().chain(&template.script);
    let only = only.map(|container| Container { name: "main".to_owned(), ..container.clone() });
    let main: Vec<Container> = only.chain(set).collect();
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
        // The API server refuses such a pod: `name` of a container is a DNS label.
        if !is_dns_label(name) {
            return Err(format!(
                "container {name:?}: expected a DNS label, lower-case letters, digits or '-', at most 63"
            ));
        }
        processes.push(Process {
            name: name.to_owned(),
            command,
            script: is_script.then(|| container.source.clone()),
            env: self.env(container)?,
            working_directory: (!container.working_dir.is_empty()).then(|| PathBuf::from(&container.working_dir)),
            dependencies: container.dependencies.clone(),
            security: security(container.security_context.as_ref()),
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
        let found =
            |key: &KeyRef, objects: &std::collections::BTreeMap<String, crate::local::resolved::Data>| match objects
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
            let (sub_path, read_only) = (below.to_owned(), mount.read_only);
            mounts.push(Mount { source: directory, sub_path, target, read_only });
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
