//! A store of manifests, whichever kind it is: its caches are read and changed. Runs may use it meanwhile.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::address::StoreAddress;
use super::change::Change;
use super::contents::Cache;
use super::directory::{Directory, ERROR, MANIFEST, listed_keys};
use super::directory_store::DirectoryStore;
use super::error::CacheError;
use super::key::CacheKey;
use super::objects::{ObjectPrefix, Objects};
use super::prefix::Prefix;
use crate::argo::identity::CacheName;

/// The annotation of a local run that names the store of its caches, where that is not beside the run.
pub(crate) const ANNOTATION: &str = "kubectl-runnable/store";

/// Where manifests are.
#[derive(Debug, Clone)]
pub enum Store {
    /// In a directory of this machine.
    Directory(DirectoryStore),
    /// In a bucket.
    Bucket(Objects),
}

/// What came of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The keys of the entries that were removed or written.
    pub(crate) done: Vec<String>,
    /// The keys of those that were left, because a run makes or has used them meanwhile.
    pub(crate) busy: Vec<String>,
}

/// What is left of a cache that was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    /// The keys of entries that a run makes or has used meanwhile.
    pub(crate) busy: Vec<String>,
    /// What does not belong to the cache and keeps its directory.
    pub(crate) left: Vec<PathBuf>,
}

/// Blobs that no entry names and that were removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many.
    pub(crate) blobs: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Store {
    /// Removes the blobs that no manifest names and that are older than `grace`: younger ones may be of an entry that is
    /// being made. With `dry_run` they are only counted.
    pub(crate) fn collect(&self, grace: SignedDuration, dry_run: bool) -> Result<Collected, CacheError> {
        match self {
            Self::Directory(store) => store.collect(grace, dry_run),
            Self::Bucket(objects) => objects.collect(grace, dry_run),
        }
    }

    /// The store in a directory, whether anything is there or not.
    pub fn at(root: &Path) -> Self {
        Self::Directory(DirectoryStore::at(root))
    }

    /// The same store, which knows the manifests of a cache that was read when they are asked for one by one, where reading
    /// them again could be left out.
    pub(crate) fn remembering(self) -> Self {
        match self {
            Self::Directory(store) => Self::Directory(store.remembering()),
            bucket @ Self::Bucket(_) => bucket,
        }
    }

    /// The store at an address, with the credentials of the environment; sends nothing yet. Without `conditions` a bucket's
    /// entries are replaced whatever they are.
    pub fn open(address: StoreAddress, conditions: bool) -> Result<Self, CacheError> {
        Ok(match address {
            StoreAddress::Directory(path) => Self::at(&std::path::absolute(&path).map_err(CacheError::at(&path))?),
            StoreAddress::Bucket(address) => Self::Bucket(Objects::open(address, conditions)?),
        })
    }

    /// Whether a bucket can be written and keeps to the conditions of writes, by an object that is made and removed.
    pub(crate) fn check_writes(&self) -> Result<(), CacheError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Bucket(objects) => objects.check_writes(),
        }
    }

    /// The keys of a cache, where this machine alone writes to the store; none where others may add some at any time.
    pub(crate) fn listed_keys(&self, cache: &str) -> Option<HashSet<String>> {
        match self {
            Self::Directory(store) => Some(listed_keys(store.root(), cache)),
            Self::Bucket(_) => None,
        }
    }

    /// The directory that it is, beside which runs of this machine may be.
    pub(crate) fn root(&self) -> Option<&Path> {
        match self {
            Self::Directory(store) => Some(store.root()),
            Self::Bucket(_) => None,
        }
    }

    /// The address by which another process finds it: without credentials.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Directory(store) => store.root().display().to_string(),
            Self::Bucket(objects) => objects.address().with_settings(),
        }
    }

    /// The prefix of an entry.
    pub(crate) fn prefix(&self, cache: &CacheName, key: &CacheKey) -> Prefix {
        match self {
            Self::Directory(store) => Prefix::Directory(store.prefix(cache, key)),
            Self::Bucket(objects) => Prefix::Objects(ObjectPrefix::new(objects, cache, key)),
        }
    }

    /// Where a cache is: its directory, or its URL.
    pub(crate) fn path(&self, name: &CacheName) -> PathBuf {
        match self {
            Self::Directory(store) => store.root().join("cache").join(name.as_str()),
            Self::Bucket(objects) => objects.named(&format!("cache/{name}")).into(),
        }
    }

    /// Which entries are there, by their prefixes (`<cache>/<key>`), in their order: a manifest is the proof. An error of the
    /// store is never taken for an absent entry.
    pub fn exist(&self, prefixes: &[(CacheName, CacheKey)]) -> Vec<Result<bool, CacheError>> {
        match self {
            Self::Directory(store) => {
                let look = |(cache, key): &(CacheName, CacheKey)| Directory::new(store.root(), cache, key).exists();
                prefixes.iter().map(look).collect()
            }
            Self::Bucket(objects) => {
                objects.exist(prefixes.iter().map(|(cache, key)| format!("cache/{cache}/{key}/{MANIFEST}")).collect())
            }
        }
    }

    /// At which prefixes it stands how a node failed last, in their order: a success removes it.
    pub(crate) fn have_failed(&self, prefixes: &[(CacheName, CacheKey)]) -> Vec<Result<bool, CacheError>> {
        match self {
            Self::Directory(store) => {
                let look = |(cache, key): &(CacheName, CacheKey)| Directory::new(store.root(), cache, key).has_failed();
                prefixes.iter().map(look).collect()
            }
            Self::Bucket(objects) => {
                objects.exist(prefixes.iter().map(|(cache, key)| format!("cache/{cache}/{key}/{ERROR}")).collect())
            }
        }
    }

    /// The names of its caches.
    pub(crate) fn names(&self) -> Result<Vec<CacheName>, CacheError> {
        match self {
            Self::Directory(store) => store.names(),
            Self::Bucket(objects) => objects.names(),
        }
    }

    /// A cache; none where there is nothing of its name.
    pub fn cache(&self, name: &CacheName) -> Result<Option<Cache>, CacheError> {
        match self {
            Self::Directory(store) => store.cache(name),
            Self::Bucket(objects) => objects.cache(name, |_| true),
        }
    }

    /// The same with the entries of these keys, where leaving others out saves reading them.
    pub(crate) fn cache_of(
        &self,
        name: &CacheName,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Cache>, CacheError> {
        match self {
            Self::Directory(store) => store.cache(name),
            Self::Bucket(objects) => objects.cache(name, wanted),
        }
    }

    /// The same without its entries, where leaving them out saves reading them.
    pub(crate) fn cache_without_entries(&self, name: &CacheName) -> Result<Option<Cache>, CacheError> {
        match self {
            Self::Directory(store) => store.cache_without_entries(name),
            Self::Bucket(objects) => objects.cache(name, |_| false),
        }
    }

    /// Notes an attempt of a run, where the cache is there.
    pub(crate) fn note(&self, name: &CacheName, run_id: &str, number: u32) -> Result<(), CacheError> {
        match self {
            Self::Directory(store) => store.note(name, run_id, number),
            Self::Bucket(objects) => objects.note(name, run_id, number),
        }
    }

    /// Carries out a change that was decided on `seen`. What has changed since then, or is being made, is left.
    pub(crate) fn carry_out(&self, seen: &Cache, change: &Change, now: Timestamp) -> Result<Carried, CacheError> {
        match self {
            Self::Directory(store) => store.carry_out(seen, change, now),
            Self::Bucket(objects) => objects.carry_out(seen, change, now),
        }
    }

    /// Removes a whole cache as it was seen, with what failed nodes have left in it. What does not belong to it stays.
    pub(crate) fn remove(&self, seen: &Cache, now: Timestamp) -> Result<Removed, CacheError> {
        match self {
            Self::Directory(store) => store.remove(seen, now),
            Self::Bucket(objects) => objects.remove(seen, now),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(store) => write!(formatter, "{}", store.root().display()),
            Self::Bucket(objects) => objects.address().fmt(formatter),
        }
    }
}
