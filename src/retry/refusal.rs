//! Which runs are not retried, and why.

use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::{Node, NodeType};
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
    pub(crate) name: String,
    /// Whether it is there and stays: a run whose owner is deleted would be deleted with it.
    pub(crate) stays: bool,
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
    /// Another attempt of the run has not ended.
    #[error("attempt {number}, {name}, is {phase}")]
    OtherRuns {
        /// The other attempt's workflow.
        name: String,
        /// Its number.
        number: u32,
        /// Where it stands, in lower case.
        phase: String,
    },
    /// A later attempt has done what was left to do.
    #[error("attempt {number}, {name}, has succeeded")]
    LaterSucceeded {
        /// The later attempt's workflow.
        name: String,
        /// Its number.
        number: u32,
    },
    /// Someone else made the same attempt in the meantime.
    #[error("attempt {number}, {name}, was created by someone else in the meantime")]
    Made {
        /// The attempt's workflow.
        name: String,
        /// Its number.
        number: u32,
    },
    /// There is nothing to retry.
    #[error("workflow {name} has succeeded: there is nothing to do")]
    Succeeded {
        /// The workflow.
        name: String,
        /// How it is retried.
        mode: Mode,
    },
    /// What was given changes nothing in a run that has succeeded.
    #[error("workflow {name} has succeeded, and nothing of it runs again: there is nothing to do")]
    NothingChanged {
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
    /// A node is asked for that it does not have.
    #[error("workflow {run} has no node {asked:?}")]
    UnknownNode {
        /// The workflow.
        run: String,
        /// What was asked for.
        asked: String,
        /// A node that is called nearly so.
        nearest: Option<String>,
    },
    /// Several nodes are called what is asked for.
    #[error("{} nodes of workflow {run} are called {asked:?}", nodes.len())]
    SeveralNodes {
        /// The workflow.
        run: String,
        /// What was asked for.
        asked: String,
        /// The nodes, each by a name that only it has.
        nodes: Vec<String>,
    },
    /// A node is asked for that the next attempt does not come to.
    #[error("node {node} of workflow {run} is not part of the next attempt")]
    NodeLeftOut {
        /// The workflow.
        run: String,
        /// The node.
        node: String,
    },
    /// A controller would not go on with a node that is carried over.
    #[error("node {node} of workflow {name} has failed with a retryStrategy, in or around a nested template")]
    Stuck {
        /// The workflow.
        name: String,
        /// The node.
        node: String,
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

impl Refusal {
    /// That someone else made the attempt that this workflow is.
    pub(crate) fn made(workflow: &Value) -> Self {
        let workflow = Workflow::view(workflow);
        Self::Made { name: workflow.name().to_owned(), number: workflow.attempt() }
    }
}

impl CommandError for Refusal {
    fn exit(&self) -> Exit {
        match self {
            Self::UnknownNode { .. } => Exit::NotFound,
            Self::SeveralNodes { .. } | Self::NodeLeftOut { .. } => Exit::Usage,
            _ => Exit::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotEnded { .. } => "wait for its end, or stop it first",
            Self::Succeeded { mode: Mode::InPlace(_), .. } => {
                "add --restart-successful and --node-field-selector to run nodes of it again"
            }
            Self::Succeeded { mode: Mode::Memoized, .. } => {
                "leave --memoized out, and add --from NODE or --only NODE to run nodes of it again"
            }
            Self::Succeeded { .. } | Self::NothingChanged { .. } => {
                "submit FILE --resume continues with an edited document; --from NODE and --only NODE run nodes again"
            }
            Self::OtherRuns { .. } => "wait for its end, or add --force to retry beside it",
            Self::LaterSucceeded { .. } => "nothing is left to do; add --force to retry this attempt all the same",
            Self::Made { .. } => "wait for its end; kubectl runnable status shows it",
            Self::UnknownNode { nearest: Some(nearest), .. } => return Some(format!("did you mean {nearest:?}?")),
            Self::UnknownNode { run, nearest: None, .. } => {
                return Some(format!("kubectl runnable status {run} --all shows its nodes"));
            }
            Self::SeveralNodes { nodes, .. } => {
                let few: Vec<&str> = nodes.iter().take(5).map(String::as_str).collect();
                return Some(format!("name one in full: {}", few.join(", ")));
            }
            Self::NodeLeftOut { .. } => "its condition is false, or the document no longer calls it; see --plan",
            Self::NodesAway { .. } | Self::Broken { .. } => "retry it without --memoized and --in-place",
            Self::Stuck { .. } => "retry it without --memoized: an Argo controller does not continue such a node",
            Self::UnknownPhase { .. } | Self::Deleted { .. } | Self::OwnerDeleted { .. } => return None,
        };
        Some(hint.to_owned())
    }

    fn message(&self) -> String {
        format!("cannot retry: {self}")
    }
}

/// Whether the run may be retried in this way. One that has succeeded may where something is asked for.
pub(crate) fn check(live: &Value, mode: &Mode, owners: &[Owner], asks: bool) -> Result<(), Refusal> {
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
        "Succeeded" if *mode == Mode::NewAttempt && asks => {}
        "Succeeded" => return Err(Refusal::Succeeded { name, mode: mode.clone() }),
        "Pending" if !live.is_seen() => return Err(Refusal::NotEnded { name, phase: "not started".to_owned() }),
        phase @ ("Pending" | "Running") => return Err(Refusal::NotEnded { name, phase: phase.to_owned() }),
        phase => return Err(Refusal::UnknownPhase { name, phase: phase.to_owned() }),
    }

    let elsewhere = live.compressed_nodes().is_some() || live.node_values().is_err();
    if elsewhere && *mode != Mode::NewAttempt {
        return Err(Refusal::NodesAway { name });
    }
    match (*mode == Mode::Memoized).then(|| stuck(live)).flatten() {
        Some(node) => Err(Refusal::Stuck { name, node }),
        None => Ok(()),
    }
}

/// A node with which a controller does not go on as it should in a memoized workflow: `FormulateResubmitWorkflow`
/// (workflow/util/util.go, v4.1.2) resets it and its attempts. Seen on a controller: below a dag the run never ends; else an
/// attempt too many begins, and stays Running when the workflow has Succeeded.
fn stuck(live: &Workflow) -> Option<String> {
    let nodes = live.nodes();
    let root = nodes.root().map(|root| root.id.clone());
    let is_stuck = |node: &&Node| {
        let within = node.boundary_id.as_ref().filter(|id| !id.is_empty() && Some(*id) != root.as_ref());
        let around = || nodes.children(node).any(|attempt| attempt.kind != NodeType::Pod);
        node.kind == NodeType::Retry && node.phase.is_unsuccessful() && (within.is_some() || around())
    };
    nodes.all.iter().find(is_stuck).map(|node| node.name.clone())
}
