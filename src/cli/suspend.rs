//! `suspend`: running tasks finish, no new ones start.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Suspend a run: running tasks finish, no new ones start
  kubectl runnable suspend etl-x2k9f

  # Resume it
  kubectl runnable resume etl-x2k9f

A run that is already suspended is not changed (exit code 0). A run that has ended is an error (exit code 7).";

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
