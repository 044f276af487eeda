//! Where several submits agree on one run: Leases of a cluster, files of this machine. Both hold the same objects, and both
//! are replaced only in the state that was read.

use jiff::Timestamp;
use serde_json::Value;

use super::{Backend, BackendError};
use crate::argo::identity::ObjectName;
use crate::cluster::Changed;
use crate::local::reserved;
use crate::local::store::directory;

impl Backend {
    /// The reservation of this name, if there is one.
    pub(crate) async fn reservation(&self, name: &str) -> Result<Option<Value>, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => cluster.lease(name).await?,
            Self::Local { root, .. } => reserved::read(root, name)?,
        })
    }

    /// Writes a reservation over the one that was read; whether that was still there.
    pub(crate) async fn reserve(
        &self,
        name: &str,
        reservation: &Value,
        before: Option<&Value>,
    ) -> Result<bool, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => matches!(cluster.write_lease(reservation).await?, Changed::Done(_)),
            Self::Local { root, .. } => reserved::write(root, name, reservation, before)?,
        })
    }

    /// The time by the clock that dates reservations.
    pub(crate) async fn time(&self) -> Result<Timestamp, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => cluster.server_time().await?,
            Self::Local { .. } => Timestamp::now(),
        })
    }

    /// Returns when the reservation may have changed; on this machine, where a run's end tells as much, never.
    pub(crate) async fn reservation_changed(&self, reservation: &Value) -> Result<(), BackendError> {
        match self {
            Self::Cluster(cluster) => Ok(cluster.lease_changed(reservation).await?),
            Self::Local { .. } => std::future::pending().await,
        }
    }

    /// Returns when a run of this name is there.
    pub(crate) async fn appears(&self, name: ObjectName) -> Result<(), BackendError> {
        match self {
            Self::Cluster(cluster) => Ok(cluster.workflow_appears(name.as_str()).await?),
            Self::Local { root, namespace } => {
                reserved::run_appears(&directory(root, namespace, &name)).await;
                Ok(())
            }
        }
    }

    /// Removes reservations that are `idle`, as far as the user may; `labels` select them.
    pub(crate) async fn sweep_reservations(&self, labels: &str, is_idle: impl Fn(&Value) -> bool) {
        // What is left behind costs nobody anything, and goes another time.
        match self {
            Self::Cluster(cluster) => {
                for lease in cluster.leases(labels).await.unwrap_or_default().iter().filter(|lease| is_idle(lease)) {
                    let _ = cluster.delete_lease(lease).await;
                }
            }
            Self::Local { root, .. } => {
                let _ = reserved::sweep(root, is_idle);
            }
        }
    }
}
