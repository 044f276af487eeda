//! The failure of a command: its message, hint and exit code.

use console::Style;

use super::place::here;
use crate::exit::{CommandError, Exit};
use crate::output::stream::{stderr_colors, talk};

#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
    /// The message has its own layout.
    rendered: bool,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, rendered: false }
    }

    /// Bad usage or an invalid document.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code of a command that ends with it.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// A failure whose message is printed as it is, without `error:`.
    pub(super) fn rendered(exit: Exit, message: String) -> Self {
        Self { exit, message, hint: None, rendered: true }
    }

    /// Prefixes the message with the action that failed.
    pub(super) fn in_context(mut self, context: impl std::fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The message, without the hint.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The hint.
    pub(super) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Prints the failure to standard error and returns the exit code.
    pub(super) fn report(&self) -> Exit {
        let style = |style: Style| style.force_styling(stderr_colors());
        if self.rendered {
            talk(&self.message);
        } else {
            talk(format_args!("{} {}", style(Style::new().red().bold()).apply_to("error:"), self.message));
        }
        if let Some(hint) = &self.hint {
            talk(format_args!("{} {}", style(Style::new().cyan()).apply_to("hint:"), here(hint)));
        }
        self.exit
    }
}

impl<E: CommandError + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit: error.exit(), message: error.message(), hint: error.hint(), rendered: false }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Tool, format!("{error:#}"))
    }
}
