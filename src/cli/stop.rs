//! `stop`: ends a run before its time; its exit handlers still run.

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::Shutdown;
use crate::control::Order;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # End a run; what is at work is killed, its exit handlers still run
  kubectl runnable stop etl-x2k9f

  # The run that was created last, and one of a handle
  kubectl runnable stop @latest ./run.json

  # A run of this machine, from another terminal
  kubectl runnable stop --local diamond

A run that was stopped before is left as it is (exit code 0); one that ended by itself is refused (7).";

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
