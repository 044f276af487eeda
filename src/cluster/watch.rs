//! Watches objects: the events of one watch, and how it ended.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::time::Instant;

use super::failure::Failure;
use super::kind::Resource;
use super::request::{Call, Verb};
use super::{Cluster, ClusterError};
use crate::argo::Metadata;

/// The minimum time between the starts of two watches.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a bookmark about every minute: a watch that is silent for this long is dead.
const MAX_SILENCE: Duration = Duration::from_secs(150);

/// An event of a watch.
#[derive(Debug)]
pub(super) enum Event {
    /// An object was created or changed.
    Changed(Value),
    /// An object was deleted; with its last state.
    Deleted(Value),
    /// The watch ended by timeout or with its connection. Changes after this version are not known.
    Lost(String),
    /// The server no longer has this version: everything must be read again.
    Expired,
}

/// An open watch.
pub(super) struct Watch {
    events: BoxStream<'static, Result<WatchEvent<Value>, kube::Error>>,
    version: String,
}

impl Cluster {
    /// Watches the objects that the query selects, starting at `version`. `None` if the server no longer has that
    /// version or is unavailable; an error if a watch can never succeed.
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
            Ok(Err(error)) => self.explain_watch(call, Failure::from_kube(&error)).await,
            Err(_) => Ok(None),
        }
    }

    /// Returns when an object of the namespace may have changed since this version. Whoever may not watch it hears of no
    /// change.
    pub(super) async fn changed(&self, resource: Resource, name: &str, version: &str) -> Result<(), ClusterError> {
        let call = self.call(Verb::Watch, resource, name);
        let query = format!("&fieldSelector={}", call.selector());
        match self.open_watch(&call, &query, version.to_owned()).await {
            Ok(Some(mut watch)) => {
                watch.next().await;
            }
            Ok(None) => tokio::time::sleep(PAUSE).await,
            Err(ClusterError::Forbidden { .. }) => std::future::pending().await,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn explain_watch(&self, call: &Call<'_>, failure: Failure) -> Result<Option<Watch>, ClusterError> {
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
    /// Waits for the next event. Cancel-safe: no event is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Event {
        while let Ok(Some(Ok(event))) = tokio::time::timeout(MAX_SILENCE, self.events.next()).await {
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
    Some(Metadata::of(workflow).resource_version()).filter(|version| !version.is_empty()).map(str::to_owned)
}

/// How long a server may be unavailable after its last answer.
#[derive(Debug)]
pub(super) struct OutageLimit {
    limit: Duration,
    last_answer: Option<Instant>,
}

impl OutageLimit {
    /// Before the first answer.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, last_answer: None }
    }

    /// Records an answer of the server.
    pub(super) fn answered(&mut self) {
        self.last_answer = Some(Instant::now());
    }

    /// Whether the server has ever answered.
    pub(super) fn has_answered(&self) -> bool {
        self.last_answer.is_some()
    }

    /// Whether to retry after this error: the server is unavailable or overloaded, but not for too long.
    pub(super) fn allows_retry(&self, error: &ClusterError) -> bool {
        let is_temporary = matches!(
            error,
            ClusterError::Unreachable { .. } | ClusterError::Overloaded { .. } | ClusterError::Api { .. }
        );
        is_temporary && self.last_answer.is_some_and(|last_answer| last_answer.elapsed() < self.limit)
    }
}
