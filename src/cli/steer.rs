//! What the verbs that steer a run share: read it, decide, change it, and begin again when it changed in between.

use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use super::runtime::block_on;
use super::snapshot::live;
use super::target::{Target, TargetArgs};
use crate::argo::Workflow;
use crate::cluster::{Changed, Cluster};
use crate::control::{Decision, Order, Refusal};
use crate::exit::{CommandError, Exit};
use crate::local::control_pipe;
use crate::local::record::Record;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};

/// A change is tried this often on a workflow that others change too.
const ATTEMPTS: u32 = 8;
/// The pause after the first attempt; it doubles with each, up to a second.
const PAUSE: Duration = Duration::from_millis(50);
/// The process of a local run follows an order within this time.
const HEED: Duration = Duration::from_secs(5);

/// Which runs are steered.
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

/// What was done to a run.
struct Done {
    said: String,
    object: Value,
}

/// Gives the order to all runs. One that fails does not keep it from the others; the worst exit code counts.
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

async fn steer(args: &SteerArgs, run: &str, order: &Order) -> Result<Done, Failure> {
    match args.target.resolve(run).await? {
        Target::Cluster { cluster, name, uid } => {
            on_cluster(&cluster, &name, uid.as_deref(), order, args.dry_run).await
        }
        Target::Local(record) => on_machine(&record, order, args.dry_run).await,
    }
}

async fn on_cluster(
    cluster: &Cluster,
    name: &str,
    uid: Option<&str>,
    order: &Order,
    dry_run: bool,
) -> Result<Done, Failure> {
    // Said when an earlier sending of the change turns out to have done it.
    let mut lost = None;
    for attempt in 0..ATTEMPTS {
        let workflow = live(cluster, name, uid).await?;
        let change = match order.decide(&workflow).map_err(|refusal| refused(order, name, &refusal))? {
            Decision::Change(change) => change,
            Decision::Already(said) => return Ok(Done { said: lost.unwrap_or(said), object: workflow }),
        };
        match cluster.patch(name, &change.patch, dry_run).await? {
            Changed::Done(object) => {
                let said = if dry_run { format!("{} (server dry run)", change.done) } else { change.done };
                return Ok(Done { said, object });
            }
            Changed::Stale { perhaps_ours } => lost = lost.or(perhaps_ours.then_some(change.done)),
        }
        tokio::time::sleep((PAUSE * 2_u32.pow(attempt)).min(Duration::from_secs(1))).await;
    }
    let message = format!("cannot {} workflow {name:?}: it changed during each of {ATTEMPTS} attempts", order.verb());
    Err(Failure::new(Exit::Conflict, message).hint("try again later"))
}

fn refused(order: &Order, name: &str, refusal: &Refusal) -> Failure {
    let failure = Failure::new(refusal.exit(), format!("cannot {} workflow {name:?}: {refusal}", order.verb()));
    refusal.hint().into_iter().fold(failure, Failure::hint)
}

/// Hands the change to the process that carries the run out, and waits until it is seen to have heeded it.
async fn on_machine(record: &Record, order: &Order, dry_run: bool) -> Result<Done, Failure> {
    // Looked at first: a process that ends in between has written all it knows.
    let live = record.is_live();
    let workflow = record.workflow()?;
    let name = workflow["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let change = match order.decide(&workflow).map_err(|refusal| refused(order, &name, &refusal))? {
        Decision::Change(change) => change,
        Decision::Already(said) => return Ok(Done { said, object: workflow }),
    };
    if !live {
        return match order {
            Order::Shutdown(_) => {
                Ok(Done { said: "already gone: its process was killed".to_owned(), object: workflow })
            }
            _ => Err(Failure::new(
                Exit::Conflict,
                format!("cannot {} local run {name:?}: its process was killed", order.verb()),
            )),
        };
    }
    if Workflow::view(&workflow).is_suspended() && change.patch.get("spec").is_none() {
        let message = format!("cannot resume nodes of local run {name:?}: the run itself is suspended");
        return Err(Failure::new(Exit::Conflict, message).hint("resume it without --node-field-selector"));
    }
    if dry_run {
        return Ok(Done { said: format!("{} (dry run)", change.done), object: workflow });
    }
    control_pipe::send(record.directory(), &change.patch)
        .map_err(|error| Failure::new(Exit::Tool, format!("cannot {} local run {name:?}: {error}", order.verb())))?;
    let heeded = async {
        loop {
            let workflow = record.workflow()?;
            match order.decide(&workflow) {
                Ok(Decision::Change(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                // It ended before it could be held; an end after any other order is what came of it.
                Err(refusal) if matches!(order, Order::Suspend) => return Err(refused(order, &name, &refusal)),
                _ => return Ok::<_, Failure>(workflow),
            }
        }
    };
    match tokio::time::timeout(HEED, heeded).await {
        Ok(object) => Ok(Done { said: change.done, object: object? }),
        Err(_) => Err(Failure::new(Exit::Tool, format!("the process of local run {name:?} does not answer"))),
    }
}
