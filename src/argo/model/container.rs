//! What runs in a pod.

use serde::Deserialize;
use serde_json::Value;

use super::probe::{Port, Probe};
use super::text;
use super::values::KeyRef;

/// A container, or a script with its source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    /// Its name; `main` when empty.
    pub(crate) name: String,
    /// The image.
    pub(crate) image: String,
    /// The program and its first arguments.
    pub(crate) command: Vec<String>,
    /// Further arguments.
    pub(crate) args: Vec<String>,
    /// The source of a script.
    pub(crate) source: String,
    /// Environment variables.
    pub(crate) env: Vec<EnvVar>,
    /// When the image is fetched.
    pub(crate) image_pull_policy: String,
    /// Sources of whole sets of variables.
    pub(crate) env_from: Vec<EnvFrom>,
    /// Where it starts.
    pub(crate) working_dir: String,
    /// Volumes it sees.
    pub(crate) volume_mounts: Vec<VolumeMount>,
    /// What it asks for and may take.
    pub(crate) resources: Value,
    /// Names of the containers that must have ended (containerSet).
    pub(crate) dependencies: Vec<String>,
    /// What it may do.
    pub(crate) security_context: Option<SecurityContext>,
    /// When it can be asked for something.
    pub(crate) readiness_probe: Option<Probe>,
    /// When it has begun.
    pub(crate) startup_probe: Option<Probe>,
    /// Its ports.
    pub(crate) ports: Vec<Port>,
}

/// The part of a container's `securityContext` that a local run honours.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecurityContext {
    /// Whether it has all rights.
    pub(crate) privileged: Option<bool>,
    /// Whether a program may get more rights than its parent.
    pub(crate) allow_privilege_escalation: Option<bool>,
    /// Changes to the rights that a container runtime gives.
    pub(crate) capabilities: Option<Capabilities>,
    /// The number of the user.
    pub(crate) run_as_user: Option<i64>,
    /// The number of the group.
    pub(crate) run_as_group: Option<i64>,
}

/// Rights by their names without `CAP_`, or `ALL`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    /// Added.
    pub(crate) add: Option<Vec<String>>,
    /// Taken away.
    pub(crate) drop: Option<Vec<String>>,
}

/// An environment variable.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvVar {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    #[serde(deserialize_with = "text")]
    pub(crate) value: Option<String>,
    /// Where the value comes from.
    pub(crate) value_from: Option<EnvSource>,
}

/// Where an environment variable's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvSource {
    /// A key of a ConfigMap.
    pub(crate) config_map_key_ref: Option<KeyRef>,
    /// A key of a Secret.
    pub(crate) secret_key_ref: Option<KeyRef>,
    /// A field of the pod.
    pub(crate) field_ref: Option<FieldRef>,
    /// A request or limit of a container.
    pub(crate) resource_field_ref: Option<ResourceFieldRef>,
}

/// A field of the pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FieldRef {
    /// Such as `metadata.name`.
    pub(crate) field_path: String,
}

/// A request or limit of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ResourceFieldRef {
    /// The container's name; the one that asks when empty.
    pub(crate) container_name: String,
    /// Such as `limits.memory`.
    pub(crate) resource: String,
    /// What it is counted in.
    #[serde(deserialize_with = "text")]
    pub(crate) divisor: Option<String>,
}

/// A source of a whole set of variables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvFrom {
    /// Put before each name.
    pub(crate) prefix: String,
    /// A ConfigMap.
    pub(crate) config_map_ref: Option<KeyRef>,
    /// A Secret.
    pub(crate) secret_ref: Option<KeyRef>,
}

/// A volume at a path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeMount {
    /// The volume's name.
    pub(crate) name: String,
    /// Where it appears.
    pub(crate) mount_path: String,
    /// A path below the volume.
    pub(crate) sub_path: String,
    /// Whether it cannot be written to.
    pub(crate) read_only: bool,
}

/// Several containers in one pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerSet {
    /// The containers.
    pub(crate) containers: Vec<Container>,
    /// Volumes all of them see.
    pub(crate) volume_mounts: Vec<VolumeMount>,
    /// How often each of them is run until it succeeds.
    pub(crate) retry_strategy: Option<ContainerSetRetry>,
}

/// How often a container is run until it succeeds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerSetRetry {
    /// The time between two of its runs.
    #[serde(deserialize_with = "text")]
    pub(crate) duration: Option<String>,
    /// How often it is run.
    #[serde(deserialize_with = "text")]
    pub(crate) retries: Option<String>,
}
