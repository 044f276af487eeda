//! Changing a live workflow, under the condition that it is still the one that was read.

use serde_json::Value;

use super::answer::Failure;
use super::kind::Resource;
use super::request::Verb;
use super::{Cluster, ClusterError};

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// It was made; the object as it is now.
    Done(Value),
    /// Someone was quicker: the workflow is no longer the one that was read.
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
        let answer = self.send(call.merge(patch, dry_run)).await;
        match answer.result {
            Ok(object) => Ok(Changed::Done(object)),
            Err(Failure::Refused(status)) if status.code == 409 && status.reason == "Conflict" => {
                Ok(Changed::Stale { perhaps_ours: answer.unsure })
            }
            Err(failure) => Err(self.explain(&call, failure, answer.unsure).await),
        }
    }
}
