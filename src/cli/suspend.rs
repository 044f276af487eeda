//! `suspend`: holds a run; what is at work goes on, nothing more begins.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Hold a run: what is at work goes on, nothing more begins
  kubectl runnable suspend etl-x2k9f

  # Let it go on
  kubectl runnable resume etl-x2k9f

A run that is suspended already is left as it is (exit code 0); one that has ended is refused (7).";

/// Suspend runs: running tasks finish, no new ones start
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    steer: SteerArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    steer::run(&args.steer, args.output, &Order::Suspend)
}
