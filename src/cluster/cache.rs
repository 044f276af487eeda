//! Where the controller keeps its caches: ConfigMaps of its own namespace, which a user need not know.

use serde_json::Value;

use super::kind::Resource;
use super::list::Selection;
use super::request::{Call, Verb};
use super::{Cluster, ClusterError};
use crate::cache::{LABEL, LABEL_VALUE};

/// Objects a page: each may have more than 1 MiB.
const CHUNK: u32 = 8;
/// The Lease by which controllers choose the one that works.
const LEASE: &str = "workflow-controller";

impl Cluster {
    /// The ConfigMaps of this name: those of all namespaces where the user may list them, else that of the connection's.
    /// Where that has none, there may be one that cannot be seen: [`ClusterError::Forbidden`].
    pub async fn config_maps_named(&self, name: &str) -> Result<Vec<Value>, ClusterError> {
        let everywhere = Call { resource: Resource::CONFIG_MAP, namespace: None, name, verb: Verb::List };
        let query = format!("fieldSelector={}", everywhere.selector());
        match self.send(everywhere.list(&query)).await.result {
            Ok(mut list) => Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()),
            Err(failure) => match self.explain(&everywhere, failure, false).await {
                forbidden @ ClusterError::Forbidden { .. } => match self.config_map(name).await {
                    Ok(Some(object)) => Ok(vec![object]),
                    Ok(None) | Err(ClusterError::Forbidden { .. }) => Err(forbidden),
                    Err(error) => Err(error),
                },
                error => Err(error),
            },
        }
    }

    /// Gives each ConfigMap that has the label of a cache to `take`.
    pub async fn cache_config_maps(&self, all_namespaces: bool, take: impl FnMut(Value)) -> Result<(), ClusterError> {
        let labels = Some(format!("{LABEL}={LABEL_VALUE}"));
        self.config_maps(&Selection { all_namespaces, labels, chunk: CHUNK, ..Selection::default() }, take).await
    }

    /// The namespaces in which a controller works, by the Lease that it holds; none where that cannot be seen.
    pub async fn controller_namespaces(&self) -> Vec<String> {
        let call = Call { resource: Resource::LEASE, namespace: None, name: LEASE, verb: Verb::List };
        let query = format!("limit=100&fieldSelector={}", call.selector());
        self.names(&call, &query).await.into_iter().filter_map(|(_, namespace)| namespace).collect()
    }
}
