//! Why a document cannot be prepared.

use crate::argo::identity::{IdentityError, RunId};
use crate::exit::{CommandError, Exit};

/// Why a document cannot be prepared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PrepareError {
    /// The document is of another kind.
    #[error("kind {found:?} cannot be prepared: expected {expected}")]
    Kind {
        /// Its kind.
        found: String,
        /// The kinds that can be.
        expected: &'static str,
    },
    /// The document has no spec.
    #[error("the {kind} has no spec")]
    NoSpec {
        /// Its kind.
        kind: String,
    },
    /// A field has another form than Argo gives it.
    #[error("{field} is not {expected}")]
    Form {
        /// The field's path.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The run id in the document or among the parameters is illegal.
    #[error("parameter run_id: {0}")]
    RunId(#[from] IdentityError),
    /// The run id was given twice.
    #[error("two run ids: {option} by option and {parameter} as the parameter run_id")]
    TwoRunIds {
        /// The one given by its own option.
        option: RunId,
        /// The one given as a parameter.
        parameter: RunId,
    },
    /// An artifact is given that the template to begin with does not take.
    #[error("artifact {name:?} is no input of template {entrypoint:?}, with which the workflow begins")]
    ArtifactNotTaken {
        /// The artifact.
        name: String,
        /// The template.
        entrypoint: String,
    },
    /// A memoize has no cache, which would make the controller fail.
    #[error("template {template:?} has a memoize without a cache, and memoization is off")]
    MemoizeWithoutCache {
        /// The template.
        template: String,
    },
    /// The workflow refers to an object that is not known.
    #[error("{kind} {name:?} is not known")]
    UnknownTemplate {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The workflow has a controller, and there can be one only.
    #[error("the workflow belongs to {other} already, and {owner} cannot control it too")]
    Controlled {
        /// The controller that it has.
        other: String,
        /// The one that it was to get.
        owner: String,
    },
    /// A CronWorkflow cannot give each of its workflows a run id.
    #[error("CronWorkflow {name:?} cannot give each of its workflows a run id; prepare a workflow made from it")]
    CronWorkflow {
        /// Its name.
        name: String,
    },
    /// A version of Argo takes one lock a workflow, and there are more.
    #[error("a workflow takes one lock before Argo 3.6, which this cluster has, and there are {}: {}", .locks.len(), .locks.join(", "))]
    OneLock {
        /// The locks.
        locks: Vec<String>,
    },
    /// The templates to isolate stand in another object.
    #[error("isolation changes templates, and those of {name:?} are only referred to")]
    IsolationByReference {
        /// The WorkflowTemplate or ClusterWorkflowTemplate.
        name: String,
    },
    /// There is no template of the name that is declared a pure function.
    #[error("there is no template {name:?} to reuse")]
    NothingToReuse {
        /// The name.
        name: String,
    },
    /// The templates whose pods are to look up their entries stand in another object.
    #[error("a cache in pods changes templates, and those of {name:?} are only referred to")]
    ExecCacheByReference {
        /// The WorkflowTemplate or ClusterWorkflowTemplate.
        name: String,
    },
    /// There is no template of the name that is to be isolated.
    #[error("there is no template {name:?} to isolate")]
    NoSuchTemplate {
        /// The name.
        name: String,
    },
    /// The template to isolate runs no containers of the user's.
    #[error("template {name:?} cannot be isolated: it is no container, script or containerSet")]
    NoPod {
        /// The template.
        name: String,
    },
    /// One worktree is to serve several pods, and its volume belongs to one.
    #[error("an emptyDir belongs to one pod, so the pods of a run cannot share a worktree in it")]
    TreeOfOnePod,
    /// The document has a volume of the name that isolation uses.
    #[error("the workflow has a volume {volume:?} of its own, and isolation needs that name")]
    VolumeTaken {
        /// The volume.
        volume: &'static str,
    },
    /// A container has mounted something where the isolated files are to be.
    #[error("template {template:?} has mounted another volume at {path}")]
    MountTaken {
        /// The template.
        template: String,
        /// The path.
        path: String,
    },
    /// A template takes the mutex that its workflow holds.
    #[error("template {template:?} would wait forever for {lock}, which its own workflow holds")]
    LockWithinItself {
        /// The template.
        template: String,
        /// The lock.
        lock: String,
    },
}

impl CommandError for PrepareError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
