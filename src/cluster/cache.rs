//! Finds the controller's caches: ConfigMaps in the controller's own namespace, which the user need not know.

use serde_json::Value;

use super::kind::Resource;
use super::list::Selection;
use super::request::{Call, Verb};
use super::{Cluster, ClusterError};
use crate::cache::{Homes, LABEL, LABEL_VALUE};

/// The number of objects per page: each may be larger than 1 MiB.
const CHUNK: u32 = 8;
/// The Lease of the controllers' leader election.
const LEASE: &str = "workflow-controller";
/// Excludes the Leases of nodes, of which there may be thousands.
const NO_NODES: &str = "limit=500&fieldSelector=metadata.namespace%21%3Dkube-node-lease";
/// The default name of the ConfigMap with the controller's settings.
pub(super) const SETTINGS: &str = "workflow-controller-configmap";

impl Cluster {
    /// The ConfigMaps of this name in all namespaces; if the user may not list those, the one in the connection's
    /// namespace. If that does not exist either, there may be an invisible one: [`ClusterError::Forbidden`].
    pub(crate) async fn config_maps_named(&self, name: &str) -> Result<Vec<Value>, ClusterError> {
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

    /// Passes each ConfigMap with the label of a cache to `take`.
    pub(crate) async fn cache_config_maps(
        &self,
        all_namespaces: bool,
        take: impl FnMut(Value),
    ) -> Result<(), ClusterError> {
        self.config_maps(&Selection { all_namespaces, ..caches() }, take).await
    }

    /// Passes the metadata of each ConfigMap without that label to `take`.
    pub(crate) async fn unlabelled_config_maps(
        &self,
        all_namespaces: bool,
        take: impl FnMut(Value),
    ) -> Result<(), ClusterError> {
        let labels = Some(format!("{LABEL}!={LABEL_VALUE}"));
        let selection = Selection { all_namespaces, labels, metadata_only: true, ..Selection::default() };
        self.config_maps(&selection, take).await
    }

    /// The namespaces where controllers may keep their caches, as far as visible: those of their Leases, else those of
    /// their settings and caches.
    pub(crate) async fn cache_homes(&self) -> Homes {
        let everywhere = |resource, name| Call { resource, namespace: None, name, verb: Verb::List };
        let leases = self.names(&everywhere(Resource::LEASE, LEASE), NO_NODES).await;
        let mut homes = Homes::default();
        for (name, namespace) in leases {
            // With an instance id the Lease is `workflow-controller-<id>` (cmd/workflow-controller/main.go, v4.1.2).
            if name == LEASE || name.strip_prefix(LEASE).is_some_and(|id| id.starts_with('-')) {
                homes.leases.extend(namespace);
            }
        }

        if homes.leases.is_empty() {
            let call = everywhere(Resource::CONFIG_MAP, SETTINGS);
            let settings = self.names(&call, &format!("limit=100&fieldSelector={}", call.selector())).await;
            homes.traces.extend(settings.into_iter().filter_map(|(_, namespace)| namespace));
            let selection = Selection { all_namespaces: true, metadata_only: true, ..caches() };
            // Without permission there is nothing to add.
            let _ = self.config_maps(&selection, |object| homes.add(&object)).await;
        }
        homes
    }
}

/// Selects ConfigMaps with the label of a cache.
fn caches() -> Selection {
    Selection { labels: Some(format!("{LABEL}={LABEL_VALUE}")), chunk: CHUNK, ..Selection::default() }
}
