//! Follows a workflow to its end, across ends of watches, broken connections and restarts of the server.

use futures::StreamExt;
use futures::stream::{BoxStream, try_unfold};
use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::request::Verb;
use super::watch::{Event, OutageLimit, PAUSE, Watch};
use super::{Cluster, ClusterError};
use crate::argo::Workflow;

impl Cluster {
    /// Follows a workflow that was just read: yields this state, then each later one once, and ends with the one whose
    /// phase is Succeeded, Failed or Error. The workflow is identified by its uid: if it is deleted, even if another
    /// one is created under its name, the stream ends with [`ClusterError::Deleted`].
    pub(crate) fn follow(&self, now: Value) -> BoxStream<'static, Result<Value, ClusterError>> {
        self.follower(&now.clone(), Stage::Known(now))
    }

    /// The same for an older state of a workflow: unless it had ended, it is read again first.
    pub(crate) fn follow_known(&self, known: &Value) -> BoxStream<'static, Result<Value, ClusterError>> {
        self.follower(known, if Workflow::view(known).has_ended() { Stage::Known(known.clone()) } else { Stage::Lost })
    }

    fn follower(&self, known: &Value, stage: Stage) -> BoxStream<'static, Result<Value, ClusterError>> {
        let (name, uid) = (Workflow::view(known).name().to_owned(), Workflow::view(known).uid().to_owned());
        let mut outage = OutageLimit::new(self.patience);
        // The given state came from the server.
        outage.answered();
        let follower = Follower { cluster: self.clone(), name, uid, last: None, outage, stage, not_before: None };
        try_unfold(follower, async |mut follower| Ok(follower.next().await?.map(|state| (state, follower)))).boxed()
    }
}

/// The state of following.
enum Stage {
    /// A state is ready to be yielded.
    Known(Value),
    /// A watch must be opened at the last state.
    Behind,
    /// A watch is open since this time.
    Watching(Watch, Instant),
    /// The workflow must be read: changes between two watches may have been missed.
    Lost,
    /// The last state was yielded: the workflow was deleted.
    Deleted,
    /// The last state was yielded: the workflow has ended.
    Ended,
}

struct Follower {
    cluster: Cluster,
    name: String,
    uid: String,
    /// The resource version of the last yielded state.
    last: Option<String>,
    outage: OutageLimit,
    stage: Stage,
    /// Send no request before this time.
    not_before: Option<Instant>,
}

impl Follower {
    /// The next state; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Value>, ClusterError> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Lost) {
                Stage::Known(state) => return Ok(Some(self.yield_state(state))),
                Stage::Behind => self.stage = self.open().await?,
                Stage::Watching(watch, began) => {
                    if let Some(state) = self.watch(watch, began).await? {
                        return Ok(Some(state));
                    }
                }
                Stage::Lost => {
                    if let Some(state) = self.read().await? {
                        return Ok(Some(state));
                    }
                }
                Stage::Deleted => return Err(self.deleted()),
                Stage::Ended => {
                    self.stage = Stage::Ended;
                    return Ok(None);
                }
            }
        }
    }

    /// Yields a state; unless it is the last one, a watch comes next.
    fn yield_state(&mut self, state: Value) -> Value {
        self.last = Some(Workflow::view(&state).resource_version().to_owned());
        self.stage = if Workflow::view(&state).has_ended() { Stage::Ended } else { Stage::Behind };
        state
    }

    async fn open(&mut self) -> Result<Stage, ClusterError> {
        let began = Instant::now();
        self.not_before = Some(began + PAUSE);
        let call = self.cluster.call(Verb::Watch, Resource::WORKFLOW, &self.name);
        let query = format!("&fieldSelector={}", call.selector());
        let from = self.last.clone().filter(|version| !version.is_empty()).unwrap_or_else(|| "0".to_owned());
        let watch = self.cluster.open_watch(&call, &query, from).await?;
        Ok(watch.map_or(Stage::Lost, |watch| Stage::Watching(watch, began)))
    }

    /// The next state from the watch.
    async fn watch(&mut self, mut watch: Watch, began: Instant) -> Result<Option<Value>, ClusterError> {
        let (state, deleted) = match watch.next().await {
            Event::Changed(state) => (state, false),
            Event::Deleted(state) => (state, true),
            Event::Lost(_) | Event::Expired => {
                if began.elapsed() >= PAUSE {
                    // A watch that lasted shows that the server was available until it broke.
                    self.outage.answered();
                }
                return Ok(None);
            }
        };

        if Workflow::view(&state).uid() != self.uid {
            return Err(self.deleted());
        }
        let is_new = self.is_new(&state);
        let state = self.yield_state(state);
        self.stage = match (&self.stage, deleted) {
            (Stage::Ended, _) => Stage::Ended,
            (_, true) => Stage::Deleted,
            (_, false) => Stage::Watching(watch, began),
        };
        Ok(is_new.then_some(state))
    }

    /// The current state, if it is new; `None` while the server is unavailable within the allowed time.
    async fn read(&mut self) -> Result<Option<Value>, ClusterError> {
        if let Some(not_before) = self.not_before.take() {
            tokio::time::sleep_until(not_before).await;
        }
        let state = match self.cluster.workflow(&self.name).await {
            Ok(state) if Workflow::view(&state).uid() == self.uid => state,
            Ok(_) | Err(ClusterError::WorkflowMissing { .. }) => return Err(self.deleted()),
            Err(error) if self.outage.allows_retry(&error) => {
                self.not_before = Some(Instant::now() + PAUSE);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.outage.answered();
        let is_new = self.is_new(&state);
        let state = self.yield_state(state);
        Ok(is_new.then_some(state))
    }

    fn is_new(&self, state: &Value) -> bool {
        self.last.as_deref() != Some(Workflow::view(state).resource_version())
    }

    fn deleted(&self) -> ClusterError {
        ClusterError::Deleted { name: self.name.clone() }
    }
}
