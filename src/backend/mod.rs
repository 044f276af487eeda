//! Where runs are carried out: on a cluster, or on this machine. A verb speaks to a [`Run`] or a [`Backend`] and says
//! nothing twice; what only one of them has (semaphores, ConfigMaps, the engine) is asked of that one.
//!
//! ```text
//! Backend: create, find, latest, names, list, list_follow  Run: get, follow, end, logs, revise, delete
//!    ├─ Cluster: requests, watches                            ├─ Cluster: the live object, by name and uid
//!    └─ Local: directories, inotify                           └─ Local: a run's directory, by its record
//! ```
//!
//! A run is seen as a [`Snapshot`] of its Workflow object. Nothing here polls: a cluster is watched, a directory is heard of
//! through the kernel.

mod create;
mod delete;
mod error;
mod failures;
mod follow;
mod list;
mod logs;
mod pod_logs;
mod reservation;
mod revise;
mod run;
mod snapshot;
mod templates;
mod waits;

use std::path::PathBuf;

pub(crate) use self::create::{Created, Creation};
pub use self::error::BackendError;
pub use self::follow::Deadline;
pub(crate) use self::list::{Detail, ListSelection, News};
pub(crate) use self::logs::{LogEvent, LogsError, Missing, MissingLog};
pub(crate) use self::revise::Revised;
pub use self::run::Run;
pub use self::snapshot::Snapshot;
pub(crate) use self::templates::templates_on_cluster;
use crate::argo::identity::{IdentityError, ObjectName};
use crate::cluster::Cluster;
use crate::local::record::Record;

/// Where runs are carried out.
#[derive(Debug)]
pub(crate) enum Backend {
    /// By the Argo controller of a cluster, in the connection's namespace.
    Cluster(Box<Cluster>),
    /// By the engine, in a directory of this machine.
    Local {
        /// The directory of all runs and caches.
        root: PathBuf,
        /// The namespace of runs without one.
        namespace: ObjectName,
    },
}

impl Backend {
    /// The run of a name. On a cluster, whether it exists shows when it is read.
    pub(crate) fn find(self, name: &ObjectName) -> Result<Run, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => Run::Cluster { cluster, name: name.to_string(), uid: None },
            Self::Local { root, namespace } => Run::Local(Record::find(&root, &namespace, name)?),
        })
    }

    /// The run that was created last.
    pub(crate) async fn latest(self) -> Result<Run, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => {
                let name = cluster.latest().await?;
                Run::Cluster { cluster, name, uid: None }
            }
            Self::Local { root, namespace } => Run::Local(Record::latest(&root, &namespace)?),
        })
    }

    /// The names of so many runs, the latest first.
    pub(crate) async fn names(&self, most: usize) -> Result<Vec<String>, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => cluster.workflow_names(most).await?,
            Self::Local { root, namespace } => {
                let records = Record::all(root, Some(namespace))?;
                let names = records.iter().filter_map(|record| record.directory().file_name()?.to_str());
                names.take(most).map(str::to_owned).collect()
            }
        })
    }

    /// The same place for runs of another namespace, if one is given.
    pub(crate) fn within(&self, namespace: Option<&str>) -> Result<Self, IdentityError> {
        let namespace = namespace.unwrap_or(self.namespace());
        Ok(match self {
            Self::Cluster(cluster) => Self::Cluster(Box::new(cluster.within(namespace))),
            Self::Local { root, .. } => Self::Local { root: root.clone(), namespace: namespace.parse()? },
        })
    }

    /// Whether runs of both are on one cluster, or on this machine in one directory.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cluster(one), Self::Cluster(other)) => one.server() == other.server(),
            (Self::Local { root: one, .. }, Self::Local { root: other, .. }) => one == other,
            _ => false,
        }
    }

    /// The namespace of runs without one.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Cluster(cluster) => cluster.namespace(),
            Self::Local { namespace, .. } => namespace.as_str(),
        }
    }
}
