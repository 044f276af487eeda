//! Creating runs. A cluster's controller carries out the object that is created; on this machine the command that creates
//! a run carries it out itself.

use serde_json::Value;

use super::{Backend, BackendError};
use crate::cluster;
use crate::local::new_run::{NewRun, Source};

/// A run that is to be created.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creation<'a> {
    /// The Workflow object, with its name fixed.
    pub(crate) workflow: &'a Value,
    /// The uid of a run that no server gives one.
    pub(crate) uid: &'a str,
    /// The documents that it was made from, for a run of this machine.
    pub(crate) source: Source<'a>,
    /// Create nothing; a cluster checks the object.
    pub(crate) dry_run: bool,
}

/// A run that can go on.
#[derive(Debug)]
pub(crate) enum Created {
    /// The controller carries it out.
    Object(cluster::Created),
    /// This process has to carry it out; nothing is written yet.
    Ready(Box<NewRun>),
}

impl Backend {
    /// The user who creates runs, as the server knows it. Runs of this machine are all of one user.
    pub(crate) async fn user(&self) -> Result<Option<String>, BackendError> {
        Ok(match self {
            Self::Cluster(cluster) => cluster.user().await?,
            Self::Local { .. } => None,
        })
    }

    /// Creates a run, or finds the same attempt of the same run where it was created before.
    pub(crate) async fn create(&self, creation: Creation<'_>) -> Result<Created, BackendError> {
        let Creation { workflow, uid, source, dry_run } = creation;
        Ok(match self {
            Self::Cluster(cluster) => Created::Object(cluster.create(workflow, dry_run).await?),
            Self::Local { root, .. } => Created::Ready(Box::new(NewRun::new(root, workflow, uid, source)?)),
        })
    }
}
