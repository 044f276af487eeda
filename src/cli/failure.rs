//! A command that failed: what it says and how it exits.

use console::Style;

use crate::exit::{CommandError, Exit};
use crate::output::stream::{stderr_colors, talk};

/// What a user reads when a command fails.
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

    /// The same with a word of advice.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code of a command that ends with it.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// A message that is printed as it is.
    pub(super) fn rendered(exit: Exit, message: String) -> Self {
        Self { exit, message, hint: None, rendered: true }
    }

    /// The same failure, with what could not be done for it in front.
    pub(super) fn within(mut self, context: impl std::fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// What went wrong, without advice.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Says it on standard error and gives the exit code.
    pub(super) fn report(&self) -> Exit {
        let style = |style: Style| style.force_styling(stderr_colors());
        if self.rendered {
            talk(&self.message);
        } else {
            talk(format_args!("{} {}", style(Style::new().red().bold()).apply_to("error:"), self.message));
        }
        if let Some(hint) = &self.hint {
            talk(format_args!("{} {hint}", style(Style::new().cyan()).apply_to("hint:")));
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
