//! Steering a run: the live Workflow in, what is to change out. Must never act: whoever asked sends the change, under
//! the condition that the workflow is still the one that was decided on.

mod nodes;
pub(crate) mod resume;
pub(crate) mod shutdown;
pub(crate) mod suspend;

use serde_json::Value;

use self::resume::Resume;
use crate::argo::{Shutdown, Workflow};
use crate::exit::{CommandError, Exit};

/// What is asked of a run.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// To end before its time.
    Shutdown(Shutdown),
    /// To begin nothing more.
    Suspend,
    /// To go on.
    Resume(Resume),
}

impl Order {
    /// Decides what becomes of the order in this state of the workflow.
    pub(crate) fn decide(&self, workflow: &Workflow) -> Result<Decision, Refusal> {
        match self {
            Self::Shutdown(strategy) => shutdown::decide(workflow, *strategy),
            Self::Suspend => suspend::decide(workflow),
            Self::Resume(resume) => resume::decide(workflow, resume),
        }
    }

    /// The order as a verb: `stop`.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Shutdown(Shutdown::Stop) => "stop",
            Self::Shutdown(Shutdown::Terminate) => "terminate",
            Self::Suspend => "suspend",
            Self::Resume(_) => "resume",
        }
    }
}

/// What becomes of a request to steer a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// The workflow is to change.
    Change(Change),
    /// There is nothing to do, for this reason: `already stopped`.
    Already(String),
}

/// A change of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    /// What to merge into the Workflow object. It holds the uid and the resourceVersion that were decided on, so that
    /// the server refuses it for any other state.
    pub patch: Value,
    /// What is said once it is done: `stopped`.
    pub done: String,
}

/// Why a run is not steered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It goes on no more.
    #[error("it has ended ({0})")]
    Ended(String),
    /// It is on its way to its end.
    #[error("it is being stopped (shutdown {0})")]
    Stopping(String),
    /// The controller keeps the nodes in its database.
    #[error("its nodes are offloaded to the controller's database, where only the Argo server can change them")]
    Offloaded,
    /// The compressed nodes are damaged.
    #[error("its compressed nodes cannot be changed: {0}")]
    Compressed(String),
    /// The process that carried it out is gone.
    #[error("its process was killed")]
    Killed,
    /// Nodes of a suspended run do not go on by themselves.
    #[error("the run itself is suspended")]
    Held,
    /// No suspended node was meant.
    #[error("no suspended node matches --node-field-selector")]
    NoNode,
    /// There is no suspended node that takes outputs.
    #[error("no node is suspended, so that none takes output parameters")]
    NoneSuspended,
    /// The node has no output parameter of that name.
    #[error("node {node:?} takes no output parameter {parameter:?}")]
    UnknownOutput {
        /// The node's display name.
        node: String,
        /// The name that was given.
        parameter: String,
    },
    /// The node needs an output parameter.
    #[error("node {node:?} needs a value for its output parameter {parameter:?}")]
    MissingOutput {
        /// The node's display name.
        node: String,
        /// The parameter that has neither value nor default.
        parameter: String,
    },
}

impl CommandError for Refusal {
    fn exit(&self) -> Exit {
        match self {
            Self::Ended(_) | Self::Stopping(_) | Self::Killed | Self::Held => Exit::Conflict,
            Self::Offloaded | Self::Compressed(_) => Exit::Tool,
            Self::NoNode => Exit::NotFound,
            Self::NoneSuspended | Self::UnknownOutput { .. } | Self::MissingOutput { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingOutput { parameter, .. } => Some(format!("give it with --output {parameter}=VALUE")),
            Self::Offloaded => Some("use argo resume with ARGO_SERVER set".to_owned()),
            Self::Held => Some("resume it without --node-field-selector".to_owned()),
            Self::UnknownOutput { .. } => Some("choose the node with --node-field-selector".to_owned()),
            _ => None,
        }
    }
}

impl Change {
    /// A change of this state of the workflow and of no other.
    fn of(workflow: &Workflow, mut patch: Value, done: impl Into<String>) -> Self {
        for (field, value) in workflow.preconditions() {
            patch["metadata"][field] = value.into();
        }
        Self { patch, done: done.into() }
    }
}

fn refuse_ended(workflow: &Workflow) -> Result<(), Refusal> {
    if workflow.has_ended() { Err(Refusal::Ended(workflow.phase().to_owned())) } else { Ok(()) }
}
