//! `progress`: which of a run's calls are complete.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::files;
use super::follow::exit;
use super::runtime::{block_on, until_interrupted};
use super::target::TargetArgs;
use super::values::span;
use crate::argo::Workflow;
use crate::argo::status::Phase;
use crate::backend::{Deadline, Run, Snapshot};
use crate::exit::Exit;
use crate::output::progress::{self, Bar, Format};
use crate::output::stream::result;
use crate::prepare::Templates;
use crate::report::progress::{Expected, Progress};
use crate::retry::{ExpectedCalls, expected_calls};

const EXAMPLES: &str = "Examples:
  # Show how many calls of the latest run are complete, and which
  kubectl runnable progress @latest

  # Follow a local run; on a terminal as a bar
  kubectl runnable progress --local etl-x2k9f --watch

  # Read the fraction in a script
  kubectl runnable progress run.json -o json | jq .fraction

A call is complete when its node has succeeded, was taken from the cache, or does not run because its condition is \
false. While loops or conditions depend on outputs that nobody knows yet, the total is partial: it can grow.";

/// Show how much of a run is complete
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// Follow the run until it ends; the exit code then reports the result, as for wait
    #[arg(short, long)]
    watch: bool,

    /// Stop watching after this time (exit code 5); the run continues
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true, requires = "watch")]
    timeout: Option<Duration>,

    /// What to print to standard output; with --watch, json prints one object per line
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let run = args.target.resolve(&args.run).await?;
        let now = run.get().await?;
        let calls = expected(&run, &now.workflow).await;
        if !args.watch {
            result(progress::text(&read(&now, &calls), args.output))?;
            return Ok(Exit::Success);
        }
        until_interrupted(watch(args, &run, &calls), "the run continues").await
    })
}

async fn watch(args: &Args, run: &Run, calls: &ExpectedCalls) -> Result<Exit, Failure> {
    let mut bar = Bar::new(args.output);
    let mut unwritten = Ok(());
    let mut show = |state: &Snapshot| {
        if unwritten.is_ok() {
            unwritten = bar.show(&read(state, calls));
        }
    };
    let ended = run.end(None, Deadline::after(args.timeout), Some(&mut show)).await;
    drop(bar);
    let ended = ended?;
    unwritten?;
    if args.output != Some(Format::Json) {
        result(progress::text(&read(&ended, calls), args.output))?;
    }
    Ok(exit(&ended))
}

fn read(snapshot: &Snapshot, calls: &ExpectedCalls) -> Progress {
    let paths = calls.calls.iter().map(|call| call.path.as_str()).collect();
    let expected = Expected { paths, partial: calls.partial };
    let mask = snapshot.mask();
    Progress::of(&snapshot.workflow, &snapshot.nodes, &expected).with_paths(|path| mask.text(path))
}

/// The calls that the run's document tells of. Where its templates cannot be read, there may be more than those.
async fn expected(run: &Run, workflow: &Workflow) -> ExpectedCalls {
    let unknown = ExpectedCalls { partial: true, ..ExpectedCalls::default() };
    if workflow.phase() == Phase::Succeeded.as_str() {
        return ExpectedCalls::default();
    }
    let Ok(beside) = files::beside(run, true) else { return unknown };
    let known: Templates = beside.into_iter().map(|document| document.value).collect();
    let Ok(backend) = run.backend() else { return unknown };
    match backend.called_templates(known, [workflow.value().clone()]).await {
        Ok(templates) => expected_calls(workflow.value(), &templates, Timestamp::now()),
        Err(_) => unknown,
    }
}
