//! Deletes the workflows of drains.

use serde_json::Value;

use super::kind::Resource;
use super::request::Verb;
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;

impl Cluster {
    /// Deletes the workflow if it is still in the state that was read; [`ClusterError::WorkflowMissing`] if it does not
    /// exist.
    pub(crate) async fn delete_workflow(&self, workflow: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let metadata = Metadata::of(workflow);
        let call = self.call(Verb::Delete, Resource::WORKFLOW, metadata.name());
        self.change(&call, call.delete(metadata.uid(), metadata.resource_version(), dry_run)).await
    }
}
