//! Asking before entries go.

use crate::cli::failure::Failure;
use crate::cli::prompt::confirm;
use crate::exit::Exit;
use crate::output::stream::{is_terminal, talk};

/// Whether something is done, only shown, or asked about.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConsentArgs {
    /// Only show what would be done
    #[arg(long, help_heading = None::<&'static str>)]
    pub(in crate::cli) dry_run: bool,

    /// Skip the confirmation prompt
    #[arg(short, long, help_heading = None::<&'static str>)]
    yes: bool,
}

impl ConsentArgs {
    /// Whether to go on. Only a terminal is asked.
    pub(in crate::cli) fn given(&self, question: &str) -> Result<bool, Failure> {
        if self.yes || !is_terminal() { Ok(true) } else { confirm(question, false) }
    }

    /// The end of a command whose user said no.
    pub(in crate::cli) fn declined() -> Exit {
        talk("nothing was changed");
        Exit::Interrupted
    }

    /// What is said of what was done, or would be.
    pub(in crate::cli) fn done(&self, word: &str) -> String {
        if self.dry_run { format!("{word} (dry run)") } else { word.to_owned() }
    }
}
