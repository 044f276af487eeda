//! Claims of volumes: whether one is there, and whether pods of several nodes can mount it.

use serde_json::Value;

use super::kind::Resource;
use super::list::Selection;
use super::{Cluster, ClusterError};
use crate::argo::template::list;

impl Cluster {
    /// Whether the claim serves the pods of one node only; none where the user may not read it. [`ClusterError::ClaimMissing`]
    /// if it does not exist.
    pub(crate) async fn claim_serves_one_node(&self, name: &str) -> Result<Option<bool>, ClusterError> {
        match self.get(Resource::CLAIM, name).await {
            Ok(claim) => {
                let modes = list(claim.pointer("/spec/accessModes"));
                Ok(Some(modes.iter().all(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod")))
            }
            Err(ClusterError::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the cluster has more than one node; no where the user may not list them.
    pub(crate) async fn has_several_nodes(&self) -> Result<bool, ClusterError> {
        let mut count = 0;
        let selection = Selection { metadata_only: true, chunk: 2, ..Selection::default() };
        match self.each(Resource::NODE, &selection, |_: Value| count += 1).await {
            Ok(_) => Ok(count > 1),
            Err(ClusterError::Forbidden { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
