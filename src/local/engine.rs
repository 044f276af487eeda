//! The loop of a local run: events to the scheduler, its actions to the executor, its changes to the journal. It waits
//! for whatever comes first, a task's end, a time, a signal; it never polls.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::cache_client::CacheClient;
use super::clock::Clock;
use super::control_pipe::{Inbox, Request};
use super::daemons::link;
use super::errand::{Errand, Returned};
use super::errands::Errands;
use super::event_thread::{EventThread, State};
use super::executor::Executor;
use super::kill::{KillSwitch, kill_switch};
use super::scheduler::{Action, Event, Finished, Given, NodeIndex, Scheduler, Timer};
use super::store::{Store, StoreError};
use super::task::Outcome;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Shutdown, Workflow};

/// How long a task has between SIGTERM and SIGKILL; Kubernetes' default is 30 s.
const GRACE: Duration = Duration::from_secs(10);
/// So many events are handled before anything else is looked at; one write to the journal holds what they changed.
const BATCH: usize = 256;

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
    /// The final Workflow object without its nodes.
    pub(crate) workflow: Workflow,
    /// Its nodes.
    pub(crate) nodes: Vec<Node>,
    /// How it ended.
    pub(crate) finished: Finished,
    /// Whether it was interrupted.
    pub(crate) interrupted: bool,
}

/// Carries out a run. `observe` sees the state after each batch of events and the nodes that it changed.
#[tracing::instrument(level = "debug", skip_all, fields(directory = %store.directory().display()))]
pub(crate) async fn run(
    scheduler: Scheduler,
    executor: Executor,
    store: Store,
    interrupts: &mut mpsc::UnboundedReceiver<Interrupt>,
    mut observe: impl FnMut(&Scheduler, &[NodeIndex]),
) -> Result<Ended, StoreError> {
    let clock = Clock::start();
    let mut thread = EventThread::start(clock).map_err(StoreError::write(store.directory()))?;
    let mut tasks = Tasks::new(executor);
    let (mut memory, mut makers) = CacheClient::new(&store, &scheduler);
    let mut timers = Timers::new(clock);
    let mut inbox = Inbox::open(store.directory());
    let stop = scheduler.stop_flag();
    let mut state = Box::new(State { scheduler, store });
    let mut held = Workflow::view(&state.scheduler.object()).is_suspended();
    let mut interrupted = false;
    let mut events = VecDeque::from([Event::Start]);
    let mut requests = VecDeque::new();
    let finished = 'run: loop {
        while let Some(request) = requests.pop_front() {
            if let Some(spec) = Request::spec(&request)
                && let Err(error) = state.store.record_spec(&spec)
            {
                break 'run Err(error);
            }
            match request {
                Request::Suspend(suspend) => held = suspend,
                // Before the beginning, if the run has not begun: then nothing does.
                Request::Shutdown(shutdown) => events.push_front(Event::Shutdown(shutdown)),
                Request::Resume(nodes) => events.extend(resumed(&state.scheduler, &nodes)),
            }
        }
        if !held && !events.is_empty() {
            gather(&mut events, &mut tasks, &mut memory);
            thread.handle(state, events.drain(..).collect());
            let handled = loop {
                tokio::select! {
                    handled = thread.handled() => break handled,
                    Some(interrupt) = interrupts.recv() => {
                        interrupted = true;
                        stop.raise();
                        if interrupt == Interrupt::Kill {
                            tasks.kill_all();
                        }
                        events.push_front(Event::Shutdown(Shutdown::Terminate));
                    }
                    asked = inbox.next() => {
                        if asked.iter().any(|request| matches!(request, Request::Shutdown(_))) {
                            stop.raise();
                        }
                        requests.extend(asked);
                    }
                }
            };
            state = handled.state;
            if let Err(error) = handled.recorded {
                break Err(error);
            }
            for action in handled.actions {
                match action {
                    Action::Run(node, task) => tasks.start(node, *task),
                    Action::Errand(node, errand) => tasks.run_errand(node, *errand),
                    Action::Kill(node, reason) => tasks.kill(node, &reason, GRACE),
                    Action::Dismiss(node) => tasks.dismiss(node),
                    Action::LookUp(node, wanted) => memory.look_up(node, state.scheduler.node(node), *wanted),
                    Action::Keep(node) => memory.keep(node, state.scheduler.node(node)),
                    Action::LeaveOut(node) => memory.leave_out(node),
                    Action::Forget(node) => memory.forget(node, state.scheduler.node(node)),
                    Action::Wake(at, timer) => timers.add(at, timer),
                }
            }
            observe(&state.scheduler, &handled.changes);
            if let Some(finished) = state.scheduler.finished() {
                break Ok(finished);
            }
            continue;
        }
        tokio::select! {
            // What ends while the run is suspended is looked at when it goes on, as a controller does.
            Some(event) = tasks.ended(), if !held => events.push_back(event),
            Some(found) = memory.found(), if !held => events.extend(found),
            made = makers.next() => {
                let State { scheduler, store } = &mut *state;
                if let Err(error) = store.record_made(made.iter().map(|&node| scheduler.node(node))) {
                    break Err(error);
                }
            }
            timer = timers.next(), if !held => events.push_back(Event::Due(timer)),
            Some(interrupt) = interrupts.recv() => {
                (interrupted, held) = (true, false);
                if interrupt == Interrupt::Kill {
                    tasks.kill_all();
                }
                events.push_front(Event::Shutdown(Shutdown::Terminate));
            }
            asked = inbox.next() => requests.extend(asked),
        }
    };
    tasks.kill_rest();
    tasks.wait().await;
    let is_success = finished.as_ref().is_ok_and(|finished| finished.phase == Phase::Succeeded);
    tasks.executor.end(is_success).await;
    memory.end().await;
    let finished = finished?;
    let (workflow, nodes) = conclude(*state)?;
    Ok(Ended { workflow, nodes, finished, interrupted })
}

/// Adds what has come already to the events of a batch.
fn gather(events: &mut VecDeque<Event>, tasks: &mut Tasks, memory: &mut CacheClient) {
    while events.len() < BATCH
        && let Some(come) = tasks.next_ended().map(|event| vec![event]).or_else(|| memory.next_found())
    {
        events.extend(come);
    }
}

/// Writes down how the run has ended.
fn conclude(State { scheduler, store }: State) -> Result<(Workflow, Vec<Node>), StoreError> {
    let (mut workflow, nodes) = scheduler.into_end();
    Workflow::view_mut(&mut workflow).unsuspend();
    store.secrets().hide_in_workflow(&mut workflow);
    store.write_end(&workflow, &nodes)?;
    store.sweep();
    Ok((Workflow::from(workflow), nodes))
}

/// Suspended nodes that go on, with what they are given.
fn resumed(scheduler: &Scheduler, given: &BTreeMap<String, Given>) -> Vec<Event> {
    let suspended = scheduler.indices().filter(|&node| scheduler.node(node).kind == NodeType::Suspend);
    let meant = suspended.filter_map(|node| Some((node, given.get(&scheduler.node(node).id)?)));
    meant.map(|(node, given)| Event::Resumed(node, Box::new(given.clone()))).collect()
}

/// The tasks and errands at work.
struct Tasks {
    executor: Arc<Executor>,
    errands: Errands,
    killers: HashMap<NodeIndex, KillSwitch>,
    /// Daemons that are to end, and may take their time also after the run.
    dismissed: HashMap<NodeIndex, KillSwitch>,
    sender: mpsc::UnboundedSender<(NodeIndex, Heard)>,
    ended: mpsc::UnboundedReceiver<(NodeIndex, Heard)>,
}

/// How something ended that was at work.
enum End {
    Task(Box<Outcome>),
    Errand(Box<Returned>),
}

/// What is heard of something that is at work.
enum Heard {
    Ready,
    End(End),
}

impl Tasks {
    fn new(executor: Executor) -> Self {
        let (sender, ended) = mpsc::unbounded_channel();
        Self {
            executor: Arc::new(executor),
            errands: Errands::new(),
            killers: HashMap::new(),
            dismissed: HashMap::new(),
            sender,
            ended,
        }
    }

    fn start(&mut self, node: NodeIndex, task: super::task::Task) {
        let (killer, kill) = kill_switch();
        self.killers.insert(node, killer);
        let (executor, sender) = (Arc::clone(&self.executor), self.sender.clone());
        let linked = task.daemon.clone().map(|probes| (probes, link()));
        let link = linked.map(|(probes, (link, watcher))| {
            let sender = self.sender.clone();
            let watch = async move {
                if watcher.until_ready(&probes).await {
                    // The receiver lives as long as the run.
                    let _ = sender.send((node, Heard::Ready));
                }
            };
            tokio::spawn(watch.in_current_span());
            link
        });
        let task = async move {
            let outcome = executor.run_linked(task, kill, link).await;
            // The receiver lives as long as the run.
            let _ = sender.send((node, Heard::End(End::Task(Box::new(outcome)))));
        };
        tokio::spawn(task.in_current_span());
    }

    fn run_errand(&mut self, node: NodeIndex, errand: Errand) {
        let (killer, kill) = kill_switch();
        self.killers.insert(node, killer);
        let (errands, sender) = (self.errands.clone(), self.sender.clone());
        let errand = async move {
            let returned = errands.run(errand, kill).await;
            // The receiver lives as long as the run.
            let _ = sender.send((node, Heard::End(End::Errand(Box::new(returned)))));
        };
        tokio::spawn(errand.in_current_span());
    }

    /// Waits for the end of a task.
    async fn ended(&mut self) -> Option<Event> {
        let (node, heard) = self.ended.recv().await?;
        Some(self.event(node, heard))
    }

    /// The end of a task that has come already.
    fn next_ended(&mut self) -> Option<Event> {
        let (node, heard) = self.ended.try_recv().ok()?;
        Some(self.event(node, heard))
    }

    fn event(&mut self, node: NodeIndex, heard: Heard) -> Event {
        let Heard::End(end) = heard else { return Event::Ready(node) };
        self.killers.remove(&node);
        self.dismissed.remove(&node);
        match end {
            End::Task(outcome) => Event::Ended(node, outcome),
            End::Errand(returned) => Event::Returned(node, returned),
        }
    }

    /// Ends a daemon that nothing needs any more.
    fn dismiss(&mut self, node: NodeIndex) {
        if let Some(killer) = self.killers.remove(&node) {
            killer.kill("what it ran for has ended", GRACE);
            self.dismissed.insert(node, killer);
        }
    }

    fn kill(&self, node: NodeIndex, reason: &str, grace: Duration) {
        if let Some(killer) = self.killers.get(&node) {
            killer.kill(reason, grace);
        }
    }

    /// Kills all that is at work, daemons that are ending too.
    fn kill_all(&self) {
        self.kill_rest();
        for killer in self.dismissed.values() {
            killer.kill("the run was interrupted", Duration::ZERO);
        }
    }

    /// Kills what is still at work.
    fn kill_rest(&self) {
        for killer in self.killers.values() {
            killer.kill("the run was interrupted", Duration::ZERO);
        }
    }

    /// Waits for tasks that are still at work when the run has ended.
    async fn wait(&mut self) {
        while !self.killers.is_empty() || !self.dismissed.is_empty() {
            match self.ended.recv().await {
                Some((_, Heard::Ready)) => {}
                Some((node, Heard::End(_))) => {
                    self.killers.remove(&node);
                    self.dismissed.remove(&node);
                }
                None => return,
            }
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
