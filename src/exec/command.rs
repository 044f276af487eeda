//! Runs the command: its standard output passes through and its end is kept, and each signal reaches it once.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::tcgetpgrp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::blocking::blocking;
use crate::cache::Stdout;

/// How much of the end of standard output is kept: Argo's limit for a result.
pub(super) const LONGEST: usize = 256 * 1024;
/// The variables that hold the store's credentials; the command does not get them.
const CREDENTIALS: &str = "RUNNABLE_STORE_";

/// The command cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// There is no such program.
    #[error("command {0:?} does not exist")]
    NotFound(String),
    /// It is there and cannot be executed.
    #[error("command {0:?} cannot be executed")]
    NotExecutable(String, #[source] io::Error),
    /// Its end cannot be waited for.
    #[error("cannot wait for command {0:?}")]
    Wait(String, #[source] io::Error),
}

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) stdout: Captured,
    pub(super) took: Duration,
    /// A signal that asks for its end came while it ran.
    pub(super) interrupted: bool,
}

/// What it wrote to standard output.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) kept: Stdout,
    /// Whether all of it was passed on.
    pub(super) whole: bool,
}

/// Runs a program and hands the signals on.
pub(super) async fn run(command: &[OsString], signals: &mut UnboundedReceiver<Signal>) -> Result<Finished, StartError> {
    let (program, arguments) = command.split_first().expect("a job has a command");
    let name = || program.to_string_lossy().into_owned();
    let mut process = Command::new(program);
    process.args(arguments).stdout(Stdio::piped());
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with(CREDENTIALS) {
            process.env_remove(variable);
        }
    }
    // On a terminal the kernel sends its signals to the whole group, and only that group may read from it.
    let own_group = !is_foreground();
    if own_group {
        process.process_group(0);
    }

    let started = Instant::now();
    let mut child = process.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StartError::NotFound(name()),
        _ => StartError::NotExecutable(name(), error),
    })?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).filter(|_| own_group);
    let output = child.stdout.take().expect("standard output is a pipe");
    let (ended, end) = io::pipe().map_err(|error| StartError::Wait(name(), error))?;
    let pass = thread::spawn(move || pass_on(&File::from(std::os::fd::OwnedFd::from(output)), &ended));
    let (sender, mut receiver) = oneshot::channel();
    thread::spawn(move || sender.send(child.wait()));

    let mut interrupted = false;
    let status = loop {
        tokio::select! {
            status = &mut receiver => break status,
            Some(signal) = signals.recv() => {
                interrupted |= !matches!(signal, Signal::USR1 | Signal::USR2);
                if let Some(group) = group {
                    let _ = kill_process_group(group, signal);
                }
            }
        }
    };
    let status = status.unwrap_or_else(|_| Err(io::Error::other("its thread ended")));
    let status = status.map_err(|error| StartError::Wait(name(), error))?;
    let took = started.elapsed();
    drop(end);
    let stdout = blocking(|| pass.join()).await.ok().and_then(Result::ok);
    let stdout = stdout.unwrap_or(Captured { kept: Stdout::of(b"", true), whole: false });
    Ok(Finished { status, stdout, took, interrupted })
}

impl Finished {
    /// The code that a shell would tell.
    pub(super) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }
}

/// Whether this process is in the foreground of a terminal.
pub(crate) fn is_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp()))
}

/// Passes on what the command writes until it has closed the pipe, or has ended: what it left running may keep the pipe open.
fn pass_on(mut output: &File, ended: &PipeReader) -> Captured {
    let mut tail = Tail::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut stdout = io::stdout().lock();
    let mut whole = true;
    let mut has_ended = false;
    loop {
        let mut ready = [PollFd::new(&output, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        let watched = if has_ended { &mut ready[..1] } else { &mut ready[..] };
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        match poll(watched, has_ended.then_some(&now)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => {
                whole = false;
                break;
            }
        }
        let readable = !watched[0].revents().is_empty();
        has_ended |= watched.get(1).is_some_and(|end| !end.revents().is_empty());
        if !readable {
            continue;
        }
        match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                tail.add(&buffer[..count]);
                // The command gets to know that nobody reads: its pipe is closed, too.
                if stdout.write_all(&buffer[..count]).and_then(|()| stdout.flush()).is_err() {
                    whole = false;
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    Captured { kept: tail.kept(), whole }
}

/// The end of what was written.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    truncated: bool,
}

impl Tail {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let more = self.bytes.len().saturating_sub(LONGEST);
        self.truncated |= more > 0;
        self.bytes.drain(..more);
    }

    fn kept(mut self) -> Stdout {
        let bytes = self.bytes.make_contiguous();
        // A character that was cut in two is not text.
        let cut =
            if self.truncated { bytes.iter().take(3).take_while(|byte| (**byte & 0xc0) == 0x80).count() } else { 0 };
        Stdout::of(&bytes[cut..], self.truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_without_half_a_character() {
        let mut tail = Tail::default();
        tail.add("é".repeat(LONGEST / 2).as_bytes());
        tail.add(b"x");
        let kept = tail.kept();
        let bytes = kept.bytes().unwrap_or_default();
        assert!(kept.truncated && bytes.len() == LONGEST - 1 && bytes.ends_with("éx".as_bytes()), "{}", bytes.len());
        let mut short = Tail::default();
        short.add(b"text");
        assert_eq!(short.kept(), Stdout::of(b"text", false));
    }
}
