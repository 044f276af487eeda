//! `stop`: ends runs early; exit handlers still run.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::Shutdown;
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Stop a run: running tasks are killed, exit handlers still run
  kubectl runnable stop etl-x2k9f

  # Stop the latest run, and a run by its handle
  kubectl runnable stop @latest ./run.json

  # Stop a local run from another terminal
  kubectl runnable stop --local diamond

A run that is already stopped is not changed (exit code 0). A run that ended by itself is an error (exit code 7).";

/// Stop runs: running tasks are stopped, exit handlers still run
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
    steer::run(&args.steer, args.output, &Order::Shutdown(Shutdown::Stop))
}
