//! The views of failed tasks. A run keeps those of its last failed tasks beside their logs, so that somebody can look around in
//! them: what a task wrote, its volumes, its variables. Those of a run that Succeeded are removed.
//!
//! `nodes/<node id>/task.json` says what the task was, without the values of Secrets; `nodes/<node id>/view/` is what it left.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::orders::{self, Assignment, Setup, VIEW};
use super::record::Record;
use super::secrets::Secrets;
use super::task::{Outcome, Task, VOLUME_FILES};
use super::volume_files;
use super::workers::environment;
use crate::exit::{CommandError, Exit};
use crate::file::private;
use crate::file::remove::remove_tree;

/// Beside the view: the task that left it.
const TASK: &str = "task.json";

/// How many views a run keeps where nobody says so.
pub(crate) const USUAL: usize = 3;

/// The views that a run keeps while it goes on.
#[derive(Debug)]
pub(super) struct FailedViews {
    most: usize,
    secrets: Arc<Secrets>,
    /// The directories of their nodes, the oldest first.
    nodes: Mutex<VecDeque<PathBuf>>,
}

/// A task that failed, and how it saw the machine.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FailedTask {
    pub(super) setup: Setup,
    pub(super) assignment: Assignment,
}

impl FailedViews {
    pub(super) fn new(most: usize, secrets: Arc<Secrets>) -> Self {
        Self { most, secrets, nodes: Mutex::default() }
    }

    /// Whether any are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.most > 0
    }

    /// Whether the view of a task that has ended so is kept.
    pub(super) fn is_for(&self, outcome: &Outcome, task: &Task) -> bool {
        self.are_kept() && outcome.has_failed() && !task.is_privileged()
    }

    /// Notes the view of a task that failed, which its worker keeps, and gives the oldest up for it. What cannot be written
    /// costs a look into the view and nothing else.
    pub(super) fn note(&self, setup: Setup, assignment: Assignment) {
        let directory = assignment.directory.clone();
        let left = serde_json::to_value(FailedTask { setup, assignment });
        let written = left.and_then(|mut left| {
            self.secrets.hide_in_all(&mut left);
            serde_json::to_vec(&left)
        });
        let written = written.map_err(io::Error::from).and_then(|text| write(&directory.join(TASK), &text));
        if written.is_err() {
            return;
        }
        let oldest = {
            let mut nodes = self.nodes();
            nodes.push_back(directory);
            if nodes.len() > self.most { nodes.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            forget(&oldest);
        }
    }

    /// Removes those that nobody looks into, once no worker is left: all of a run that Succeeded.
    pub(super) fn settle(&self, is_success: bool) {
        for node in self.nodes().drain(..) {
            if is_success || !node.join(VIEW).is_dir() {
                forget(&node);
            }
        }
    }

    fn nodes(&self) -> MutexGuard<'_, VecDeque<PathBuf>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private::file().truncate(true).write(true).open(path)?;
    file.write_all(text)
}

/// What cannot be removed goes with the run.
pub(super) fn forget(node: &Path) {
    let _ = fs::remove_file(node.join(TASK));
    let _ = remove_tree(&node.join(VIEW));
}

/// Why a view cannot be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VisitError {
    /// It is not there.
    #[error("the view of node {node} was not kept")]
    NotKept {
        /// The node.
        node: String,
    },
    /// The task has no such container.
    #[error("node {node} has no container {container:?}")]
    NoContainer {
        /// The node.
        node: String,
        /// What was asked for.
        container: String,
        /// What there is.
        known: String,
    },
    /// Somebody is in it.
    #[error("somebody else is in the view of node {node}")]
    Busy {
        /// The node.
        node: String,
    },
    /// It cannot be read, or no process can be started.
    #[error("cannot enter the view of node {node}")]
    Io {
        /// The node.
        node: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl CommandError for VisitError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotKept { .. } | Self::NoContainer { .. } => Exit::NotFound,
            Self::Busy { .. } => Exit::Conflict,
            Self::Io { .. } => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotKept { .. } => Some(
                "a run keeps the views of its last failed tasks (--keep-failed), not of tasks in images or with all rights"
                    .to_owned(),
            ),
            Self::NoContainer { known, .. } => Some(format!("it has {known}")),
            Self::Busy { .. } | Self::Io { .. } => None,
        }
    }
}

/// The view of a node of a run, as its task left it.
#[derive(Debug)]
pub(crate) struct FailedView {
    node: String,
    directory: PathBuf,
    task: Task,
}

impl FailedView {
    /// Whether the view of a node is there.
    pub(crate) fn is_kept(record: &Record, id: &str) -> bool {
        let node = record.directory().join("nodes").join(id);
        node.join(TASK).is_file() && node.join(VIEW).is_dir()
    }

    /// The view of a node; `name` is the node's for people.
    pub(crate) fn open(record: &Record, id: &str, name: &str) -> Result<Self, VisitError> {
        let node = name.to_owned();
        if !Self::is_kept(record, id) {
            return Err(VisitError::NotKept { node });
        }
        let directory = record.directory().join("nodes").join(id);
        match read(&directory) {
            Ok(left) => Ok(Self { node, directory, task: left.assignment.task }),
            Err(source) => Err(VisitError::Io { node, source }),
        }
    }

    /// The container that is meant: `main`, or the first one.
    pub(crate) fn container(&self, wanted: Option<&str>) -> Result<String, VisitError> {
        let names =
            || self.task.main.iter().chain(&self.task.init).chain(&self.task.sidecars).map(|one| one.name.as_str());
        let usual = || names().find(|name| *name == "main").or_else(|| names().next());
        let found = match wanted {
            Some(wanted) => names().find(|name| *name == wanted),
            None => usual(),
        };
        found.map(str::to_owned).ok_or_else(|| VisitError::NoContainer {
            node: self.node.clone(),
            container: wanted.unwrap_or("main").to_owned(),
            known: names().collect::<Vec<_>>().join(", "),
        })
    }

    /// What the container ran.
    pub(crate) fn command_of(&self, container: &str) -> Option<(&[String], bool)> {
        let all = self.task.main.iter().chain(&self.task.init).chain(&self.task.sidecars);
        let process = all.into_iter().find(|process| process.name == container)?;
        Some((&process.command, process.script.is_some()))
    }

    /// Runs a command in the view with what the container had, and waits for its end; without a command a shell. The standard
    /// streams are those of this process.
    pub(crate) fn visit(&self, container: &str, command: &[impl AsRef<OsStr>]) -> Result<ExitStatus, VisitError> {
        let failed = |source| VisitError::Io { node: self.node.clone(), source };
        // Two at once would undo each other's changes.
        let lock = File::open(self.directory.join(VIEW)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(VisitError::Busy { node: self.node.clone() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }

        let files = self.directory.join(VOLUME_FILES);
        remove_tree(&files).and_then(|()| volume_files::lay(&files, &self.task.volume_files)).map_err(failed)?;
        let executable = std::env::current_exe().map_err(failed)?;
        let mut visit = Command::new(executable);
        visit.arg(orders::VERB).arg(&self.directory).arg(container).args(command);
        visit.env_clear().envs(environment()).envs(std::env::var_os("TERM").map(|term| ("TERM", term)));
        let ended = visit.current_dir("/").status().map_err(failed);
        // What is left costs space and nothing else.
        let _ = remove_tree(&files);
        ended
    }
}

/// What a failed task was.
pub(super) fn read(node: &Path) -> io::Result<FailedTask> {
    Ok(serde_json::from_slice(&fs::read(node.join(TASK))?)?)
}
