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

/// An error that can end a command. Each module says here what its errors mean to a script and what the user can do.
pub trait CommandError: std::error::Error {
    /// The command's exit code.
    fn exit(&self) -> Exit;

    /// What the user can do about it.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The error and its causes, on one line.
    fn message(&self) -> String
    where
        Self: Sized + 'static,
    {
        chain(self)
    }
}

/// An error and what caused it, on one line. A cause that the text above it already tells is not repeated.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
