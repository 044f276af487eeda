//! Exit codes, a contract with scripts: every command ends with one of these.

/// The exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded; if it waited for a workflow, that Succeeded.
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
    /// An object already exists, is locked, or was changed at the same time.
    Conflict = 7,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl Exit {
    /// The exit of this code.
    pub(crate) fn from_code(code: i32) -> Option<Self> {
        let all = [
            Self::Success,
            Self::Tool,
            Self::Usage,
            Self::Failed,
            Self::Errored,
            Self::TimedOut,
            Self::NotFound,
            Self::Conflict,
            Self::Interrupted,
        ];
        all.into_iter().find(|exit| *exit as i32 == code)
    }
}

/// An error that can end a command. Each module maps its errors to exit codes and hints here.
pub trait CommandError: std::error::Error {
    /// The command's exit code.
    fn exit(&self) -> Exit;

    /// A remedy for the user.
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

/// An error and its causes on one line. A cause that the text already contains is not repeated.
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
