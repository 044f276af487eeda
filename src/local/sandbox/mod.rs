//! The inside of a task: what the hidden command `__task` runs in a child of the engine.
//!
//! ```text
//! engine ─► (outer, without root) ─► supervisor (PID 1 of its namespace: lays out the view, runs the processes, saves outputs)
//!    │                                   ▲   │
//!    └── stdin: Spec, then kill orders ──┘   └── stdout: the Outcome
//! ```
//!
//! The end of standard input means that the engine is gone: the supervisor then kills everything and ends. All processes
//! of a task share one view (in a pod each container has its own file system), as they share a pod's volumes.
//! Outputs are read inside the view, after its last process has ended: a link cannot lead out of it.

mod bind;
mod inputs;
mod kernel;
mod layout;
mod mounts;
mod overlay;
mod process;
mod reach;
mod root;
mod security;
mod supervisor;

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid, setsid};
use serde::{Deserialize, Serialize};

use super::open_files;
use super::task::{Outcome, Task};
use super::view::View;
use crate::exit::Exit;
use crate::file::remove::remove_tree;
use mounts::Problem;
pub(crate) use reach::Reach;

/// The hidden command's name.
pub(crate) const VERB: &str = "__task";

/// How the name of a probe's directory begins; the process's number follows.
const PROBE: &str = ".probe-";

/// The argument of the second stage, inside the new namespaces.
const INSIDE: &str = "inside";

/// What a task has of its own beside its view, as a pod does. The network is the host's.
const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWPID
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWCGROUP);

/// What the supervisor reads first, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) task: Task,
    /// The node's directory on the host: logs, and the view while the task runs.
    pub(crate) directory: PathBuf,
    /// Directories of the host that the task must not see.
    pub(crate) hidden: Vec<PathBuf>,
    pub(crate) view: View,
    /// Where an ordinary user may write.
    pub(crate) reach: Reach,
    /// The limit of open files that the task's processes get.
    pub(crate) open_files: Option<u64>,
}

/// A line that the engine may send after the spec.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct KillLine {
    pub(crate) grace_milliseconds: u64,
}

/// Runs the hidden command with the arguments behind its name; only the engine calls it.
pub(crate) fn task_entry(mut arguments: impl Iterator<Item = OsString>) -> Exit {
    let stage = arguments.next().unwrap_or_default();
    let done = match stage.to_str() {
        Some("overlay") => own_session().and_then(|()| supervise()),
        Some("bind") => become_root_of_a_namespace().and_then(|()| inside()),
        Some("plain") => own_session().and_then(|()| supervise()),
        Some(INSIDE) => die_with_outer().and_then(|()| supervise()),
        _ => return Exit::Usage,
    };
    match done {
        Ok(exit) => exit,
        Err(problem) => report(&Outcome { error: Some(problem.to_string()), ..Outcome::default() }),
    }
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
    let spec = Spec {
        task: Task::default(),
        directory: directory.to_owned(),
        hidden: Vec::new(),
        view: view.to_owned(),
        reach: Reach::default(),
        open_files: None,
    };
    let mut command = Command::new(executable);
    command.args([VERB, view.word()]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = start(view, || command.spawn())?;
    // Kept open until the outcome is read: its end would stop the supervisor.
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // One that fails at once does not read its task, but says why.
    let _ = stdin.write_all(&spec.line()?);
    let output = child.wait_with_output()?;
    drop(stdin);
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Spec {
    pub(crate) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// Starts a supervisor; that of root in namespaces of its own. Namespaces belong to a thread: one that makes them and ends
/// spares the stage between, and one start of this program. A user namespace is of a whole process, hence that stage.
pub(crate) fn start<T: Send>(view: &View, start: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    if *view != View::Overlay {
        return start();
    }
    thread::scope(|scope| {
        let starting = thread::Builder::new().spawn_scoped(scope, || {
            unshare(NAMESPACES)
                .map_err(|errno| Problem::general("make namespaces", errno))
                .map_err(io::Error::other)?;
            start()
        })?;
        starting.join().map_err(|_| io::Error::other("the thread that starts a supervisor panicked"))?
    })
}

fn own_session() -> Result<(), Problem> {
    setsid().map(drop).map_err(|errno| Problem::general("start a session", errno))
}

fn become_root_of_a_namespace() -> Result<(), Problem> {
    let (user, group) = (geteuid(), getegid());
    own_session()?;
    unshare(CloneFlags::CLONE_NEWUSER | NAMESPACES)
        .map_err(|errno| Problem::general("make a user namespace", errno))?;
    let write = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|error| Problem::new("map the user", file, error))
    };
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// A new PID namespace begins with the next child: hence the second stage.
fn inside() -> Result<Exit, Problem> {
    let problem = |error| Problem::general("start the supervisor", error);
    let status = Command::new("/proc/self/exe").args([VERB, INSIDE]).status().map_err(problem)?;
    match status.signal() {
        Some(signal) => Err(problem(io::Error::other(format!("ended by signal {signal}")))),
        None => Ok(if status.success() { Exit::Success } else { Exit::Tool }),
    }
}

/// Nobody but the outer stage waits for the supervisor. It has one thread, so this is not about a thread that ends.
fn die_with_outer() -> Result<(), Problem> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| Problem::general("follow the outer stage", errno))
}

fn supervise() -> Result<Exit, Problem> {
    let mut orders = BufReader::new(io::stdin());
    let mut line = String::new();
    let read = orders.read_line(&mut line).and_then(|_| Ok(serde_json::from_str::<Spec>(&line)?));
    let spec = read.map_err(|error| Problem::general("read the task", error))?;
    if let Some(before) = spec.open_files {
        open_files::restore(before);
    }
    Ok(report(&supervisor::run(&spec, orders)))
}

fn report(outcome: &Outcome) -> Exit {
    let written = serde_json::to_vec(outcome).map_err(io::Error::from).and_then(|bytes| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    if written.is_ok() { Exit::Success } else { Exit::Tool }
}
