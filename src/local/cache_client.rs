//! The cache of a run's memoized nodes, between the engine and the store of entries. An entry that cannot be used
//! is a miss with a warning; one that cannot be made costs the next attempt its work and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, TryLockError};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::{Span, field};

use super::cache_answers::Answers;
use super::cache_run::{CacheRun, Held, Shared, chain, lock, take, warn};
use super::readers::Readers;
use super::runtime::Wanted as ImageWanted;
use super::scheduler::{Event, Found, NodeIndex, Scheduler, Wanted};
use super::store::Store;
use crate::argo::identity::CacheName;
use crate::argo::status::Node;
use crate::cache::{CacheKey, Failure, Prefix, Seen, Stop, VERSION};

/// So many entries that have been made are told of together.
const MANY: usize = 256;

/// The cache as a run sees it.
pub(super) struct CacheClient {
    run: Arc<CacheRun>,
    readers: Readers,
    /// The prefixes of nodes at work, held until they have ended.
    held: Arc<Mutex<HashMap<NodeIndex, Held>>>,
    answers: Arc<Answers>,
    received: mpsc::UnboundedReceiver<Vec<Event>>,
    /// How many nodes wait for their answers.
    asked: usize,
    makers: mpsc::UnboundedSender<NodeIndex>,
}

/// The nodes whose entries have been made.
pub(super) struct Makers(mpsc::UnboundedReceiver<NodeIndex>);

impl Makers {
    /// Waits for the next ones.
    pub(super) async fn next(&mut self) -> Vec<NodeIndex> {
        let mut makers = Vec::new();
        self.0.recv_many(&mut makers, MANY).await;
        makers
    }
}

/// A node that asks for an entry.
struct Question {
    run: Arc<CacheRun>,
    node: NodeIndex,
    id: String,
    prefix: Prefix,
    wanted: Wanted,
    held: Arc<Mutex<HashMap<NodeIndex, Held>>>,
    answers: Arc<Answers>,
    span: Span,
}

impl CacheClient {
    pub(super) fn new(store: &Store, scheduler: &Scheduler) -> (Self, Makers) {
        let (answers, received) = Answers::new();
        let handing_over = Arc::clone(&answers);
        let readers = Readers::new(move || handing_over.hand_over());
        let run = Arc::new(CacheRun::new(store, scheduler));
        let (makers, made) = mpsc::unbounded_channel();
        (Self { run, readers, held: Arc::default(), answers, received, asked: 0, makers }, Makers(made))
    }

    /// Looks for an entry of an earlier run; [`CacheClient::found`] gives what came of it.
    pub(super) fn look_up(&mut self, node: NodeIndex, status: &Node, wanted: Wanted) {
        self.asked += 1;
        let names = (wanted.cache.parse::<CacheName>(), wanted.key.parse::<CacheKey>());
        let (Ok(cache), Ok(key)) = names else {
            warn(&format!(
                "node {} is not memoized: cache {:?} or key {:?} is invalid",
                status.name, wanted.cache, wanted.key
            ));
            self.answers.add(node, Found::Miss);
            return self.answers.hand_over();
        };
        // Not the key: a document may put any parameter into it.
        let span = tracing::debug_span!("cache_look_up", node = status.id, cache = wanted.cache, hit = field::Empty);
        let question = Question {
            run: Arc::clone(&self.run),
            node,
            id: status.id.clone(),
            prefix: self.run.prefix(&cache, &key),
            wanted,
            held: Arc::clone(&self.held),
            answers: Arc::clone(&self.answers),
            span,
        };
        let runtime = Handle::current();
        self.readers.add(move || question.ask(&runtime));
    }

    /// Waits for the next answers.
    pub(super) async fn found(&mut self) -> Option<Vec<Event>> {
        let found = self.received.recv().await?;
        Some(self.counted(found))
    }

    /// Answers that have come already.
    pub(super) fn next_found(&mut self) -> Option<Vec<Event>> {
        let found = self.received.try_recv().ok()?;
        Some(self.counted(found))
    }

    fn counted(&mut self, found: Vec<Event>) -> Vec<Event> {
        self.asked -= found.len();
        found
    }

    /// Whether a node waits for its answer.
    pub(super) fn is_asked(&self) -> bool {
        self.asked > 0
    }

    /// Makes the entry of a node that succeeded; [`Makers`] tells when it is there.
    pub(super) fn keep(&mut self, node: NodeIndex, status: &Node, images: Vec<ImageWanted>) {
        let Some(held) = self.release(node) else { return };
        if self.run.hides(status.outputs.as_ref()) {
            warn(&format!("node {} is not memoized: its outputs hold a value of a Secret", status.name));
            return;
        }
        let (run, status, makers) = (Arc::clone(&self.run), status.clone(), self.makers.clone());
        self.readers.add(move || {
            match run.keep(&held, &status, &images) {
                // Nobody hears of it once the run is ending.
                Ok(()) => drop(makers.send(node)),
                Err(error) => warn(&format!("node {} leaves no cache entry: {}", status.name, chain(&error))),
            }
            drop(held);
        });
    }

    /// Notes that a node did not succeed.
    pub(super) fn forget(&mut self, node: NodeIndex, status: &Node) {
        let Some(held) = self.release(node) else { return };
        let failure = Failure {
            version: VERSION,
            node_id: status.id.clone(),
            workflow_uid: self.run.uid().to_owned(),
            phase: status.phase.as_str().to_owned(),
            message: status.message.clone(),
        };
        self.readers.add(move || {
            if let Err(error) = held.prefix.fail(&failure) {
                warn(&chain(&error));
            }
            drop(held);
        });
    }

    /// Makes no entry of a node, although it succeeded.
    pub(super) fn leave_out(&mut self, node: NodeIndex) {
        drop(self.release(node));
    }

    fn release(&self, node: NodeIndex) -> Option<Held> {
        lock(&self.held).remove(&node)
    }

    /// Waits until the entries are written and their uses noted. No node asks for an image any more.
    pub(super) async fn end(mut self) {
        self.run.end_fetching();
        let run = Arc::clone(&self.run);
        self.readers.add(move || run.note_hits());
        self.readers.end().await;
    }
}

impl Question {
    /// Answers at once, or once another run has made the entry: that is waited for elsewhere, or those that wait would keep
    /// all others from their answers.
    fn ask(self, runtime: &Handle) {
        let entered = self.span.enter();
        let mut before = None;
        if self.run.had(&self.wanted) {
            let (found, seen) = self.run.find(&self.prefix, &self.wanted, &self.id, None);
            if !matches!(found, Found::Miss) || !self.wanted.alone {
                drop(entered);
                return self.answer(found, seen, None);
            }
            before = seen;
        } else if !self.wanted.alone {
            drop(entered);
            return self.answer(Found::Miss, None, None);
        }

        let shared = self.run.shared(&self.wanted);
        let is_ours = match shared.try_lock() {
            Ok(mut right) => right.is_some() || take(&mut right, self.prefix.right_now()),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => false,
        };
        drop(entered);
        if is_ours {
            return self.ask_again(shared, before);
        }
        runtime.spawn_blocking(move || {
            let mut right = lock(&shared);
            if right.is_none() {
                take(&mut right, self.prefix.right(&Stop::default()).map(Some));
            }
            drop(right);
            let answers = Arc::clone(&self.answers);
            self.ask_again(shared, before);
            answers.hand_over();
        });
    }

    /// Looks once more: somebody may have made the entry until we had the right to.
    fn ask_again(self, shared: Arc<Shared>, before: Option<Seen>) {
        let (found, seen) = self.span.in_scope(|| self.run.find(&self.prefix, &self.wanted, &self.id, before));
        self.answer(found, seen, Some(shared));
    }

    fn answer(self, found: Found, seen: Option<Seen>, right: Option<Arc<Shared>>) {
        self.span.record("hit", matches!(found, Found::Hit(_)));
        if matches!(found, Found::Miss) {
            lock(&self.held).insert(self.node, Held { prefix: self.prefix, seen, _right: right });
        }
        self.answers.add(self.node, found);
    }
}
