//! The cache of a run's memoized nodes, between the engine and the directory of entries. An entry that cannot be used
//! is a miss with a warning; one that cannot be made costs the next attempt its work and nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::field;

use super::scheduler::{ARTIFACTS, Found, NodeIndex, Scheduler, Wanted};
use super::secrets::Secrets;
use super::store::Store;
use crate::argo::Workflow;
use crate::argo::status::{Node, Outputs};
use crate::cache::{CacheError, Directory, Failure, Lock, LookUp, Manifest, VERSION};
use crate::file::durability::Durability;
use crate::file::{private, tree};

/// The right to make an entry, shared by the nodes of this run that make the same one.
type Shared = OnceLock<Option<Lock>>;

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
    durability: Durability,
    secrets: Arc<Secrets>,
}

/// The cache as a run sees it.
pub(super) struct CacheClient {
    run: Arc<Origin>,
    /// The prefixes of nodes at work, held until they have ended.
    held: Arc<Mutex<HashMap<NodeIndex, Prefix>>>,
    sender: mpsc::UnboundedSender<(NodeIndex, Found)>,
    receiver: mpsc::UnboundedReceiver<(NodeIndex, Found)>,
    writing: JoinSet<()>,
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
            durability: store.durability().clone(),
            secrets: Arc::clone(store.secrets()),
        };
        Self { run: Arc::new(run), held: Arc::default(), sender, receiver, writing: JoinSet::new() }
    }

    /// Looks for an entry of an earlier run; [`CacheClient::found`] gives what came of it.
    pub(super) fn look_up(&self, node: NodeIndex, status: &Node, wanted: Wanted) {
        let names = (wanted.cache.parse(), wanted.key.parse());
        let (Ok(cache), Ok(key)) = names else {
            warn(&format!(
                "node {} is not memoized: cache {:?} or key {:?} is invalid",
                status.name, wanted.cache, wanted.key
            ));
            let _ = self.sender.send((node, Found::Miss));
            return;
        };
        let directory = Directory::new(&self.run.root, &cache, &key);
        let (run, held, sender) = (Arc::clone(&self.run), Arc::clone(&self.held), self.sender.clone());
        let id = status.id.clone();
        // Not the key: a document may put any parameter into it.
        let span = tracing::debug_span!("cache_look_up", node = id, cache = cache.as_str(), hit = field::Empty);
        tokio::task::spawn_blocking(move || {
            let entered = span.enter();
            let lock = wanted.alone.then(|| run.lock(cache.as_str(), key.as_str(), &directory));
            let found = run.find(&directory, &wanted, &id);
            span.record("hit", matches!(found, Found::Hit(_)));
            drop(entered);
            if matches!(found, Found::Miss) {
                held.lock().unwrap_or_else(PoisonError::into_inner).insert(node, (directory, lock));
            }
            // The receiver lives as long as the run.
            let _ = sender.send((node, found));
        });
    }

    pub(super) async fn found(&mut self) -> Option<(NodeIndex, Found)> {
        self.receiver.recv().await
    }

    /// Makes the entry of a node that succeeded.
    pub(super) fn keep(&mut self, node: NodeIndex, status: &Node) {
        let Some((directory, lock)) = self.release(node) else { return };
        if self.run.secrets.are_in(status.outputs.as_ref()) {
            warn(&format!("node {} is not memoized: its outputs hold a value of a Secret", status.name));
            return;
        }
        let (run, status) = (Arc::clone(&self.run), status.clone());
        self.writing.spawn_blocking(move || {
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
        self.writing.spawn_blocking(move || {
            if let Err(error) = directory.fail(&failure) {
                warn(&chain(&error));
            }
            drop(lock);
        });
    }

    fn release(&self, node: NodeIndex) -> Option<Prefix> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&node)
    }

    /// Waits until the entries are written.
    pub(super) async fn end(mut self) {
        while self.writing.join_next().await.is_some() {}
    }
}

impl Origin {
    /// Waits until no other run makes the entry.
    fn lock(&self, cache: &str, key: &str, directory: &Directory) -> Arc<Shared> {
        let shared = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            let place = locks.entry(Path::new(cache).join(key)).or_default();
            place.upgrade().unwrap_or_else(|| {
                let shared = Arc::new(Shared::new());
                *place = Arc::downgrade(&shared);
                shared
            })
        };
        shared.get_or_init(|| directory.lock().inspect_err(|error| warn(&chain(error))).ok());
        shared
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
                directory.touch();
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

fn warn(text: &str) {
    tracing::warn!("{text}");
}

fn chain(error: &CacheError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
