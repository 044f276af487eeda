//! Following a workflow to its end, through routine ends of watches, broken connections and restarts of the server.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::kind::Resource;
use super::request::Verb;
use super::watch::{Ended, Event, PAUSE, Patience};
use super::{Cluster, ClusterError};
use crate::argo::Workflow;
use crate::argo::workflow::is_end;

impl Cluster {
    /// Follows a workflow that the server has told of until its phase is Succeeded, Failed or Error and returns it then.
    /// `on_update` sees each state once, also the last. The workflow is known by its uid: one that was deleted and made
    /// anew is another.
    pub async fn wait(
        &self,
        workflow: &Value,
        timeout: Option<Duration>,
        on_update: impl FnMut(&Value),
    ) -> Result<Value, ClusterError> {
        let text = |field: &str| workflow["metadata"][field].as_str().unwrap_or_default();
        let (name, uid) = (text("name"), text("uid"));
        let phase = Workflow::view(workflow).phase().to_owned();
        let mut follower = Follower { cluster: self, name, uid, on_update, last: None, phase };
        if is_end(&follower.phase) {
            follower.show(workflow);
            return Ok(workflow.clone());
        }
        let Some(after) = timeout else { return follower.follow().await };
        match tokio::time::timeout(after, follower.follow()).await {
            Ok(result) => result,
            Err(_) => Err(ClusterError::TimedOut { name: name.to_owned(), after, phase: follower.phase }),
        }
    }
}

struct Follower<'a, F> {
    cluster: &'a Cluster,
    name: &'a str,
    uid: &'a str,
    on_update: F,
    /// The resource version that was last shown; `None` until the workflow has been seen.
    last: Option<String>,
    phase: String,
}

/// How the following ended: with the workflow's own end, or with its deletion.
type End = Option<Value>;

impl<F: FnMut(&Value)> Follower<'_, F> {
    /// Reads the workflow, then watches it from there on, again and again: what happened between two watches is read.
    async fn follow(&mut self) -> Result<Value, ClusterError> {
        let mut patience = Patience::new(self.cluster.patience);
        // The server has told of the workflow.
        patience.heard();
        loop {
            let began = Instant::now();
            if let Some(workflow) = self.read(&patience).await? {
                patience.heard();
                if self.show(&workflow) {
                    return Ok(workflow);
                }
                if let Some(end) = self.watch(&workflow).await? {
                    return end.ok_or_else(|| self.deleted());
                }
                if began.elapsed() >= PAUSE {
                    // A watch that lasted has heard the server until it broke.
                    patience.heard();
                }
            }
            if began.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The workflow now; `None` while the server is away for a time that can be borne.
    async fn read(&self, patience: &Patience) -> Result<Option<Value>, ClusterError> {
        match self.cluster.workflow(self.name).await {
            Ok(workflow) if workflow["metadata"]["uid"] == self.uid => Ok(Some(workflow)),
            Ok(_) | Err(ClusterError::WorkflowMissing { .. }) => Err(self.deleted()),
            Err(error) if patience.bears(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the following ended, if it did while the watch went on.
    async fn watch(&mut self, from: &Value) -> Result<Option<End>, ClusterError> {
        let version = from["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
        let cluster = self.cluster;
        let call = cluster.call(Verb::Watch, Resource::WORKFLOW, self.name);
        let query = format!("&fieldSelector={}", call.selector());
        let watched = cluster.watch(&call, &query, version, |event| {
            let (workflow, deleted) = match event {
                Event::Changed(workflow) => (workflow, false),
                Event::Deleted(workflow) => (workflow, true),
            };
            if workflow["metadata"]["uid"] != self.uid {
                return ControlFlow::Break(None);
            }
            if self.show(&workflow) {
                return ControlFlow::Break(Some(workflow));
            }
            if deleted { ControlFlow::Break(None) } else { ControlFlow::Continue(()) }
        });
        Ok(match watched.await? {
            Ended::Enough(end) => Some(end),
            Ended::Lost(_) | Ended::Expired => None,
        })
    }

    /// Shows a state that was not shown before; whether it is the last.
    fn show(&mut self, workflow: &Value) -> bool {
        let version = workflow["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if self.last.as_deref() != Some(version) {
            self.last = Some(version.to_owned());
            Workflow::view(workflow).phase().clone_into(&mut self.phase);
            (self.on_update)(workflow);
        }
        is_end(&self.phase)
    }

    fn deleted(&self) -> ClusterError {
        ClusterError::Deleted { name: self.name.to_owned() }
    }
}
