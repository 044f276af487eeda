//! `--detach`: a local run that goes on after the command has returned. The command starts itself once more. That process
//! does everything; once the run has started it says so on its standard output, a pipe that the command reads, and leaves
//! the terminal. Until then both read, write and are interrupted as one.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;
use rustix::process::setsid;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use serde::{Deserialize, Serialize};

use crate::cli::failure::Failure;
use crate::exit::Exit;
use crate::file::private;
use crate::output::stream::{result, talk};

/// Names the process that has started this one to carry a run out.
const STARTED_BY: &str = "RUNNABLE_DETACHED_FROM";
/// What the process writes once it has left the terminal, in the run's directory.
const LOG: &str = "engine.log";

/// A run that has started.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) run_id: String,
    pub(super) directory: PathBuf,
    /// What goes to standard output.
    pub(super) text: String,
}

/// Whether this process is to be left behind: it was started for that by its parent, and not by a program that inherited
/// the variable.
pub(super) fn is_background() -> bool {
    std::env::var(STARTED_BY).is_ok_and(|started_by| started_by == parent_id().to_string())
}

/// Starts the process that carries the run out, and returns as soon as the run has started, or could not.
pub(super) fn start(quiet: bool) -> Result<Exit, Failure> {
    let mut child = Command::new(std::env::current_exe().context("cannot find this program")?)
        .args(std::env::args_os().skip(1))
        .env(STARTED_BY, std::process::id().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the process of the run")?;
    let mut output = BufReader::new(child.stdout.take().context("the process of the run has no output")?);
    let mut first = String::new();
    output.read_line(&mut first).context("cannot read what the process of the run says")?;

    if let Ok(started) = serde_json::from_str::<Started>(&first) {
        result(&started.text)?;
        if !quiet {
            tell(&started);
        }
        return Ok(Exit::Success);
    }
    // No run has started: this is all that the command has to say.
    output.read_to_string(&mut first).context("cannot read what the process of the run says")?;
    result(first)?;
    let status = child.wait().context("cannot wait for the process of the run")?;
    match status.code().and_then(Exit::from_code) {
        Some(exit) => Ok(exit),
        None => Err(Failure::new(Exit::Tool, format!("the process of the run ended before the run started: {status}"))),
    }
}

fn tell(started: &Started) {
    let Started { name, run_id, directory, .. } = started;
    talk(format_args!("workflow {name} runs in the background on this machine, run id {run_id}"));
    talk(format_args!("messages go to {}", directory.join(LOG).display()));
    if std::env::var_os("CI").is_some() {
        talk(
            "note: a CI job may kill what it has started when it ends; then the run is shown as killed and can be retried",
        );
    }
}

/// Says that the run has started and leaves the terminal: a session of its own, messages into the run's directory.
pub(super) fn leave(started: &Started) -> Result<(), Failure> {
    let log = private::file().append(true).open(started.directory.join(LOG)).context("cannot open the run's log")?;
    let nothing = File::open("/dev/null").context("cannot open /dev/null")?;
    say(started).context("cannot say that the run has started")?;
    // The parent is gone, or is going to be: whatever fails here leaves the run at the terminal, where it goes on.
    let _ = setsid();
    let _ = dup2_stdin(&nothing);
    let _ = dup2_stdout(&log);
    let _ = dup2_stderr(&log);
    Ok(())
}

fn say(started: &Started) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string(started)?)?;
    stdout.flush()
}
