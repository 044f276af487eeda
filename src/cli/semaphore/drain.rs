//! Drains a semaphore: creates, watches and deletes the workflow that becomes its only holder.

use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};

use super::carry_out;
use super::lookup::{Scope, look_up};
use crate::argo::synchronization::{LockName, Recorded};
use crate::argo::{Metadata, Workflow};
use crate::cli::failure::Failure;
use crate::cli::runtime::until_interrupted;
use crate::cluster::{Attempt, Changed, Cluster, ClusterError, revise};
use crate::exit::Exit;
use crate::locks::{EditRequest, INSTANCE, Limits, PlannedEdit, drain_workflow, is_drain_of};
use crate::output::stream::talk;
use crate::prepare::{LockForm, Locks};

/// A controller normally queues a new workflow within this time; after it, print a warning.
const QUEUE_TIME: Duration = Duration::from_secs(10);

/// A requested drain.
#[derive(Debug)]
pub(super) struct Drain<'a> {
    pub(super) request: EditRequest<'a>,
    /// Whether to wait until all current holders have left.
    pub(super) wait: bool,
    /// Maximum time to wait.
    pub(super) timeout: Option<Duration>,
    pub(super) quiet: bool,
}

/// The progress of a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// The controller has not processed the workflow yet.
    Unseen,
    /// The workflow is in the queue; others still hold the semaphore.
    Queued,
    /// The workflow holds the semaphore.
    Done,
    /// The workflow ended, which it never should.
    Ended(String),
}

impl Drain<'_> {
    /// Lowers the limit, creates the workflow, and waits as requested. Any of these steps may have been done before.
    pub(super) async fn begin(
        &self,
        cluster: &Cluster,
        dry_run: bool,
        print_result: impl Fn(&PlannedEdit) -> Result<(), Failure>,
    ) -> Result<Exit, Failure> {
        let EditRequest { config_map, key, .. } = self.request;
        // Read first: a user who may not list workflows gets the error before anything is changed.
        let labels = self.labels(cluster).await?;

        let planned = carry_out(cluster, &self.request, dry_run).await?;

        let form = LockForm::of_fields(cluster.lock_fields().await.as_deref());
        let semaphores = vec![(config_map.to_owned(), key.to_string())];
        let locks = Locks { semaphores, mutexes: Vec::new(), form };
        let workflow = drain_workflow(config_map, key, &locks.written(), &labels);
        let workflow = self.create_workflow(cluster, &workflow, dry_run).await?;
        print_result(&planned)?;
        if dry_run {
            return Ok(Exit::Success);
        }
        let continues = format!("semaphore {key} is being drained");
        Box::pin(until_interrupted(self.watch(cluster, &workflow), &continues)).await
    }

    /// The label that assigns the workflow to the controller of the semaphore's other workflows.
    async fn labels(&self, cluster: &Cluster) -> Result<Value, Failure> {
        let EditRequest { config_map, key, .. } = self.request;
        let scope = Scope { config_map: &config_map.parse()?, all_namespaces: false, completed: false };
        let table = look_up(cluster, scope).await?.table;
        let instances = table.instances(&LockName::semaphore(cluster.namespace(), config_map, key.as_str()));
        let instance = instances.into_iter().flatten().next();
        Ok(instance.map_or_else(|| json!({}), |instance| json!({INSTANCE: instance})))
    }

    async fn create_workflow(&self, cluster: &Cluster, workflow: &Value, dry_run: bool) -> Result<Value, Failure> {
        let EditRequest { config_map, key, .. } = self.request;
        match cluster.create(workflow, dry_run).await {
            Ok(created) => return Ok(created.object),
            Err(ClusterError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }

        let name = Metadata::of(workflow).name();
        let live = cluster.workflow(name).await?;
        if !is_drain_of(&live, config_map, key.as_str()) {
            let message = format!("cannot drain semaphore {key}: another workflow has the name {name:?}");
            return Err(Failure::new(Exit::Conflict, message).hint("delete that workflow, then drain again"));
        }
        if !matches!(progress(&live), Progress::Ended(_)) {
            return Ok(live);
        }

        cluster.delete_workflow(&live, dry_run).await?;
        Ok(cluster.create(workflow, dry_run).await?.object)
    }

    async fn watch(&self, cluster: &Cluster, workflow: &Value) -> Result<Exit, Failure> {
        let name = Metadata::of(workflow).name();
        let key = self.request.key;
        let enough = |progress: &Progress| match progress {
            Progress::Unseen => false,
            Progress::Queued => !self.wait,
            Progress::Done | Progress::Ended(_) => true,
        };

        let limit = if self.wait { self.timeout } else { Some(QUEUE_TIME) };
        let limit = limit.unwrap_or(Duration::MAX);

        let mut states = cluster.follow_known(workflow);
        let reached = async {
            let mut reached = Progress::Unseen;
            while !enough(&reached) {
                let Some(state) = states.try_next().await? else { break };
                reached = progress(&state);
            }
            Ok::<_, Failure>(reached)
        };

        match tokio::time::timeout(limit, reached).await {
            Ok(progress) => self.report(&progress?, name),
            Err(_) if self.wait => {
                let message = format!("semaphore {key} is not empty after {limit:?}");
                Err(Failure::new(Exit::TimedOut, message).hint(format!(
                    "no new holders are admitted; kubectl runnable semaphore get {key} shows the current holders"
                )))
            }
            Err(_) => {
                talk(format_args!(
                    "warning: the controller has not queued workflow {name} yet; until it does, new holders may be admitted"
                ));
                Ok(Exit::Success)
            }
        }
    }

    fn report(&self, progress: &Progress, workflow: &str) -> Result<Exit, Failure> {
        let key = self.request.key;
        match progress {
            Progress::Ended(message) => {
                let message = format!("cannot drain semaphore {key}: workflow {workflow:?} ended: {message}");
                return Err(Failure::new(Exit::Tool, message).hint(format!(
                    "the limit is now 1; kubectl runnable semaphore set {key} --undrain restores the former limit"
                )));
            }
            _ if self.quiet => {}
            Progress::Done => {
                talk(format_args!("semaphore {key} has no other holders; workflow {workflow} admits none"));
            }
            _ => {
                talk(format_args!(
                    "workflow {workflow} is next in the queue of semaphore {key}: no other holder is admitted"
                ));
            }
        }
        Ok(Exit::Success)
    }
}

/// Deletes the workflow of a drain, if there is one. The caller then restores the limit.
pub(super) async fn end(cluster: &Cluster, request: &EditRequest<'_>, dry_run: bool) -> Result<(), Failure> {
    let Some(config_map) = cluster.config_map(request.config_map).await? else { return Ok(()) };
    let limits = Limits::of(&config_map)?;
    let Some(drained) = limits.drained(request.key.as_str()) else { return Ok(()) };
    // The controller may update the workflow between our read and the delete, which is then refused.
    revise(&format!("workflow {:?}", drained.workflow), async |_| {
        let live = match cluster.workflow(&drained.workflow).await {
            Ok(live) if is_drain_of(&live, request.config_map, request.key.as_str()) => live,
            Ok(_) | Err(ClusterError::WorkflowMissing { .. }) => return Ok(Attempt::Settled(())),
            Err(error) => return Err(Failure::from(error)),
        };
        match cluster.delete_workflow(&live, dry_run).await {
            Ok(Changed::Done(_)) | Err(ClusterError::WorkflowMissing { .. }) => Ok(Attempt::Settled(())),
            Ok(Changed::Stale { perhaps_ours }) => Ok(Attempt::Stale { perhaps_ours }),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

fn progress(workflow: &Value) -> Progress {
    let recorded = Recorded::of(workflow);
    let workflow = Workflow::view(workflow);
    match workflow.message() {
        "" if workflow.has_ended() => Progress::Ended(workflow.phase().to_owned()),
        message if workflow.has_ended() => Progress::Ended(message.to_owned()),
        _ if !recorded.holding.is_empty() => Progress::Done,
        _ if !recorded.waiting.is_empty() => Progress::Queued,
        _ => Progress::Unseen,
    }
}
