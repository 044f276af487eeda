//! The flags by which a plan is shown before it is carried out.

use crate::cli::failure::Failure;
use crate::cli::prompt::confirm;
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::plan;
use crate::output::stream::{is_terminal, result, stdout_width, talk};
use crate::retry::Plan;

/// How the plan is shown, and whether the user is asked.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PlanArgs {
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
    /// Shows the plans; whether they are to be carried out.
    pub(super) fn agree(&self, plans: &[&Plan], output: Option<Format>, quiet: bool) -> Result<bool, Failure> {
        if self.plan {
            match output {
                Some(format @ (Format::Json | Format::Yaml)) => {
                    let values = plans.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
                    result(rendered(format, &values.map_err(anyhow::Error::from)?))?;
                }
                _ => result(self.text(plans))?,
            }
            return Ok(false);
        }
        let ask = self.asks();
        if ask || !quiet {
            talk(self.text(plans).trim_end());
        }
        match plans {
            _ if !ask => Ok(true),
            [_] => confirm("Proceed with this retry?", true),
            _ => confirm(&format!("Proceed with these {} retries?", plans.len()), true),
        }
    }

    /// Whether anybody gets to see the plan.
    pub(super) fn is_told(&self, quiet: bool) -> bool {
        self.plan || !quiet || self.asks()
    }

    fn asks(&self) -> bool {
        is_terminal() && !self.yes
    }

    fn text(&self, plans: &[&Plan]) -> String {
        let texts: Vec<String> = plans.iter().map(|plan| plan::text(plan, self.all, stdout_width())).collect();
        texts.join("\n")
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
