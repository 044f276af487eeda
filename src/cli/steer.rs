//! Shared by stop, terminate, suspend and resume: sends an order to each run and prints the result.

use jiff::Timestamp;

use super::failure::Failure;
use super::runtime::block_on;
use super::selection::SelectionArgs;
use super::target::TargetArgs;
use crate::backend::{BackendError, Revised, Run, Snapshot};
use crate::cluster::ClusterError;
use crate::control::{Decision, Order, Refusal};
use crate::exit::Exit;
use crate::local::record::RecordError;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};

/// Number of workflows to request from the server per page.
const CHUNK: u32 = 200;

#[derive(Debug, clap::Args)]
pub(super) struct SteerArgs {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required_unless_present_any = SelectionArgs::FLAGS, conflicts_with_all = SelectionArgs::FLAGS)]
    runs: Vec<String>,

    /// Selected runs of all namespaces
    #[arg(short = 'A', long, conflicts_with = "runs")]
    all_namespaces: bool,

    #[command(flatten)]
    select: SelectionArgs,

    /// Only show what would be done; a cluster validates the request
    #[arg(long, help_heading = None::<&'static str>)]
    dry_run: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// Sends the order to all runs, also after one of them failed, and returns the highest exit code.
pub(super) fn run(args: &SteerArgs, format: Option<Format>, order: &Order) -> Result<Exit, Failure> {
    block_on(async { give(args.found(order).await?, args.dry_run, format, order).await })
}

/// Sends the order to runs, each as it was found.
pub(super) async fn give(
    runs: Vec<Result<Run, Failure>>,
    dry_run: bool,
    format: Option<Format>,
    order: &Order,
) -> Result<Exit, Failure> {
    let mut objects = Vec::new();
    let mut exit = Exit::Success;
    for found in runs {
        let done = match found {
            Ok(run) => steer(&run, dry_run, order).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(done) => {
                let line = format!("{} {}", name(&done.object), done.said);
                if format.is_none() {
                    result(line + "\n")?;
                } else {
                    talk(line);
                }
                objects.push(done.object);
            }
            Err(failure) => exit = exit.max(failure.report()),
        }
    }

    if let Some(format) = format.filter(|_| !objects.is_empty()) {
        result(rendered(format, &objects))?;
    }
    Ok(exit)
}

impl SteerArgs {
    /// The runs that are named, each as it is found, or those that the flags select and that have not ended.
    async fn found(&self, order: &Order) -> Result<Vec<Result<Run, Failure>>, Failure> {
        let mut found = Vec::new();
        if !self.runs.is_empty() {
            for run in &self.runs {
                found.push(self.target.resolve(run).await);
            }
            return Ok(found);
        }
        let now = Timestamp::now();
        let selection = self.select.of_backend(self.all_namespaces, CHUNK);
        let take = |run: Run, snapshot: Result<Snapshot, RecordError>| {
            // What cannot be read is no run that anybody has selected.
            let Ok(snapshot) = snapshot else { return };
            if !snapshot.is_over() && self.select.matches(&snapshot, &snapshot.summary().phase, now) {
                found.push(Ok(run));
            }
        };
        self.target.backend().await?.list(&selection, take).await?;
        if found.is_empty() {
            talk(format_args!("no runs to {}: no selected run is still running", order.verb()));
        }
        Ok(found)
    }
}

async fn steer(run: &Run, dry_run: bool, order: &Order) -> Result<Revised, Failure> {
    if let (Run::Local(_), Order::Set(_)) = (run, order) {
        return Err(Failure::usage(format!("cannot {} a node of local run {:?}", order.verb(), run.name()))
            .hint("resume --node-field-selector lets it continue, with --message and --output"));
    }
    run.revise(|state| decide(order, state), dry_run).await.map_err(|error| {
        match error {
            // These errors name the failed action themselves.
            BackendError::Cluster(_) | BackendError::Record(_) | BackendError::Replaced { .. }
                if !matches!(error, BackendError::Cluster(ClusterError::Unsettled { .. })) =>
            {
                error.into()
            }
            error => Failure::from(error).in_context(format!("cannot {} workflow {:?}", order.verb(), run.name())),
        }
    })
}

/// Decides about the order in this state of the run. If the process of a local run was killed, nobody can follow it.
pub(super) fn decide(order: &Order, state: &Snapshot) -> Result<Decision, Refusal> {
    match order {
        Order::Shutdown(_) if state.killed => Ok(Decision::Already("already ended: its process was killed".to_owned())),
        _ if state.killed => Err(Refusal::Killed),
        order => order.decide(&state.workflow),
    }
}
