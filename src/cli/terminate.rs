//! `terminate`: ends runs immediately; exit handlers do not run.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::Shutdown;
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Terminate a run immediately; its exit handlers do not run
  kubectl runnable terminate etl-x2k9f

  # Terminate all runs of a label that have not ended; show first which
  kubectl runnable terminate -l team=data --dry-run
  kubectl runnable terminate -l team=data

  # Show what would be done
  kubectl runnable terminate --dry-run etl-x2k9f

  # Terminate a local run from another terminal
  kubectl runnable terminate --local diamond

A run that is already terminated is not changed (exit code 0). A run that ended by itself is an error (exit code 7).";

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
