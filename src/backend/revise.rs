//! Changing a run: it is read, a pure function decides, the change is sent under the condition that the run is still the
//! same; when it is not, all of that begins again.

use std::time::Duration;

use futures::TryStreamExt;
use serde_json::Value;

use super::follow::states;
use super::run::live;
use super::{BackendError, Run, Snapshot};
use crate::argo::Workflow;
use crate::cluster::{Attempt, Changed, Cluster, revise};
use crate::control::{Decision, Refusal};
use crate::local::control_pipe;
use crate::local::record::Record;

/// The process of a local run follows an order within this time.
const ANSWER: Duration = Duration::from_secs(5);
/// The run is looked at so soon after it has changed.
const GATHER: Duration = Duration::from_millis(5);

/// What came of a change.
#[derive(Debug)]
pub(crate) struct Revised {
    /// What was done, or why there was nothing to do.
    pub(crate) said: String,
    /// The Workflow object as it is now.
    pub(crate) object: Value,
}

impl Run {
    /// Changes the run as `decide` says for the state that it is in. With `dry_run` nothing is changed; a cluster checks
    /// the change.
    pub(crate) async fn revise(
        &self,
        decide: impl Fn(&Snapshot) -> Result<Decision, Refusal>,
        dry_run: bool,
    ) -> Result<Revised, BackendError> {
        match self {
            Self::Cluster { cluster, name, uid } => on_cluster(cluster, name, uid.as_deref(), decide, dry_run).await,
            Self::Local(record) => on_machine(record, decide, dry_run).await,
        }
    }
}

async fn on_cluster(
    cluster: &Cluster,
    name: &str,
    uid: Option<&str>,
    decide: impl Fn(&Snapshot) -> Result<Decision, Refusal>,
    dry_run: bool,
) -> Result<Revised, BackendError> {
    // What an earlier sending of the change has done, if its answer was lost and nothing is left to do.
    let mut sent: Option<String> = None;
    revise(&format!("workflow {name:?}"), async |perhaps_done| {
        let state = Snapshot::from(live(cluster, name, uid).await?);
        let change = match decide(&state)? {
            Decision::Change(change) => change,
            Decision::Already(said) => {
                let said = sent.take().filter(|_| perhaps_done).unwrap_or(said);
                return Ok(Attempt::Settled(Revised { said, object: state.workflow.into_value() }));
            }
        };
        Ok(match cluster.patch(name, &change.patch, dry_run).await? {
            Changed::Done(object) => {
                let said = if dry_run { format!("{} (server dry run)", change.done) } else { change.done };
                Attempt::Settled(Revised { said, object })
            }
            Changed::Stale { perhaps_ours } => {
                sent = sent.take().or(perhaps_ours.then_some(change.done));
                Attempt::Stale { perhaps_ours }
            }
        })
    })
    .await
}

/// Hands the change to the process that carries the run out, and waits until the run shows it.
async fn on_machine(
    record: &Record,
    decide: impl Fn(&Snapshot) -> Result<Decision, Refusal>,
    dry_run: bool,
) -> Result<Revised, BackendError> {
    let state = Snapshot::of_record(record)?;
    let change = match decide(&state)? {
        Decision::Change(change) => change,
        Decision::Already(said) => return Ok(Revised { said, object: state.workflow.into_value() }),
    };
    if state.workflow.is_suspended() && Workflow::view(&change.patch).spec().is_null() {
        return Err(Refusal::Held.into());
    }
    if dry_run {
        return Ok(Revised { said: format!("{} (dry run)", change.done), object: state.workflow.into_value() });
    }

    // Heard of from before the change is sent: what the process does at once is not missed.
    let mut states = states(record, GATHER);
    control_pipe::send(record.directory(), &change.patch)?;
    let shown = async {
        while let Some(state) = states.try_next().await? {
            match decide(&state) {
                Ok(Decision::Change(_)) => {}
                // The run ended before it could be suspended. Its end after any other order is what came of it.
                Err(refusal) if Workflow::view(&change.patch).is_suspended() => {
                    return Err(BackendError::from(refusal));
                }
                Ok(Decision::Already(_)) | Err(_) => return Ok(state.workflow.into_value()),
            }
        }
        Ok(Snapshot::of_record(record)?.workflow.into_value())
    };
    match tokio::time::timeout(ANSWER, shown).await {
        Ok(object) => Ok(Revised { said: change.done, object: object? }),
        Err(_) => Err(BackendError::Silent),
    }
}
