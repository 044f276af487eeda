//! `stop`: ends runs early; exit handlers still run.

use jiff::Timestamp;

use super::failure::Failure;
use super::steer::{self, SteerArgs};
use crate::argo::Shutdown;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::Phase;
use crate::control::Order;
use crate::control::set::Set;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Stop a run: running tasks are killed, exit handlers still run
  kubectl runnable stop etl-x2k9f

  # Stop the latest run, and a run by its handle
  kubectl runnable stop @latest ./run.json

  # Stop all runs of a team that have not ended
  kubectl runnable stop -l team=data

  # Let one suspended node fail instead, with a message
  kubectl runnable stop etl-x2k9f --node-field-selector displayName=approve --message 'not today'

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

    /// Instead of the run, stop its suspended nodes that match: they fail
    #[arg(long, value_name = "FIELD=VALUE,…")]
    node_field_selector: Option<NodeSelector>,

    /// A message for these nodes
    #[arg(long, value_name = "TEXT", requires = "node_field_selector")]
    message: Option<String>,

    #[command(flatten)]
    steer: SteerArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let order = match args.node_field_selector.clone() {
        None => Order::Shutdown(Shutdown::Stop),
        selector => Order::Set(Set {
            selector,
            phase: Some(Phase::Failed),
            message: args.message.clone(),
            outputs: Vec::new(),
            now: Timestamp::now(),
        }),
    };
    steer::run(&args.steer, args.output, &order)
}
