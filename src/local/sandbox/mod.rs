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
mod ground;
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
mod repeats;
mod root;
mod scarcity;
mod security;
mod sources;
mod stage;
mod state;
mod supervisor;
mod visit;
mod worker;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde::Serialize;

use super::orders::{Assignment, Keep, NOT_FOUND, NOT_STARTED, Order, Reach, Setup, Told, VERB, VIEW, line, views};
use super::task::{Outcome, Task};
use super::view::View;
use crate::exit::Exit;
use crate::file::remove::remove_tree;
pub(crate) use reach::find as reach;

/// Whether programs of this machine can be tasks.
pub(crate) const RUNS_TASKS: bool = true;

/// How the name of a probe's directory begins; the process's number follows.
const PROBE: &str = ".probe-";

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

/// Writes the outcome where the engine reads it.
fn report(outcome: &impl Serialize) -> Exit {
    let written = line(outcome).map_err(io::Error::from).and_then(|bytes| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    if written.is_ok() { Exit::Success } else { Exit::Tool }
}
