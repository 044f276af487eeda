//! What the nodes of a run have in common that ask for entries: where these are, what was found in them, what is copied out
//! of them and made of nodes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;

use super::made_entry::Maker;
use super::runtime::{Runtime, Wanted as ImageWanted};
use super::scheduler::{ARTIFACTS, Found, Scheduler, Wanted};
use super::secrets::Secrets;
use super::store::Store;
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::argo::status::{Node, Outputs};
use crate::cache::{
    self, CacheError, CacheKey, LookUp, Manifest, Prefix, RestoreError, Right, Seen, Stop, UsedRuntime,
};
use crate::file::durability::Durability;
use crate::file::private;

/// So many hits are noted together.
const HITS: usize = 256;

/// The right to make an entry, shared by the nodes of this run that make the same one; none until somebody has asked for it.
/// Its mutex is held by who waits for another run.
pub(super) type Shared = Mutex<Option<Protection>>;

/// Whether other processes are kept from making the same entry.
#[derive(Debug)]
pub(super) enum Protection {
    Held {
        _right: Right,
    },
    /// The right could not be had, for an error: the entry is made all the same.
    Unprotected,
}

/// The prefix of an entry that a node makes, what was found there, and the right to make it.
pub(super) struct Held {
    pub(super) prefix: Prefix,
    pub(super) seen: Option<Seen>,
    /// Given back with this value.
    pub(super) _right: Option<Arc<Shared>>,
}

/// What is the same for all nodes of a run.
#[derive(Debug)]
pub(super) struct CacheRun {
    store: cache::Store,
    maker: Maker,
    workflow: String,
    locks: Mutex<HashMap<PathBuf, Weak<Shared>>>,
    /// The keys that a cache of this machine had when it was first asked, by its name.
    keys: Mutex<HashMap<String, Option<Arc<HashSet<String>>>>>,
    /// Entries that were used and whose use is not noted yet.
    hits: Mutex<Vec<(Prefix, Seen)>>,
    durability: Durability,
    secrets: Arc<Secrets>,
    /// What runs containers in their images.
    runtime: Option<Runtime>,
    /// Whether entries of any runtime and image count.
    any_runtime: bool,
}

impl CacheRun {
    pub(super) fn new(store: &Store, scheduler: &Scheduler) -> Self {
        let workflow = Workflow::view(scheduler.workflow());
        Self {
            store: store.caches().clone(),
            maker: Maker::of(workflow, store.directory().join(ARTIFACTS)),
            workflow: workflow.name().to_owned(),
            locks: Mutex::default(),
            keys: Mutex::default(),
            hits: Mutex::default(),
            durability: store.durability().clone(),
            secrets: Arc::clone(store.secrets()),
            runtime: store.runtime().0.cloned(),
            any_runtime: store.runtime().1,
        }
    }

    /// The uid of the run's workflow.
    pub(super) fn uid(&self) -> &str {
        &self.maker.uid
    }

    /// Where an entry is.
    pub(super) fn prefix(&self, cache: &CacheName, key: &CacheKey) -> Prefix {
        self.store.prefix(cache, key)
    }

    /// Whether outputs hold what is not written down.
    pub(super) fn hides(&self, outputs: Option<&Outputs>) -> bool {
        self.secrets.are_in(outputs)
    }

    /// Whether the cache may have an entry of this key: it had one when it was first asked, or other machines write to it.
    pub(super) fn had(&self, wanted: &Wanted) -> bool {
        let mut caches = lock(&self.keys);
        let keys =
            caches.entry(wanted.cache.clone()).or_insert_with(|| self.store.listed_keys(&wanted.cache).map(Arc::new));
        let keys = keys.clone();
        drop(caches);
        keys.is_none_or(|keys| keys.contains(&wanted.key))
    }

    /// What the nodes of this run share that make the same entry.
    pub(super) fn shared(&self, wanted: &Wanted) -> Arc<Shared> {
        let mut locks = lock(&self.locks);
        let place = locks.entry(Path::new(&wanted.cache).join(&wanted.key)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let shared = Arc::default();
            *place = Arc::downgrade(&shared);
            shared
        })
    }

    /// Notes that entries were used, many at once.
    pub(super) fn note_hits(&self) {
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

    /// What there is for a node; of a miss also what was seen, where that is known. What was passed over `before` and is still
    /// there is passed over without a word.
    pub(super) fn find(
        &self,
        prefix: &Prefix,
        wanted: &Wanted,
        id: &str,
        before: Option<Seen>,
    ) -> (Found, Option<Seen>) {
        let mut seen = match prefix.look_up() {
            Ok(seen) => seen,
            // There may be an entry: what is cached does not run twice.
            Err(error) => return (Found::Failed(format!("cannot look for a cache entry: {}", chain(&error))), None),
        };
        if let Some(before) = before.filter(|before| seen.found != LookUp::Missing && seen.is_as(before)) {
            return (Found::Miss, Some(before));
        }
        match self.usable(prefix, &mut seen, wanted, id) {
            Ok(Found::Miss) => (Found::Miss, Some(seen)),
            Ok(failed @ Found::Failed(_)) => (failed, None),
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
    fn usable(&self, prefix: &Prefix, seen: &mut Seen, wanted: &Wanted, id: &str) -> Result<Found, String> {
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
                "a cache entry is ignored: it lacks the output {missing:?} that the template declares: {}",
                wanted.key
            ));
        }
        let age = Timestamp::now().duration_since(manifest.created_at);
        if manifest.workflow_uid == self.maker.uid || wanted.max_age.is_some_and(|max_age| age > max_age) {
            return Ok(Found::Miss);
        }
        let own = self.fetched_runtime(&wanted.images);
        if !self.any_runtime && images_of(own.as_ref()) != images_of(manifest.runtime.as_ref()) {
            return Err(format!(
                "a cache entry is ignored: it was made {}, and this node runs {} (--accept-runtime any takes it): {}",
                told(manifest.runtime.as_ref()),
                told(own.as_ref()),
                wanted.key
            ));
        }
        match self.restore(prefix, manifest, id) {
            Ok(outputs) => Ok(Found::Hit(outputs.map(Box::new))),
            Err(RestoreError::Store(error)) => {
                Ok(Found::Failed(format!("cannot restore a cache entry: {}", chain(&error))))
            }
            Err(error) => {
                seen.distrust();
                Err(format!("ignored a broken cache entry: {error}"))
            }
        }
    }

    /// Ends what is being fetched for nodes.
    pub(super) fn end_fetching(&self) {
        if let Some(runtime) = &self.runtime {
            runtime.end_fetching();
        }
    }

    /// What will run the containers of a node in their images, which are fetched where they are not here.
    fn fetched_runtime(&self, images: &[ImageWanted]) -> Option<UsedRuntime> {
        let runtime = self.runtime.as_ref()?;
        for image in images {
            // One that cannot be had is told when the node starts.
            let _ = runtime.have(image);
        }
        Some(runtime.used(images))
    }

    /// The outputs of an entry, its artifacts copied into this run.
    fn restore(&self, prefix: &Prefix, manifest: &Manifest, id: &str) -> Result<Option<Outputs>, RestoreError> {
        let mut outputs = manifest.outputs.clone();
        for (place, kept) in manifest.artifacts.iter().enumerate().filter(|(_, kept)| !kept.is_absent()) {
            let key = format!("{}/{id}/cached-{place}", self.workflow);
            let target = self.maker.artifacts.join(&key);
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

    /// Makes the entry of a node, whose containers ran in these images.
    pub(super) fn keep(&self, held: &Held, node: &Node, images: &[ImageWanted]) -> Result<(), CacheError> {
        let runtime = self.runtime.as_ref().map(|runtime| runtime.used(images));
        let entry = self.maker.entry(node, runtime, Timestamp::now());
        if let Some(manifest) = entry.keep(&held.prefix, held.seen.as_ref())? {
            self.durability.add(Arc::new(manifest));
        }
        Ok(())
    }
}

/// Notes the right to make an entry, if there is an answer; whether there is one. Without the right, for an error, the entry
/// is made all the same.
pub(super) fn take(right: &mut Option<Protection>, taken: Result<Option<Right>, CacheError>) -> bool {
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

fn images_of(runtime: Option<&UsedRuntime>) -> Option<&[String]> {
    runtime.map(|runtime| runtime.images.as_slice())
}

fn told(runtime: Option<&UsedRuntime>) -> String {
    let short = |id: &String| id.chars().take(19).collect::<String>();
    match runtime {
        None => "by programs of a machine".to_owned(),
        Some(runtime) => {
            let images: Vec<String> = runtime.images.iter().map(short).collect();
            format!("by {} in {}", runtime.name, images.join(", "))
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn warn(text: &str) {
    tracing::warn!("{text}");
}

pub(super) fn chain(error: &CacheError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
