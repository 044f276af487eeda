//! The loop of a local run: events to the scheduler, its actions to the executor, its changes to the journal. It waits
//! for whatever comes first, a task's end, a time, a signal; it never polls.

use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;

use tokio::sync::mpsc;

use super::cache_client::{CacheClient, Makers};
use super::clock::Clock;
use super::control_pipe::{Inbox, Request};
use super::event_thread::{EventThread, Handled, State};
use super::executor::Executor;
use super::scheduler::{Action, Event, Finished, Given, NodeIndex, Scheduler};
use super::store::StoreError;
use super::tasks::Tasks;
use super::timers::Timers;
use crate::argo::expression::StopFlag;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Shutdown, Workflow};
use crate::blocking::blocking;

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
#[tracing::instrument(level = "debug", skip_all, fields(directory = %state.store.directory().display()))]
pub(super) async fn run(
    state: State,
    executor: Executor,
    interrupts: &mut mpsc::UnboundedReceiver<Interrupt>,
    mut observe: impl FnMut(&Scheduler, &[NodeIndex]),
) -> Result<Ended, StoreError> {
    let mut state = Box::new(state);
    let mut engine = Engine::start(&state, executor, interrupts)?;

    let finished = loop {
        if let Err(error) = engine.heed(&mut state) {
            break Err(error);
        }
        if engine.held || engine.events.is_empty() {
            if let Err(error) = engine.wait(&mut state).await {
                break Err(error);
            }
            continue;
        }

        let handled = engine.handle(state).await;
        state = handled.state;
        if let Err(error) = handled.recorded {
            break Err(error);
        }
        engine.act(handled.actions, &state.scheduler);
        observe(&state.scheduler, &handled.changes);
        if let Some(finished) = state.scheduler.finished() {
            break Ok(finished);
        }
        if engine.is_stuck(&state.scheduler) {
            engine.events.push_back(Event::Stuck);
        }
    };

    let executor = engine.tasks.end().await;
    let is_success = finished.as_ref().is_ok_and(|finished| finished.phase == Phase::Succeeded);
    let cache = engine.cache;
    let concluded = async {
        cache.end().await;
        let finished = finished?;
        let concluded = blocking(move || conclude(*state)).await;
        let (workflow, nodes) = concluded.unwrap_or_else(|error| resume_unwind(error.into_panic()))?;
        Ok((workflow, nodes, finished))
    };
    // Workers take a while to take their views down.
    let (concluded, ()) = tokio::join!(concluded, executor.end(is_success));
    let (workflow, nodes, finished) = concluded?;
    Ok(Ended { workflow, nodes, finished, interrupted: engine.interrupted })
}

/// What a run works with, beside its state.
struct Engine<'i> {
    thread: EventThread,
    tasks: Tasks,
    cache: CacheClient,
    makers: Makers,
    timers: Timers,
    inbox: Inbox,
    interrupts: &'i mut mpsc::UnboundedReceiver<Interrupt>,
    /// Raised when what is being computed is to come to an end.
    stop: StopFlag,
    /// What the scheduler has not seen yet.
    events: VecDeque<Event>,
    /// What other processes asked for and was not heeded yet.
    requests: VecDeque<Request>,
    /// Whether the run is suspended: its events wait, as a controller's do.
    held: bool,
    interrupted: bool,
}

impl<'i> Engine<'i> {
    fn start(
        state: &State,
        executor: Executor,
        interrupts: &'i mut mpsc::UnboundedReceiver<Interrupt>,
    ) -> Result<Self, StoreError> {
        let State { scheduler, store } = state;
        let clock = Clock::start();
        let thread = EventThread::start(clock).map_err(StoreError::write(store.directory()))?;
        let (cache, makers) = CacheClient::new(store, scheduler);
        Ok(Self {
            thread,
            tasks: Tasks::new(executor),
            cache,
            makers,
            timers: Timers::new(clock),
            inbox: Inbox::open(store.directory()),
            interrupts,
            stop: scheduler.stop_flag(),
            events: VecDeque::from([Event::Start]),
            requests: VecDeque::new(),
            held: Workflow::view(&scheduler.object()).is_suspended(),
            interrupted: false,
        })
    }

    /// Heeds what other processes asked for.
    fn heed(&mut self, state: &mut State) -> Result<(), StoreError> {
        while let Some(request) = self.requests.pop_front() {
            if let Some(spec) = Request::spec(&request) {
                state.store.record_spec(&spec)?;
            }
            match request {
                Request::Suspend(suspend) => self.held = suspend,
                // Before the beginning, if the run has not begun: then nothing does.
                Request::Shutdown(shutdown) => self.events.push_front(Event::Shutdown(shutdown)),
                Request::Resume(nodes) => self.events.extend(resumed(&state.scheduler, &nodes)),
            }
        }
        Ok(())
    }

    /// Has the scheduler handle the events, and hears signals and requests meanwhile.
    async fn handle(&mut self, state: Box<State>) -> Handled {
        self.gather();
        self.thread.handle(state, self.events.drain(..).collect());
        loop {
            tokio::select! {
                handled = self.thread.handled() => return handled,
                Some(interrupt) = self.interrupts.recv() => {
                    self.stop.raise();
                    self.interrupt(interrupt);
                }
                asked = self.inbox.next() => {
                    if asked.iter().any(|request| matches!(request, Request::Shutdown(_))) {
                        self.stop.raise();
                    }
                    self.requests.extend(asked);
                }
            }
        }
    }

    /// Adds what has come already to the events of a batch.
    fn gather(&mut self) {
        while self.events.len() < BATCH
            && let Some(come) = self.tasks.next_ended().map(|event| vec![event]).or_else(|| self.cache.next_found())
        {
            self.events.extend(come);
        }
    }

    /// Does what the scheduler wants done.
    fn act(&mut self, actions: Vec<Action>, scheduler: &Scheduler) {
        for action in actions {
            match action {
                Action::Run(node, task) => self.tasks.start(node, *task),
                Action::Errand(node, errand) => self.tasks.run_errand(node, *errand),
                Action::Kill(node, reason) => self.tasks.kill(node, &reason),
                Action::Dismiss(node) => self.tasks.dismiss(node),
                Action::LookUp(node, wanted) => self.cache.look_up(node, scheduler.node(node), *wanted),
                Action::Keep(node, images) => self.cache.keep(node, scheduler.node(node), images),
                Action::LeaveOut(node) => self.cache.leave_out(node),
                Action::Forget(node) => self.cache.forget(node, scheduler.node(node)),
                Action::Wake(at, timer) => self.timers.add(at, timer),
            }
        }
    }

    /// Waits for whatever comes next. What ends while the run is suspended is looked at when it goes on, as a controller does.
    async fn wait(&mut self, state: &mut State) -> Result<(), StoreError> {
        tokio::select! {
            Some(event) = self.tasks.ended(), if !self.held => self.events.push_back(event),
            Some(found) = self.cache.found(), if !self.held => self.events.extend(found),
            made = self.makers.next() => {
                let State { scheduler, store } = state;
                store.record_made(made.iter().map(|&node| scheduler.node(node)))?;
            }
            timer = self.timers.next(), if !self.held => self.events.push_back(Event::Due(timer)),
            Some(interrupt) = self.interrupts.recv() => self.interrupt(interrupt),
            asked = self.inbox.next() => self.requests.extend(asked),
        }
        Ok(())
    }

    /// Whether nothing can come any more that would let the run go on, so that it would never end.
    fn is_stuck(&self, scheduler: &Scheduler) -> bool {
        let is_idle = self.events.is_empty() && self.requests.is_empty() && !self.cache.is_asked();
        is_idle
            && self.tasks.count() <= scheduler.daemons()
            && !self.timers.any(|timer| scheduler.waits_for(timer))
            && !scheduler.is_paused()
    }

    /// Lets the run end, also a suspended one.
    fn interrupt(&mut self, interrupt: Interrupt) {
        (self.interrupted, self.held) = (true, false);
        if interrupt == Interrupt::Kill {
            self.tasks.kill_all();
        }
        self.events.push_front(Event::Shutdown(Shutdown::Terminate));
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
