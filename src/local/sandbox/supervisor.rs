//! Runs the processes of a task in order and tells how they ended. Event driven: one thread waits for children, one for
//! the engine's orders, and this one decides.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{Pid, getpid};

use super::process::{self, StartError, Started};
use super::root::{self, Ground};
use super::{KillLine, Spec};
use crate::local::artifact;
use crate::local::task::{FailedProcess, Outcome, Process, Task};

/// How long a sidecar may take to end, Kubernetes' default grace period.
const SIDECAR_GRACE: Duration = Duration::from_secs(30);
/// The process whose outputs count.
const MAIN: &str = "main";

#[derive(Debug)]
enum Event {
    Ended(Pid, i32),
    /// There is no child any more.
    Childless,
    Kill(Duration),
    EngineGone,
}

/// Runs the task that `spec` holds to its end.
pub(super) fn run(spec: &Spec, orders: impl BufRead + Send + 'static) -> Outcome {
    let (sender, events) = channel();
    listen(orders, sender.clone());
    let ground = match root::enter(spec) {
        Ok(ground) => ground,
        Err(problem) => return Outcome { error: Some(problem.to_string()), ..Outcome::default() },
    };
    // Orphans become children of this process and are found when everything is killed.
    let _ = prctl::set_child_subreaper(true);
    let supervisor = Supervisor {
        task: &spec.task,
        ground,
        sender,
        events,
        reaping: false,
        running: BTreeMap::new(),
        codes: BTreeMap::new(),
        output: None,
        deadline: None,
        stopping: false,
        engine_gone: false,
    };
    supervisor.run()
}

fn listen(mut orders: impl BufRead + Send + 'static, sender: Sender<Event>) {
    thread::spawn(move || {
        let mut line = String::new();
        while orders.read_line(&mut line).is_ok_and(|count| count > 0) {
            if let Ok(KillLine { grace_milliseconds }) = serde_json::from_str(&line) {
                let _ = sender.send(Event::Kill(Duration::from_millis(grace_milliseconds)));
            }
            line.clear();
        }
        let _ = sender.send(Event::EngineGone);
    });
}

fn reap(sender: &Sender<Event>) {
    loop {
        let event = match wait() {
            Ok(WaitStatus::Exited(pid, code)) => Event::Ended(pid, code),
            Ok(WaitStatus::Signaled(pid, signal, _)) => Event::Ended(pid, 128 + signal as i32),
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => Event::Childless,
        };
        let last = matches!(event, Event::Childless);
        if sender.send(event).is_err() || last {
            return;
        }
    }
}

/// The exit code of Argo's executor where it does not find the program.
const NOT_FOUND: i32 = 64;

struct Supervisor<'a> {
    task: &'a Task,
    ground: Ground,
    sender: Sender<Event>,
    events: Receiver<Event>,
    reaping: bool,
    running: BTreeMap<Pid, &'a str>,
    codes: BTreeMap<&'a str, i32>,
    output: Option<JoinHandle<Vec<u8>>>,
    /// When what still runs is killed.
    deadline: Option<Instant>,
    /// Nothing more is started.
    stopping: bool,
    engine_gone: bool,
}

impl<'a> Supervisor<'a> {
    fn run(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let ran = self.run_init(&mut outcome).and_then(|go_on| if go_on { self.run_main() } else { Ok(()) });
        let not_found = matches!(ran, Err(StartError::NotFound { .. }));
        if let Err(error) = ran {
            outcome.error = Some(error.to_string());
        }
        self.end(&mut outcome);
        self.kill_everything();
        let task = self.task;
        for process in &task.main {
            outcome.containers.insert(process.name.clone(), self.codes.get(process.name.as_str()).copied());
        }
        outcome.exit_code = self.exit_code();
        if let Some(bytes) = self.output.take().and_then(|output| output.join().ok()) {
            outcome.result = Some(process::result(bytes));
        }
        if outcome.exit_code.is_some() && !self.engine_gone {
            self.save(&mut outcome);
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
            self.start(process, false)?;
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
            self.start(sidecar, false)?;
        }
        let mut waiting: Vec<&Process> = task.main.iter().collect();
        loop {
            let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|process| self.is_ready(process));
            waiting = later;
            if !self.stopping {
                for process in ready {
                    self.start(process, task.capture_result && process.name == MAIN)?;
                }
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

    fn main_runs(&self) -> bool {
        self.running.values().any(|name| self.task.main.iter().any(|process| process.name == **name))
    }

    fn start(&mut self, process: &'a Process, capture: bool) -> Result<(), StartError> {
        let Started { pid, output } = process::start(process, &self.ground, capture)?;
        self.running.insert(pid, &process.name);
        self.output = output.or(self.output.take());
        self.wait_for_children();
        Ok(())
    }

    fn wait_for_children(&mut self) {
        if !self.reaping {
            self.reaping = true;
            let sender = self.sender.clone();
            thread::spawn(move || reap(&sender));
        }
    }

    /// Takes in what has happened already.
    fn drain(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(&event);
        }
    }

    /// Waits for the next event or for the deadline.
    fn step(&mut self) {
        let event = match self.deadline {
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        if let Ok(event) = event {
            self.take(&event);
        } else {
            self.deadline = None;
            self.signal(Signal::SIGKILL);
        }
    }

    fn take(&mut self, event: &Event) {
        match *event {
            Event::Ended(pid, code) => {
                if let Some(name) = self.running.remove(&pid) {
                    self.codes.insert(name, code);
                    // With a container's first process its others end.
                    let _ = killpg(pid, Signal::SIGKILL);
                }
            }
            Event::Childless => {
                self.reaping = false;
                if !self.running.is_empty() {
                    self.wait_for_children();
                }
            }
            Event::Kill(grace) => self.stop(grace),
            Event::EngineGone => {
                self.engine_gone = true;
                self.stop(Duration::ZERO);
            }
        }
    }

    fn stop(&mut self, grace: Duration) {
        self.stopping = true;
        self.deadline = Some(Instant::now() + grace);
        self.signal(Signal::SIGTERM);
    }

    fn signal(&self, signal: Signal) {
        for pid in self.running.keys() {
            let _ = killpg(*pid, signal);
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

    /// Kills every descendant, also one that left its group and session, and waits until they are gone.
    fn kill_everything(&mut self) {
        self.deadline = None;
        while self.reaping {
            if getpid().as_raw() == 1 {
                let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            } else {
                for pid in children() {
                    let _ = kill(pid, Signal::SIGKILL);
                }
            }
            self.step();
        }
    }

    fn exit_code(&self) -> Option<i32> {
        if let Some(code) = self.codes.get(MAIN) {
            return Some(*code);
        }
        let codes: Vec<i32> =
            self.task.main.iter().filter_map(|process| self.codes.get(process.name.as_str()).copied()).collect();
        codes.iter().copied().find(|code| *code != 0).or(codes.first().copied())
    }

    /// Saves what there is, as Argo does whatever the exit code; a failure of the program outranks a missing output.
    fn save(&self, outcome: &mut Outcome) {
        let mut errors = Vec::new();
        for output in &self.task.output_parameters {
            match artifact::parameter(&self.ground.root, output) {
                Ok(value) => {
                    outcome.parameters.insert(output.name.clone(), value);
                }
                Err(error) => {
                    errors.push(error.to_string());
                    break;
                }
            }
        }
        for (output, store) in self.task.output_artifacts.iter().zip(&self.ground.stores) {
            match store.save(&self.ground.root, &output.name, &output.path) {
                Ok(()) => outcome.artifacts.push(output.name.clone()),
                Err(error) if error.is_missing() && output.optional => {}
                Err(error) => errors.push(error.to_string()),
            }
        }
        if outcome.error.is_none() && outcome.exit_code == Some(0) && !errors.is_empty() {
            outcome.error = Some(errors.join("; "));
        }
    }
}

/// The processes whose parent is this one.
fn children() -> Vec<Pid> {
    let own = getpid();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| parent(&entry.path().join("stat")) == Some(own))
        .filter_map(|entry| pid(&entry.path()))
        .collect()
}

fn pid(directory: &std::path::Path) -> Option<Pid> {
    Some(Pid::from_raw(directory.file_name()?.to_str()?.parse().ok()?))
}

fn parent(stat: &PathBuf) -> Option<Pid> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let fields = text.rsplit_once(')')?.1;
    Some(Pid::from_raw(fields.split_whitespace().nth(1)?.parse().ok()?))
}
