//! A command in the view that a failed task has left: on the terminal of its user, with what the task had.
//!
//! ```text
//! shell ─► this process (outside of the view) ─► supervisor (PID 1 of new namespaces, in the view) ─► the command
//! ```
//!
//! What the command changes stays in the view. The task's logs and outputs stay as they are.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpgrp, kill_process_group, set_parent_process_death_signal, waitpid,
};
use rustix::termios::tcsetpgrp;

use super::descendants::kill_everything;
use super::mounts::{MountTable, Problem};
use super::process::{self, Output};
use super::stage::Stage;
use super::worker::{NAMESPACES, become_root_of_a_namespace};
use super::{Assignment, NOT_STARTED, Setup, root};
use crate::local::failed_views::{FailedTask, read};
use crate::local::task::Process;
use crate::local::view::View;
use crate::platform::set_small_pages;

/// What is started where no command is given: the second where the first is not there.
const SHELLS: [&str; 2] = ["bash", "sh"];

/// Enters the view of the node whose directory is the first argument; the second is the container, the others are the command.
pub(super) fn enter(mut arguments: impl Iterator<Item = OsString>) -> Result<u8, Problem> {
    let directory = PathBuf::from(arguments.next().unwrap_or_default());
    let container = arguments.next().unwrap_or_default();
    let command: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let FailedTask { setup, mut assignment } =
        read(&directory).map_err(|error| Problem::new("read the task in", &directory, error))?;
    assignment.directory = directory;
    assignment.is_visit = true;
    // What it gave is kept.
    assignment.task.output_artifacts.clear();
    let process = process_of(&assignment, &container.to_string_lossy(), command)?;

    if let View::Plain(_) = setup.view {
        assignment.task.input_artifacts.retain(|input| !input.path.exists());
        return Ok(run(&setup, &assignment, None, &process));
    }
    if setup.view == View::Bind {
        become_root_of_a_namespace()?;
    }
    let mut mounts = MountTable::open()?;
    mounts.refresh()?;
    let mut stage = Stage::reopen(&setup, &assignment, &mounts)?;
    assignment.task.input_artifacts.retain(|input| !stage.layout.holds(&input.path));
    if !stage.layout.lost().is_empty() {
        let lost: Vec<String> = stage.layout.lost().iter().map(|path| path.display().to_string()).collect();
        let _ =
            writeln!(io::stderr(), "note: what the task wrote lay in memory, and is gone, below {}", lost.join(", "));
    }
    let supervisor = ::supervisor::fork(NAMESPACES, || {
        let alone = set_parent_process_death_signal(Some(Signal::KILL));
        alone.map_or(NOT_STARTED, |()| run(&setup, &assignment, Some(&mut stage), &process))
    });
    let supervisor = supervisor.map_err(|error| Problem::general("make namespaces", error))?;
    let code = wait_for(supervisor);
    give_terminal(getpgrp());
    Ok(code)
}

/// What is to run, as the container would.
fn process_of(assignment: &Assignment, container: &str, command: Vec<String>) -> Result<Process, Problem> {
    let task = &assignment.task;
    let mut all = task.main.iter().chain(&task.init).chain(&task.sidecars);
    let of = all.find(|process| process.name == container);
    let of = of.ok_or_else(|| Problem::Told(format!("the task has no container {container:?}")))?;
    Ok(Process { command, script: None, ..of.clone() })
}

/// Runs the command in the view to its end.
fn run(setup: &Setup, assignment: &Assignment, stage: Option<&mut Stage>, process: &Process) -> u8 {
    let is_alone = stage.is_some();
    let ground = match root::enter(setup, assignment, stage) {
        Ok(ground) => ground,
        Err(problem) => return refuse(&problem),
    };
    set_small_pages(true);
    let start = |command: &str| {
        let command = vec![command.to_owned()];
        process::start(&Process { command, ..process.clone() }, &ground, Output::Inherited)
    };
    let started = match process.command.as_slice() {
        [] => start(SHELLS[0]).or_else(|_| start(SHELLS[1])),
        _ => process::start(process, &ground, Output::Inherited),
    };
    let pid = match started {
        Ok(started) => started.pid,
        Err(error) => return refuse(&error),
    };
    give_terminal(pid);
    let code = wait_for(pid);
    if is_alone {
        kill_everything();
    }
    code
}

/// Says why the command does not run.
pub(super) fn refuse(problem: &impl Display) -> u8 {
    // If standard error fails, the error cannot be printed anywhere.
    let _ = writeln!(io::stderr(), "error: {problem}");
    NOT_STARTED
}

/// Waits for the end of a process; one that its terminal has stopped goes on, as nobody else could wake it.
fn wait_for(pid: Pid) -> u8 {
    loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => {
                let _ = kill_process_group(pid, Signal::CONT);
            }
            Ok(Some((_, status))) => return code(status),
            Err(rustix::io::Errno::INTR) => {}
            Ok(None) | Err(_) => return NOT_STARTED,
        }
    }
}

fn code(status: WaitStatus) -> u8 {
    let code = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED)
}

/// What the terminal's keys go to from now on. A command that has asked the terminal before is woken.
fn give_terminal(group: Pid) {
    let stdin = io::stdin();
    if stdin.is_terminal() && ::supervisor::block(Signal::TTOU).is_ok() && tcsetpgrp(&stdin, group).is_ok() {
        let _ = kill_process_group(group, Signal::CONT);
    }
}
