//! The artifacts that a local run has kept, for whoever copies them out of it.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::record::Record;
use super::scheduler::ARTIFACTS;
use crate::argo::status::Node;
use crate::argo::template::{at, text};
use crate::file::tree;

/// An artifact of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedArtifact {
    /// Its name.
    pub(crate) name: String,
    /// Its file or directory in the run's directory.
    pub(crate) path: PathBuf,
}

impl Record {
    /// The directory of the run's artifacts.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.directory().join(ARTIFACTS)
    }

    /// The artifacts of a node that are kept in the run's directory. A key that leads out of it is left out.
    pub(crate) fn artifacts_of(&self, node: &Node) -> Vec<SavedArtifact> {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts);
        artifacts.filter_map(|artifact| self.saved(artifact)).collect()
    }

    fn saved(&self, artifact: &Value) -> Option<SavedArtifact> {
        let key = Path::new(at(artifact, &["s3", "key"])?.as_str()?);
        let is_within = key.components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.artifacts().join(key);
        let name = text(artifact, "name").to_owned();
        (is_within && path.symlink_metadata().is_ok()).then_some(SavedArtifact { name, path })
    }
}

/// Copies an artifact; follows no link on either side.
pub(crate) fn copy(artifact: &SavedArtifact, target: &Path) -> io::Result<()> {
    tree::copy(&artifact.path, target)
}
