//! Read-only views of the parts of a Workflow that the engine runs. They are parsed from a document that stays the
//! authority: what a view does not know is never lost, because nothing is ever written back from here.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::document;

/// A template of one of Argo's types.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Template {
    /// Unique in its workflow; empty for an inline template.
    pub name: String,
    /// The name that its nodes show instead of their own.
    pub display_name: String,
    /// What a caller hands in.
    pub inputs: Inputs,
    /// What a caller gets back.
    pub outputs: Outputs,
    /// Groups of steps: groups in sequence, the steps of a group in parallel.
    pub steps: Option<Vec<Value>>,
    /// Tasks with dependencies.
    pub dag: Option<Dag>,
    /// A container to run.
    pub container: Option<Container>,
    /// A container that runs a source text.
    pub script: Option<Container>,
    /// Several containers in one pod.
    pub container_set: Option<ContainerSet>,
    /// A pause.
    pub suspend: Option<Suspend>,
    /// When and how often to try again.
    pub retry_strategy: Option<RetryStrategy>,
    /// A cache entry to look up first.
    pub memoize: Option<Memoize>,
    /// Locks to hold while the template runs.
    pub synchronization: Option<Synchronization>,
    /// How many children of a steps or dag template may be active at once.
    pub parallelism: Option<usize>,
    /// Whether a failed child keeps further children from starting.
    pub fail_fast: Option<bool>,
    /// Duration after which a pod is ended, such as `10s`.
    #[serde(deserialize_with = "text")]
    pub timeout: Option<String>,
    /// Seconds after which a pod is ended.
    #[serde(deserialize_with = "text")]
    pub active_deadline_seconds: Option<String>,
    /// Containers that run before the main one.
    pub init_containers: Vec<Container>,
    /// Containers that run beside the main one.
    pub sidecars: Vec<Container>,
    /// Volumes that only this template mounts.
    pub volumes: Vec<Value>,
}

/// What kind of work a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateType {
    /// `container`, `script` or `containerSet`.
    Pod,
    /// `steps`.
    Steps,
    /// `dag`.
    Dag,
    /// `suspend`.
    Suspend,
}

impl Template {
    /// The template's type; none when it has no specification that the engine runs.
    pub fn kind(&self) -> Option<TemplateType> {
        if self.container.is_some() || self.script.is_some() || self.container_set.is_some() {
            Some(TemplateType::Pod)
        } else if self.steps.is_some() {
            Some(TemplateType::Steps)
        } else if self.dag.is_some() {
            Some(TemplateType::Dag)
        } else if self.suspend.is_some() {
            Some(TemplateType::Suspend)
        } else {
            None
        }
    }
}

/// Parameters and artifacts that a template takes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Inputs {
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Its artifacts.
    pub artifacts: Vec<Artifact>,
}

/// Parameters and artifacts that a template gives.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Outputs {
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Its artifacts.
    pub artifacts: Vec<Artifact>,
}

/// Values for a template's inputs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Arguments {
    /// By name, in order.
    pub parameters: Vec<Parameter>,
    /// By name, in order.
    pub artifacts: Vec<Artifact>,
}

/// A named value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value as text.
    #[serde(deserialize_with = "text")]
    pub value: Option<String>,
    /// Taken when no value is given.
    #[serde(deserialize_with = "text")]
    pub default: Option<String>,
    /// Where the value comes from.
    pub value_from: Option<ValueFrom>,
    /// The name under which an output is known in the whole workflow.
    pub global_name: Option<String>,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValueFrom {
    /// A file of the container.
    pub path: Option<String>,
    /// A reference to another parameter, as a tag.
    pub parameter: Option<String>,
    /// An expression.
    pub expression: Option<String>,
    /// A key of a ConfigMap.
    pub config_map_key_ref: Option<KeyRef>,
    /// Given by whoever resumes a suspended node.
    pub supplied: Option<Value>,
    /// Taken when the source gives nothing.
    #[serde(deserialize_with = "text")]
    pub default: Option<String>,
}

/// A key of a ConfigMap or Secret.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct KeyRef {
    /// The object's name.
    pub name: String,
    /// The key in its data.
    pub key: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A file or directory that is handed on.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// Where it is in the container.
    pub path: String,
    /// A tag that names another artifact.
    pub from: String,
    /// An expression that gives another artifact.
    pub from_expression: String,
    /// A path below the referenced artifact.
    pub sub_path: String,
    /// Whether it may be missing.
    pub optional: bool,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Whether `mode` also holds for everything below a directory.
    pub recurse_mode: bool,
    /// Its content, given in the workflow.
    pub raw: Option<Raw>,
    /// The key in the artifact store.
    pub s3: Option<Location>,
    /// The name under which an output is known in the whole workflow.
    pub global_name: Option<String>,
}

/// The content of a raw artifact.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Raw {
    /// The text.
    pub data: String,
}

/// A key in the artifact store.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Location {
    /// Relative, with `/` between its parts.
    pub key: String,
}

/// A step of a steps template or a task of a dag template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Step {
    /// Unique in its template.
    pub name: String,
    /// The template it calls, by name.
    pub template: String,
    /// The template it calls, in another object.
    pub template_ref: Option<TemplateRef>,
    /// The template it calls, written in place.
    pub inline: Option<Value>,
    /// What it hands in.
    pub arguments: Arguments,
    /// Runs only where this holds.
    pub when: String,
    /// One run an item.
    pub with_items: Option<Vec<Value>>,
    /// One run an item of this JSON list.
    pub with_param: String,
    /// One run a number.
    pub with_sequence: Option<Sequence>,
    /// Which failures do not count.
    pub continue_on: ContinueOn,
    /// Templates that run on its events, by the event's name.
    pub hooks: BTreeMap<String, Hook>,
    /// Deprecated form of `hooks.exit`.
    pub on_exit: String,
    /// Which tasks must have ended, and how.
    pub depends: String,
    /// Older form of `depends`.
    pub dependencies: Vec<String>,
}

impl Step {
    /// Whether it becomes one run an item.
    pub fn expands(&self) -> bool {
        self.with_items.as_ref().is_some_and(|items| !items.is_empty())
            || !self.with_param.is_empty()
            || self.with_sequence.is_some()
    }
}

/// A template in a WorkflowTemplate or ClusterWorkflowTemplate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateRef {
    /// The object's name.
    pub name: String,
    /// The template's name in it.
    pub template: String,
    /// Whether the object is a ClusterWorkflowTemplate.
    pub cluster_scope: bool,
}

/// Which failures of a step do not fail what it belongs to.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct ContinueOn {
    /// An Error does not count.
    pub error: bool,
    /// A failure does not count.
    pub failed: bool,
}

/// A template that runs on an event of a node or of the workflow.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hook {
    /// The template's name.
    pub template: String,
    /// Or a template of another object.
    pub template_ref: Option<TemplateRef>,
    /// What it hands in.
    pub arguments: Value,
    /// Runs once this holds.
    pub expression: String,
}

/// Numbers to run for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Sequence {
    /// How many.
    #[serde(deserialize_with = "text")]
    pub count: Option<String>,
    /// The first; 0 when none.
    #[serde(deserialize_with = "text")]
    pub start: Option<String>,
    /// The last.
    #[serde(deserialize_with = "text")]
    pub end: Option<String>,
    /// A printf format for each, such as `%02d`.
    pub format: String,
}

/// The tasks of a dag template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Dag {
    /// Tasks in the order of the document.
    pub tasks: Vec<Value>,
    /// Names of the tasks to reach, space separated; all leaves when empty.
    pub target: String,
}

/// A container, or a script with its source.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name; `main` when empty.
    pub name: String,
    /// The image.
    pub image: String,
    /// The program and its first arguments.
    pub command: Vec<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// The source of a script.
    pub source: String,
    /// Environment variables.
    pub env: Vec<EnvVar>,
    /// Sources of whole sets of variables.
    pub env_from: Vec<EnvFrom>,
    /// Where it starts.
    pub working_dir: String,
    /// Volumes it sees.
    pub volume_mounts: Vec<VolumeMount>,
    /// Names of the containers that must have ended (containerSet).
    pub dependencies: Vec<String>,
}

/// An environment variable.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(deserialize_with = "text")]
    pub value: Option<String>,
    /// Where the value comes from.
    pub value_from: Option<EnvSource>,
}

/// Where an environment variable's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvSource {
    /// A key of a ConfigMap.
    pub config_map_key_ref: Option<KeyRef>,
    /// A key of a Secret.
    pub secret_key_ref: Option<KeyRef>,
    /// A field of the pod.
    pub field_ref: Option<FieldRef>,
}

/// A field of the pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// Such as `metadata.name`.
    pub field_path: String,
}

/// A source of a whole set of variables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvFrom {
    /// Put before each name.
    pub prefix: String,
    /// A ConfigMap.
    pub config_map_ref: Option<KeyRef>,
    /// A Secret.
    pub secret_ref: Option<KeyRef>,
}

/// A volume at a path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMount {
    /// The volume's name.
    pub name: String,
    /// Where it appears.
    pub mount_path: String,
    /// A path below the volume.
    pub sub_path: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
}

/// Several containers in one pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerSet {
    /// The containers.
    pub containers: Vec<Container>,
    /// Volumes all of them see.
    pub volume_mounts: Vec<VolumeMount>,
}

/// A pause.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Suspend {
    /// How long; until resumed when none.
    #[serde(deserialize_with = "text")]
    pub duration: Option<String>,
}

/// When and how often to try again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryStrategy {
    /// Retries after the first attempt; without end when none.
    #[serde(deserialize_with = "text")]
    pub limit: Option<String>,
    /// `Always`, `OnFailure`, `OnError` or `OnTransientError`.
    pub retry_policy: String,
    /// Try again only while this holds.
    pub expression: String,
    /// Time between attempts.
    pub backoff: Option<Backoff>,
}

/// Time between attempts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// Before the first retry.
    #[serde(deserialize_with = "text")]
    pub duration: Option<String>,
    /// Multiplies the duration for each further retry.
    #[serde(deserialize_with = "text")]
    pub factor: Option<String>,
    /// From the start of the first attempt, for all of them.
    #[serde(deserialize_with = "text")]
    pub max_duration: Option<String>,
    /// The longest time between two attempts.
    #[serde(deserialize_with = "text")]
    pub cap: Option<String>,
}

/// A cache entry to look up first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memoize {
    /// The entry's key.
    pub key: String,
    /// A Go duration; an older entry does not count.
    #[serde(deserialize_with = "text")]
    pub max_age: Option<String>,
    /// Where the entry is.
    pub cache: Option<Cache>,
}

/// A cache of outputs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cache {
    /// The ConfigMap that holds the entries.
    pub config_map: KeyRef,
}

/// Locks to hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Synchronization {
    /// Of which several holders share a limit.
    pub semaphores: Vec<SemaphoreRef>,
    /// Of which one holder has all.
    pub mutexes: Vec<MutexRef>,
    /// The singular form of Argo before 3.6.
    pub semaphore: Option<SemaphoreRef>,
    /// The singular form of Argo before 3.6.
    pub mutex: Option<MutexRef>,
}

/// A semaphore whose limit stands in a ConfigMap.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SemaphoreRef {
    /// The key that holds the limit.
    pub config_map_key_ref: Option<KeyRef>,
    /// The key of the limit in a database.
    pub database: Option<KeyRef>,
    /// The namespace it belongs to; empty for the workflow's own.
    pub namespace: String,
}

/// A mutex.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MutexRef {
    /// Its name.
    pub name: String,
    /// The namespace it belongs to; empty for the workflow's own.
    pub namespace: String,
    /// Whether it is one of a database rather than of the controller.
    pub database: bool,
}

/// Argo's AnyString: a scalar as its text, lists and maps as JSON.
pub fn any_string(value: &Value) -> String {
    document::any_string(value).unwrap_or_else(|| value.to_string())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        value => Some(any_string(&value)),
    })
}
