//! Asking before entries go.

use std::io::IsTerminal;

use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::talk;

/// Whether something is done, only shown, or asked about.
#[derive(Debug, clap::Args)]
pub(super) struct ConsentArgs {
    /// Only show what would be done
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Do not ask, on a terminal neither
    #[arg(short, long)]
    yes: bool,
}

impl ConsentArgs {
    /// Whether to go on. Only a terminal is asked.
    pub(super) fn given(&self, question: &str) -> Result<bool, Failure> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if self.yes || !terminal {
            return Ok(true);
        }
        let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
        Ok(answer.map_err(anyhow::Error::from)?.unwrap_or(false))
    }

    /// The end of a command whose user said no.
    pub(super) fn declined() -> Exit {
        talk("nothing was done");
        Exit::Interrupted
    }

    /// What is said of what was done, or would be.
    pub(super) fn done(&self, word: &str) -> String {
        if self.dry_run { format!("{word} (dry run)") } else { word.to_owned() }
    }
}
