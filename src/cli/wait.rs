//! `wait`: waits until runs have ended; the exit code reports the result.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::failure::Failure;
use super::follow::{End, conclude, ending, follow_all};
use super::report::ReportArgs;
use super::runtime::{block_on, until_interrupted};
use super::target::TargetArgs;
use super::values::{ObjectFormats, span};
use crate::backend::{BackendError, Deadline, Run, Snapshot};
use crate::exit::Exit;
use crate::output::format::ObjectFormat;
use crate::output::stream::{result, talk};
use crate::report::waits::{Wait, lock_text};

const EXAMPLES: &str = "Examples:
  # Wait for the latest run
  kubectl runnable wait @latest

  # Submit a run and wait for it by the name that -o name prints
  kubectl runnable wait $(kubectl runnable submit etl.yaml -o name)

  # Distinguish the exit codes in a script
  kubectl runnable wait run.json --timeout 30m
  case $? in 0) echo done;; 3|4) echo failed;; 5) echo late;; 6) echo gone;; *) echo unknown;; esac

  # Wait for several runs and print their final objects
  kubectl runnable wait etl-x2k9f report-7vqpl -o json

  # Wait for runs of which some may have been deleted since
  kubectl runnable wait etl-x2k9f report-7vqpl --ignore-not-found

  # Write the result of each node as a JUnit report, for CI
  kubectl runnable wait run.json --report junit=run.xml

  # Wait for a local run from another terminal
  kubectl runnable wait --local etl-x2k9f

Exit codes: 0 all Succeeded, 3 one Failed, 4 one ended in Error, 5 --timeout passed, 6 one does not exist or was \
deleted, 1 the tool, the API or the run's process failed, 130 interrupted. With several runs, the highest code is used.";

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

    /// Pass over runs that do not exist or were deleted
    #[arg(long)]
    ignore_not_found: bool,

    /// What to print to standard output; objects show the final state
    #[arg(short, long, value_name = "FORMAT", value_parser = ObjectFormats)]
    output: Option<ObjectFormat>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    report: ReportArgs,

    #[command(flatten)]
    target: TargetArgs,
}

impl Args {
    /// Whether this is no error, since the run may be gone.
    fn passes_over(&self, failure: &Failure) -> bool {
        self.ignore_not_found && failure.exit() == Exit::NotFound
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    args.report.check()?;
    let continues = if args.runs.len() == 1 { "the run continues" } else { "the runs continue" };
    block_on(until_interrupted(wait(args), continues))
}

async fn wait(args: &Args) -> Result<Exit, Failure> {
    let deadline = Deadline::after(args.timeout);
    let mut followed = follow_all(args.runs.iter().map(|run| (run.clone(), ended(args, run, deadline)))).await;
    followed.retain(|followed| !followed.end.as_ref().is_err_and(|failure| args.passes_over(failure)));
    let worst = conclude(&followed, &args.report);
    let runs = followed.into_iter().filter_map(|followed| followed.end.ok());
    let objects: Vec<Value> = runs.map(|run| run.state.workflow.written_out().into_value()).collect();
    if let Some(format) = args.output.as_ref().filter(|_| !objects.is_empty()) {
        result(format.rendered(&objects))?;
    }
    Ok(worst)
}

async fn ended(args: &Args, run: &str, deadline: Deadline) -> Result<End, Failure> {
    let end = async {
        let run = args.target.resolve(run).await?;
        let state = end(&run, deadline, args.quiet).await?;
        Ok(End::of(&run, state).await)
    };
    // Print the error at once: the other runs may take hours.
    let ended = end.await.inspect_err(|failure: &Failure| {
        if !args.passes_over(failure) {
            failure.report();
        }
    })?;
    if args.output.is_none() && !args.quiet {
        result(ending(&ended.state) + "\n")?;
    }
    if !args.quiet {
        ended.tell();
    }
    Ok(ended)
}

/// The end of a run. On the way it is told which locks the run waits for, and who holds them.
async fn end(run: &Run, deadline: Deadline, quiet: bool) -> Result<Snapshot, BackendError> {
    // Of a local run each state on the way would be read from the whole journal; its engine tells of locks itself.
    if quiet || matches!(run, Run::Local(_)) {
        return run.end(None, deadline, None).await;
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut last = Vec::new();
    let mut look = |state: &Snapshot| {
        let locks = Wait::locks(&state.workflow, &state.nodes);
        if locks != last {
            last.clone_from(&locks);
            // Whoever would hear of it lives as long as this.
            let _ = tell.send(locks);
        }
    };
    let end = run.end(None, deadline, Some(&mut look));
    tokio::pin!(end);
    loop {
        tokio::select! {
            ended = &mut end => return ended,
            Some(mut waits) = told.recv() => {
                run.date_holders(&mut waits).await;
                for wait in &waits {
                    if let Wait::Lock { lock, held_by } = wait {
                        talk(format_args!("workflow {} is waiting for {}", run.name(), lock_text(lock, held_by)));
                    }
                }
            }
        }
    }
}
