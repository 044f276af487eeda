//! Our scheduler over tasks that are played as Argo's engine plays its pods: bare processes, one after another, and times
//! that come at once. So thousands of documents are compared; what a task's view of the files adds is left to the runs
//! of the whole program.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use kubectl_runnable::testing::argo::document::{Kind, Source, parse};
use kubectl_runnable::testing::local::resolved::{Resolved, TemplateScope};
use kubectl_runnable::testing::local::scheduler::{Action, Event, Found, Moment, NodeIndex, Scheduler, Timer};
use kubectl_runnable::testing::local::task::{Outcome, Process, Task};
use kubectl_runnable::testing::prepare::{Memoize, Options, Templates, prepare};
use serde_json::{Value, json};

/// The time between two looks.
const LOOK: SignedDuration = SignedDuration::from_millis(1);
/// More events than any document of these makes.
const EVENTS: usize = 20_000;

/// When pods that run side by side end: nobody can say which, and both engines have to agree on one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// All of them between two looks of Argo's.
    Together,
    /// Each before another look.
    InTurn,
}

/// The workflow of a file as it ends, or why it does not.
pub(crate) fn play(file: &Path, ends: Ends) -> Result<Value, String> {
    let source = Source { name: file.display().to_string(), text: fs::read(file).unwrap() };
    let documents = parse(&source).map_err(|error| error.to_string())?.documents;
    let (workflows, beside): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|document| document.kind == Kind::Workflow);

    let mut options = Options::new("r".parse().unwrap(), "runnable-r".parse().unwrap());
    options.memoize = Memoize::Off;
    let templates: Templates = beside.iter().map(|document| document.value.clone()).collect();
    let prepared = prepare(workflows[0].value.clone(), &templates, &options).map_err(|error| error.to_string())?;
    let mut workflow = prepared.workflow;
    workflow["metadata"]["uid"] = "uid".into();
    workflow["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();

    let mut plan = Resolved::new(workflow, "/nowhere".into(), 1000);
    for document in &beside {
        let name = document.name().unwrap_or_default().to_owned();
        plan.add_templates(TemplateScope::Namespaced(name), &document.value["spec"]);
    }
    Player::new(Scheduler::new(plan), file, ends).play_out()
}

struct Player {
    scheduler: Scheduler,
    elapsed: SignedDuration,
    running: Vec<(NodeIndex, Task)>,
    killed: HashMap<NodeIndex, String>,
    timers: Vec<(SignedDuration, Timer)>,
    script: PathBuf,
    ends: Ends,
    /// Something was asked for that is not played: a request, or a list of artifacts.
    unplayed: bool,
}

impl Player {
    fn new(scheduler: Scheduler, file: &Path, ends: Ends) -> Self {
        Self {
            scheduler,
            elapsed: SignedDuration::ZERO,
            running: Vec::new(),
            killed: HashMap::new(),
            timers: Vec::new(),
            script: file.with_extension("script"),
            ends,
            unplayed: false,
        }
    }

    fn play_out(mut self) -> Result<Value, String> {
        self.tell(Event::Start);
        for _ in 0..EVENTS {
            if self.scheduler.finished().is_some() {
                let mut workflow = self.scheduler.object();
                let nodes = self.scheduler.nodes().iter().map(|node| (node.id.clone(), json!(node))).collect();
                workflow["status"]["nodes"] = Value::Object(nodes);
                return Ok(workflow);
            }
            if self.unplayed {
                break;
            }
            if self.running.is_empty() {
                let first = (0..self.timers.len()).min_by_key(|place| self.timers[*place].0);
                let (at, timer) = self.timers.remove(first.ok_or("nothing runs and nothing is waited for")?);
                self.elapsed = self.elapsed.max(at);
                self.tell(Event::Due(timer));
            }
            // Those that ask for a cache entry are told a moment later; Argo's come in the order of their calls.
            self.running.sort_by_key(|(node, _)| *node);
            self.elapsed += LOOK;
            let (daemons, running): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.running).into_iter().partition(|(_, task)| task.daemon.is_some());
            for (node, _) in daemons {
                self.tell(Event::Ready(node));
                if let Some(why) = self.killed.remove(&node) {
                    self.tell(Event::Ended(node, Box::new(killed_for(why))));
                }
            }
            for (node, task) in running {
                let outcome = match self.killed.remove(&node) {
                    Some(why) => killed_for(why),
                    None => self.carry_out(&task),
                };
                self.tell(Event::Ended(node, Box::new(outcome)));
                if self.ends == Ends::InTurn {
                    self.elapsed += LOOK;
                }
            }
        }
        Err("it does not end, or asks for what is not played".to_owned())
    }

    /// Tells the scheduler of an event. What it asks of the cache is never there: entries of this run are its own.
    fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let moment = Moment { wall: Timestamp::UNIX_EPOCH + self.elapsed, elapsed: self.elapsed };
            for action in self.scheduler.handle(moment, event) {
                match action {
                    Action::Run(node, task) => self.running.push((node, *task)),
                    Action::Kill(node, reason) => {
                        self.killed.insert(node, reason);
                    }
                    Action::LookUp(node, _) => events.push_back(Event::Found(node, Found::Miss)),
                    Action::Wake(at, timer) => self.timers.push((at, timer)),
                    Action::Keep(..) | Action::Forget(_) | Action::LeaveOut(_) | Action::Dismiss(_) => {}
                    Action::Errand(..) => self.unplayed = true,
                }
            }
        }
    }

    fn carry_out(&self, task: &Task) -> Outcome {
        let mut outcome = Outcome::default();
        for process in &task.main {
            let (code, output) = self.start(process);
            outcome.containers.insert(process.name.clone(), Some(code));
            if process.name == "main" || outcome.exit_code.unwrap_or_default() == 0 {
                outcome.exit_code = Some(code);
            }
            if task.capture_result && process.name == "main" {
                outcome.result = Some(output);
            }
        }
        for output in &task.output_parameters {
            let written = fs::read_to_string(&output.path).ok();
            let written = written.map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned());
            match written.or_else(|| output.default.clone()) {
                Some(value) => {
                    outcome.parameters.insert(output.name.clone(), value);
                }
                None => outcome.error = Some(format!("output parameter {} was not written", output.name)),
            }
            let _ = fs::remove_file(&output.path);
        }
        outcome.artifacts = task.output_artifacts.iter().map(|artifact| artifact.name.clone()).collect();
        outcome
    }

    fn start(&self, process: &Process) -> (i32, String) {
        let mut command = Command::new(&process.command[0]);
        command.args(&process.command[1..]).envs(process.env.iter().cloned());
        if let Some(script) = &process.script {
            fs::write(&self.script, script).unwrap();
            command.arg(&self.script);
        }
        let Ok(output) = command.stdin(Stdio::null()).output() else { return (127, String::new()) };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code().unwrap(), text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }
}

fn killed_for(why: String) -> Outcome {
    Outcome { exit_code: Some(143), killed: Some(why), ..Outcome::default() }
}
