//! Decides how an order to stop, suspend or resume changes a live Workflow. Must never act: the caller sends the
//! change, on condition that the workflow is still in the same state.

mod nodes;
pub(crate) mod resume;
pub(crate) mod set;
pub(crate) mod shutdown;
pub(crate) mod suspend;

use serde_json::{Map, Value};

use self::resume::Resume;
use self::set::Set;
use crate::argo::{Shutdown, Workflow};
use crate::exit::{CommandError, Exit};

/// An order to a run.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// End early.
    Shutdown(Shutdown),
    /// Start no new nodes.
    Suspend,
    /// Continue.
    Resume(Resume),
    /// Give suspended nodes a phase, a message or outputs.
    Set(Set),
}

impl Order {
    /// Decides about the order in this state of the workflow.
    pub(crate) fn decide(&self, workflow: &Workflow) -> Result<Decision, Refusal> {
        match self {
            Self::Shutdown(strategy) => shutdown::decide(workflow, *strategy),
            Self::Suspend => suspend::decide(workflow),
            Self::Resume(resume) => resume::decide(workflow, resume),
            Self::Set(set) => set::decide(workflow, set),
        }
    }

    /// The order as a verb: `stop`.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Shutdown(Shutdown::Stop) => "stop",
            Self::Shutdown(Shutdown::Terminate) => "terminate",
            Self::Suspend => "suspend",
            Self::Resume(_) => "resume",
            Self::Set(_) => "set",
        }
    }
}

/// The decision about an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Change the workflow.
    Change(Change),
    /// There is nothing to do, for this reason: `already stopped`.
    Already(String),
}

/// A change of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// The merge patch for the Workflow object. It contains the uid and resourceVersion of the state that was read, so
    /// that the server rejects it for any other state.
    pub(crate) patch: Value,
    /// The message after the change: `stopped`.
    pub(crate) done: String,
}

/// Why an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run has ended.
    #[error("it has ended ({0})")]
    Ended(String),
    /// The run is being stopped.
    #[error("it is being stopped (shutdown {0})")]
    Stopping(String),
    /// The nodes are in the controller's database.
    #[error("its nodes are offloaded to the controller's database, where only the Argo server can change them")]
    Offloaded,
    /// The compressed nodes are damaged.
    #[error("its compressed nodes cannot be changed: {0}")]
    Compressed(String),
    /// The run's process was killed.
    #[error("its process was killed")]
    Killed,
    /// A node of a suspended run cannot be resumed alone.
    #[error("the run itself is suspended")]
    Held,
    /// The selector matches no suspended node.
    #[error("no suspended node matches --node-field-selector")]
    NoNode,
    /// No node is suspended.
    #[error("no node is suspended")]
    NothingSuspended,
    /// There is no suspended node to set outputs of.
    #[error("output parameters were given, but no node is suspended")]
    NoneSuspended,
    /// The node has no such output parameter.
    #[error("node {node:?} has no output parameter {parameter:?} to set")]
    UnknownOutput {
        /// The node's display name.
        node: String,
        /// The given name.
        parameter: String,
    },
    /// The node needs an output parameter.
    #[error("node {node:?} needs a value for its output parameter {parameter:?}")]
    MissingOutput {
        /// The node's display name.
        node: String,
        /// The parameter without value and default.
        parameter: String,
    },
}

impl CommandError for Refusal {
    fn exit(&self) -> Exit {
        match self {
            Self::Ended(_) | Self::Stopping(_) | Self::Killed | Self::Held => Exit::Conflict,
            Self::Offloaded | Self::Compressed(_) => Exit::Tool,
            Self::NoNode | Self::NothingSuspended => Exit::NotFound,
            Self::NoneSuspended | Self::UnknownOutput { .. } | Self::MissingOutput { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingOutput { parameter, .. } => Some(format!("set it with --output {parameter}=VALUE")),
            Self::Offloaded => Some("use argo resume with ARGO_SERVER set".to_owned()),
            Self::Held => Some("resume it without --node-field-selector".to_owned()),
            Self::UnknownOutput { .. } => Some("select the node with --node-field-selector".to_owned()),
            _ => None,
        }
    }
}

impl Change {
    /// A change that applies only to this state of the workflow.
    fn of(workflow: &Workflow, mut patch: Value, done: impl Into<String>) -> Self {
        let same: Map<String, Value> =
            workflow.preconditions().map(|(field, value)| (field.to_owned(), value.into())).collect();
        if let Some(patch) = patch.as_object_mut().filter(|_| !same.is_empty()) {
            patch.insert("metadata".to_owned(), same.into());
        }
        Self { patch, done: done.into() }
    }
}

fn refuse_ended(workflow: &Workflow) -> Result<(), Refusal> {
    if workflow.has_ended() { Err(Refusal::Ended(workflow.phase().to_owned())) } else { Ok(()) }
}
