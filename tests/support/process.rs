//! A command that runs in the background.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::output::Output;
use super::wait::{wait_for_word, wait_until};

/// Dropping it kills the process. The output goes to files, so that the process never waits for a reader.
#[must_use]
pub(crate) struct Running {
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
    directory: PathBuf,
}

impl Running {
    pub(crate) fn start(mut command: Command, directory: &Path) -> Self {
        let [stdout, stderr] = [(); 2].map(|()| NamedTempFile::new().unwrap());
        command.stdout(stdout.reopen().unwrap()).stderr(stderr.reopen().unwrap());
        Self { child: command.spawn().unwrap(), stdout, stderr, directory: directory.to_owned() }
    }

    /// Waits until standard error contains a word.
    pub(crate) fn wait_for_talk(&self, word: &str) {
        wait_for_word(self.stderr.path(), word);
    }

    pub(crate) fn signal(&self, asked: Signal) {
        signal(&self.child, asked);
    }

    /// Whether its thread of this name has been computing for a while.
    pub(crate) fn computes(&self, thread: &str) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let mut stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        stats.any(|stat| {
            let ticks = stat.rsplit(") ").next().and_then(|fields| fields.split(' ').nth(11)?.parse::<u64>().ok());
            stat.contains(&format!("({thread})")) && ticks.is_some_and(|ticks| ticks >= 20)
        })
    }

    /// Waits for its end and returns its exit code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Output {
        let status = self.child.wait().unwrap();
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|file| fs::read(file.path()).unwrap());
        Output::from(std::process::Output { status, stdout, stderr }).in_directory(&self.directory)
    }

    /// Waits for its end; fails if that takes too long.
    #[track_caller]
    pub(crate) fn end_within(mut self, limit: Duration) -> Output {
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < limit, "it has not ended after {limit:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.end()
    }

    /// Kills it with SIGKILL, so that it cannot clean up.
    pub(crate) fn dies(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until a condition holds; fails at once if the process ends before.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn() -> bool) {
        wait_until(what, || {
            if condition() {
                return true;
            }
            let status = self.child.try_wait().unwrap();
            let talk = || fs::read_to_string(self.stderr.path()).unwrap();
            // The condition may have become true just before the end.
            assert!(status.is_none() || condition(), "the program ended before {what}: {status:?}\n{}", talk());
            status.is_some()
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has already ended unless the test failed or no longer needs it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a running command.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Whether a process with this text in its arguments is running.
pub(crate) fn lives(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| String::from_utf8_lossy(&line).split('\0').any(|argument| argument == mark))
}
