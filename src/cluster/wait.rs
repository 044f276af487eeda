//! Following a workflow to its end, through routine ends of watches, broken connections and restarts of the server.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Failure;
use super::kind::Resource;
use super::request::Verb;
use super::{Cluster, ClusterError};

/// A server that was there before may be away this long, as in an upgrade.
const PATIENCE: Duration = Duration::from_mins(5);
/// The pause between two watches of which the first ended at once.
const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a bookmark each minute: a watch that is silent for longer than this is dead.
const SILENCE: Duration = Duration::from_secs(150);

impl Cluster {
    /// Follows the workflow until its phase is Succeeded, Failed or Error and returns it then. `on_update` sees each
    /// state once, also the last. The workflow is known by its uid: one that was deleted and made anew is another.
    pub async fn wait(
        &self,
        name: &str,
        uid: &str,
        timeout: Option<Duration>,
        on_update: impl FnMut(&Value),
    ) -> Result<Value, ClusterError> {
        let mut follower = Follower { cluster: self, name, uid, on_update, last: None, phase: "Pending".to_owned() };
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

/// How a watch ended.
enum Ended {
    /// With the workflow's own end.
    Over(Value),
    /// With its deletion.
    Deleted,
    /// For a reason of its own; the workflow goes on.
    Lost,
}

impl<F: FnMut(&Value)> Follower<'_, F> {
    /// Reads the workflow, then watches it from there on, again and again: what happened between two watches is read.
    async fn follow(&mut self) -> Result<Value, ClusterError> {
        let mut heard = Instant::now();
        loop {
            let began = Instant::now();
            if let Some(workflow) = self.read(heard).await? {
                heard = Instant::now();
                if self.show(&workflow) {
                    return Ok(workflow);
                }
                match self.watch(&workflow).await? {
                    Ended::Over(workflow) => return Ok(workflow),
                    Ended::Deleted => return Err(self.deleted()),
                    Ended::Lost => {}
                }
            }
            if began.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The workflow now; `None` while the server is away for a time that can be borne.
    async fn read(&self, heard: Instant) -> Result<Option<Value>, ClusterError> {
        let error = match self.cluster.workflow(self.name).await {
            Ok(workflow) if workflow["metadata"]["uid"] == self.uid => return Ok(Some(workflow)),
            Ok(_) => return Err(self.deleted()),
            Err(error) => error,
        };
        match error {
            ClusterError::WorkflowMissing { .. } if self.last.is_some() => Err(self.deleted()),
            ClusterError::Unreachable { .. } | ClusterError::Overloaded { .. } | ClusterError::Api { .. }
                if self.last.is_some() && heard.elapsed() < PATIENCE =>
            {
                Ok(None)
            }
            error => Err(error),
        }
    }

    async fn watch(&mut self, from: &Value) -> Result<Ended, ClusterError> {
        let version = from["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
        let call = self.cluster.call(Verb::Watch, Resource::WORKFLOW, self.name);
        let Ok(request) = call.watch(&version) else { return Ok(Ended::Lost) };
        let opening = self.cluster.client.request_events::<Value>(request);
        let stream = match tokio::time::timeout(self.cluster.request_timeout, opening).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.no_watch(Failure::from_kube(&error)).await,
            Err(_) => return Ok(Ended::Lost),
        };
        let mut stream = pin!(stream);
        while let Ok(Some(Ok(event))) = tokio::time::timeout(SILENCE, stream.next()).await {
            match event {
                WatchEvent::Added(workflow) | WatchEvent::Modified(workflow) => {
                    if workflow["metadata"]["uid"] != self.uid {
                        return Ok(Ended::Deleted);
                    }
                    if self.show(&workflow) {
                        return Ok(Ended::Over(workflow));
                    }
                }
                WatchEvent::Deleted(workflow) => {
                    let over = workflow["metadata"]["uid"] == self.uid && self.show(&workflow);
                    return Ok(if over { Ended::Over(workflow) } else { Ended::Deleted });
                }
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => return Ok(Ended::Lost),
            }
        }
        Ok(Ended::Lost)
    }

    /// A watch that cannot begin is an error where it never will.
    async fn no_watch(&self, failure: Failure) -> Result<Ended, ClusterError> {
        let never = match &failure {
            Failure::Refused(status) => matches!(status.code, 401 | 403),
            Failure::NoCredential(_) => true,
            Failure::Lost(_) | Failure::Unusable(_) => false,
        };
        if !never {
            return Ok(Ended::Lost);
        }
        let call = self.cluster.call(Verb::Watch, Resource::WORKFLOW, self.name);
        Err(self.cluster.explain(&call, failure, false).await)
    }

    /// Shows a state that was not shown before; whether it is the last.
    fn show(&mut self, workflow: &Value) -> bool {
        let version = workflow["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if self.last.as_deref() != Some(version) {
            self.last = Some(version.to_owned());
            workflow["status"]["phase"]
                .as_str()
                .filter(|phase| !phase.is_empty())
                .unwrap_or("Pending")
                .clone_into(&mut self.phase);
            (self.on_update)(workflow);
        }
        matches!(self.phase.as_str(), "Succeeded" | "Failed" | "Error")
    }

    fn deleted(&self) -> ClusterError {
        ClusterError::Deleted { name: self.name.to_owned() }
    }
}
