//! The entry of a cache that a node of a local run makes: its manifest, and where its artifacts lie.

use std::fs::File;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::cache::{CacheError, Kept, KeptArtifact, Manifest, Prefix, Seen, Stop, TOOL, UsedRuntime, VERSION};

/// What tells the run of a node.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    /// Where what its tasks hand on lies.
    pub(super) artifacts: PathBuf,
    /// The uid of its workflow.
    pub(super) uid: String,
    /// Its id, over all attempts.
    pub(super) run_id: String,
}

/// An entry that is not in a store yet.
pub(super) struct MadeEntry {
    manifest: Manifest,
    artifacts: Vec<(String, PathBuf)>,
}

impl Maker {
    /// The run of a workflow that keeps its artifacts there.
    pub(super) fn of(workflow: &Workflow, artifacts: PathBuf) -> Self {
        let run_id = workflow.run_id().unwrap_or_default().to_owned();
        Self { artifacts, uid: workflow.uid().to_owned(), run_id }
    }

    /// The entry of a node that succeeded and asked for one; `runtime` ran its containers in their images.
    pub(super) fn entry(&self, node: &Node, runtime: Option<UsedRuntime>, created_at: Timestamp) -> MadeEntry {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts).filter_map(|artifact| {
            let key = artifact.pointer("/s3/key").and_then(Value::as_str)?;
            let name = artifact["name"].as_str()?;
            Some((name.to_owned(), self.artifacts.join(key)))
        });
        let memoization = node.memoization_status.as_ref();
        let manifest = Manifest {
            version: VERSION,
            key: memoization.map(|status| status.key.clone()).unwrap_or_default(),
            cache_name: memoization.map(|status| status.cache_name.clone()).unwrap_or_default(),
            node_id: node.id.clone(),
            node_name: node.name.clone(),
            template: node.template_name.clone().unwrap_or_default(),
            workflow_uid: self.uid.clone(),
            run_id: self.run_id.clone(),
            outputs: node.outputs.clone(),
            artifacts: Vec::new(),
            stdout: None,
            runtime,
            tool: TOOL.to_owned(),
            finished_at: node.finished_at.unwrap_or(created_at),
            created_at,
        };
        MadeEntry { manifest, artifacts: artifacts.collect() }
    }
}

impl MadeEntry {
    /// Puts the entry into its store, in the place of what was seen there. Gives the file that is not on the disk yet, where
    /// the store is a directory.
    pub(super) fn keep(mut self, prefix: &Prefix, seen: Option<&Seen>) -> Result<Option<File>, CacheError> {
        if let Prefix::Directory(directory) = prefix {
            return directory.keep(self.manifest, &self.artifacts).map(Some);
        }
        let seen = match seen {
            Some(seen) => seen.clone(),
            None => prefix.look_up()?,
        };
        for (name, source) in self.artifacts {
            let blob = Some(prefix.put(&source, &seen, &Stop::default())?);
            self.manifest.artifacts.push(KeptArtifact { name, path: String::new(), blob });
        }
        // Another one's entry is as good.
        let (Kept::Stored | Kept::Lost) = prefix.keep(self.manifest, &seen, None)?;
        Ok(None)
    }
}
