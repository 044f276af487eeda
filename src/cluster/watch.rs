//! Watching workflows: the events of one watch, and what it means that it ended.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time::Instant;

use super::request::Call;
use super::send::Failure;
use super::{Cluster, ClusterError};

/// The pause between two watches of which the first ended at once.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a bookmark each minute: a watch that is silent for longer than this is dead.
const SILENCE: Duration = Duration::from_secs(150);

/// What a watch tells of a workflow.
#[derive(Debug)]
pub(super) enum Event {
    /// It was made or has changed.
    Changed(Value),
    /// It was deleted.
    Deleted(Value),
}

/// How a watch ended; the workflows go on.
#[derive(Debug)]
pub(super) enum Ended<T> {
    /// Its reader has seen enough.
    Enough(T),
    /// With its time or its connection. What happens after this version is not known yet.
    Lost(String),
    /// The server has forgotten what happened since: it must be read anew.
    Expired,
}

impl Cluster {
    /// Watches what the query selects, from the state that `version` stands for until the watch ends or `heed` has seen
    /// enough. A watch that cannot begin is an error where it never will.
    pub(super) async fn watch<T>(
        &self,
        call: &Call<'_>,
        query: &str,
        mut version: String,
        mut heed: impl FnMut(Event) -> ControlFlow<T>,
    ) -> Result<Ended<T>, ClusterError> {
        let Ok(request) = call.watch(query, &version) else { return Ok(Ended::Expired) };
        let opening = self.client.request_events::<Value>(request);
        let stream = match tokio::time::timeout(self.request_timeout, opening).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.no_watch(call, Failure::from_kube(&error), version).await,
            Err(_) => return Ok(Ended::Lost(version)),
        };
        let mut stream = pin!(stream);
        while let Ok(Some(Ok(event))) = tokio::time::timeout(SILENCE, stream.next()).await {
            let (seen, event) = match event {
                WatchEvent::Added(workflow) | WatchEvent::Modified(workflow) => {
                    (version_of(&workflow), Some(Event::Changed(workflow)))
                }
                WatchEvent::Deleted(workflow) => (version_of(&workflow), Some(Event::Deleted(workflow))),
                WatchEvent::Bookmark(bookmark) => (Some(bookmark.metadata.resource_version), None),
                WatchEvent::Error(_) => return Ok(Ended::Expired),
            };
            version = seen.unwrap_or(version);
            if let Some(ControlFlow::Break(enough)) = event.map(&mut heed) {
                return Ok(Ended::Enough(enough));
            }
        }
        Ok(Ended::Lost(version))
    }

    async fn no_watch<T>(&self, call: &Call<'_>, failure: Failure, version: String) -> Result<Ended<T>, ClusterError> {
        match &failure {
            Failure::Refused(status) if status.code == 410 => Ok(Ended::Expired),
            Failure::Refused(status) if matches!(status.code, 401 | 403) => {
                Err(self.explain(call, failure, false).await)
            }
            Failure::NoCredential(_) => Err(self.explain(call, failure, false).await),
            Failure::Refused(_) | Failure::Lost(_) | Failure::Unusable(_) => Ok(Ended::Lost(version)),
        }
    }
}

fn version_of(workflow: &Value) -> Option<String> {
    workflow["metadata"]["resourceVersion"].as_str().map(str::to_owned)
}

/// How long a server that was heard of may stay away.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    heard: Option<Instant>,
}

impl Patience {
    /// With a server that was not heard of yet.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, heard: None }
    }

    /// The server has answered now.
    pub(super) fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// Whether the server was ever heard of.
    pub(super) fn began(&self) -> bool {
        self.heard.is_some()
    }

    /// Whether the error may pass with time: the server is away, or in trouble, and has not been for long.
    pub(super) fn bears(&self, error: &ClusterError) -> bool {
        let passes = matches!(
            error,
            ClusterError::Unreachable { .. } | ClusterError::Overloaded { .. } | ClusterError::Api { .. }
        );
        passes && self.heard.is_some_and(|heard| heard.elapsed() < self.limit)
    }
}
