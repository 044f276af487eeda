//! The two standard streams: standard output carries what was asked for, standard error all talk. That nobody reads
//! them any more ends no command.

use crate::exit::{CommandError, Exit};
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// The result could not be written, for another reason than that nobody reads it.
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
    // There is no other place to say that it failed.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether somebody sits before it, who can be asked and reads progress.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether standard output takes colour.
pub(crate) fn stdout_colors() -> bool {
    io::stdout().is_terminal() && console::colors_enabled() && !no_color()
}

/// Whether standard error takes colour.
pub(crate) fn stderr_colors() -> bool {
    io::stderr().is_terminal() && console::colors_enabled_stderr() && !no_color()
}

/// The user's word stands above `CLICOLOR_FORCE`: <https://no-color.org>.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
