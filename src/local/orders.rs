//! What the engine tells the workers of tasks, and what they answer: plain data, each as one line of JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::task::Task;
use super::view::View;

/// The hidden command of a worker.
pub(crate) const VERB: &str = "__task";

/// The directory, below that of a node, of a view that belongs to it alone.
pub(crate) const VIEW: &str = "view";

/// The exit code of Argo's executor where it does not find the program.
pub(crate) const NOT_FOUND: i32 = 64;

/// The exit code of what could not be started.
pub(crate) const NOT_STARTED: u8 = 126;

/// What a worker reads first: what holds for all of its tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// The run's directory. Below it each worker makes the directories of its view.
    pub(crate) directory: PathBuf,
    /// Directories of the host that tasks must not see.
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) view: View,
    /// Where an ordinary user may write.
    pub(crate) reach: Reach,
    /// The limit of open files that the tasks' processes get.
    pub(crate) open_files: Option<u64>,
    /// Whether they may have huge pages.
    pub(crate) huge_pages: bool,
    /// Of which tasks the view is kept in the node's directory.
    pub(crate) keep: Keep,
}

/// Of which tasks the view is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Keep {
    /// Of none.
    #[default]
    Nothing,
    /// Of those that failed, unless they have all rights.
    Failed,
    /// Of all, for debugging.
    All,
}

/// What a worker reads then, each as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// To run a task.
    Run(Box<Assignment>),
    /// To run a command of a daemon's probe beside the task that it runs.
    Check { command: Vec<String> },
    /// To stop the task that it runs. One that has just ended is not missed.
    Kill { grace_milliseconds: u64 },
}

/// What a worker tells of a daemon before its outcome, each as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// Its processes run.
    Started,
    /// A command of a probe has ended with this code.
    Checked(i32),
}

/// A task and where it is at home.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) task: Task,
    /// The node's directory on the host, for the logs.
    pub(crate) directory: PathBuf,
    /// Whether the task has ended and somebody looks around in its view: its logs stay.
    #[serde(default)]
    pub(crate) is_visit: bool,
}

impl Assignment {
    pub(crate) fn new(task: Task, directory: &Path) -> Self {
        Self { task, directory: directory.to_owned(), is_visit: false }
    }
}

/// Where the views of a run's workers lie.
pub(crate) fn views(run: &Path) -> PathBuf {
    run.join("views")
}

/// Directories that the caller may write in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reach {
    /// The topmost ones: what lies above them belongs to others.
    pub(in crate::local) own: Vec<PathBuf>,
    /// Those whose owner or group has no number in a user namespace. The kernel refuses to change what lies in one there,
    /// because it would have to be made again in the layer with the same owner (fs/overlayfs/copy_up.c, ovl_copy_up_one).
    pub(in crate::local) foreign: Vec<PathBuf>,
}

/// A value as a line of JSON.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}
