//! The cache of a run's memoized nodes, between the engine and the directory of entries. An entry that cannot be used
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
use crate::argo::status::{Node, Outputs};
use crate::cache::{CacheError, Directory, Failure, Lock, LookUp, Manifest, VERSION, listed_keys};
use crate::file::durability::Durability;
use crate::file::{private, tree};

/// So many hits are noted together.
const HITS: usize = 256;

/// The right to make an entry, shared by the nodes of this run that make the same one; none until somebody has asked for it.
/// Its mutex is held by who waits for another run.
type Shared = Mutex<Option<Right>>;

/// Whether other processes are kept from making the same entry.
#[derive(Debug)]
enum Right {
    Held {
        _lock: Lock,
    },
    /// The lock could not be had, for an error: the entry is made all the same.
    Unprotected,
}

/// The prefix of an entry, with the right to make it.
type Prefix = (Directory, Option<Arc<Shared>>);

/// What is the same for all nodes of a run.
#[derive(Debug)]
struct Origin {
    root: PathBuf,
    artifacts: PathBuf,
    workflow: String,
    uid: String,
    run_id: String,
    locks: Mutex<HashMap<PathBuf, Weak<Shared>>>,
    /// The keys that a cache had when it was first asked, by its name.
    keys: Mutex<HashMap<String, Arc<HashSet<String>>>>,
    /// Entries that were used and whose use is not noted yet.
    hits: Mutex<Vec<Directory>>,
    durability: Durability,
    secrets: Arc<Secrets>,
}

/// The cache as a run sees it.
pub(super) struct CacheClient {
    run: Arc<Origin>,
    readers: Readers,
    /// The prefixes of nodes at work, held until they have ended.
    held: Arc<Mutex<HashMap<NodeIndex, Prefix>>>,
    sender: mpsc::UnboundedSender<(NodeIndex, Found)>,
    receiver: mpsc::UnboundedReceiver<(NodeIndex, Found)>,
}

/// A node that asks for an entry.
struct Question {
    run: Arc<Origin>,
    node: NodeIndex,
    id: String,
    directory: Directory,
    wanted: Wanted,
    held: Arc<Mutex<HashMap<NodeIndex, Prefix>>>,
    sender: mpsc::UnboundedSender<(NodeIndex, Found)>,
    span: Span,
}

impl CacheClient {
    pub(super) fn new(store: &Store, scheduler: &Scheduler) -> Self {
        let workflow = Workflow::view(scheduler.workflow());
        let (sender, receiver) = mpsc::unbounded_channel();
        let run = Origin {
            root: store.root().to_owned(),
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
        let names = (wanted.cache.parse(), wanted.key.parse());
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
            directory: Directory::new(&self.run.root, &cache, &key),
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
        let Some((directory, lock)) = self.release(node) else { return };
        if self.run.secrets.are_in(status.outputs.as_ref()) {
            warn(&format!("node {} is not memoized: its outputs hold a value of a Secret", status.name));
            return;
        }
        let (run, status) = (Arc::clone(&self.run), status.clone());
        self.readers.add(move || {
            if let Err(error) = run.keep(&directory, &status) {
                warn(&format!("node {} leaves no cache entry: {}", status.name, chain(&error)));
            }
            drop(lock);
        });
    }

    /// Notes that a node did not succeed.
    pub(super) fn forget(&mut self, node: NodeIndex, status: &Node) {
        let Some((directory, lock)) = self.release(node) else { return };
        let failure = Failure {
            version: VERSION,
            node_id: status.id.clone(),
            workflow_uid: self.run.uid.clone(),
            phase: status.phase.as_str().to_owned(),
            message: status.message.clone(),
        };
        self.readers.add(move || {
            if let Err(error) = directory.fail(&failure) {
                warn(&chain(&error));
            }
            drop(lock);
        });
    }

    fn release(&self, node: NodeIndex) -> Option<Prefix> {
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
            let found = self.run.find(&self.directory, &self.wanted, &self.id);
            if matches!(found, Found::Hit(_)) || !self.wanted.alone {
                drop(entered);
                return self.answer(found, None);
            }
        } else if !self.wanted.alone {
            drop(entered);
            return self.answer(Found::Miss, None);
        }

        let shared = self.run.shared(&self.wanted);
        let is_ours = match shared.try_lock() {
            Ok(mut right) => right.is_some() || take(&mut right, self.directory.lock_now()),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => false,
        };
        drop(entered);
        if is_ours {
            return self.ask_again(shared);
        }
        runtime.spawn_blocking(move || {
            let mut right = lock(&shared);
            if right.is_none() {
                take(&mut right, self.directory.lock().map(Some));
            }
            drop(right);
            self.ask_again(shared);
        });
    }

    /// Looks once more: somebody may have made the entry until we had the right to.
    fn ask_again(self, shared: Arc<Shared>) {
        let found = self.span.in_scope(|| self.run.find(&self.directory, &self.wanted, &self.id));
        self.answer(found, Some(shared));
    }

    fn answer(self, found: Found, shared: Option<Arc<Shared>>) {
        self.span.record("hit", matches!(found, Found::Hit(_)));
        if matches!(found, Found::Miss) {
            lock(&self.held).insert(self.node, (self.directory, shared));
        }
        // The receiver lives as long as the run.
        let _ = self.sender.send((self.node, found));
    }
}

/// Notes the right to make an entry, if there is an answer; whether there is one. Without the right, for an error, the entry
/// is made all the same.
fn take(right: &mut Option<Right>, lock: Result<Option<Lock>, CacheError>) -> bool {
    *right = match lock {
        Ok(None) => return false,
        Ok(Some(lock)) => Some(Right::Held { _lock: lock }),
        Err(error) => {
            warn(&chain(&error));
            Some(Right::Unprotected)
        }
    };
    true
}

impl Origin {
    /// Whether the cache had an entry of this key when it was first asked.
    fn had(&self, wanted: &Wanted) -> bool {
        let mut caches = lock(&self.keys);
        let keys =
            caches.entry(wanted.cache.clone()).or_insert_with(|| Arc::new(listed_keys(&self.root, &wanted.cache)));
        let keys = Arc::clone(keys);
        drop(caches);
        keys.contains(&wanted.key)
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
        for directory in hits {
            directory.touch();
        }
    }

    fn hit(&self, directory: &Directory) {
        let mut hits = lock(&self.hits);
        hits.push(directory.clone());
        let many = hits.len() >= HITS;
        drop(hits);
        if many {
            self.note_hits();
        }
    }

    fn find(&self, directory: &Directory, wanted: &Wanted, id: &str) -> Found {
        let manifest = match directory.look_up() {
            Ok(LookUp::Whole(manifest)) => manifest,
            Ok(LookUp::Missing) => return Found::Miss,
            Ok(LookUp::Broken(why)) => {
                warn(&format!("ignored a broken cache entry: {why}"));
                return Found::Miss;
            }
            Ok(LookUp::OtherVersion) => {
                warn(&format!("ignored a cache entry written by another version of this tool: {}", wanted.key));
                return Found::Miss;
            }
            Err(error) => {
                warn(&chain(&error));
                return Found::Miss;
            }
        };
        let has_artifact = |name: &str| manifest.artifacts.iter().any(|kept| kept.name == name);
        if let Some(missing) = wanted.missing(manifest.outputs.as_ref(), has_artifact) {
            warn(&format!(
                "a cache entry is passed over: it lacks the output {missing:?} that the template declares: {}",
                wanted.key
            ));
            return Found::Miss;
        }
        let age = Timestamp::now().duration_since(manifest.created_at);
        if manifest.workflow_uid == self.uid || wanted.max_age.is_some_and(|max_age| age > max_age) {
            return Found::Miss;
        }
        match self.restore(directory, &manifest, id) {
            Ok(outputs) => {
                self.hit(directory);
                Found::Hit(outputs.map(Box::new))
            }
            Err(error) => {
                warn(&format!("ignored a broken cache entry: {error}"));
                Found::Miss
            }
        }
    }

    /// The outputs of an entry, its artifacts copied into this run.
    fn restore(&self, directory: &Directory, manifest: &Manifest, id: &str) -> std::io::Result<Option<Outputs>> {
        let mut outputs = manifest.outputs.clone();
        for (place, kept) in manifest.artifacts.iter().enumerate() {
            let Some(source) = directory.artifact(kept) else { continue };
            let key = format!("{}/{id}/cached-{place}", self.workflow);
            let target = self.artifacts.join(&key);
            if let Some(parent) = target.parent() {
                private::create_directory(parent)?;
            }
            tree::copy(&source, &target)?;
            let artifacts = outputs.as_mut().map(|outputs| outputs.artifacts.iter_mut()).into_iter().flatten();
            for artifact in artifacts.filter(|artifact| artifact["name"] == kept.name.as_str()) {
                artifact["s3"]["key"] = key.clone().into();
            }
        }
        Ok(outputs)
    }

    fn keep(&self, directory: &Directory, node: &Node) -> Result<(), CacheError> {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts).filter_map(|artifact| {
            let key = artifact.pointer("/s3/key").and_then(Value::as_str)?;
            let name = artifact["name"].as_str()?;
            Some((name.to_owned(), self.artifacts.join(key)))
        });
        let artifacts: Vec<(String, PathBuf)> = artifacts.collect();
        let memoization = node.memoization_status.as_ref();
        let now = Timestamp::now();
        let manifest = Manifest {
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
            finished_at: node.finished_at.unwrap_or(now),
            created_at: now,
        };
        let document = directory.keep(manifest, &artifacts)?;
        self.durability.add(document);
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
