//! Watching workflows: the events of one watch, and what it means that it ended.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
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

/// What a watch tells next.
#[derive(Debug)]
pub(super) enum Event {
    /// An object was made or has changed.
    Changed(Value),
    /// An object was deleted; its last state.
    Deleted(Value),
    /// The watch ended with its time or its connection. What happens after this version is not known yet.
    Lost(String),
    /// The server has forgotten what happened since: everything must be read again.
    Expired,
}

/// An open watch.
pub(super) struct Watch {
    events: BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>,
    version: String,
}

impl Cluster {
    /// Watches what the query selects, from the state that `version` stands for. Nothing where the server has
    /// forgotten that state or is away; a watch that will never begin is an error.
    pub(super) async fn open_watch(
        &self,
        call: &Call<'_>,
        query: &str,
        version: String,
    ) -> Result<Option<Watch>, ClusterError> {
        let Ok(request) = call.watch(query, &version) else { return Ok(None) };
        let opening = self.client.request_events::<Value>(request);
        match tokio::time::timeout(self.request_timeout, opening).await {
            Ok(Ok(events)) => Ok(Some(Watch { events: events.boxed(), version })),
            Ok(Err(error)) => self.no_watch(call, Failure::from_kube(&error)).await,
            Err(_) => Ok(None),
        }
    }

    async fn no_watch(&self, call: &Call<'_>, failure: Failure) -> Result<Option<Watch>, ClusterError> {
        match &failure {
            Failure::Refused(status) if matches!(status.code, 401 | 403) => {
                Err(self.explain(call, failure, false).await)
            }
            Failure::NoCredential(_) => Err(self.explain(call, failure, false).await),
            Failure::Refused(_) | Failure::Lost(_) | Failure::Unusable(_) => Ok(None),
        }
    }
}

impl Watch {
    /// Waits for the next event. Dropped while it waits, it has lost nothing.
    pub(super) async fn next(&mut self) -> Event {
        while let Ok(Some(Ok(event))) = tokio::time::timeout(SILENCE, self.events.next()).await {
            let event = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => Event::Changed(object),
                WatchEvent::Deleted(object) => Event::Deleted(object),
                WatchEvent::Bookmark(bookmark) => {
                    self.version = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(_) => return Event::Expired,
            };
            if let Event::Changed(object) | Event::Deleted(object) = &event
                && let Some(version) = version_of(object)
            {
                self.version = version;
            }
            return event;
        }
        Event::Lost(std::mem::take(&mut self.version))
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
