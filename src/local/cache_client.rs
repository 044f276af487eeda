//! The cache of a run's memoized nodes, between the engine and the store of entries. An entry that cannot be used
//! is a miss with a warning; one that cannot be made costs the next attempt its work and nothing else.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use jiff::Timestamp;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::{Span, field};

use super::readers::Readers;
use super::scheduler::{ARTIFACTS, Event, Found, NodeIndex, Scheduler, Wanted};
use super::secrets::Secrets;
use super::store::Store;
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::argo::status::{Node, Outputs};
use crate::cache::{
    self, CacheError, CacheKey, Failure, Kept, KeptArtifact, LookUp, Manifest, Prefix, RestoreError, Right, Seen, Stop,
    TOOL, VERSION,
};
use crate::file::durability::Durability;
use crate::file::private;

/// So many hits are noted together.
const HITS: usize = 256;

/// The right to make an entry, shared by the nodes of this run that make the same one; none until somebody has asked for it.
/// Its mutex is held by who waits for another run.
type Shared = Mutex<Option<Protection>>;

/// Whether other processes are kept from making the same entry.
#[derive(Debug)]
enum Protection {
    Held {
        _right: Right,
    },
    /// The right could not be had, for an error: the entry is made all the same.
    Unprotected,
}

/// The prefix of an entry that a node makes, what was found there, and the right to make it.
struct Held {
    prefix: Prefix,
    seen: Option<Seen>,
    /// Given back with this value.
    _right: Option<Arc<Shared>>,
}

/// What is the same for all nodes of a run.
#[derive(Debug)]
struct Origin {
    store: cache::Store,
    artifacts: PathBuf,
    workflow: String,
    uid: String,
    run_id: String,
    locks: Mutex<HashMap<PathBuf, Weak<Shared>>>,
    /// The keys that a cache of this machine had when it was first asked, by its name.
    keys: Mutex<HashMap<String, Option<Arc<HashSet<String>>>>>,
    /// Entries that were used and whose use is not noted yet.
    hits: Mutex<Vec<(Prefix, Seen)>>,
    durability: Durability,
    secrets: Arc<Secrets>,
}

/// The cache as a run sees it.
pub(super) struct CacheClient {
    run: Arc<Origin>,
    readers: Readers,
    /// The prefixes of nodes at work, held until they have ended.
    held: Arc<Mutex<HashMap<NodeIndex, Held>>>,
    sender: mpsc::UnboundedSender<(NodeIndex, Found)>,
    receiver: mpsc::UnboundedReceiver<(NodeIndex, Found)>,
}

/// A node that asks for an entry.
struct Question {
    run: Arc<Origin>,
    node: NodeIndex,
    id: String,
    prefix: Prefix,
    wanted: Wanted,
    held: Arc<Mutex<HashMap<NodeIndex, Held>>>,
    sender: mpsc::UnboundedSender<(NodeIndex, Found)>,
    span: Span,
}

impl CacheClient {
    pub(super) fn new(store: &Store, scheduler: &Scheduler) -> Self {
        let workflow = Workflow::view(scheduler.workflow());
        let (sender, receiver) = mpsc::unbounded_channel();
        let run = Origin {
            store: store.caches().clone(),
            artifacts: store.directory().join(ARTIFACTS),
            workflow: workflow.name().to_owned(),
            uid: workflow.uid().to_owned(),
            run_id: workflow.run_id().unwrap_or_default().to_owned(),
            locks: Mutex::default(),
            keys: Mutex::default(),
            hits: Mutex::default(),
            durability: store.durability().clone(),
            secrets: Arc::clone(store.secrets()),
        };
        Self { run: Arc::new(run), readers: Readers::new(), held: Arc::default(), sender, receiver }
    }

    /// Looks for an entry of an earlier run; [`CacheClient::found`] gives what came of it.
    pub(super) fn look_up(&mut self, node: NodeIndex, status: &Node, wanted: Wanted) {
        let names = (wanted.cache.parse::<CacheName>(), wanted.key.parse::<CacheKey>());
        let (Ok(cache), Ok(key)) = names else {
            warn(&format!(
                "node {} is not memoized: cache {:?} or key {:?} is invalid",
                status.name, wanted.cache, wanted.key
            ));
            let _ = self.sender.send((node, Found::Miss));
            return;
        };
        // Not the key: a document may put any parameter into it.
        let span = tracing::debug_span!("cache_look_up", node = status.id, cache = wanted.cache, hit = field::Empty);
        let question = Question {
            run: Arc::clone(&self.run),
            node,
            id: status.id.clone(),
            prefix: self.run.store.prefix(&cache, &key),
            wanted,
            held: Arc::clone(&self.held),
            sender: self.sender.clone(),
            span,
        };
        let runtime = Handle::current();
        self.readers.add(move || question.ask(&runtime));
    }

    /// Waits for the next answer.
    pub(super) async fn found(&mut self) -> Option<Event> {
        let (node, found) = self.receiver.recv().await?;
        Some(Event::Found(node, found))
    }

    /// An answer that has come already.
    pub(super) fn next_found(&mut self) -> Option<Event> {
        let (node, found) = self.receiver.try_recv().ok()?;
        Some(Event::Found(node, found))
    }

    /// Makes the entry of a node that succeeded.
    pub(super) fn keep(&mut self, node: NodeIndex, status: &Node) {
        let Some(held) = self.release(node) else { return };
        if self.run.secrets.are_in(status.outputs.as_ref()) {
            warn(&format!("node {} is not memoized: its outputs hold a value of a Secret", status.name));
            return;
        }
        let (run, status) = (Arc::clone(&self.run), status.clone());
        self.readers.add(move || {
            if let Err(error) = run.keep(&held, &status) {
                warn(&format!("node {} leaves no cache entry: {}", status.name, chain(&error)));
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
            workflow_uid: self.run.uid.clone(),
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

    /// Waits until the entries are written and their uses noted.
    pub(super) async fn end(mut self) {
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
        if self.run.had(&self.wanted) {
            let (found, seen) = self.run.find(&self.prefix, &self.wanted, &self.id);
            if matches!(found, Found::Hit(_)) || !self.wanted.alone {
                drop(entered);
                return self.answer(found, seen, None);
            }
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
            return self.ask_again(shared);
        }
        runtime.spawn_blocking(move || {
            let mut right = lock(&shared);
            if right.is_none() {
                take(&mut right, self.prefix.right(&Stop::default()).map(Some));
            }
            drop(right);
            self.ask_again(shared);
        });
    }

    /// Looks once more: somebody may have made the entry until we had the right to.
    fn ask_again(self, shared: Arc<Shared>) {
        let (found, seen) = self.span.in_scope(|| self.run.find(&self.prefix, &self.wanted, &self.id));
        self.answer(found, seen, Some(shared));
    }

    fn answer(self, found: Found, seen: Option<Seen>, right: Option<Arc<Shared>>) {
        self.span.record("hit", matches!(found, Found::Hit(_)));
        if matches!(found, Found::Miss) {
            lock(&self.held).insert(self.node, Held { prefix: self.prefix, seen, _right: right });
        }
        // The receiver lives as long as the run.
        let _ = self.sender.send((self.node, found));
    }
}

/// Notes the right to make an entry, if there is an answer; whether there is one. Without the right, for an error, the entry
/// is made all the same.
fn take(right: &mut Option<Protection>, taken: Result<Option<Right>, CacheError>) -> bool {
    *right = match taken {
        Ok(None) => return false,
        Ok(Some(right)) => Some(Protection::Held { _right: right }),
        Err(error) => {
            warn(&chain(&error));
            Some(Protection::Unprotected)
        }
    };
    true
}

impl Origin {
    /// Whether the cache may have an entry of this key: it had one when it was first asked, or other machines write to it.
    fn had(&self, wanted: &Wanted) -> bool {
        let mut caches = lock(&self.keys);
        let keys =
            caches.entry(wanted.cache.clone()).or_insert_with(|| self.store.listed_keys(&wanted.cache).map(Arc::new));
        let keys = keys.clone();
        drop(caches);
        keys.is_none_or(|keys| keys.contains(&wanted.key))
    }

    /// What the nodes of this run share that make the same entry.
    fn shared(&self, wanted: &Wanted) -> Arc<Shared> {
        let mut locks = lock(&self.locks);
        let place = locks.entry(Path::new(&wanted.cache).join(&wanted.key)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let shared = Arc::default();
            *place = Arc::downgrade(&shared);
            shared
        })
    }

    /// Notes that entries were used, many at once.
    fn note_hits(&self) {
        let hits = std::mem::take(&mut *lock(&self.hits));
        for (prefix, seen) in hits {
            prefix.touch(&seen);
        }
    }

    fn hit(&self, prefix: &Prefix, seen: Seen) {
        let mut hits = lock(&self.hits);
        hits.push((prefix.clone(), seen));
        let many = hits.len() >= HITS;
        drop(hits);
        if many {
            self.note_hits();
        }
    }

    /// What there is for a node; of a miss also what was seen, where that is known.
    fn find(&self, prefix: &Prefix, wanted: &Wanted, id: &str) -> (Found, Option<Seen>) {
        let seen = match prefix.look_up() {
            Ok(seen) => seen,
            Err(error) => {
                warn(&chain(&error));
                return (Found::Miss, None);
            }
        };
        match self.usable(prefix, &seen, wanted, id) {
            Ok(Found::Miss) => (Found::Miss, Some(seen)),
            Ok(hit) => {
                self.hit(prefix, seen);
                (hit, None)
            }
            Err(why) => {
                warn(&why);
                (Found::Miss, Some(seen))
            }
        }
    }

    /// The outputs of an entry that the node can be given; tells why one that is there is passed over.
    fn usable(&self, prefix: &Prefix, seen: &Seen, wanted: &Wanted, id: &str) -> Result<Found, String> {
        let manifest = match &seen.found {
            LookUp::Whole(manifest) => manifest,
            LookUp::Missing => return Ok(Found::Miss),
            LookUp::Broken(why) => return Err(format!("ignored a broken cache entry: {why}")),
            LookUp::OtherVersion => {
                return Err(format!("ignored a cache entry written by another version of this tool: {}", wanted.key));
            }
        };
        let has_artifact = |name: &str| manifest.artifacts.iter().any(|kept| kept.name == name);
        if let Some(missing) = wanted.missing(manifest.outputs.as_ref(), has_artifact) {
            return Err(format!(
                "a cache entry is passed over: it lacks the output {missing:?} that the template declares: {}",
                wanted.key
            ));
        }
        let age = Timestamp::now().duration_since(manifest.created_at);
        if manifest.workflow_uid == self.uid || wanted.max_age.is_some_and(|max_age| age > max_age) {
            return Ok(Found::Miss);
        }
        let restored = self.restore(prefix, manifest, id);
        restored
            .map(|outputs| Found::Hit(outputs.map(Box::new)))
            .map_err(|error| format!("ignored a broken cache entry: {error}"))
    }

    /// The outputs of an entry, its artifacts copied into this run.
    fn restore(&self, prefix: &Prefix, manifest: &Manifest, id: &str) -> Result<Option<Outputs>, RestoreError> {
        let mut outputs = manifest.outputs.clone();
        for (place, kept) in manifest.artifacts.iter().enumerate().filter(|(_, kept)| !kept.is_absent()) {
            let key = format!("{}/{id}/cached-{place}", self.workflow);
            let target = self.artifacts.join(&key);
            if let Some(parent) = target.parent() {
                private::create_directory(parent).map_err(RestoreError::Local)?;
            }
            prefix.restore(kept, &target, &Stop::default())?;
            let artifacts = outputs.as_mut().map(|outputs| outputs.artifacts.iter_mut()).into_iter().flatten();
            for artifact in artifacts.filter(|artifact| artifact["name"] == kept.name.as_str()) {
                artifact["s3"]["key"] = key.clone().into();
            }
        }
        Ok(outputs)
    }

    fn keep(&self, held: &Held, node: &Node) -> Result<(), CacheError> {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts).filter_map(|artifact| {
            let key = artifact.pointer("/s3/key").and_then(Value::as_str)?;
            let name = artifact["name"].as_str()?;
            Some((name.to_owned(), self.artifacts.join(key)))
        });
        let artifacts: Vec<(String, PathBuf)> = artifacts.collect();
        let memoization = node.memoization_status.as_ref();
        let now = Timestamp::now();
        let mut manifest = Manifest {
            version: VERSION,
            key: memoization.map(|status| status.key.clone()).unwrap_or_default(),
            cache_name: memoization.map(|status| status.cache_name.clone()).unwrap_or_default(),
            node_id: node.id.clone(),
            node_name: node.name.clone(),
            template: node.template_name.clone().unwrap_or_default(),
            workflow_uid: self.uid.clone(),
            run_id: self.run_id.clone(),
            outputs: node.outputs.clone(),
            artifacts: Vec::new(),
            stdout: None,
            tool: TOOL.to_owned(),
            finished_at: node.finished_at.unwrap_or(now),
            created_at: now,
        };
        if let Prefix::Directory(directory) = &held.prefix {
            self.durability.add(directory.keep(manifest, &artifacts)?);
            return Ok(());
        }
        let seen = match &held.seen {
            Some(seen) => seen.clone(),
            None => held.prefix.look_up()?,
        };
        for (name, source) in artifacts {
            let blob = Some(held.prefix.put(&source, &Stop::default())?);
            manifest.artifacts.push(KeptArtifact { name, path: String::new(), blob });
        }
        // Another one's entry is as good.
        let (Kept::Stored | Kept::Lost) = held.prefix.keep(manifest, &seen, None)?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn(text: &str) {
    tracing::warn!("{text}");
}

fn chain(error: &CacheError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
