//! Read-only views of the parts of a Workflow that the engine runs. They are parsed from a document that stays the
//! authority: what a view does not know is never lost, because nothing is ever written back from here.

mod artifact;
mod call;
mod container;
mod errand;
mod policy;
mod probe;
mod values;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub(crate) use self::artifact::{
    Artifact, AzureArtifact, GcsArtifact, GitArtifact, HttpArtifact, HttpAuth, Location, OAuth2, S3Artifact,
};
pub(crate) use self::call::{ContinueOn, Dag, Hook, Sequence, Step, TemplateRef};
pub(crate) use self::container::{
    Container, ContainerSet, EnvFrom, EnvVar, ResourceFieldRef, SecurityContext, VolumeMount,
};
pub(crate) use self::errand::{Data, Http, HttpHeader};
pub(crate) use self::policy::{Backoff, Memoize, MutexRef, RetryStrategy, SemaphoreRef, Synchronization};
pub(crate) use self::probe::Probe;
pub(crate) use self::values::{Arguments, Inputs, KeyRef, Outputs, Parameter, ValueFrom};
use super::document;
use super::template::TemplateType;

/// A template of one of Argo's types.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Template {
    /// Unique in its workflow; empty for an inline template.
    pub(crate) name: String,
    /// The name that its nodes show instead of their own.
    pub(crate) display_name: String,
    /// What a caller hands in.
    pub(crate) inputs: Inputs,
    /// What a caller gets back.
    pub(crate) outputs: Outputs,
    /// Groups of steps: groups in sequence, the steps of a group in parallel.
    pub(crate) steps: Option<Vec<Value>>,
    /// Tasks with dependencies.
    pub(crate) dag: Option<Dag>,
    /// A container to run.
    pub(crate) container: Option<Container>,
    /// A container that runs a source text.
    pub(crate) script: Option<Container>,
    /// Several containers in one pod.
    pub(crate) container_set: Option<ContainerSet>,
    /// A pause.
    pub(crate) suspend: Option<Suspend>,
    /// A request.
    pub(crate) http: Option<Http>,
    /// A list of artifacts.
    pub(crate) data: Option<Data>,
    /// A Kubernetes object.
    pub(crate) resource: Option<Value>,
    /// Work of a plugin of the executor.
    pub(crate) plugin: Option<Value>,
    /// Whether it goes on beside what comes after it.
    pub(crate) daemon: Option<bool>,
    /// When and how often to try again.
    pub(crate) retry_strategy: Option<RetryStrategy>,
    /// A cache entry to look up first.
    pub(crate) memoize: Option<Memoize>,
    /// Locks to hold while the template runs.
    pub(crate) synchronization: Option<Synchronization>,
    /// How many children of a steps or dag template may be active at once.
    pub(crate) parallelism: Option<usize>,
    /// Whether a failed child keeps further children from starting.
    pub(crate) fail_fast: Option<bool>,
    /// Duration after which a pod is ended, such as `10s`.
    #[serde(deserialize_with = "text")]
    pub(crate) timeout: Option<String>,
    /// Seconds after which a pod is ended.
    #[serde(deserialize_with = "text")]
    pub(crate) active_deadline_seconds: Option<String>,
    /// Labels and annotations of its pods.
    pub(crate) metadata: Value,
    /// Containers that run before the main one.
    pub(crate) init_containers: Vec<Container>,
    /// Containers that run beside the main one.
    pub(crate) sidecars: Vec<Container>,
    /// Volumes that only this template mounts.
    pub(crate) volumes: Vec<Value>,
    /// What its pods may do.
    pub(crate) security_context: Option<SecurityContext>,
    /// The artifact repository of its pods.
    pub(crate) archive_location: Option<Value>,
}

impl Template {
    /// The template's type; none when it has no specification.
    pub(crate) fn template_type(&self) -> Option<TemplateType> {
        TemplateType::of(|field| match field {
            "container" => self.container.is_some(),
            "containerSet" => self.container_set.is_some(),
            "script" => self.script.is_some(),
            "steps" => self.steps.is_some(),
            "dag" => self.dag.is_some(),
            "suspend" => self.suspend.is_some(),
            "http" => self.http.is_some(),
            "data" => self.data.is_some(),
            "resource" => self.resource.is_some(),
            "plugin" => self.plugin.is_some(),
            _ => false,
        })
    }
}

/// A pause.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Suspend {
    /// How long; until resumed when none.
    #[serde(deserialize_with = "text")]
    pub(crate) duration: Option<String>,
}

/// Argo's AnyString: a scalar as its text, lists and maps as JSON.
pub(crate) fn any_string(value: &Value) -> String {
    document::any_string(value).unwrap_or_else(|| value.to_string())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        value => Some(any_string(&value)),
    })
}
