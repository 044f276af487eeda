//! Reading what a run has left, or is leaving: by another process, at any instant.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::head;
use super::late_nodes::LateNodes;
use super::store::{STUBS, directory};
use super::stub::Stubs;
use crate::argo::Workflow;
use crate::argo::check::nearest_of_few;
use crate::argo::identity::ObjectName;
use crate::exit::{CommandError, Exit};
use crate::file::private;
use crate::file::remove::remove_tree;

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no such run.
    #[error("no local run {name:?} in namespace {namespace:?}")]
    Missing {
        /// The run's name.
        name: String,
        /// Its namespace.
        namespace: String,
        /// A run there whose name is much the same.
        near: Option<String>,
    },
    /// There is no run at all.
    #[error("no local run in {}", root.display())]
    None {
        /// The directory of all runs.
        root: PathBuf,
    },
    /// Its files cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove {
        /// The run's directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its files cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl CommandError for RecordError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::None { .. } => Exit::NotFound,
            Self::Read { .. } | Self::Remove { .. } => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { near: Some(near), .. } => Some(format!("did you mean {near}?")),
            Self::Missing { .. } => Some("kubectl runnable list --local -A lists the existing ones".to_owned()),
            Self::Read { source, .. } if is_no_directory(source) => {
                Some("set RUNNABLE_HOME to the directory that holds your runs".to_owned())
            }
            _ => None,
        }
    }
}

/// A run's directory, open for reading.
#[derive(Debug, Clone)]
pub struct Record {
    directory: PathBuf,
}

impl Record {
    /// The run of a name.
    pub(crate) fn find(root: &Path, namespace: &ObjectName, name: &ObjectName) -> Result<Self, RecordError> {
        let directory = directory(root, namespace, name);
        if directory.join("workflow.json").is_file() {
            Ok(Self { directory })
        } else {
            let others = Self::all(root, Some(namespace)).unwrap_or_default();
            let near = nearest_of_few(name.as_str(), others.iter().map(Self::name)).map(str::to_owned);
            Err(RecordError::Missing { name: name.to_string(), namespace: namespace.to_string(), near })
        }
    }

    /// The run of a directory.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// All runs of a namespace, or of all, the latest first.
    pub(crate) fn all(root: &Path, namespace: Option<&ObjectName>) -> Result<Vec<Self>, RecordError> {
        let runs = root.join("runs");
        let namespaces = match namespace {
            Some(namespace) => vec![runs.join(namespace.as_str())],
            None => entries(&runs)?,
        };
        let mut found = Vec::new();
        for namespace in namespaces {
            for directory in entries(&namespace)? {
                // A run whose first file is not written yet is none.
                if let Ok(made) = fs::metadata(directory.join("lock")).and_then(|lock| lock.modified())
                    && directory.join("workflow.json").is_file()
                {
                    found.push((made, Self { directory }));
                }
            }
        }
        found.sort_by(|(left, one), (right, other)| right.cmp(left).then_with(|| one.directory.cmp(&other.directory)));
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// The latest run of a namespace.
    pub(crate) fn latest(root: &Path, namespace: &ObjectName) -> Result<Self, RecordError> {
        let all = Self::all(root, Some(namespace))?;
        all.into_iter().next().ok_or_else(|| RecordError::None { root: root.to_owned() })
    }

    /// The run's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The outcomes that the user gave to nodes.
    pub(crate) fn stubs(&self) -> Result<Stubs, RecordError> {
        let path = self.directory.join(STUBS);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| RecordError::Read { path, source: error.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stubs::default()),
            Err(source) => Err(RecordError::Read { path, source }),
        }
    }

    /// The run's name.
    pub(crate) fn name(&self) -> &str {
        self.directory.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The run's namespace.
    pub(crate) fn namespace(&self) -> &str {
        let directory = self.directory.parent().and_then(Path::file_name);
        directory.and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The directory of all runs and caches.
    pub(crate) fn root(&self) -> &Path {
        self.directory.ancestors().nth(3).unwrap_or_else(|| Path::new("/"))
    }

    /// Whether the process that carries the run out still lives.
    pub(crate) fn is_live(&self) -> bool {
        let lock = File::open(self.directory.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The Workflow object. While the run goes on, or when its process was killed, the status is rebuilt from the
    /// journal; a last line that is not whole does not count.
    pub(crate) fn workflow(&self) -> Result<Value, RecordError> {
        let path = self.directory.join("workflow.json");
        let error = |source: io::Error| RecordError::Read { path: path.clone(), source };
        let text = fs::read(&path).map_err(error)?;
        let mut workflow: Value = serde_json::from_slice(&text).map_err(|source| error(source.into()))?;
        if !is_workflow(&workflow) {
            return Err(error(io::Error::new(io::ErrorKind::InvalidData, "it holds no workflow")));
        }
        if Workflow::view(&workflow).finished_at().is_none() {
            self.replay(Workflow::view_mut(&mut workflow))?;
        }
        Ok(workflow)
    }

    /// The Workflow object without its nodes, which are most of what there is to read.
    pub(crate) fn head(&self) -> Result<Value, RecordError> {
        let head = fs::read(self.directory.join("workflow.json")).ok().and_then(|text| head::read(&text).ok());
        if let Some(head) = head.filter(is_ended) {
            return Ok(head);
        }
        // It goes on, was killed, or is broken: that is for the journal to tell, or for the error.
        let mut workflow = self.workflow()?;
        Workflow::view_mut(&mut workflow).set_nodes(serde_json::Map::new());
        Ok(workflow)
    }

    /// The Workflow object of a run that has ended without its nodes, and these, which are still being read.
    pub(crate) fn end(&self) -> Option<(Value, LateNodes)> {
        let text = fs::read(self.directory.join("workflow.json")).ok()?;
        let head = head::read(&text).ok().filter(is_ended)?;
        Some((head.clone(), LateNodes::begin(head, text)))
    }

    /// Removes the run with all that it has left, except for its caches. A run that goes on stays: none of it is touched.
    pub(crate) fn remove(&self) -> Result<bool, RecordError> {
        let error = |source: io::Error| RecordError::Remove { path: self.directory.clone(), source };
        let lock = File::open(self.directory.join("lock")).map_err(error)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(source)) => return Err(error(source)),
            Ok(()) => {}
        }
        // Out of the way in one step: who is killed after this leaves no half of a run behind, and the next removal of the
        // same run clears the rest away.
        let away =
            self.root().join("removed").join(self.directory.strip_prefix(self.root()).unwrap_or(&self.directory));
        remove_tree(&away).map_err(error)?;
        private::create_directory(away.parent().unwrap_or(&away)).map_err(error)?;
        fs::rename(&self.directory, &away).map_err(error)?;
        remove_tree(&away).map_err(error)?;
        Ok(true)
    }

    /// Gives the events of the journal, one after another; a last line that is not whole is none.
    pub(super) fn events(&self, mut take: impl FnMut(Value)) -> Result<(), RecordError> {
        let path = self.directory.join("journal.jsonl");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(RecordError::Read { path, source }),
        };
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(|source| RecordError::Read { path: path.clone(), source })?;
            let Ok(event) = serde_json::from_slice(&line) else { break };
            take(event);
        }
        Ok(())
    }

    fn replay(&self, workflow: &mut Workflow) -> Result<(), RecordError> {
        let mut order: Vec<String> = Vec::new();
        let mut nodes: HashMap<String, Value> = HashMap::new();
        self.events(|event| {
            for (field, value) in event["spec"].as_object().into_iter().flatten() {
                workflow.set_in_spec(field, value.clone());
            }
            for node in event["nodes"].as_array().into_iter().flatten() {
                let id = node["id"].as_str().unwrap_or_default().to_owned();
                if nodes.insert(id.clone(), node.clone()).is_none() {
                    order.push(id);
                }
            }
        })?;
        let started = order.first().and_then(|root| nodes[root].get("startedAt").cloned());
        let nodes: serde_json::Map<String, Value> =
            order.into_iter().filter_map(|id| nodes.remove(&id).map(|node| (id, node))).collect();
        workflow.set_status(serde_json::json!({"phase": "Running", "startedAt": started, "nodes": nodes}));
        Ok(())
    }
}

/// Whether runs cannot lie there.
fn is_no_directory(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

fn is_workflow(document: &Value) -> bool {
    document.is_object() && matches!(Workflow::view(document).spec(), Value::Null | Value::Object(_))
}

fn is_ended(document: &Value) -> bool {
    is_workflow(document) && Workflow::view(document).finished_at().is_some()
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let read = |source: io::Error| RecordError::Read { path: directory.to_owned(), source };
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(read)?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(read(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs::OpenOptions;
    use std::io::Write;

    use serde_json::json;

    use super::*;
    use crate::local::store::Store;

    #[test]
    fn a_run_is_read_while_it_goes_on_and_after_it_was_killed() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let (namespace, name) = ("default".parse()?, "a".parse()?);
        let workflow = json!({"metadata": {"name": "a"}});
        let mut store = Store::create(root.path(), &namespace, &name, &workflow)?;
        let record = Record::find(root.path(), &namespace, &name)?;
        assert!(record.is_live());
        let node = |phase: &str| json!({"id": "a", "name": "a", "displayName": "a", "type": "Pod", "phase": phase, "startedAt": "2026-11-21T10:00:00Z"});
        for phase in ["Pending", "Running"] {
            store.record([serde_json::from_value(node(phase))?].iter(), std::iter::empty())?;
        }
        let directory = record.directory().to_owned();
        OpenOptions::new()
            .append(true)
            .open(directory.join("journal.jsonl"))?
            .write_all(b"{\"nodes\": [{\"id\": \"\xc3")?;
        let read = record.workflow()?;
        assert_eq!(read["status"]["phase"], "Running");
        assert_eq!(read["status"]["nodes"]["a"]["phase"], "Running");
        assert_eq!(
            record.head()?["status"],
            json!({"phase": "Running", "startedAt": "2026-11-21T10:00:00Z", "nodes": {}})
        );
        let status = json!({"phase": "Failed", "finishedAt": "2026-11-21T10:00:01Z"});
        store.write_end(&json!({"metadata": {"name": "a"}, "status": status}), &[])?;
        assert_eq!(record.head()?["status"], status);
        drop(store);
        assert!(!record.is_live());
        assert_eq!(Record::latest(root.path(), &namespace)?.directory(), directory);
        assert!(matches!(Record::find(root.path(), &namespace, &"b".parse()?), Err(RecordError::Missing { .. })));
        Ok(())
    }
}
