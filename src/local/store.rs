//! The directory of a run: the workflow, a journal of its nodes, what its tasks leave. A run can be killed at any
//! instant: a line of the journal counts when it is whole, and a file is replaced by renaming.
//!
//! ```text
//! <root>/runs/<namespace>/<name>/
//!   workflow.json   the Workflow object, at the beginning without a status, at the end with it
//!   beside.yaml     templates and ConfigMaps that stood beside it
//!   stubs.json      outcomes that the user gave to nodes, where there are any
//!   journal.jsonl   a line an event: the nodes that changed, as they are after it, and which of them make an entry of the
//!                   cache; whose entry is there; what changed of the spec
//!   control         a pipe to the run's process while it lives
//!   lock            held while the run's process lives
//!   nodes/<id>/     logs of a task, its view while it runs
//!   artifacts/      what tasks hand on
//!   volumes/        volumes that tasks share
//! ```

use std::borrow::Cow;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::due::DueLine;
use super::ended_object::EndedObject;
use super::runtime::{Runtime, Wanted};
use super::secrets::Secrets;
use super::stub::Stubs;
use crate::argo::document::to_yaml_documents;
use crate::argo::identity::ObjectName;
use crate::argo::status::Node;
use crate::cache;
use crate::exit::{CommandError, Exit};
use crate::file::durability::Durability;
use crate::file::private;
use crate::file::replace::{Durable, Readers, replace, replace_with, sync_directory};

/// The file of the Workflow object. A run whose file is not there yet is none.
const WORKFLOW: &str = "workflow.json";
/// The file of the events.
const JOURNAL: &str = "journal.jsonl";
/// The file of the documents beside the workflow.
pub(crate) const BESIDE: &str = "beside.yaml";
/// The file of the outcomes that the user gave to nodes.
pub(crate) const STUBS: &str = "stubs.json";

/// Why a run's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A run of this name is there already.
    #[error("run {name} exists already in {}", directory.display())]
    Exists {
        /// The run's name.
        name: String,
        /// Its directory.
        directory: PathBuf,
    },
    /// What a run did cannot be written down.
    #[error("the record of run {name} is not complete: cannot write {}", path.display())]
    Record {
        /// The run's name.
        name: String,
        /// What was to be written.
        path: PathBuf,
        /// What it did until then.
        journal: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
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
            Self::Record { .. } | Self::Write { .. } => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another --name, or have one made with --generate-name".to_owned()),
            Self::Record { name, journal, .. } => Some(format!(
                "its journal {} holds what the run did until then; once there is room, `kubectl runnable retry --local \
                 {name}` continues it",
                journal.display()
            )),
            Self::Write { .. } => Some("set RUNNABLE_HOME to a directory that can be written to".to_owned()),
        }
    }
}

impl StoreError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

/// A line of the journal.
#[derive(Serialize)]
struct Event<'a> {
    nodes: Vec<&'a Node>,
    /// Those of them whose entry is now made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    due: Vec<DueLine<'a>>,
}

/// A line that tells whose entry has been made.
#[derive(Serialize)]
struct Made<'a> {
    made: &'a [&'a str],
}

/// The open directory of a run that this process carries out.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    name: String,
    journal: Arc<File>,
    durability: Durability,
    secrets: Arc<Secrets>,
    /// Where entries of caches are.
    caches: cache::Store,
    /// What runs containers in their images, and whether entries of any runtime and image count.
    runtime: Option<Runtime>,
    any_runtime: bool,
    /// Held until the process ends.
    _lock: File,
}

impl Store {
    /// Makes the directory of a new run and writes its workflow. What was made by a creation that failed or was killed is
    /// taken over: its name is free.
    pub(crate) fn create(
        root: &Path,
        namespace: &ObjectName,
        name: &ObjectName,
        workflow: &Value,
    ) -> Result<Self, StoreError> {
        let directory = directory(root, namespace, name);
        private::create_directory(&directory).map_err(StoreError::write(&directory))?;
        let lock_path = directory.join("lock");
        let lock = private::file().write(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(StoreError::write(&lock_path))?;
        let taken = match lock.try_lock() {
            Ok(()) => exists(&directory),
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(source)) => return Err(StoreError::write(&lock_path)(source)),
        };
        if taken {
            return Err(StoreError::Exists { name: name.to_string(), directory });
        }

        let journal_path = directory.join(JOURNAL);
        let journal = private::file().append(true).open(&journal_path);
        let journal = journal.map_err(StoreError::write(&journal_path))?;
        journal.set_len(0).map_err(StoreError::write(&journal_path))?;
        let durability = Durability::start().map_err(StoreError::write(&journal_path))?;
        let store = Self {
            directory,
            name: name.to_string(),
            journal: Arc::new(journal),
            durability,
            secrets: Arc::default(),
            caches: cache::Store::at(root),
            runtime: None,
            any_runtime: false,
            _lock: lock,
        };
        let path = store.directory.join(WORKFLOW);
        replace_workflow(&path, workflow).map_err(StoreError::write(&path))?;
        store.sync_names()?;
        Ok(store)
    }

    /// Makes the names of the directories durable that may just have been made.
    fn sync_names(&self) -> Result<(), StoreError> {
        let parents = self.directory.ancestors().skip(1).take(3);
        parents.into_iter().try_for_each(|path| sync_directory(path).map_err(StoreError::write(path)))
    }

    /// The run's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The same with what runs containers in their images, and whether entries of any count.
    pub(crate) fn made_in(self, runtime: Option<Runtime>, any: bool) -> Self {
        Self { runtime, any_runtime: any, ..self }
    }

    /// What runs containers in their images.
    pub(super) fn runtime(&self) -> (Option<&Runtime>, bool) {
        (self.runtime.as_ref(), self.any_runtime)
    }

    /// The same with its caches in another store.
    pub(crate) fn with_caches(self, caches: cache::Store) -> Self {
        Self { caches, ..self }
    }

    /// Where entries of caches are.
    pub(crate) fn caches(&self) -> &cache::Store {
        &self.caches
    }

    /// The same store, which writes references in the place of these values.
    pub(crate) fn hiding(self, secrets: Secrets) -> Self {
        Self { secrets: Arc::new(secrets), ..self }
    }

    /// What is not written down.
    pub(crate) fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// What makes the files of the run durable.
    pub(crate) fn durability(&self) -> &Durability {
        &self.durability
    }

    /// Adds the nodes that an event changed to the journal, in one write, with those among them whose entry is now made and the
    /// images that their containers ran in.
    pub(crate) fn record<'a>(
        &mut self,
        nodes: impl Iterator<Item = &'a Node>,
        makers: impl Iterator<Item = (&'a Node, &'a [Wanted])>,
    ) -> Result<(), StoreError> {
        let nodes: Vec<&Node> = nodes.collect();
        if nodes.is_empty() {
            return Ok(());
        }
        let makers = makers.filter(|(node, _)| !self.secrets.are_in(node.outputs.as_ref()));
        let used = |images| self.runtime.as_ref().map(|runtime| runtime.used(images));
        let due: Vec<DueLine<'_>> =
            makers.map(|(node, images)| DueLine { id: Cow::Borrowed(&node.id), runtime: used(images) }).collect();
        if self.secrets.is_empty() {
            return self.append(&Event { nodes, due });
        }
        let mut event = serde_json::json!({ "nodes": nodes, "due": due });
        self.secrets.hide_in_nodes(&mut event["nodes"]);
        self.append(&event)
    }

    /// Adds to the journal that the entries of these nodes have been made.
    pub(crate) fn record_made<'a>(&mut self, makers: impl Iterator<Item = &'a Node>) -> Result<(), StoreError> {
        let made: Vec<&str> = makers.map(|node| node.id.as_str()).collect();
        self.append(&Made { made: &made })
    }

    /// Adds to the journal what changed of the workflow's `spec`, to be merged into it.
    pub(crate) fn record_spec(&mut self, spec: &Value) -> Result<(), StoreError> {
        self.append(&serde_json::json!({ "spec": spec }))
    }

    fn append(&mut self, event: &impl Serialize) -> Result<(), StoreError> {
        let path = self.directory.join(JOURNAL);
        self.durability.check().map_err(|source| self.incomplete(&path, source))?;
        let write = || {
            let mut line = serde_json::to_vec(event)?;
            line.push(b'\n');
            (&*self.journal).write_all(&line)
        };
        write().map_err(|source| self.incomplete(&path, source))?;
        self.durability.add(Arc::clone(&self.journal));
        Ok(())
    }

    /// Replaces the Workflow object by the one at the run's end, in whose status the nodes have their place.
    pub(crate) fn write_end(&self, object: &Value, nodes: &[Node]) -> Result<(), StoreError> {
        let path = self.directory.join(WORKFLOW);
        let ended = EndedObject { object, nodes, secrets: &self.secrets };
        replace_workflow(&path, &ended).map_err(|source| self.incomplete(&path, source))
    }

    fn incomplete(&self, path: &Path, source: io::Error) -> StoreError {
        let (name, path, journal) = (self.name.clone(), path.to_owned(), self.directory.join(JOURNAL));
        StoreError::Record { name, path, journal, source }
    }

    /// Writes down the documents beside the workflow, for a later attempt.
    pub(crate) fn write_beside(&self, documents: &[Value]) -> Result<(), StoreError> {
        let path = self.directory.join(BESIDE);
        let text = to_yaml_documents(documents);
        replace(&path, Readers::Owner, text.as_bytes()).map_err(StoreError::write(&path))
    }

    /// Writes down the outcomes that the user gave to nodes, for a later attempt.
    pub(crate) fn write_stubs(&self, stubs: &Stubs) -> Result<(), StoreError> {
        if stubs.is_empty() {
            return Ok(());
        }
        let path = self.directory.join(STUBS);
        let written = serde_json::to_vec(stubs).map_err(io::Error::from);
        let written = written.and_then(|text| replace(&path, Readers::Owner, &text));
        written.map_err(StoreError::write(&path))
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

fn replace_workflow(path: &Path, workflow: &impl Serialize) -> io::Result<()> {
    replace_with(path, Readers::Owner, Durable::Yes, |file| Ok(serde_json::to_writer(file, workflow)?))
}

/// Whether the directory holds a run.
pub(crate) fn exists(directory: &Path) -> bool {
    directory.join(WORKFLOW).symlink_metadata().is_ok()
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

    #[test]
    fn what_a_failed_creation_left_does_not_take_the_name() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let workflow = json!({"metadata": {"name": "a"}});
        let left = directory(root.path(), &name("default"), &name("a"));
        fs::create_dir_all(&left)?;
        fs::write(left.join(JOURNAL), "{\"nodes\": []}\n")?;
        File::create(left.join("lock"))?;
        let store = Store::create(root.path(), &name("default"), &name("a"), &workflow)?;
        assert_eq!(fs::read_to_string(store.directory().join(JOURNAL))?, "");
        Ok(())
    }
}
