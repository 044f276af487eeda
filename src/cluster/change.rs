//! Changing a live object, under the condition that it is still the one that was read.

use serde_json::Value;

use super::kind::Resource;
use super::request::{Built, Call, Verb};
use super::send::{Failure, is_too_large};
use super::{Cluster, ClusterError};

/// The reasons for which the server finds that an object is not in the state that was expected.
const CONFLICTS: [&str; 2] = ["Conflict", "AlreadyExists"];

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It was made; the object as it is now.
    Done(Value),
    /// Someone was quicker: the object is no longer the one that was read.
    Stale {
        /// Whether that someone may be an earlier sending of this very change, the answer to which was lost.
        perhaps_ours: bool,
    },
}

impl Cluster {
    /// Merges a patch into the workflow. It should hold `metadata.uid` and `metadata.resourceVersion` of the state that
    /// was decided on. With `dry_run` the server checks everything and stores nothing.
    pub async fn patch(&self, name: &str, patch: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let call = self.call(Verb::Patch, Resource::WORKFLOW, name);
        self.change(&call, call.merge(patch, dry_run)).await
    }

    /// Sends what changes an object under a condition.
    pub(crate) async fn change(&self, call: &Call<'_>, request: Built) -> Result<Changed, ClusterError> {
        let bytes = request.as_ref().map_or(0, |request| request.body().len());
        let answer = self.send(request).await;
        match answer.result {
            Ok(object) => Ok(Changed::Done(object)),
            Err(Failure::Refused(status)) if status.code == 409 && CONFLICTS.contains(&status.reason.as_str()) => {
                Ok(Changed::Stale { perhaps_ours: answer.unsure })
            }
            Err(Failure::Refused(status)) if is_too_large(&status) => {
                Err(ClusterError::TooLarge { kind: call.resource.kind, name: call.name.to_owned(), bytes })
            }
            Err(failure) => Err(self.explain(call, failure, answer.unsure).await),
        }
    }
}
