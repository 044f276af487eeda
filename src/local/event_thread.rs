//! The scheduler on a thread of its own: an event may take long to compute, and whoever carries the run out hears signals
//! meanwhile. What a batch of events changed is in the journal before its actions are carried out.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc as tokio_mpsc;

use super::clock::Clock;
use super::scheduler::{Action, Event, NodeIndex, Scheduler};
use super::store::{Store, StoreError};

/// The state of a run and its record. It is with the thread while that handles events, else with the engine.
#[derive(Debug)]
pub(super) struct State {
    pub(super) scheduler: Scheduler,
    pub(super) store: Store,
}

/// What came of a batch of events.
#[derive(Debug)]
pub(super) struct Handled {
    pub(super) state: Box<State>,
    /// What is to be done.
    pub(super) actions: Vec<Action>,
    /// The nodes that changed.
    pub(super) changes: Vec<NodeIndex>,
    /// Whether the changes are in the journal.
    pub(super) recorded: Result<(), StoreError>,
}

/// The thread.
pub(super) struct EventThread {
    batches: mpsc::Sender<(Box<State>, Vec<Event>)>,
    handled: tokio_mpsc::UnboundedReceiver<Handled>,
    thread: JoinHandle<()>,
}

impl EventThread {
    /// Starts the thread. It ends with this value.
    pub(super) fn start(clock: Clock) -> io::Result<Self> {
        let (batches, received) = mpsc::channel::<(Box<State>, Vec<Event>)>();
        let (sender, handled) = tokio_mpsc::unbounded_channel();
        let thread = thread::Builder::new().name("scheduler".to_owned()).spawn(move || {
            while let Ok((state, events)) = received.recv() {
                // The engine waits for each answer, unless it is gone.
                let _ = sender.send(state.handle(clock, events));
            }
        })?;
        Ok(Self { batches, handled, thread })
    }

    /// Has events handled; [`EventThread::handled`] gives what came of it.
    pub(super) fn handle(&self, state: Box<State>, events: Vec<Event>) {
        // A thread that has panicked is found out by who waits for its answer.
        let _ = self.batches.send((state, events));
    }

    /// What came of the events; may be asked again when something else came first.
    pub(super) async fn handled(&mut self) -> Handled {
        match self.handled.recv().await {
            Some(handled) => handled,
            None => self.panicked(),
        }
    }

    fn panicked(&mut self) -> ! {
        let thread = std::mem::replace(&mut self.thread, thread::spawn(|| {}));
        match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread ends with the value that it belongs to"),
        }
    }
}

impl State {
    fn handle(mut self: Box<Self>, clock: Clock, events: Vec<Event>) -> Handled {
        let now = clock.now();
        let actions: Vec<Action> = events.into_iter().flat_map(|event| self.scheduler.handle(now, event)).collect();
        let changes = self.scheduler.changes();
        let status = |node| self.scheduler.node(node);
        let makers = actions.iter().filter_map(|action| match action {
            Action::Keep(node, images) => Some((status(*node), images.as_slice())),
            _ => None,
        });
        let recorded = self.store.record(changes.iter().copied().map(status), makers);
        Handled { state: self, actions, changes, recorded }
    }
}
