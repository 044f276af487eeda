//! Shared by stop, terminate, suspend and resume: sends an order to each run and prints the result.

use super::failure::Failure;
use super::runtime::block_on;
use super::target::TargetArgs;
use crate::backend::{BackendError, Revised, Snapshot};
use crate::cluster::ClusterError;
use crate::control::{Decision, Order, Refusal};
use crate::exit::Exit;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};

#[derive(Debug, clap::Args)]
pub(super) struct SteerArgs {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,

    /// Only show what would be done; a cluster checks it
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    target: TargetArgs,
}

/// Sends the order to all runs, also after one of them failed, and returns the highest exit code.
pub(super) fn run(args: &SteerArgs, format: Option<Format>, order: &Order) -> Result<Exit, Failure> {
    block_on(async {
        let mut objects = Vec::new();
        let mut exit = Exit::Success;
        for run in &args.runs {
            match steer(args, run, order).await {
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
    })
}

async fn steer(args: &SteerArgs, run: &str, order: &Order) -> Result<Revised, Failure> {
    let found = args.target.resolve(run).await?;
    found.revise(|state| decide(order, state), args.dry_run).await.map_err(|error| {
        match error {
            // These errors name the failed action themselves.
            BackendError::Cluster(_) | BackendError::Record(_) | BackendError::Replaced { .. }
                if !matches!(error, BackendError::Cluster(ClusterError::Unsettled { .. })) =>
            {
                error.into()
            }
            error => Failure::from(error).in_context(format!("cannot {} workflow {:?}", order.verb(), found.name())),
        }
    })
}

/// Decides about the order in this state of the run. If the process of a local run was killed, nobody can follow it.
fn decide(order: &Order, state: &Snapshot) -> Result<Decision, Refusal> {
    match order {
        Order::Shutdown(_) if state.killed => Ok(Decision::Already("already ended: its process was killed".to_owned())),
        _ if state.killed => Err(Refusal::Killed),
        order => order.decide(&state.workflow),
    }
}
