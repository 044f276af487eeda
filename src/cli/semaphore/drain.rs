//! Draining a semaphore: the workflow that takes its one place, made, watched and taken away.

use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};

use super::carry_out;
use super::lookup::{Scope, look_up};
use crate::argo::Workflow;
use crate::argo::synchronization::{LockName, Recorded};
use crate::cli::failure::Failure;
use crate::cli::runtime::looking_on;
use crate::cluster::{Attempt, Changed, Cluster, ClusterError, revise};
use crate::exit::Exit;
use crate::locks::{INSTANCE, Limits, Planned, Request, drain_workflow, is_drain_of};
use crate::output::stream::talk;
use crate::prepare::{LockForm, Locks};

/// A controller queues a new workflow within this time; a longer one is told.
const QUEUED: Duration = Duration::from_secs(10);

/// A drain that is asked for.
#[derive(Debug)]
pub(super) struct Drain<'a> {
    pub(super) request: Request<'a>,
    /// Whether it is waited for.
    pub(super) wait: bool,
    /// How long.
    pub(super) timeout: Option<Duration>,
    pub(super) quiet: bool,
}

/// How far a drain has come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// The controller has not seen the workflow yet.
    Unseen,
    /// It stands in the queue; others are still in.
    Queued,
    /// It has the place.
    Done,
    /// It ended, which it never should.
    Ended(String),
}

impl Drain<'_> {
    /// Lowers the limit, makes the workflow, and waits for it as long as is asked for. Each part may be there already.
    pub(super) async fn begin(
        &self,
        cluster: &Cluster,
        dry_run: bool,
        told: impl Fn(&Planned) -> Result<(), Failure>,
    ) -> Result<Exit, Failure> {
        let Request { config_map, key, .. } = self.request;
        // Read before anything is changed: who may not list workflows cannot see what a drain does.
        let labels = self.labels(cluster).await?;
        let planned = carry_out(cluster, &self.request, dry_run).await?;
        let form = LockForm::of_fields(cluster.lock_fields().await.as_deref());
        let semaphores = vec![(config_map.to_owned(), key.to_string())];
        let locks = Locks { semaphores, mutexes: Vec::new(), form };
        let workflow = drain_workflow(config_map, key, &locks.written(), &labels);
        let workflow = self.make(cluster, &workflow, dry_run).await?;
        told(&planned)?;
        if dry_run {
            return Ok(Exit::Success);
        }
        let goes_on = format!("semaphore {key} is being drained");
        Box::pin(looking_on(self.watch(cluster, &workflow), &goes_on)).await
    }

    /// The label that gives the workflow to the controller that serves the others.
    async fn labels(&self, cluster: &Cluster) -> Result<Value, Failure> {
        let Request { config_map, key, .. } = self.request;
        let scope = Scope { config_map: &config_map.parse()?, all_namespaces: false, completed: false };
        let table = look_up(cluster, scope).await?.table;
        let instances = table.instances(&LockName::semaphore(cluster.namespace(), config_map, key.as_str()));
        let instance = instances.into_iter().flatten().next();
        Ok(instance.map_or_else(|| json!({}), |instance| json!({INSTANCE: instance})))
    }

    async fn make(&self, cluster: &Cluster, workflow: &Value, dry_run: bool) -> Result<Value, Failure> {
        let Request { config_map, key, .. } = self.request;
        match cluster.create(workflow, dry_run).await {
            Ok(created) => return Ok(created.object),
            Err(ClusterError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let name = workflow["metadata"]["name"].as_str().unwrap_or_default();
        let live = cluster.workflow(name).await?;
        if !is_drain_of(&live, config_map, key.as_str()) {
            let message = format!("cannot drain semaphore {key}: another workflow is named {name:?}");
            return Err(Failure::new(Exit::Conflict, message).hint("delete that workflow, then drain again"));
        }
        if !matches!(progress(&live), Progress::Ended(_)) {
            return Ok(live);
        }
        cluster.delete_workflow(&live, dry_run).await?;
        Ok(cluster.create(workflow, dry_run).await?.object)
    }

    async fn watch(&self, cluster: &Cluster, workflow: &Value) -> Result<Exit, Failure> {
        let text = |field: &str| workflow["metadata"][field].as_str().unwrap_or_default();
        let key = self.request.key;
        let enough = |progress: &Progress| match progress {
            Progress::Unseen => false,
            Progress::Queued => !self.wait,
            Progress::Done | Progress::Ended(_) => true,
        };
        let limit = if self.wait { self.timeout } else { Some(QUEUED) };
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
            Ok(progress) => self.tell(&progress?, text("name")),
            Err(_) if self.wait => {
                let message = format!("semaphore {key} is not empty after {limit:?}");
                Err(Failure::new(Exit::TimedOut, message).hint(format!(
                    "no new holders are admitted; kubectl runnable semaphore get {key} shows the current holders"
                )))
            }
            Err(_) => {
                talk(format_args!(
                    "warning: the controller has not queued workflow {} yet; until it does, others may be let in",
                    text("name")
                ));
                Ok(Exit::Success)
            }
        }
    }

    fn tell(&self, progress: &Progress, workflow: &str) -> Result<Exit, Failure> {
        let key = self.request.key;
        match progress {
            Progress::Ended(message) => {
                let message = format!("cannot drain semaphore {key}: workflow {workflow:?} ended: {message}");
                return Err(Failure::new(Exit::Tool, message).hint(format!(
                    "the limit is 1 meanwhile; kubectl runnable semaphore set {key} --undrain brings the former one back"
                )));
            }
            _ if self.quiet => {}
            Progress::Done => talk(format_args!("semaphore {key} is empty; workflow {workflow} keeps it so")),
            _ => {
                talk(format_args!(
                    "workflow {workflow} is next in the queue of semaphore {key}: no other holder is admitted"
                ));
            }
        }
        Ok(Exit::Success)
    }
}

/// Takes the workflow of a drain away, if there is one; the limit follows.
pub(super) async fn end(cluster: &Cluster, request: &Request<'_>, dry_run: bool) -> Result<(), Failure> {
    let Some(config_map) = cluster.config_map(request.config_map).await? else { return Ok(()) };
    let limits = Limits::of(&config_map)?;
    let Some(drained) = limits.drained(request.key.as_str()) else { return Ok(()) };
    // The controller may write to it meanwhile.
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
