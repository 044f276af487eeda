//! The flags by which a plan is shown before it is carried out.

use crate::cli::failure::Failure;
use crate::cli::prompt::confirm;
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::plan;
use crate::output::stream::{is_terminal, result, talk};
use crate::retry::Plan;

/// How the plan is shown, and whether the user is asked.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct PlanArgs {
    /// Show the plan and do nothing
    #[arg(long)]
    pub(super) plan: bool,

    /// Show every item of a large loop in the plan
    #[arg(long)]
    all: bool,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

impl PlanArgs {
    /// Shows the plan; whether it is to be carried out.
    pub(super) fn agree(&self, plan: &Plan, output: Option<Format>, quiet: bool) -> Result<bool, Failure> {
        if self.plan {
            match output {
                Some(format @ (Format::Json | Format::Yaml)) => {
                    let value = serde_json::to_value(plan).map_err(anyhow::Error::from)?;
                    result(rendered(format, &[value]))?;
                }
                _ => result(plan::text(plan, self.all))?,
            }
            return Ok(false);
        }
        let ask = is_terminal() && !self.yes;
        if ask || !quiet {
            talk(plan::text(plan, self.all).trim_end());
        }
        if ask { confirm("Proceed with this retry?", true) } else { Ok(true) }
    }

    /// The exit code of a retry that was only shown, or declined.
    pub(super) fn not_done(&self) -> Exit {
        if self.plan {
            return Exit::Success;
        }
        talk("nothing was changed");
        Exit::Interrupted
    }
}
