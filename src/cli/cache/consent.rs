//! Asking before entries go.

use crate::cli::failure::Failure;
use crate::cli::prompt::confirm;
use crate::exit::Exit;
use crate::output::stream::{is_terminal, talk};

/// Whether something is done, only shown, or asked about.
#[derive(Debug, clap::Args)]
pub(super) struct ConsentArgs {
    /// Only show what would be done
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

impl ConsentArgs {
    /// Whether to go on. Only a terminal is asked.
    pub(super) fn given(&self, question: &str) -> Result<bool, Failure> {
        if self.yes || !is_terminal() { Ok(true) } else { confirm(question, false) }
    }

    /// The end of a command whose user said no.
    pub(super) fn declined() -> Exit {
        talk("nothing was changed");
        Exit::Interrupted
    }

    /// What is said of what was done, or would be.
    pub(super) fn done(&self, word: &str) -> String {
        if self.dry_run { format!("{word} (dry run)") } else { word.to_owned() }
    }
}
