//! The caches of a bucket.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::{AT_ONCE, Meta, ObjectPrefix, Objects, When};
use crate::argo::identity::CacheName;
use crate::cache::attempts::AttemptNumbers;
use crate::cache::change::Change;
use crate::cache::contents::{Cache, Object, Place};
use crate::cache::directory::MANIFEST;
use crate::cache::directory_store::ATTEMPTS;
use crate::cache::entry::{Entry, State};
use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::cache::look_up::LookUp;
use crate::cache::manifest::Manifest;
use crate::cache::objects::prefix::LAST_HIT;
use crate::cache::prefix::Kept;
use crate::cache::store::{Carried, Removed};

/// How often a note is tried that others change at the same time.
const TRIES: usize = 8;

impl Objects {
    /// The names of the caches.
    pub(in crate::cache) fn names(&self) -> Result<Vec<CacheName>, CacheError> {
        let mut names: Vec<CacheName> =
            self.directories("cache")?.iter().filter_map(|name| name.parse().ok()).collect();
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        Ok(names)
    }

    /// A cache with the entries whose keys are wanted: one request for each of them, several at once. None where no object is
    /// below its name.
    pub(in crate::cache) fn cache(
        &self,
        name: &CacheName,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Cache>, CacheError> {
        let path = format!("cache/{name}");
        let listed = self.list(&path)?;
        if listed.is_empty() {
            return Ok(None);
        }
        let place = |meta: &Meta| {
            let (key, file) = meta.path.strip_prefix(&path)?.strip_prefix('/')?.split_once('/')?;
            Some((key.parse::<CacheKey>().ok()?, file.to_owned()))
        };
        let mut hits = BTreeMap::new();
        let mut manifests = Vec::new();
        for meta in &listed {
            match place(meta) {
                Some((key, file)) if file == LAST_HIT => drop(hits.insert(key.to_string(), meta.modified)),
                Some((key, file)) if file == MANIFEST && wanted(key.as_str()) => {
                    manifests.push((key, meta.path.clone()));
                }
                _ => {}
            }
        }
        let mut entries = BTreeMap::new();
        for (key, path, found) in self.get_all(manifests)? {
            let Some((text, meta)) = found else { continue };
            let last_hit = hits.get(key.as_str()).copied().max(Some(meta.modified));
            let unusable = |state| Entry::unusable(key.as_str(), state, meta.size);
            let entry = match LookUp::read(&text, &key, self.named(&path)) {
                LookUp::Whole(manifest) => Entry::kept(*manifest, last_hit, meta.size),
                LookUp::Missing => continue,
                LookUp::Broken(why) => unusable(State::Malformed(why)),
                LookUp::OtherVersion => unusable(State::OtherVersion),
            };
            entries.insert(key.to_string(), entry);
        }
        let attempts = self.attempts(name)?.0;
        let place = Place::Store { path: self.named(&path).into() };
        Ok(Some(Cache { name: name.to_string(), place, entries, object: Object { attempts, ..Object::default() } }))
    }

    /// The contents of objects, several at once.
    fn get_all(&self, paths: Vec<(CacheKey, String)>) -> Result<Vec<Read>, CacheError> {
        let objects = self.clone();
        self.block(async move {
            let read = |(key, path): (CacheKey, String)| {
                let objects = objects.clone();
                async move {
                    let found = objects.get_now(&path).await?;
                    Ok((key, path, found))
                }
            };
            let read: Vec<Result<Read, CacheError>> =
                stream::iter(paths).map(read).buffer_unordered(AT_ONCE).collect().await;
            read.into_iter().collect()
        })
    }

    /// Which objects are there: one request each, several at once. An error of the store is never taken for an absent
    /// object.
    pub(in crate::cache) fn exist(&self, paths: Vec<String>) -> Vec<Result<bool, CacheError>> {
        self.heads(paths).into_iter().map(|found| Ok(found?.is_some())).collect()
    }

    /// The states of objects, in their order.
    pub(super) fn heads(&self, paths: Vec<String>) -> Vec<Result<Option<Meta>, CacheError>> {
        let objects = self.clone();
        self.block(async move {
            let ask = |path: String| {
                let objects = objects.clone();
                async move { objects.head_now(&path).await }
            };
            stream::iter(paths).map(ask).buffered(AT_ONCE).collect().await
        })
    }

    fn attempts(&self, name: &CacheName) -> Result<(AttemptNumbers, Option<Meta>), CacheError> {
        Ok(match self.get(&format!("cache/{name}/{ATTEMPTS}"))? {
            Some((text, meta)) => (AttemptNumbers::read(&String::from_utf8_lossy(&text)), Some(meta)),
            None => (AttemptNumbers::default(), None),
        })
    }

    /// Notes an attempt of a run, where the cache is there.
    pub(in crate::cache) fn note(&self, name: &CacheName, run_id: &str, number: u32) -> Result<(), CacheError> {
        if self.list(&format!("cache/{name}"))?.is_empty() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let (numbers, meta) = self.attempts(name)?;
            let Some(numbers) = numbers.with(run_id, number) else { return Ok(()) };
            let when = meta.map_or(When::Absent, |meta| When::Is(meta.version));
            if self.put(&format!("cache/{name}/{ATTEMPTS}"), numbers.text().into_bytes(), &when)?.is_some() {
                return Ok(());
            }
        }
        let source = super::Fault::new("it is changed by others again and again");
        Err(CacheError::Store { object: self.named(&format!("cache/{name}/{ATTEMPTS}")), source })
    }

    /// Carries out a change that was decided on `seen`. What has changed since then, or is being made, is left.
    pub(in crate::cache) fn carry_out(
        &self,
        seen: &Cache,
        change: &Change,
        now: Timestamp,
    ) -> Result<Carried, CacheError> {
        let Ok(name) = seen.name.parse::<CacheName>() else { return Ok(Carried::default()) };
        let mut carried = Carried::default();
        for key in &change.remove {
            let done = self.changed(&name, key, seen, |prefix, _| prefix.remove().map(|()| true))?;
            if done { carried.done.push(key.clone()) } else { carried.busy.push(key.clone()) }
        }
        for (key, entry) in &change.set {
            let manifest = Manifest::of(&name, entry, now);
            let keep = |prefix: &ObjectPrefix, meta: Option<&Meta>| Ok(prefix.keep(&manifest, meta)? == Kept::Stored);
            let done = self.changed(&name, key, seen, keep)?;
            if done { carried.done.push(key.clone()) } else { carried.busy.push(key.clone()) }
        }
        Ok(carried)
    }

    /// Whether the act was carried out: nobody makes the entry, and it is the one that was seen.
    fn changed(
        &self,
        name: &CacheName,
        key: &str,
        seen: &Cache,
        act: impl FnOnce(&ObjectPrefix, Option<&Meta>) -> Result<bool, CacheError>,
    ) -> Result<bool, CacheError> {
        let Ok(key) = key.parse::<CacheKey>() else { return Ok(false) };
        let prefix = ObjectPrefix::new(self, name, &key);
        let Some(lease) = prefix.lease_now()? else { return Ok(false) };
        let (found, meta) = prefix.look_up()?;
        let created = |entry: &Entry| entry.created;
        let before = seen.entries.get(key.as_str());
        let same = match &found {
            LookUp::Missing => before.is_none(),
            LookUp::Whole(manifest) => before.and_then(created) == Some(manifest.created_at),
            LookUp::Broken(_) | LookUp::OtherVersion => before.is_some_and(|entry| !entry.is_usable()),
        };
        let done = same && act(&prefix, meta.as_ref())?;
        drop(lease);
        Ok(done)
    }

    /// Removes a whole cache as it was seen, with what failed nodes have left in it.
    pub(in crate::cache) fn remove(&self, seen: &Cache, now: Timestamp) -> Result<Removed, CacheError> {
        let Ok(name) = seen.name.parse::<CacheName>() else { return Ok(Removed::default()) };
        let remove = seen.entries.keys().cloned().collect();
        let mut busy = self.carry_out(seen, &Change { remove, ..Change::default() }, now)?.busy;
        let path = format!("cache/{name}");
        let mut keys: Vec<String> = self.directories(&path)?;
        keys.retain(|key| !seen.entries.contains_key(key));
        for key in keys {
            // Only what has no manifest goes: another was made meanwhile.
            let done = self.changed(&name, &key, seen, |prefix, _| prefix.remove().map(|()| true))?;
            if !done && key.parse::<CacheKey>().is_ok() {
                busy.push(key);
            }
        }
        if busy.is_empty() {
            self.delete(&format!("{path}/{ATTEMPTS}"))?;
        }
        let left = self.list(&path)?.into_iter().map(|meta| meta.path);
        let is_busy = |found: &String| busy.iter().any(|key| found.starts_with(&format!("{path}/{key}/")));
        let left = left.filter(|found| !is_busy(found) && !found.ends_with(ATTEMPTS));
        let left = left.map(|found| self.named(&found).into()).collect();
        Ok(Removed { busy, left })
    }
}

type Read = (CacheKey, String, Option<(Vec<u8>, Meta)>);
