//! The prefix of one entry in a bucket.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Fault, Lease, Meta, Objects, When};
use crate::argo::identity::CacheName;
use crate::cache::directory::{ERROR, MANIFEST};
use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::cache::lock::Holder;
use crate::cache::look_up::LookUp;
use crate::cache::manifest::{Blob, Content, Failure, KeptArtifact, Manifest};
use crate::cache::prefix::{Kept, RestoreError, Stop, There};

const LEASE: &str = "lease.json";
pub(super) const LAST_HIT: &str = "last-hit";
/// A use is noted if the one before was noted longer ago.
const NOTED: SignedDuration = SignedDuration::from_hours(24);

/// The prefix of one entry.
#[derive(Debug, Clone)]
pub(crate) struct ObjectPrefix {
    objects: Objects,
    path: String,
    key: CacheKey,
}

impl ObjectPrefix {
    /// The prefix of a key in a cache, whether it is there or not.
    pub(crate) fn new(objects: &Objects, cache: &CacheName, key: &CacheKey) -> Self {
        Self { objects: objects.clone(), path: format!("cache/{cache}/{key}"), key: key.clone() }
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The entry, and the state of its manifest. Whether the store has its blobs shows when they are restored.
    pub(in crate::cache) fn look_up(&self) -> Result<(LookUp, Option<Meta>), CacheError> {
        let path = self.at(MANIFEST);
        Ok(match self.objects.get(&path)? {
            Some((text, meta)) => (LookUp::read(&text, &self.key, self.objects.named(&path)), Some(meta)),
            None => (LookUp::Missing, None),
        })
    }

    /// The right to make the entry; none while somebody else has it.
    pub(in crate::cache) fn lease_now(&self) -> Result<Option<Lease>, CacheError> {
        Lease::try_take(&self.objects, &self.at(LEASE))
    }

    /// Waits for the right to make the entry; none where somebody has made one in the place of `seen`.
    pub(in crate::cache) fn lease(&self, seen: Option<&Meta>, stop: &Stop) -> Result<Option<Lease>, CacheError> {
        let changed = || {
            let now = self.objects.head(&self.at(MANIFEST))?;
            Ok(now.map(|now| now.version) != seen.map(|seen| seen.version.clone()))
        };
        Lease::take(&self.objects, &self.at(LEASE), stop, changed)
    }

    /// Waits for the right to make the entry, whatever is there.
    pub(in crate::cache) fn lease_anyhow(&self, stop: &Stop) -> Result<Lease, CacheError> {
        loop {
            if let Some(lease) = Lease::take(&self.objects, &self.at(LEASE), stop, || Ok(false))? {
                return Ok(lease);
            }
        }
    }

    /// Who has the right.
    pub(in crate::cache) fn holder(&self) -> Option<Holder> {
        Lease::holder(&self.objects, &self.at(LEASE))
    }

    /// Stores a file or directory.
    pub(in crate::cache) fn put(&self, source: &Path, there: There, stop: &Stop) -> Result<Blob, CacheError> {
        let now = if there == There::Trusted { self.server_time() } else { None };
        self.objects.put_blob(source, now, stop)
    }

    /// The server's time, by what the holder of the lease has written.
    fn server_time(&self) -> Option<Timestamp> {
        Some(self.objects.head(&self.at(LEASE)).ok()??.modified)
    }

    /// Makes an artifact's file or directory at a path where nothing is.
    pub(in crate::cache) fn restore(
        &self,
        artifact: &KeptArtifact,
        place: &Path,
        stop: &Stop,
    ) -> Result<(), RestoreError> {
        match artifact.content() {
            Content::Blob(blob) => self.objects.restore_blob(blob, place, stop),
            Content::Absent => Ok(()),
            Content::Beside(_) => {
                Err(RestoreError::Broken(std::io::Error::other("it is beside its manifest, as in a directory alone")))
            }
        }
    }

    /// Makes the entry, in the place of a manifest of this state.
    pub(in crate::cache) fn keep(&self, manifest: &Manifest, seen: Option<&Meta>) -> Result<Kept, CacheError> {
        self.has_blobs(manifest)?;
        let when = seen.map_or(When::Absent, |seen| When::Is(seen.version.clone()));
        if self.objects.put(&self.at(MANIFEST), json(manifest), &when)?.is_none() {
            return Ok(Kept::Lost);
        }
        // A prune that had looked before removes a blob only before it looks for manifests that came meanwhile.
        if let Err(error) = self.has_blobs(manifest) {
            let _ = self.objects.delete(&self.at(MANIFEST));
            return Err(error);
        }
        // The entry counts whether a former failure is told beside it or not.
        let _ = self.objects.delete(&self.at(ERROR));
        Ok(Kept::Stored)
    }

    /// An error where the store lacks a blob of the entry.
    fn has_blobs(&self, manifest: &Manifest) -> Result<(), CacheError> {
        let blobs: Vec<&Blob> = manifest.artifacts.iter().filter_map(|artifact| artifact.blob.as_ref()).collect();
        let found = self.objects.heads(blobs.iter().map(|blob| blob.digest.path()).collect());
        for (blob, found) in blobs.into_iter().zip(found) {
            if found?.is_none_or(|found| found.size != blob.size) {
                let source = Fault::new("it was removed meanwhile");
                return Err(CacheError::Store { object: self.objects.named(&blob.digest.path()), source });
            }
        }
        Ok(())
    }

    /// Notes how the node failed.
    pub(in crate::cache) fn fail(&self, failure: &Failure) -> Result<(), CacheError> {
        self.objects.put(&self.at(ERROR), json(failure), &When::Always).map(drop)
    }

    /// Notes that the entry was used, at most daily. Who may only read leaves no note.
    pub(in crate::cache) fn touch(&self, manifest: Option<&Meta>) {
        let now = Timestamp::now();
        let is_recent = |meta: &Meta| now.duration_since(meta.modified) < NOTED;
        if manifest.is_some_and(is_recent)
            || matches!(self.objects.head(&self.at(LAST_HIT)), Ok(Some(meta)) if is_recent(&meta))
        {
            return;
        }
        let _ = self.objects.put(&self.at(LAST_HIT), Vec::new(), &When::Always);
    }

    /// Removes the entry: first the manifest, so that nothing half-removed counts.
    pub(in crate::cache) fn remove(&self) -> Result<(), CacheError> {
        [MANIFEST, ERROR, LAST_HIT].iter().try_for_each(|name| self.objects.delete(&self.at(name)))
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(document).expect("its fields are texts, numbers, lists and objects of them")
}
