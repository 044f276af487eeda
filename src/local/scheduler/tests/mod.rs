//! The scheduler without processes: a workflow goes in, tasks are answered by name, the status is compared as text.

#![allow(clippy::unwrap_used, clippy::format_push_string)]

mod daemons;
mod dags;
mod ends;
mod errands;
mod fail_fast;
mod fanout;
mod hook_faults;
mod hooked;
mod hooks;
mod limits;
mod looks;
mod properties;
mod references;
mod retries;
mod scale;
mod stubs;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Action, Event, Found, Given, Moment, NodeIndex, Scheduler, Shutdown, Timer};
use crate::local::errand::{Errand, Returned};
use crate::local::resolved::Resolved;
use crate::local::task::{Outcome, Task};

/// A run of a workflow `wf` whose clock moves a second with each task that ends.
struct Run {
    scheduler: Scheduler,
    now: Timestamp,
    /// How far somebody has set the wall clock.
    set_by: SignedDuration,
    /// Tasks at work, the oldest first.
    running: Vec<(NodeIndex, Task)>,
    /// Requests and lists on their way.
    errands: Vec<(NodeIndex, Errand)>,
    /// Nodes whose entries are made, and those that must not have one.
    kept: Vec<String>,
    left_out: Vec<String>,
    dismissed: Vec<String>,
    killed: HashMap<NodeIndex, String>,
    timers: Vec<(Timestamp, Timer)>,
    most_running: usize,
}

impl Run {
    /// Begins a run of this spec.
    fn of(spec: &str) -> Self {
        Self::with(spec, |_| {})
    }

    /// Begins a run of a spec whose plan needs more.
    fn with(spec: &str, change: impl FnOnce(&mut Resolved)) -> Self {
        let spec: Value = serde_yaml::from_str(spec).unwrap();
        let metadata =
            json!({"name": "wf", "namespace": "default", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"});
        let workflow = json!({"metadata": metadata, "spec": spec});
        let mut plan = Resolved::new(workflow, PathBuf::from("/run"), 1000);
        change(&mut plan);
        let mut run = Self {
            scheduler: Scheduler::new(plan),
            now: Timestamp::UNIX_EPOCH,
            set_by: SignedDuration::ZERO,
            running: Vec::new(),
            errands: Vec::new(),
            kept: Vec::new(),
            left_out: Vec::new(),
            dismissed: Vec::new(),
            killed: HashMap::new(),
            timers: Vec::new(),
            most_running: 0,
        };
        run.tell(Event::Start);
        run
    }

    /// Tells the scheduler of an event; the cache that it asks then has no entry.
    fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let elapsed = self.now.duration_since(Timestamp::UNIX_EPOCH);
            let moment = Moment { wall: self.now + self.set_by, elapsed };
            for action in self.scheduler.handle(moment, event) {
                match action {
                    Action::Run(node, task) => self.running.push((node, *task)),
                    Action::Kill(node, reason) => {
                        self.killed.insert(node, reason);
                    }
                    Action::LookUp(node, _) => events.push_back(Event::Found(node, Found::Miss)),
                    Action::Errand(node, errand) => self.errands.push((node, *errand)),
                    Action::Dismiss(node) => self.dismissed.push(self.name(node)),
                    Action::Keep(node, _) => self.kept.push(self.name(node)),
                    Action::LeaveOut(node) => self.left_out.push(self.name(node)),
                    Action::Forget(_) => {}
                    Action::Wake(at, timer) => self.timers.push((Timestamp::UNIX_EPOCH + at, timer)),
                }
            }
        }
        self.most_running = self.most_running.max(self.running.len());
    }

    /// A node's name below the workflow's.
    fn name(&self, node: NodeIndex) -> String {
        self.scheduler.node(node).name["wf".len()..].to_owned()
    }

    fn running(&self) -> Vec<String> {
        self.running.iter().map(|(node, _)| self.name(*node)).collect()
    }

    /// The first process of the task at work whose node has this name.
    fn command(&self, name: &str) -> String {
        let (_, task) = self.running.iter().find(|(node, _)| self.name(*node) == name).unwrap();
        task.main[0].command.join(" ")
    }

    /// The named task ends.
    fn end(&mut self, name: &str, outcome: Outcome) {
        let place = self.running.iter().position(|(node, _)| self.name(*node) == name);
        self.end_at(place.unwrap_or_else(|| panic!("{name} is not at work, {:?} are", self.running())), outcome);
    }

    fn end_at(&mut self, place: usize, outcome: Outcome) {
        let (node, _) = self.running.remove(place);
        self.now += SignedDuration::from_secs(1);
        let killed = self.killed.remove(&node);
        let exit_code = if killed.is_some() { Some(143) } else { outcome.exit_code };
        self.tell(Event::Ended(node, Box::new(Outcome { exit_code, killed, ..outcome })));
    }

    /// The named task is a daemon, and ready.
    fn ready(&mut self, name: &str) {
        let (node, _) = self.running.iter().find(|(node, _)| self.name(*node) == name).unwrap();
        self.tell(Event::Ready(*node));
    }

    /// The named errand is done.
    fn answer(&mut self, name: &str, returned: Returned) {
        let place = self.errands.iter().position(|(node, _)| self.name(*node) == name).unwrap();
        let (node, _) = self.errands.remove(place);
        self.tell(Event::Returned(node, Box::new(returned)));
    }

    fn shut_down(&mut self, shutdown: Shutdown) {
        self.tell(Event::Shutdown(shutdown));
    }

    /// The earliest time that was asked for comes.
    fn wake(&mut self) -> bool {
        let Some(place) = (0..self.timers.len()).min_by_key(|&place| self.timers[place].0) else { return false };
        let (at, timer) = self.timers.remove(place);
        self.now = self.now.max(at);
        self.tell(Event::Due(timer));
        true
    }

    /// Lets the run go on to its end: tasks end in the order of their start, with these outcomes.
    fn play(&mut self, mut outcome: impl FnMut(&str) -> Outcome) -> &mut Self {
        while self.scheduler.finished().is_none() {
            if self.timers.iter().any(|(at, _)| *at <= self.now) || self.running.is_empty() {
                assert!(self.wake(), "the run is stuck:\n{}", self.status());
            } else {
                let outcome = outcome(&self.name(self.running[0].0));
                self.end_at(0, outcome);
            }
        }
        self
    }

    /// Lets the run go on to its end: the named tasks fail, the others succeed.
    fn play_failing(&mut self, failing: &[&str]) -> String {
        self.play(|name| if failing.contains(&name) { fails(1) } else { succeeds() }).status()
    }

    /// The workflow, then each node: name, type, phase, message, outputs. A message has names for ids.
    fn status(&self) -> String {
        let object = self.scheduler.object();
        let status = &object["status"];
        let mut text = line(&status["phase"], &status["message"], &status["outputs"]);
        for node in self.scheduler.nodes() {
            let node = serde_json::to_value(node).unwrap();
            let name = &node["name"].as_str().unwrap()["wf".len()..];
            let kind = node["type"].as_str().unwrap();
            text += &format!("\n{name} {kind} {}", line(&node["phase"], &node["message"], &node["outputs"]));
        }
        for node in self.scheduler.nodes() {
            text = text.replace(&format!("'{}'", node.id), &format!("'{}'", node.name));
        }
        text
    }

    /// The line of a node in the status.
    fn line(&self, name: &str) -> String {
        let status = self.status();
        let line = status.lines().skip(1).find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no node {name} in\n{status}")).to_owned()
    }
}

fn line(phase: &Value, message: &Value, outputs: &Value) -> String {
    let mut text = phase.as_str().unwrap_or_default().to_owned();
    if let Some(message) = message.as_str() {
        text += &format!(": {message}");
    }
    for parameter in outputs["parameters"].as_array().into_iter().flatten() {
        text += &format!(" {}={}", parameter["name"].as_str().unwrap(), parameter["value"].as_str().unwrap_or("?"));
    }
    if let Some(result) = outputs["result"].as_str() {
        text += &format!(" result={result}");
    }
    text
}

fn succeeds() -> Outcome {
    Outcome { exit_code: Some(0), ..Outcome::default() }
}

fn fails(code: i32) -> Outcome {
    Outcome { exit_code: Some(code), ..Outcome::default() }
}

fn errors() -> Outcome {
    Outcome { exit_code: Some(0), error: Some("an output is missing".to_owned()), ..Outcome::default() }
}

fn gives(result: &str) -> Outcome {
    Outcome { result: Some(result.to_owned()), ..succeeds() }
}

fn writes(name: &str, value: &str) -> Outcome {
    Outcome { parameters: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..succeeds() }
}

fn keeps(artifact: &str) -> Outcome {
    Outcome { artifacts: vec![artifact.to_owned()], ..succeeds() }
}
