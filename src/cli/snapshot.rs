//! The Workflow object of a run, wherever it is carried out.

use serde_json::Value;

use super::failure::Failure;
use super::target::Target;
use crate::argo::nodes::Partial;
use crate::argo::rebuilt_nodes;
use crate::argo::{Nodes, Workflow};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::local::record::{Record, RecordError};
use crate::mask::Mask;
use crate::report::summary::Summary;

/// A run at one instant.
#[derive(Debug)]
pub(super) struct Found {
    /// The Workflow object.
    pub(super) workflow: Value,
    /// The process of this local run was killed.
    pub(super) killed: bool,
    /// Its nodes.
    pub(super) nodes: Nodes,
    /// Values of Secrets that it was given, where they are known.
    pub(super) secrets: Vec<String>,
}

impl Found {
    /// What must not be read of it.
    pub(super) fn mask(&self) -> Mask {
        Mask::hiding(&self.workflow, &self.nodes.all, &self.secrets)
    }

    pub(super) fn summary(&self) -> Summary {
        let summary = Summary::of(&self.workflow, &self.nodes);
        if self.killed { summary.killed() } else { summary }
    }

    /// The object with compressed nodes written out, and with what it tells in `summary`.
    pub(super) fn object(self) -> Value {
        let summary = self.summary();
        // Not kept beside the nodes that are written out: there may be very many.
        drop(self.nodes);
        let mut object = Workflow::from(self.workflow).written_out().into_value();
        if let (Some(object), Ok(summary)) = (object.as_object_mut(), serde_json::to_value(summary)) {
            object.insert("summary".to_owned(), summary);
        }
        object
    }
}

impl From<Value> for Found {
    fn from(workflow: Value) -> Self {
        Self { nodes: Workflow::view(&workflow).nodes(), workflow, killed: false, secrets: Vec::new() }
    }
}

/// Reads the run now.
pub(super) async fn found(target: &Target) -> Result<Found, Failure> {
    match target {
        Target::Cluster { cluster, name, uid } => {
            let found = Found::from(live(cluster, name, uid.as_deref()).await?);
            Ok(completed(found, cluster, name).await)
        }
        Target::Local(record) => Ok(recorded(record)?),
    }
}

/// The same; where the nodes are kept elsewhere, with those that pods and task results tell of.
pub(super) async fn completed(found: Found, cluster: &Cluster, name: &str) -> Found {
    if found.nodes.partial != Some(Partial::Offloaded) {
        return found;
    }
    let (pods, results) = tokio::join!(cluster.pod_objects(name), cluster.task_results(name));
    let nodes = rebuilt_nodes::rebuilt_nodes(&pods, &results);
    if nodes.is_empty() {
        return found;
    }
    Found { nodes: Nodes::rebuilt(Workflow::view(&found.workflow), nodes), ..found }
}

/// The workflow under the name, unless it is another one than the uid's.
pub(super) async fn live(cluster: &Cluster, name: &str, uid: Option<&str>) -> Result<Value, Failure> {
    let workflow = cluster.workflow(name).await?;
    match uid {
        Some(uid) if workflow["metadata"]["uid"] != uid => Err(Failure::new(
            Exit::NotFound,
            format!(
                "workflow {name:?} of the handle is gone; another has its name in namespace {:?}",
                cluster.namespace()
            ),
        )),
        _ => Ok(workflow),
    }
}

/// A local run as its directory tells it.
pub(super) fn recorded(record: &Record) -> Result<Found, RecordError> {
    // Looked at first: a process that ends in between has written all it knows.
    let live = record.is_live();
    let workflow = record.workflow()?;
    let killed = !live && !Workflow::view(&workflow).has_ended();
    Ok(Found { killed, ..Found::from(workflow) })
}

/// A local run's object. A run whose process is gone has ended, whatever its last words were.
pub(super) fn ended(record: &Record) -> Result<Value, RecordError> {
    // Looked at first: a process that ends in between has written all it knows.
    let live = record.is_live();
    let mut workflow = record.workflow()?;
    if !live && !Workflow::view(&workflow).has_ended() {
        workflow["status"]["phase"] = "Error".into();
    }
    Ok(workflow)
}
