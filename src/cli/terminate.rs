//! `terminate`: ends a run at once, without its exit handlers.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::Shutdown;
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # End a run at once; its exit handlers do not run
  kubectl runnable terminate etl-x2k9f

  # See what would happen
  kubectl runnable terminate --dry-run etl-x2k9f

  # A run of this machine, from another terminal
  kubectl runnable terminate --local diamond

A run that was terminated before is left as it is (exit code 0); one that ended by itself is refused (7).";

/// Terminate runs immediately, without running exit handlers
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
    steer::run(&args.steer, args.output, &Order::Shutdown(Shutdown::Terminate))
}
