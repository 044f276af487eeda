//! Exit codes: the contract with scripts. Every command ends with one of these and nothing else.

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The command did what was asked; a workflow that was waited for Succeeded.
    Success = 0,
    /// The tool or the API failed.
    Tool = 1,
    /// Bad usage or an invalid document; nothing was created.
    Usage = 2,
    /// The workflow Failed.
    Failed = 3,
    /// The workflow ended in Error.
    Errored = 4,
    /// Waiting took longer than `--timeout`.
    TimedOut = 5,
    /// A named object does not exist.
    NotFound = 6,
    /// An object exists already, is locked, or the server refused for a conflict.
    Conflict = 7,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
