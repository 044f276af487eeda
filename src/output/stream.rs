//! The two standard streams: standard output carries the result, standard error all messages. A closed stream does not
//! end a command.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use console::Term;

use crate::exit::{CommandError, Exit};

/// The result could not be written, for another reason than a closed pipe.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct StreamError(#[source] io::Error);

/// Writes text to standard output.
pub(crate) fn result(text: impl Display) -> Result<(), StreamError> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(StreamError(error)),
        _ => Ok(()),
    }
}

impl CommandError for StreamError {
    fn exit(&self) -> Exit {
        Exit::Tool
    }
}

/// Writes a line to standard error.
pub(crate) fn talk(line: impl Display) {
    // In one write: other processes may write there too. If it fails, the error cannot be printed anywhere.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Whether a user at a terminal can answer prompts and see progress.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
pub(crate) fn is_stdout_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The width of the terminal that standard output is.
pub(crate) fn stdout_width() -> Option<usize> {
    let size = io::stdout().is_terminal().then(|| Term::stdout().size_checked()).flatten();
    size.map(|(_, width)| usize::from(width)).filter(|width| *width > 0)
}

/// Whether to use colours on standard output.
pub(crate) fn stdout_colors() -> bool {
    io::stdout().is_terminal() && console::colors_enabled() && !no_color()
}

/// Whether to use colours on standard error.
pub(crate) fn stderr_colors() -> bool {
    io::stderr().is_terminal() && console::colors_enabled_stderr() && !no_color()
}

/// `NO_COLOR` overrides `CLICOLOR_FORCE`: <https://no-color.org>.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
