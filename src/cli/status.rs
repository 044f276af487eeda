//! `status`: shows the status of runs.

use serde_json::Value;

use super::failure::Failure;
use super::follow::{address, failures};
use super::gone::{Gone, Told};
use super::runtime::{block_on, each};
use super::target::TargetArgs;
use super::view::{Shown, ViewArgs};
use crate::exit::Exit;
use crate::output::stream::{StreamError, result, talk};
use crate::report::failures::Failures;

const EXAMPLES: &str = "Examples:
  # Show the latest run as a tree of its nodes
  kubectl runnable status @latest

  # Show a local run
  kubectl runnable status --local etl-x2k9f

  # Show all nodes of a wide fan-out, or only the failed ones
  kubectl runnable status etl-x2k9f --all
  kubectl runnable status etl-x2k9f --phase Failed,Error

  # Show outputs, and where artifacts are kept
  kubectl runnable status etl-x2k9f --outputs

  # One value, by kubectl's templates
  kubectl runnable status etl-x2k9f -o jsonpath='{.status.outputs.parameters[0].value}'

  # From another machine, and when the run is gone: the manifests in the handle's store then tell of it
  kubectl runnable status run.json

  # Print the Workflow object with the added field .summary, for scripts
  kubectl runnable status run.json -o json | jq .summary.currentNode";

/// Show the status of runs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    #[command(flatten)]
    view: ViewArgs,

    #[command(flatten)]
    target: TargetArgs,
}

/// What is told of a run.
enum Read {
    There(Box<Shown>),
    Gone(Box<Told>),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (runs, exit) = block_on(async { Ok(each(args.runs.iter().map(async |run| read(args, run).await)).await) })?;
    match args.view.format() {
        Some(format) => {
            if !runs.is_empty() {
                let objects: Vec<Value> = runs.into_iter().map(Read::object).collect();
                result(format.rendered(&objects))?;
            }
        }
        None => show(args, &runs)?,
    }
    Ok(exit)
}

async fn read(args: &Args, run: &str) -> Result<Read, Failure> {
    match shown(args, run).await {
        Ok(shown) => Ok(Read::There(Box::new(shown))),
        Err(failure) => {
            let Some(gone) = Gone::of(run, &failure)? else { return Err(failure) };
            talk(gone.note());
            Ok(Read::Gone(Box::new(gone.told()?)))
        }
    }
}

async fn shown(args: &Args, run: &str) -> Result<Shown, Failure> {
    let run = args.target.resolve(run).await?;
    let state = run.get().await?;
    if args.view.format().is_some() {
        return Ok(Shown::of(state));
    }
    let failures = if state.is_over() {
        failures(&run, &state).await
    } else {
        Failures { address: address(&run), ..Failures::default() }
    };
    let latest = run.latest_attempt(&state).await;
    let waits = run.waits(&state).await;
    Ok(Shown { state, failures, latest, store: run.artifacts(), waits })
}

impl Read {
    fn object(self) -> Value {
        match self {
            Self::There(shown) => shown.state.object(),
            Self::Gone(told) => told.object(),
        }
    }
}

fn show(args: &Args, runs: &[Read]) -> Result<(), StreamError> {
    for (at, run) in runs.iter().enumerate() {
        let text = match run {
            Read::There(shown) => args.view.text(shown),
            Read::Gone(told) => told.text(),
        };
        result(format_args!("{}{text}", if at == 0 { "" } else { "\n" }))?;
    }
    Ok(())
}
