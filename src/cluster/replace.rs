//! Replaces a live workflow, and deletes pods of its nodes.

use serde_json::Value;

use super::failure::{Failure, is_too_large};
use super::kind::Resource;
use super::request::{self, Verb};
use super::{Cluster, ClusterError};
use crate::argo::Workflow;

impl Cluster {
    /// Replaces the workflow with the same uid and resourceVersion; [`ClusterError::Conflict`] if it was changed or
    /// created again since. With `dry_run` the server checks everything and stores nothing.
    pub async fn replace(&self, workflow: &Value, dry_run: bool) -> Result<Value, ClusterError> {
        let name = Workflow::view(workflow).name();
        let call = self.call(Verb::Update, Resource::WORKFLOW, name);
        let answer = self.send(call.replace(workflow, dry_run)).await;
        match answer.result {
            Ok(object) => Ok(object),
            // Sequence: we send the PUT, the server stores it, the answer is lost, the PUT is sent again and conflicts
            // with our own change.
            Err(Failure::Refused(status)) if status.code == 409 && answer.unsure => {
                let live = self.workflow(name).await?;
                if is_same_state(Workflow::view(&live), Workflow::view(workflow)) {
                    Ok(live)
                } else {
                    Err(self.explain(&call, Failure::Refused(status), false).await)
                }
            }
            Err(Failure::Refused(status)) if is_too_large(&status) => {
                let bytes = workflow.to_string().len();
                Err(ClusterError::TooLarge { kind: Resource::WORKFLOW.kind, name: name.to_owned(), bytes })
            }
            Err(failure) => Err(self.explain(&call, failure, answer.unsure).await),
        }
    }

    /// Deletes a pod of the connection's namespace; a missing pod is not an error.
    pub(crate) async fn delete_pod(&self, name: &str) -> Result<(), ClusterError> {
        match self.send(request::delete_pod(self.namespace(), name)).await.result {
            Ok(_) => Ok(()),
            Err(Failure::Refused(status)) if status.code == 404 => Ok(()),
            Err(Failure::Refused(status)) if !matches!(status.code, 401 | 429 | 502..=504) => {
                Err(ClusterError::Pod { name: name.to_owned(), message: status.message.clone() })
            }
            Err(failure) => {
                let call = self.call(Verb::Update, Resource::WORKFLOW, name);
                Err(self.explain(&call, failure, false).await)
            }
        }
    }
}

/// Whether the live object is the one that was sent: a retry in place has its own start time.
fn is_same_state(live: &Workflow, sent: &Workflow) -> bool {
    !live.uid().is_empty()
        && live.uid() == sent.uid()
        && live.started_at().is_some()
        && live.started_at() == sent.started_at()
}
