//! A command that failed: what it says and how it exits.

use console::Style;

use crate::argo::document::DocumentError;
use crate::argo::identity::IdentityError;
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::git::{GitError, NameError};
use crate::local::store::StoreError;
use crate::output::stream::{StreamError, stderr_colors, talk};
use crate::prepare::PrepareError;

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

/// An error and what caused it, on one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self { exit: error.exit(), message: chain(&error), hint: error.hint(), rendered: false }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { exit: error.exit(), message: chain(&error), hint: error.hint(), rendered: false }
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        Self { exit: error.exit(), message: chain(&error), hint: error.hint(), rendered: false }
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::usage(chain(&error))
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        Self::usage(chain(&error))
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::usage(chain(&error))
    }
}

impl From<DocumentError> for Failure {
    fn from(error: DocumentError) -> Self {
        Self::usage(chain(&error))
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        Self::new(Exit::Tool, chain(&error))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Tool, format!("{error:#}"))
    }
}
