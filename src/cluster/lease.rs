//! Leases by which several commands agree, and the clock that dates them: the API server's.

use http::header::DATE;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use kube::client::Body;
use serde_json::Value;

use super::failure::Failure;
use super::kind::Resource;
use super::list::Selection;
use super::request::{self, Verb};
use super::watch::{Event, PAUSE};
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;

/// The number of objects per page.
const CHUNK: u32 = 500;

impl Cluster {
    /// The Lease of the connection's namespace, if it is there.
    pub(crate) async fn lease(&self, name: &str) -> Result<Option<Value>, ClusterError> {
        let call = self.call(Verb::Get, Resource::LEASE, name);
        let answer = self.send(call.get()).await;
        match answer.result {
            Ok(lease) => Ok(Some(lease)),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(None),
            Err(failure) => Err(self.explain(&call, failure, answer.unsure).await),
        }
    }

    /// Creates the Lease, or replaces the one with its uid and resourceVersion. [`Changed::Stale`] where another one is there,
    /// or none.
    pub(crate) async fn write_lease(&self, lease: &Value) -> Result<Changed, ClusterError> {
        let metadata = Metadata::of(lease);
        if metadata.resource_version().is_empty() {
            let call = self.call(Verb::Create, Resource::LEASE, metadata.name());
            return self.change(&call, call.create(lease, false)).await;
        }
        let call = self.call(Verb::Update, Resource::LEASE, metadata.name());
        let answer = self.send(call.replace(lease, false)).await;
        match answer.result {
            Ok(object) => Ok(Changed::Done(object)),
            Err(Failure::Refused(status)) if matches!(status.code, 404 | 409) => {
                Ok(Changed::Stale { perhaps_ours: answer.unsure })
            }
            Err(failure) => Err(self.explain(&call, failure, answer.unsure).await),
        }
    }

    /// Returns when a workflow of this name is there.
    pub(crate) async fn workflow_appears(&self, name: &str) -> Result<(), ClusterError> {
        let call = self.call(Verb::Watch, Resource::WORKFLOW, name);
        let query = format!("&fieldSelector={}", call.selector());
        loop {
            // A watch from version 0 begins with the objects that are there.
            match self.open_watch(&call, &query, "0".to_owned()).await? {
                Some(mut watch) => {
                    if let Event::Changed(_) = watch.next().await {
                        return Ok(());
                    }
                }
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Returns when the Lease may have changed since it was read.
    pub(crate) async fn lease_changed(&self, lease: &Value) -> Result<(), ClusterError> {
        let metadata = Metadata::of(lease);
        self.changed(Resource::LEASE, metadata.name(), metadata.resource_version()).await
    }

    /// The Leases of the namespace with these labels.
    pub(crate) async fn leases(&self, labels: &str) -> Result<Vec<Value>, ClusterError> {
        let selection = Selection { labels: Some(labels.to_owned()), chunk: CHUNK, ..Selection::default() };
        let mut found = Vec::new();
        self.each(Resource::LEASE, &selection, |lease| found.push(lease)).await?;
        Ok(found)
    }

    /// Deletes the Lease if it is still in the state that was read.
    pub(crate) async fn delete_lease(&self, lease: &Value) -> Result<Changed, ClusterError> {
        let metadata = Metadata::of(lease);
        let call = self.call(Verb::Delete, Resource::LEASE, metadata.name());
        self.change(&call, call.delete(metadata.uid(), metadata.resource_version(), false)).await
    }

    /// The time by the API server's clock, to the second: the `Date` of its answer, whatever it answers.
    pub(crate) async fn server_time(&self) -> Result<Timestamp, ClusterError> {
        let call = self.call(Verb::Get, Resource::LEASE, "");
        let failure = match request::version() {
            Ok(request) => {
                let sending = self.client.send(request.map(Body::from));
                match tokio::time::timeout(self.request_timeout, sending).await {
                    Ok(Ok(answer)) => match date(answer.headers()) {
                        Some(time) => return Ok(time),
                        None => Failure::Unusable("the server's answer has no date".to_owned()),
                    },
                    Ok(Err(error)) => Failure::from_kube(&error),
                    Err(_) => Failure::timed_out(self.request_timeout),
                }
            }
            Err(error) => Failure::Unusable(error.to_string()),
        };
        Err(self.explain(&call, failure, false).await)
    }
}

fn date(headers: &http::HeaderMap) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(headers.get(DATE)?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_a_time() {
        let of = |text: &'static str| {
            let mut headers = http::HeaderMap::new();
            headers.insert(DATE, http::HeaderValue::from_static(text));
            date(&headers)
        };
        let expected = "2026-11-21T09:30:05Z".parse().ok();
        assert_eq!(of("Sat, 21 Nov 2026 09:30:05 GMT"), expected);
        assert!(expected.is_some() && of("yesterday").is_none() && date(&http::HeaderMap::new()).is_none());
    }
}
