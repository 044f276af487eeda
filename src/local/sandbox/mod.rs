//! The inside of tasks: what the hidden command `__task` runs in a child of the engine.
//!
//! ```text
//! engine ─► worker ─► supervisor (a copy of the worker, PID 1 of its namespaces: lays out the view, runs the processes,
//!    │        ▲  └─────► ▲   │                     saves outputs), one for each task
//!    └────────┘ orders ──┘   └── outcome ─► engine
//! ```
//!
//! A worker runs one task after another. It has one thread, so that a copy of it is a sound process and needs no exec. The
//! end of its standard input means that the engine is gone: the supervisor then kills everything and ends. All processes
//! of a task share one view (in a pod each container has its own file system), as they share a pod's volumes.
//! Outputs are read inside the view, after its last process has ended: a link cannot lead out of it.

mod bind;
mod descendants;
mod handover;
mod inputs;
mod kernel;
mod layout;
mod left;
mod lines;
mod mounts;
mod outputs;
mod overlay;
mod process;
mod reach;
mod root;
mod scarcity;
mod security;
mod stage;
mod state;
mod supervisor;
mod visit;
mod worker;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};

use super::task::{Outcome, Task};
use super::view::View;
use crate::exit::Exit;
use crate::file::remove::remove_tree;
pub(crate) use process::Capture;
pub(crate) use reach::Reach;
pub(crate) use supervisor::NOT_FOUND;
pub(crate) use visit::NOT_STARTED;

/// The hidden command's name.
pub(crate) const VERB: &str = "__task";

/// The directory, below that of a node, of a view that belongs to it alone.
pub(crate) const VIEW: &str = "view";

/// How the name of a probe's directory begins; the process's number follows.
const PROBE: &str = ".probe-";

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

/// Runs the hidden command with the arguments behind its name; only this program calls it.
pub(crate) fn task_entry(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some() {
        return visit::enter(arguments).unwrap_or_else(|problem| visit::refuse(&problem)).into();
    }
    let served = worker::serve();
    let exit = served.map_or_else(
        |problem| report(&Outcome { error: Some(problem.to_string()), ..Outcome::default() }),
        |()| Exit::Success,
    );
    exit.into()
}

/// Tries a view on a task without processes.
pub(crate) fn probe(executable: &Path, scratch: &Path, view: &View) -> Result<(), String> {
    remove_left(scratch);
    let directory = scratch.join(format!("{PROBE}{}", std::process::id()));
    let outcome = probe_in(executable, &directory, view);
    remove_tree(&directory).map_err(|error| error.to_string())?;
    match outcome.map_err(|error| error.to_string())?.error {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}

/// Removes what a probe has left that was killed: no process has its number any more.
fn remove_left(scratch: &Path) {
    for entry in std::fs::read_dir(scratch).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PROBE)?.parse::<u32>().ok());
        if number.is_some_and(|number| !Path::new("/proc").join(number.to_string()).exists()) {
            // Somebody else's costs space and nothing else.
            let _ = remove_tree(&entry.path());
        }
    }
}

fn probe_in(executable: &Path, directory: &Path, view: &View) -> io::Result<Outcome> {
    std::fs::create_dir_all(directory)?;
    let setup = Setup {
        directory: directory.to_owned(),
        hidden: Vec::new(),
        view: view.to_owned(),
        reach: Reach::default(),
        open_files: None,
        huge_pages: false,
        keep: Keep::Nothing,
    };
    let order = Order::Run(Box::new(Assignment::new(Task::default(), directory)));
    let mut command = Command::new(executable);
    command.arg(VERB).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // Kept open until the outcome is read: its end would stop the supervisor.
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // One that fails at once does not read its task, but says why.
    let _ = stdin.write_all(&[line(&setup)?, line(&order)?].concat());
    let mut outcome = String::new();
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut outcome)?;
    drop(stdin);
    child.wait()?;
    Ok(serde_json::from_str(&outcome)?)
}

/// A value as a line of JSON.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes the outcome where the engine reads it.
fn report(outcome: &impl Serialize) -> Exit {
    let written = line(outcome).map_err(io::Error::from).and_then(|bytes| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    if written.is_ok() { Exit::Success } else { Exit::Tool }
}
