//! The loop of a local run: events to the scheduler, its actions to the executor, its changes to the journal. It waits
//! for whatever comes first, a task's end, a time, a signal; it never polls.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use super::cache_client::CacheClient;
use super::control_pipe::{Inbox, Request};
use super::executor::Executor;
use super::kill::{KillSwitch, kill_switch};
use super::scheduler::{Action, Event, Finished, Given, Moment, NodeIndex, Scheduler, Timer};
use super::store::{Store, StoreError};
use super::task::Outcome;
use crate::argo::status::NodeType;
use crate::argo::{Shutdown, Workflow};

/// How long a task has between SIGTERM and SIGKILL; Kubernetes' default is 30 s.
const GRACE: Duration = Duration::from_secs(10);

/// What happens to a run from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// End the run; the tasks may clean up.
    Terminate,
    /// End the run at once.
    Kill,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The final Workflow object.
    pub workflow: Value,
    /// How it ended.
    pub finished: Finished,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// Carries out a run. `observe` sees the state after each event and the nodes that it changed.
#[tracing::instrument(level = "debug", skip_all, fields(directory = %store.directory().display()))]
pub(crate) async fn run(
    mut scheduler: Scheduler,
    executor: Executor,
    mut store: Store,
    interrupts: &mut mpsc::UnboundedReceiver<Interrupt>,
    mut observe: impl FnMut(&Scheduler, &[NodeIndex]),
) -> Result<Ended, StoreError> {
    let mut tasks = Tasks::new(executor);
    let mut memory = CacheClient::new(&store, &scheduler);
    let clock = Clock::start();
    let mut timers = Timers::new(clock);
    let mut inbox = Inbox::open(store.directory());
    let mut held = Workflow::view(&scheduler.object()).is_suspended();
    let mut interrupted = false;
    let mut events = VecDeque::from([Event::Start]);
    let finished = 'run: loop {
        if let Some(event) = if held { None } else { events.pop_front() } {
            for action in scheduler.handle(clock.now(), event) {
                match action {
                    Action::Run(node, task) => tasks.start(node, *task),
                    Action::Kill(node, reason) => tasks.kill(node, &reason, GRACE),
                    Action::LookUp(node, wanted) => memory.look_up(node, scheduler.node(node), *wanted),
                    Action::Keep(node) => memory.keep(node, scheduler.node(node)),
                    Action::Forget(node) => memory.forget(node, scheduler.node(node)),
                    Action::Wake(at, timer) => timers.add(at, timer),
                }
            }
            let changes = scheduler.changes();
            if let Err(error) = store.record(changes.iter().map(|&node| scheduler.node(node))) {
                break Err(error);
            }
            observe(&scheduler, &changes);
            if let Some(finished) = scheduler.finished() {
                break Ok(finished);
            }
            continue;
        }
        tokio::select! {
            // What ends while the run is suspended is looked at when it goes on, as a controller does.
            Some((node, outcome)) = tasks.ended.recv(), if !held => events.push_back(tasks.end(node, outcome)),
            Some((node, found)) = memory.found(), if !held => events.push_back(Event::Found(node, found)),
            timer = timers.next(), if !held => events.push_back(Event::Due(timer)),
            Some(interrupt) = interrupts.recv() => {
                (interrupted, held) = (true, false);
                if interrupt == Interrupt::Kill {
                    tasks.kill_all();
                }
                events.push_front(Event::Shutdown(Shutdown::Terminate));
            }
            requests = inbox.next() => for request in requests {
                if let Some(spec) = request.spec()
                    && let Err(error) = store.record_spec(&spec)
                {
                    break 'run Err(error);
                }
                match request {
                    Request::Suspend(suspend) => held = suspend,
                    // Before the beginning, if the run has not begun: then nothing does.
                    Request::Shutdown(shutdown) => events.push_front(Event::Shutdown(shutdown)),
                    Request::Resume(nodes) => events.extend(resumed(&scheduler, &nodes)),
                }
            }
        }
    };
    tasks.kill_all();
    tasks.wait().await;
    memory.end().await;
    let finished = finished?;
    let mut workflow = scheduler.object();
    if let Some(spec) = workflow["spec"].as_object_mut() {
        spec.shift_remove("suspend");
    }
    store.secrets().hide_in_workflow(&mut workflow);
    store.write_workflow(&workflow)?;
    store.sweep();
    Ok(Ended { workflow, finished, interrupted })
}

/// The clocks of a run: the one on the wall, and the time since its beginning, which nobody can set.
#[derive(Debug, Clone, Copy)]
struct Clock {
    begun: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// In milliseconds: finer than Argo's seconds, for tasks here are short, and no finer than anyone reads.
    fn now(self) -> Moment {
        let wall = Timestamp::now();
        let elapsed = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Moment { wall: wall.round(Unit::Millisecond).unwrap_or(wall), elapsed: SignedDuration::from_millis(elapsed) }
    }

    /// When the run has lasted this long; none where that is further away than anyone waits.
    fn instant(self, at: SignedDuration) -> Option<Instant> {
        self.begun.checked_add(Duration::try_from(at).unwrap_or_default())
    }
}

/// Suspended nodes that go on, with what they are given.
fn resumed(scheduler: &Scheduler, given: &BTreeMap<String, Given>) -> Vec<Event> {
    let suspended = scheduler.indices().filter(|&node| scheduler.node(node).kind == NodeType::Suspend);
    let meant = suspended.filter_map(|node| Some((node, given.get(&scheduler.node(node).id)?)));
    meant.map(|(node, given)| Event::Resumed(node, Box::new(given.clone()))).collect()
}

/// The tasks at work.
struct Tasks {
    executor: Arc<Executor>,
    killers: HashMap<NodeIndex, KillSwitch>,
    sender: mpsc::UnboundedSender<(NodeIndex, Outcome)>,
    ended: mpsc::UnboundedReceiver<(NodeIndex, Outcome)>,
}

impl Tasks {
    fn new(executor: Executor) -> Self {
        let (sender, ended) = mpsc::unbounded_channel();
        Self { executor: Arc::new(executor), killers: HashMap::new(), sender, ended }
    }

    fn start(&mut self, node: NodeIndex, task: super::task::Task) {
        let (killer, kill) = kill_switch();
        self.killers.insert(node, killer);
        let (executor, sender) = (Arc::clone(&self.executor), self.sender.clone());
        let task = async move {
            let outcome = executor.run(task, kill).await;
            // The receiver lives as long as the run.
            let _ = sender.send((node, outcome));
        };
        tokio::spawn(task.in_current_span());
    }

    fn end(&mut self, node: NodeIndex, outcome: Outcome) -> Event {
        self.killers.remove(&node);
        Event::Ended(node, Box::new(outcome))
    }

    fn kill(&self, node: NodeIndex, reason: &str, grace: Duration) {
        if let Some(killer) = self.killers.get(&node) {
            killer.kill(reason, grace);
        }
    }

    fn kill_all(&self) {
        for killer in self.killers.values() {
            killer.kill("the run was interrupted", Duration::ZERO);
        }
    }

    /// Waits for tasks that are still at work when the run has ended.
    async fn wait(&mut self) {
        while !self.killers.is_empty() {
            match self.ended.recv().await {
                Some((node, _)) => self.killers.remove(&node),
                None => return,
            };
        }
    }
}

/// Times that were asked for, the next one first.
struct Timers {
    clock: Clock,
    heap: BinaryHeap<Reverse<(SignedDuration, usize)>>,
    timers: Vec<Timer>,
}

impl Timers {
    fn new(clock: Clock) -> Self {
        Self { clock, heap: BinaryHeap::new(), timers: Vec::new() }
    }

    fn add(&mut self, at: SignedDuration, timer: Timer) {
        self.heap.push(Reverse((at, self.timers.len())));
        self.timers.push(timer);
    }

    /// Waits for the next time; forever when there is none.
    async fn next(&mut self) -> Timer {
        let Some(&Reverse((at, place))) = self.heap.peek() else { return std::future::pending().await };
        let Some(at) = self.clock.instant(at) else { return std::future::pending().await };
        tokio::time::sleep_until(at).await;
        self.heap.pop();
        self.timers[place]
    }
}
