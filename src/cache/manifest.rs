//! The document that makes a node's storage prefix complete.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::argo::status::Outputs;

/// The version of the document that this tool writes and reads.
pub(crate) const VERSION: u32 = 1;

/// An entry of a cache: a node that succeeded, and what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The entry's key.
    pub key: String,
    /// The cache's name.
    pub cache_name: String,
    /// The id of the node.
    pub node_id: String,
    /// The full name of the node.
    pub node_name: String,
    /// The template it called; empty for an inline one.
    #[serde(default)]
    pub template: String,
    /// The uid of the workflow it belongs to: an attempt is told from the next one by it.
    pub workflow_uid: String,
    /// The run's id, where it has one.
    #[serde(default)]
    pub run_id: String,
    /// What it gave.
    #[serde(default)]
    pub outputs: Option<Outputs>,
    /// The artifacts among its outputs that are kept beside this document.
    #[serde(default)]
    pub artifacts: Vec<KeptArtifact>,
    /// When the node ended.
    pub finished_at: Timestamp,
    /// When the entry was made.
    pub created_at: Timestamp,
}

/// An artifact that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptArtifact {
    /// The artifact's name.
    pub name: String,
    /// Where it is, relative to the document.
    pub path: String,
}

/// How a node failed that has no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// [`VERSION`].
    pub version: u32,
    /// The id of the node.
    pub node_id: String,
    /// The uid of the workflow it belongs to.
    pub workflow_uid: String,
    /// `Failed` or `Error`.
    pub phase: String,
    /// Why.
    pub message: String,
}
