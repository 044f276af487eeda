//! Runs the processes of a task in order and tells how they ended. Event driven and
//! without threads: it waits for the ends of processes, the engine's orders, output and the deadline at once.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::PipeReader;
use std::time::{Duration, Instant};

use ::supervisor::ChildSignals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process_group, set_child_subreaper, wait};

use super::descendants::kill_everything;
use super::ground::Ground;
use super::lines::Lines;
use super::outputs::save;
use super::process::{self, Output, StartError, Started};
use super::repeats::Repeats;
use super::root;
use super::stage::Stage;
use super::{Assignment, NOT_FOUND, Order, Setup, Told, report};
use crate::local::capture::Capture;
use crate::local::task::{FailedProcess, Outcome, Process, Task};

/// How long a sidecar may take to end, Kubernetes' default grace period.
const SIDECAR_GRACE: Duration = Duration::from_secs(30);
/// The process whose outputs count.
const MAIN: &str = "main";

/// Runs a task to its end: in the view on `stage`, or without one.
pub(super) fn run(
    setup: &Setup,
    assignment: &Assignment,
    stage: Option<&mut Stage>,
    orders: &mut Lines<File>,
) -> Outcome {
    let failed = |error: String| Outcome { error: Some(error), ..Outcome::default() };
    let ended = match ChildSignals::listen() {
        Ok(ended) => ended,
        Err(error) => return failed(format!("cannot hear of the end of processes: {error}")),
    };
    let ground = match root::enter(setup, assignment, stage) {
        Ok(ground) => ground,
        Err(problem) => return failed(problem.to_string()),
    };
    // Orphans become children of this process and are found when everything is killed.
    let _ = set_child_subreaper(Some(getpid()));
    let supervisor = Supervisor {
        task: &assignment.task,
        ground,
        orders,
        ended,
        running: HashMap::new(),
        codes: BTreeMap::new(),
        check: None,
        repeats: Repeats::of(&assignment.task),
        outputs: Vec::new(),
        deadline: None,
        stopping: false,
        engine_gone: false,
    };
    supervisor.run()
}

struct Supervisor<'a> {
    task: &'a Task,
    ground: Ground,
    orders: &'a mut Lines<File>,
    ended: ChildSignals,
    running: HashMap<Pid, &'a str>,
    codes: BTreeMap<&'a str, i32>,
    /// Main processes that failed and are to run again.
    repeats: Repeats<'a>,
    /// The command of a probe that runs.
    check: Option<Pid>,
    /// Of each run of the main process; the last one may still write.
    outputs: Vec<Capture<PipeReader>>,
    /// When what still runs is killed.
    deadline: Option<Instant>,
    /// Nothing more is started.
    stopping: bool,
    engine_gone: bool,
}

impl<'a> Supervisor<'a> {
    fn run(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        // What came together with the task.
        self.obey();
        let ran = self.run_init(&mut outcome).and_then(|go_on| if go_on { self.run_main() } else { Ok(()) });
        let not_found = matches!(ran, Err(StartError::NotFound { .. }));
        if let Err(error) = ran {
            outcome.error = Some(error.to_string());
        }
        self.end(&mut outcome);
        kill_everything();
        let task = self.task;
        for process in &task.main {
            outcome.containers.insert(process.name.clone(), self.codes.get(process.name.as_str()).copied());
        }
        outcome.exit_code = self.exit_code();
        let outputs = std::mem::take(&mut self.outputs);
        outcome.result = (!outputs.is_empty()).then(|| Capture::finish(outputs));
        if outcome.exit_code.is_some() && !self.engine_gone {
            save(task, &self.ground, &mut outcome);
        }
        if not_found {
            outcome.exit_code.get_or_insert(NOT_FOUND);
        }
        outcome
    }

    /// Whether the main processes may start.
    fn run_init(&mut self, outcome: &mut Outcome) -> Result<bool, StartError> {
        for process in &self.task.init {
            if self.stopping {
                return Ok(false);
            }
            self.start(process, Output::Log)?;
            while !self.running.is_empty() {
                self.step();
            }
            let exit_code = self.codes.get(process.name.as_str()).copied().unwrap_or_default();
            if exit_code != 0 {
                outcome.failed = Some(FailedProcess { name: process.name.clone(), exit_code });
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn run_main(&mut self) -> Result<(), StartError> {
        let task = self.task;
        self.drain();
        if self.stopping {
            return Ok(());
        }
        for sidecar in &task.sidecars {
            self.start(sidecar, Output::Log)?;
        }
        let mut waiting: Vec<&Process> = task.main.iter().collect();
        // Only a daemon is listened to before its end.
        let mut told = task.daemon.is_none();
        loop {
            let (mut ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|process| self.is_ready(process));
            waiting = later;
            ready.extend(self.repeats.due());
            if !self.stopping {
                for process in ready {
                    let kept = task.capture_result && process.name == MAIN;
                    self.start(process, if kept { Output::Kept } else { Output::Log })?;
                }
            }
            if !std::mem::replace(&mut told, true) {
                report(&Told::Started);
            }
            if !self.main_runs() {
                return Ok(());
            }
            self.step();
        }
    }

    fn is_ready(&self, process: &Process) -> bool {
        process.dependencies.iter().all(|name| self.codes.get(name.as_str()) == Some(&0))
    }

    /// Whether a main process runs, or will run again.
    fn main_runs(&self) -> bool {
        self.repeats.next().is_some()
            || self.running.values().any(|name| self.task.main.iter().any(|process| process.name == **name))
    }

    fn start(&mut self, process: &'a Process, output: Output) -> Result<(), StartError> {
        let Started { pid, output } = process::start(process, &self.ground, output)?;
        self.running.insert(pid, &process.name);
        self.outputs.extend(output);
        Ok(())
    }

    /// Waits for what comes next, or for the deadline, and takes it in.
    fn step(&mut self) {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            self.deadline = None;
            self.signal(Signal::KILL);
        }
        self.wait(self.repeats.next().into_iter().chain(left.filter(|left| !left.is_zero())).min());
    }

    /// Takes in what has happened already.
    fn drain(&mut self) {
        self.wait(Some(Duration::ZERO));
    }

    fn wait(&mut self, most: Option<Duration>) {
        let output = self.outputs.last().filter(|output| !output.ended());
        let mut waited = vec![PollFd::new(&self.ended, PollFlags::IN)];
        waited.extend(output.map(|output| PollFd::new(output, PollFlags::IN)));
        let speaks = waited.len();
        if !self.orders.ended() {
            waited.push(PollFd::new(&*self.orders, PollFlags::IN));
        }
        let most = most.and_then(|most| Timespec::try_from(most).ok());
        let told = poll(&mut waited, most.as_ref());

        let is_ready = |place: usize| waited.get(place).is_some_and(|waited| !waited.revents().is_empty());
        let (writes, asks) = (speaks == 2 && is_ready(1), is_ready(speaks));
        if told.is_err() {
            return;
        }
        if let Some(output) = self.outputs.last_mut().filter(|_| writes) {
            output.take_in();
        }
        if asks {
            self.orders.fill();
            self.obey();
        }
        self.ended.clear();
        self.reap();
    }

    /// Takes in the ends of processes, also of those that nobody here has started.
    fn reap(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    let by_signal = status.terminating_signal().map(|signal| 128 + signal);
                    if let Some(code) = status.exit_status().or(by_signal) {
                        self.note(pid, code);
                    }
                }
                Ok(None) | Err(Errno::CHILD) => return,
                Err(_) => {}
            }
        }
    }

    fn note(&mut self, pid: Pid, code: i32) {
        if self.check.take_if(|check| *check == pid).is_some() {
            let _ = kill_process_group(pid, Signal::KILL);
            report(&Told::Checked(code));
        }
        if let Some(name) = self.running.remove(&pid) {
            if self.stopping || !self.repeats.add(name, code) {
                self.codes.insert(name, code);
            }
            // With a container's first process its others end.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    fn obey(&mut self) {
        while let Some(line) = self.orders.take() {
            match serde_json::from_slice(&line) {
                Ok(Order::Kill { grace_milliseconds }) => self.stop(Duration::from_millis(grace_milliseconds)),
                Ok(Order::Check { command }) => self.begin_check(command),
                Ok(Order::Run(_)) | Err(_) => {}
            }
        }
        if self.orders.ended() {
            self.engine_gone = true;
            self.stop(Duration::ZERO);
        }
    }

    /// Runs the command of a probe with what the main process has; one that still runs has taken too long.
    fn begin_check(&mut self, command: Vec<String>) {
        if let Some(late) = self.check.take() {
            let _ = kill_process_group(late, Signal::KILL);
        }
        let main = self.task.main.first().filter(|_| !self.stopping);
        let started = main.map(|main| {
            let process = Process { command, script: None, ..main.clone() };
            process::start(&process, &self.ground, Output::Dropped)
        });
        match started {
            Some(Ok(started)) => self.check = Some(started.pid),
            Some(Err(_)) => {
                report(&Told::Checked(NOT_FOUND));
            }
            None => {}
        }
    }

    fn stop(&mut self, grace: Duration) {
        self.stopping = true;
        self.codes.extend(self.repeats.give_up());
        self.deadline = Some(Instant::now() + grace);
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        for pid in self.running.keys() {
            let _ = kill_process_group(*pid, signal);
        }
    }

    /// Ends the sidecars, or whatever else still runs after an error.
    fn end(&mut self, outcome: &mut Outcome) {
        self.drain();
        if outcome.failed.is_none() {
            outcome.failed = self.failed_sidecar();
        }
        if self.running.is_empty() {
            return;
        }
        if !self.stopping {
            self.stop(SIDECAR_GRACE);
        }
        while !self.running.is_empty() {
            self.step();
        }
    }

    fn failed_sidecar(&self) -> Option<FailedProcess> {
        self.task.sidecars.iter().find_map(|process| {
            let exit_code = *self.codes.get(process.name.as_str())?;
            let failed = ![0, 137, 143].contains(&exit_code) && !self.stopping;
            failed.then(|| FailedProcess { name: process.name.clone(), exit_code })
        })
    }

    fn exit_code(&self) -> Option<i32> {
        if let Some(code) = self.codes.get(MAIN) {
            return Some(*code);
        }
        let codes: Vec<i32> =
            self.task.main.iter().filter_map(|process| self.codes.get(process.name.as_str()).copied()).collect();
        codes.iter().copied().find(|code| *code != 0).or(codes.first().copied())
    }
}
