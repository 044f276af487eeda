//! Main processes that failed and are to run again, after a pause each. Pure but for the time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::local::task::{Process, Task};

/// Those of a task.
pub(super) struct Repeats<'a> {
    task: &'a Task,
    waiting: Vec<Waiting<'a>>,
    /// How often each has failed.
    failures: BTreeMap<&'a str, u32>,
}

/// A process that waits for its time.
struct Waiting<'a> {
    at: Instant,
    process: &'a Process,
    /// What it exited with.
    code: i32,
}

impl<'a> Repeats<'a> {
    pub(super) fn of(task: &'a Task) -> Self {
        Self { task, waiting: Vec::new(), failures: BTreeMap::new() }
    }

    /// Lets a main process that has ended run again, if it failed and may; whether it will.
    pub(super) fn add(&mut self, name: &'a str, code: i32) -> bool {
        let Some(process) = self.task.main.iter().find(|process| process.name == name) else { return false };
        let failures = self.failures.entry(name).or_default();
        if code == 0 || *failures >= self.task.again.times {
            return false;
        }
        *failures += 1;
        let at = Instant::now() + Duration::from_millis(self.task.again.pause);
        self.waiting.push(Waiting { at, process, code });
        true
    }

    /// The processes whose time has come.
    pub(super) fn due(&mut self) -> Vec<&'a Process> {
        let now = Instant::now();
        self.waiting.extract_if(.., |waiting| waiting.at <= now).map(|waiting| waiting.process).collect()
    }

    /// How long the next one has to wait; none where none waits.
    pub(super) fn next(&self) -> Option<Duration> {
        self.waiting.iter().map(|waiting| waiting.at.saturating_duration_since(Instant::now())).min()
    }

    /// Lets none run again; gives what each exited with.
    pub(super) fn give_up(&mut self) -> Vec<(&'a str, i32)> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|Waiting { process, code, .. }| (process.name.as_str(), code)).collect()
    }
}
