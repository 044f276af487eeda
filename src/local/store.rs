//! The directory of a run: the workflow, a journal of its nodes, what its tasks leave. A run can be killed at any
//! instant: a line of the journal counts when it is whole, and a file is replaced by renaming.
//!
//! ```text
//! <root>/runs/<namespace>/<name>/
//!   workflow.json   the Workflow object, at the beginning without a status, at the end with it
//!   beside.yaml     templates and ConfigMaps that stood beside it
//!   journal.jsonl   a line an event: the nodes that changed, as they are after it; what changed of the spec
//!   control         a pipe to the run's process while it lives
//!   lock            held while the run's process lives
//!   nodes/<id>/     logs of a task, its view while it runs
//!   artifacts/      what tasks hand on
//!   volumes/        volumes that tasks share
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::argo::document::to_yaml_documents;
use crate::argo::identity::ObjectName;
use crate::argo::status::Node;
use crate::exit::{CommandError, Exit};
use crate::replace::{Durable, Readers, replace_with};

/// The file of the documents beside the workflow.
pub(crate) const BESIDE: &str = "beside.yaml";

/// Why a run's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A run of this name is there already.
    #[error("run {name} exists already in {}", directory.display())]
    Exists {
        /// The run's name.
        name: String,
        /// Its directory.
        directory: PathBuf,
    },
    /// The file system refused.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl CommandError for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists { .. } => Exit::Conflict,
            Self::Write { .. } => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another --name, or have one made with --generate-name".to_owned()),
            Self::Write { .. } => Some("set RUNNABLE_HOME to a directory that can be written to".to_owned()),
        }
    }
}

impl StoreError {
    fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

/// The open directory of a run that this process carries out.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    directory: PathBuf,
    journal: File,
    /// Held until the process ends.
    _lock: File,
}

impl Store {
    /// Makes the directory of a new run and writes its workflow.
    pub(crate) fn create(
        root: &Path,
        namespace: &ObjectName,
        name: &ObjectName,
        workflow: &Value,
    ) -> Result<Self, StoreError> {
        let directory = directory(root, namespace, name);
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent).map_err(StoreError::write(parent))?;
        }
        fs::create_dir(&directory).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists { name: name.to_string(), directory: directory.clone() },
            _ => StoreError::write(&directory)(error),
        })?;
        let lock_path = directory.join("lock");
        let lock = File::create(&lock_path).map_err(StoreError::write(&lock_path))?;
        lock.lock().map_err(StoreError::write(&lock_path))?;
        let journal_path = directory.join("journal.jsonl");
        let journal =
            File::options().create(true).append(true).open(&journal_path).map_err(StoreError::write(&journal_path))?;
        let store = Self { root: root.to_owned(), directory, journal, _lock: lock };
        store.write_workflow(workflow)?;
        Ok(store)
    }

    /// The directory of all runs and caches.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The run's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds the nodes that an event changed to the journal, in one write.
    pub(crate) fn record<'a>(&mut self, nodes: impl Iterator<Item = &'a Node>) -> Result<(), StoreError> {
        let nodes: Vec<&Node> = nodes.collect();
        if nodes.is_empty() { Ok(()) } else { self.append(&serde_json::json!({ "nodes": nodes })) }
    }

    /// Adds to the journal what changed of the workflow's `spec`, to be merged into it.
    pub(crate) fn record_spec(&mut self, spec: &Value) -> Result<(), StoreError> {
        self.append(&serde_json::json!({ "spec": spec }))
    }

    fn append(&mut self, event: &Value) -> Result<(), StoreError> {
        let mut line = event.to_string().into_bytes();
        line.push(b'\n');
        self.journal.write_all(&line).map_err(StoreError::write(&self.directory.join("journal.jsonl")))
    }

    /// Replaces the Workflow object.
    pub(crate) fn write_workflow(&self, workflow: &Value) -> Result<(), StoreError> {
        let path = self.directory.join("workflow.json");
        replace_with(&path, Readers::Owner, Durable::Yes, |file| Ok(serde_json::to_writer(file, workflow)?))
            .map_err(StoreError::write(&path))
    }

    /// Writes down the documents beside the workflow, for a later attempt.
    pub(crate) fn write_beside(&self, documents: &[Value]) -> Result<(), StoreError> {
        let path = self.directory.join(BESIDE);
        fs::write(&path, to_yaml_documents(documents)).map_err(StoreError::write(&path))
    }

    /// Removes what only a running task needs.
    pub(crate) fn sweep(&self) {
        // What is left behind costs space and nothing else.
        let _ = fs::remove_dir_all(self.directory.join("volumes"));
    }
}

/// The directory of a run, whether it is there or not.
pub(crate) fn directory(root: &Path, namespace: &ObjectName, name: &ObjectName) -> PathBuf {
    root.join("runs").join(namespace.as_str()).join(name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> ObjectName {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_name_is_taken_once() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let workflow = json!({"metadata": {"name": "a"}});
        let store = Store::create(root.path(), &name("default"), &name("a"), &workflow)?;
        let read: Value = serde_json::from_slice(&fs::read(store.directory().join("workflow.json"))?)?;
        assert_eq!(read, workflow);
        let second = Store::create(root.path(), &name("default"), &name("a"), &workflow);
        assert!(matches!(second, Err(StoreError::Exists { .. })));
        Store::create(root.path(), &name("other"), &name("a"), &workflow)?;
        Ok(())
    }
}
