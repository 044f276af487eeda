//! Which runs are not retried, and why.

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::node_selector::NodeSelector;
use crate::exit::{CommandError, Exit};

/// How a run is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As a new Workflow with the same run id and cache.
    NewAttempt,
    /// As a new Workflow that carries the status of finished nodes over, as `argo resubmit --memoized` does.
    Memoized,
    /// In the same object, as `argo retry` does; nodes that succeeded run again where the selector matches them.
    InPlace(Option<NodeSelector>),
}

/// What is known of an owner of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Its kind and name, as `Job/nightly`.
    pub name: String,
    /// Whether it is there and stays: a run whose owner is deleted would be deleted with it.
    pub stays: bool,
}

/// Why a run is not retried.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has not ended.
    #[error("workflow {name} is {phase}")]
    NotEnded {
        /// The workflow.
        name: String,
        /// Where it stands.
        phase: String,
    },
    /// There is nothing to retry.
    #[error("workflow {name} has succeeded")]
    Succeeded {
        /// The workflow.
        name: String,
    },
    /// The controller wrote a phase that is not known.
    #[error("workflow {name} is in phase {phase:?}, which is not known")]
    UnknownPhase {
        /// The workflow.
        name: String,
        /// Where it stands.
        phase: String,
    },
    /// It is being deleted.
    #[error("workflow {name} is being deleted")]
    Deleted {
        /// The workflow.
        name: String,
    },
    /// It would be deleted with its owner.
    #[error("workflow {name} belongs to {owner}, which is deleted")]
    OwnerDeleted {
        /// The workflow.
        name: String,
        /// The owner's kind and name.
        owner: String,
    },
    /// Its nodes are not in the object.
    #[error("the nodes of workflow {name} are not in its status as plain text")]
    NodesAway {
        /// The workflow.
        name: String,
    },
    /// Its nodes do not form a graph.
    #[error("the status of workflow {name} is not whole: node {node} has no way up to the first one")]
    Broken {
        /// The workflow.
        name: String,
        /// The node.
        node: String,
    },
}

impl CommandError for Refusal {
    fn exit(&self) -> Exit {
        Exit::Conflict
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotEnded { .. } => "wait for its end, or stop it first",
            Self::Succeeded { .. } => {
                "submit it again, or on a cluster run its nodes again with --in-place --restart-successful --node-field-selector"
            }
            Self::NodesAway { .. } | Self::Broken { .. } => "retry it without --memoized and --in-place",
            Self::UnknownPhase { .. } | Self::Deleted { .. } | Self::OwnerDeleted { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn message(&self) -> String {
        format!("cannot retry: {self}")
    }
}

/// Whether the run may be retried in this way.
pub(crate) fn check(live: &Value, mode: &Mode, owners: &[Owner]) -> Result<(), Refusal> {
    let live = Workflow::view(live);
    let name = live.name().to_owned();
    if live.is_being_deleted() {
        return Err(Refusal::Deleted { name });
    }
    if let Some(owner) = owners.iter().find(|owner| !owner.stays) {
        return Err(Refusal::OwnerDeleted { name, owner: owner.name.clone() });
    }

    match live.phase() {
        "Failed" | "Error" => {}
        "Succeeded" if matches!(mode, Mode::InPlace(Some(_))) => {}
        "Succeeded" => return Err(Refusal::Succeeded { name }),
        "Pending" if !live.is_seen() => return Err(Refusal::NotEnded { name, phase: "not started".to_owned() }),
        phase @ ("Pending" | "Running") => return Err(Refusal::NotEnded { name, phase: phase.to_owned() }),
        phase => return Err(Refusal::UnknownPhase { name, phase: phase.to_owned() }),
    }

    let elsewhere = live.compressed_nodes().is_some() || live.node_values().is_err();
    if elsewhere && *mode != Mode::NewAttempt {
        return Err(Refusal::NodesAway { name });
    }
    Ok(())
}
