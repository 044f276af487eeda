//! `wait`: blocks until runs have ended; the exit code tells how.

use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::follow::{at_once, conclude, ending};
use super::report::ReportArgs;
use super::runtime::{block_on, looking_on};
use super::target::TargetArgs;
use super::values::span;
use crate::backend::{Deadline, Snapshot};
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # Wait for the run that was created last
  kubectl runnable wait @latest

  # The run that a script submits, by the name that -o name prints
  kubectl runnable wait $(kubectl runnable submit etl.yaml -o name)

  # In a script: what the exit code tells apart
  kubectl runnable wait run.json --timeout 30m
  case $? in 0) echo done;; 3|4) echo failed;; 5) echo late;; 6) echo gone;; *) echo unknown;; esac

  # Several runs at once, and their final objects
  kubectl runnable wait etl-x2k9f report-7vqpl -o json

  # In CI: what each node did, for the program that shows test results
  kubectl runnable wait run.json --report junit=run.xml

  # A run of this machine, from another terminal
  kubectl runnable wait --local etl-x2k9f

Exit codes: 0 all Succeeded, 3 one Failed, 4 one ended in Error, 5 --timeout passed, 6 one does not exist or was \
deleted, 1 the tool, the API or the run's process failed, 130 interrupted. Of several runs the highest counts.";

/// Wait until runs end; the exit code reports the result
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    /// Stop waiting after this time (exit code 5); the runs continue
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true)]
    timeout: Option<Duration>,

    /// What to print to standard output; objects show the final state
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    report: ReportArgs,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    args.report.agree()?;
    let goes_on = if args.runs.len() == 1 { "the run goes on" } else { "the runs go on" };
    block_on(looking_on(wait(args), goes_on))
}

async fn wait(args: &Args) -> Result<Exit, Failure> {
    let deadline = Deadline::after(args.timeout);
    let followed = at_once(args.runs.iter().map(|run| (run.clone(), ended(args, run, deadline)))).await;
    let worst = conclude(&followed, &args.report);
    let runs = followed.into_iter().filter_map(|followed| followed.end.ok());
    let objects: Vec<Value> = runs.map(|run| run.workflow.written_out().into_value()).collect();
    if let Some(format) = args.output.filter(|_| !objects.is_empty()) {
        result(rendered(format, &objects))?;
    }
    Ok(worst)
}

async fn ended(args: &Args, run: &str, deadline: Deadline) -> Result<Snapshot, Failure> {
    let end = async { Ok(args.target.resolve(run).await?.end(None, deadline, None).await?) };
    // Told at once: the others may go on for hours.
    let ended = end.await.inspect_err(|failure: &Failure| {
        failure.report();
    })?;
    if args.output.is_none() && !args.quiet {
        result(ending(&ended) + "\n")?;
    }
    Ok(ended)
}
