//! How a job ends: as its command, by a signal, or by a fault of the cache.

use rustix::process::Signal;

use super::command::{Finished, StartError};
use crate::cache::CacheError;
use crate::exit::CommandError;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As the command did that it restored or ran.
    Code(i32),
    /// By this signal: the command's, or one that came before it ran.
    Signal(i32),
}

impl Ended {
    /// As a command did.
    pub(super) fn of(finished: &Finished) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match finished.status.signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(finished.code()),
        }
    }
}

/// The command was not run, or what it gave cannot be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecError {
    /// The store cannot be used.
    #[error("the cache cannot be used")]
    Store(#[source] CacheError),
    /// The command did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An output cannot be written.
    #[error("cannot restore output {name} to {path}")]
    Restore {
        /// The output.
        name: String,
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write the standard output of the cached command")]
    Stdout(#[source] std::io::Error),
}

impl ExecError {
    /// A remedy for the user.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Start(_) | Self::Restore { .. } | Self::Stdout(_) => None,
        }
    }

    /// The exit code, as shells have it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Start(StartError::NotFound(_)) => 127,
            Self::Start(StartError::NotExecutable(..)) => 126,
            _ => 125,
        }
    }
}

/// A signal came before the command ran.
pub(super) struct Interrupted(pub(super) Signal);

/// What ends a session early.
pub(super) enum Early {
    Ended(Ended),
    Error(ExecError),
}

impl From<Interrupted> for Early {
    fn from(Interrupted(signal): Interrupted) -> Self {
        Self::Ended(Ended::Signal(signal.as_raw()))
    }
}

impl From<ExecError> for Early {
    fn from(error: ExecError) -> Self {
        Self::Error(error)
    }
}
