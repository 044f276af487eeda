//! Why a run could not be fetched, followed or changed.

use std::time::Duration;

use crate::cluster::ClusterError;
use crate::control::Refusal;
use crate::exit::{CommandError, Exit};
use crate::local::control_pipe::ControlError;
use crate::local::new_run::NewRunError;
use crate::local::record::RecordError;
use crate::local::reserved::ReservedError;

/// Why a backend did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The cluster refused, or cannot be reached.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The run's directory cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A reservation of this machine cannot be read or written.
    #[error(transparent)]
    Reserved(#[from] ReservedError),
    /// A run cannot start on this machine.
    #[error(transparent)]
    NewRun(#[from] NewRunError),
    /// Another workflow has the name of the one that was meant.
    #[error("workflow {name:?} of the handle is gone; another has its name in namespace {namespace:?}")]
    Replaced {
        /// The name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// The process of a local run is gone before the run has ended.
    #[error("local run {name:?} has not ended: its process was killed")]
    Killed {
        /// The run's name.
        name: String,
        /// The command that runs again what did not succeed.
        retry: String,
    },
    /// A run that goes on is not deleted.
    #[error("workflow {name:?} has not ended (phase {phase})")]
    GoesOn {
        /// Its name.
        name: String,
        /// The phase it is in.
        phase: String,
    },
    /// The run did not end in time.
    #[error("workflow {name:?} has not ended after {after:?} (phase {phase})")]
    TimedOut {
        /// Its name.
        name: String,
        /// How long it was waited for.
        after: Duration,
        /// The phase it was last seen in.
        phase: String,
    },
    /// The run is in no state for the change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The change cannot be handed to the process of a local run.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The process of a local run was given a change and did nothing.
    #[error("its process does not answer")]
    Silent,
}

impl CommandError for BackendError {
    fn exit(&self) -> Exit {
        match self {
            Self::Cluster(error) => error.exit(),
            Self::Record(error) => error.exit(),
            Self::Reserved(error) => error.exit(),
            Self::NewRun(error) => error.exit(),
            Self::Refused(refusal) => refusal.exit(),
            Self::Replaced { .. } => Exit::NotFound,
            Self::TimedOut { .. } => Exit::TimedOut,
            Self::GoesOn { .. } => Exit::Conflict,
            Self::Killed { .. } | Self::Control(_) | Self::Silent => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Cluster(error) => error.hint(),
            Self::Record(error) => error.hint(),
            Self::Reserved(error) => error.hint(),
            Self::NewRun(error) => error.hint(),
            Self::Refused(refusal) => refusal.hint(),
            Self::TimedOut { .. } => Some("it still runs; wait again with a longer --timeout".into()),
            Self::GoesOn { name, .. } => Some(format!("kubectl runnable terminate {name} ends it")),
            Self::Killed { retry, .. } => Some(format!("{retry} runs again what did not succeed")),
            Self::Replaced { .. } | Self::Control(_) | Self::Silent => None,
        }
    }
}
