//! One run: found by its name, read now.

use serde_json::Value;

use super::{Backend, BackendError, Snapshot};
use crate::argo::identity::{IdentityError, ObjectName};
use crate::argo::nodes::Partial;
use crate::argo::rebuilt_nodes::rebuilt_nodes;
use crate::argo::{Nodes, Workflow};
use crate::cluster::{Cluster, ClusterError};
use crate::local::late_nodes::LateNodes;
use crate::local::new_run::NewRunError;
use crate::local::record::{Record, RecordError};

/// A run, and where it is carried out.
#[derive(Debug)]
pub enum Run {
    /// A workflow of a cluster.
    Cluster {
        /// The connection, in the workflow's namespace.
        cluster: Box<Cluster>,
        /// The workflow's name.
        name: String,
        /// The workflow's uid, where it is known: another workflow under the name is not the run.
        uid: Option<String>,
    },
    /// A run of this machine.
    Local(Record),
}

impl Run {
    /// The run of a workflow that a cluster has told of.
    pub fn of_workflow(cluster: &Cluster, workflow: &Workflow) -> Self {
        let home = match workflow.namespace() {
            "" => cluster.clone(),
            namespace => cluster.within(namespace),
        };
        Self::Cluster {
            cluster: Box::new(home),
            name: workflow.name().to_owned(),
            uid: Some(workflow.uid().to_owned()),
        }
    }

    /// Where it is carried out, and where its next attempt will be.
    pub(crate) fn backend(&self) -> Result<Backend, IdentityError> {
        Ok(match self {
            Self::Cluster { cluster, .. } => Backend::Cluster(cluster.clone()),
            Self::Local(record) => {
                Backend::Local { root: record.root().to_owned(), namespace: record.namespace().parse()? }
            }
        })
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cluster { name, .. } => name,
            Self::Local(record) => record.name(),
        }
    }

    /// Reads the run now. Where its nodes are kept elsewhere, they are put together from pods and task results.
    pub(crate) async fn get(&self) -> Result<Snapshot, BackendError> {
        match self {
            Self::Cluster { cluster, name, uid } => {
                let workflow = live(cluster, name, uid.as_deref()).await?;
                Ok(completed(Snapshot::from(workflow), cluster).await)
            }
            Self::Local(record) => Ok(Snapshot::of_record(record)?),
        }
    }

    /// Reads the run now, as a retry sees it.
    pub(crate) async fn settled(&self) -> Result<Workflow, BackendError> {
        match self {
            Self::Cluster { .. } => Ok(self.get().await?.settled()),
            Self::Local(record) => Ok(Snapshot::settled_of(record)?),
        }
    }

    /// The same of a run of this machine that has ended: its nodes stand only beside it. None for all others.
    pub(crate) fn settled_end(&self) -> Option<(Workflow, LateNodes)> {
        match self {
            Self::Cluster { .. } => None,
            Self::Local(record) => Snapshot::settled_end_of(record),
        }
    }

    /// The same of a run of this machine without its nodes, which are most of what there is to read.
    pub(crate) async fn settled_head(&self) -> Result<Workflow, BackendError> {
        match self {
            Self::Cluster { .. } => self.settled().await,
            Self::Local(record) => Ok(Snapshot::settled_head_of(record)?),
        }
    }
}

impl Backend {
    /// The run of a workflow that the backend has told of.
    pub(crate) fn run_of(&self, workflow: &Workflow) -> Result<Run, BackendError> {
        match self {
            Self::Cluster(cluster) => Ok(Run::of_workflow(cluster, workflow)),
            Self::Local { .. } => {
                let namespace = Some(workflow.namespace()).filter(|namespace| !namespace.is_empty());
                let home = self.within(namespace).map_err(NewRunError::from)?;
                home.find(&workflow.name().parse().map_err(NewRunError::from)?)
            }
        }
    }

    /// The workflow of this name, whatever became of it; none where there is none.
    pub(crate) async fn workflow(&self, name: &ObjectName) -> Result<Option<Workflow>, BackendError> {
        match self {
            Self::Cluster(cluster) => match cluster.workflow(name.as_str()).await {
                Err(ClusterError::WorkflowMissing { .. }) => Ok(None),
                found => Ok(Some(found?.into())),
            },
            Self::Local { root, namespace } => match Record::find(root, namespace, name) {
                Err(RecordError::Missing { .. }) => Ok(None),
                found => Ok(Some(Snapshot::settled_of(&found?)?)),
            },
        }
    }
}

/// The workflow under the name, unless it is another one than the uid's.
pub(super) async fn live(cluster: &Cluster, name: &str, uid: Option<&str>) -> Result<Value, BackendError> {
    let workflow = cluster.workflow(name).await?;
    match uid {
        Some(uid) if Workflow::view(&workflow).uid() != uid => {
            Err(BackendError::Replaced { name: name.to_owned(), namespace: cluster.namespace().to_owned() })
        }
        _ => Ok(workflow),
    }
}

/// The same snapshot; where the nodes are kept elsewhere, with those that pods and task results tell of.
pub(super) async fn completed(snapshot: Snapshot, cluster: &Cluster) -> Snapshot {
    if snapshot.nodes.partial != Some(Partial::Offloaded) {
        return snapshot;
    }
    let name = snapshot.name();
    let (pods, results) = tokio::join!(cluster.pod_objects(name), cluster.task_results(name));
    let nodes = rebuilt_nodes(&pods, &results);
    if nodes.is_empty() {
        return snapshot;
    }
    Snapshot { nodes: Nodes::rebuilt(&snapshot.workflow, nodes), ..snapshot }
}
