//! Changes a live object, on condition that it is still in the state that was read.

use serde_json::Value;

use super::failure::{Failure, is_too_large};
use super::kind::Resource;
use super::request::{Built, Call, Verb};
use super::{Cluster, ClusterError};

/// The server's reasons for a 409 that mean that the object is not in the expected state.
const CONFLICTS: [&str; 2] = ["Conflict", "AlreadyExists"];

/// The result of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The change was made; the new object.
    Done(Value),
    /// The object was changed since it was read.
    Stale {
        /// Whether this may be our own change: an earlier attempt whose answer was lost.
        perhaps_ours: bool,
    },
}

impl Cluster {
    /// Merges a patch into the workflow. It should contain `metadata.uid` and `metadata.resourceVersion` of the state
    /// for which it was computed. With `dry_run` the server checks everything and stores nothing.
    pub async fn patch(&self, name: &str, patch: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let call = self.call(Verb::Patch, Resource::WORKFLOW, name);
        self.change(&call, call.merge(patch, dry_run)).await
    }

    /// Sends a conditional change of an object.
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
