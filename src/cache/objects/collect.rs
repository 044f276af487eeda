//! Removes blobs that no entry names, while others make entries.
//!
//! Nothing joins a look at a blob and its removal, or a look at a blob and the manifest that names it. So both sides look once
//! more after they have acted: who removes a blob, for manifests that came meanwhile; who writes a manifest, for its blobs.
//! Whichever acts last sees the other, and an entry that has lost a blob is removed.

use std::collections::{HashMap, HashSet};

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::{AT_ONCE, Fault, Meta, Objects, Version, When};
use crate::cache::digest::{BLOBS, Digest, named_in};
use crate::cache::directory::MANIFEST;
use crate::cache::error::CacheError;
use crate::cache::store::Collected;

/// Manifests that are in memory at once.
const CHUNK: usize = 1_000;
/// An object that is written for its time.
const CLOCK: &str = "blobs/.clock";
/// How often it is written where another process removes it.
const TRIES: usize = 8;

/// The manifests of a store: their states by their paths.
type Manifests = HashMap<String, Version>;

impl Objects {
    /// Removes the blobs that no manifest names and that are older than `grace`, by the server's clock. The blobs are listed
    /// first: an entry that is made meanwhile has stored old blobs again, or its own are younger.
    pub(in crate::cache) fn collect(&self, grace: SignedDuration, dry_run: bool) -> Result<Collected, CacheError> {
        let blobs = self.list(BLOBS)?;
        let mut collected = Collected::default();
        if blobs.is_empty() {
            return Ok(collected);
        }
        let now = self.server_time()?;
        let is_old = |blob: &Meta| now.duration_since(blob.modified) > grace;
        let manifests = self.manifests()?;
        let named = self.named_by(&manifests.keys().cloned().collect::<Vec<_>>())?;
        let mut removed = HashSet::new();
        for blob in blobs.iter().filter(|blob| is_old(blob)) {
            let Some(digest) = Digest::at(&blob.path).filter(|digest| !named.contains(digest)) else { continue };
            // Who makes an entry of an old blob has stored it again.
            let is_still_old = || Ok(self.head(&blob.path)?.is_some_and(|found| is_old(&found)));
            if !dry_run {
                if !is_still_old()? {
                    continue;
                }
                self.delete(&blob.path)?;
                removed.insert(digest);
            }
            collected.blobs += 1;
            collected.bytes += blob.size;
        }
        self.remove_without(&removed, &manifests)?;
        Ok(collected)
    }

    /// Removes the entries that were made since `before` and name a blob that is gone.
    fn remove_without(&self, removed: &HashSet<Digest>, before: &Manifests) -> Result<(), CacheError> {
        if removed.is_empty() {
            return Ok(());
        }
        for (path, version) in self.manifests()? {
            if before.get(&path) == Some(&version) {
                continue;
            }
            let mut named = self.named_by(std::slice::from_ref(&path))?;
            named.retain(|digest| removed.contains(digest));
            let blobs = named.iter().map(|digest| digest.path()).collect();
            if self.exist(blobs).into_iter().collect::<Result<Vec<bool>, _>>()?.contains(&false) {
                self.delete(&path)?;
            }
        }
        Ok(())
    }

    fn manifests(&self) -> Result<Manifests, CacheError> {
        let is_manifest = |meta: &Meta| meta.path.ends_with(&format!("/{MANIFEST}"));
        let listed = self.list("cache")?.into_iter().filter(is_manifest);
        Ok(listed.map(|meta| (meta.path, meta.version)).collect())
    }

    /// The blobs that those of these manifests name that are still there.
    fn named_by(&self, manifests: &[String]) -> Result<HashSet<Digest>, CacheError> {
        let mut named = HashSet::new();
        for some in manifests.chunks(CHUNK) {
            for text in self.texts(some.to_vec())? {
                named.extend(named_in(&text));
            }
        }
        Ok(named)
    }

    /// The contents of those objects that are still there.
    fn texts(&self, paths: Vec<String>) -> Result<Vec<Vec<u8>>, CacheError> {
        let objects = self.clone();
        self.block(async move {
            let read = |path: String| {
                let objects = objects.clone();
                async move { Ok(objects.get_now(&path).await?.map(|(text, _)| text)) }
            };
            let read: Vec<Result<Option<Vec<u8>>, CacheError>> =
                stream::iter(paths).map(read).buffer_unordered(AT_ONCE).collect().await;
            read.into_iter().filter_map(Result::transpose).collect()
        })
    }

    /// The server's time, by an object that is written for it.
    fn server_time(&self) -> Result<Timestamp, CacheError> {
        for _ in 0..TRIES {
            self.put(CLOCK, Vec::new(), &When::Always)?;
            // Another process that asks for the time may have removed it.
            if let Some(found) = self.head(CLOCK)? {
                self.delete(CLOCK)?;
                return Ok(found.modified);
            }
        }
        let source = Fault::new("an object that was written is not there");
        Err(CacheError::Store { object: self.named(CLOCK), source })
    }
}
