//! ConfigMaps: limits of semaphores, and caches. A change names the state that was read.

use serde_json::Value;

use super::kind::Resource;
use super::list::Selection;
use super::request::Verb;
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;

impl Cluster {
    /// The ConfigMap, if it exists.
    pub(crate) async fn config_map(&self, name: &str) -> Result<Option<Value>, ClusterError> {
        match self.get(Resource::CONFIG_MAP, name).await {
            Ok(object) => Ok(Some(object)),
            Err(ClusterError::ConfigMapMissing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns when the ConfigMap may have changed since this version.
    pub(crate) async fn config_map_changed(&self, name: &str, version: &str) -> Result<(), ClusterError> {
        self.changed(Resource::CONFIG_MAP, name, version).await
    }

    /// Passes each ConfigMap to `take`, once.
    pub(crate) async fn config_maps(&self, selection: &Selection, take: impl FnMut(Value)) -> Result<(), ClusterError> {
        self.each(Resource::CONFIG_MAP, selection, take).await.map(drop)
    }

    /// Creates the ConfigMap under its `metadata.name` in the connection's namespace; [`Changed::Stale`] if the name is
    /// taken. With `dry_run`, here and below, the server checks everything and stores nothing.
    pub(crate) async fn create_config_map(&self, object: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let call = self.call(Verb::Create, Resource::CONFIG_MAP, Metadata::of(object).name());
        self.change(&call, call.create(object, dry_run)).await
    }

    /// Merges a patch into the ConfigMap; if the patch has a `metadata.resourceVersion`, only into that version.
    pub async fn patch_config_map(&self, name: &str, patch: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let call = self.call(Verb::Patch, Resource::CONFIG_MAP, name);
        self.change(&call, call.merge(patch, dry_run)).await
    }

    /// Deletes the ConfigMap if it is still in the state that was read; [`ClusterError::ConfigMapMissing`] if it does
    /// not exist.
    pub(crate) async fn delete_config_map(&self, object: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let metadata = Metadata::of(object);
        let call = self.call(Verb::Delete, Resource::CONFIG_MAP, metadata.name());
        self.change(&call, call.delete(metadata.uid(), metadata.resource_version(), dry_run)).await
    }
}
