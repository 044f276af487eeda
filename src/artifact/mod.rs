//! Artifacts of Argo's kinds: brought from where they are kept, and taken there. What a location means is Argo's:
//! `workflow/artifacts` in v4.1.2. Secrets are in memory alone.
//!
//! ```text
//! Location + secrets ─► Place ─┬► bring: bucket | http | git ─► unpacked ─► a file or directory
//!                              └► take:  a file or directory ─► packed ─► bucket | http
//! ```

mod bucket;
mod git;
mod http;
mod http_client;
mod pack;
mod place;
mod unpack;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::http_client::{cause, client, without_credentials};
pub(crate) use self::pack::Archive;
pub(crate) use self::place::{Bucket, Place, Repository};
use crate::cache::{CacheError, Objects, Stop};
use crate::exit::chain;

/// A value that no message shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Why an artifact did not come or go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransferError {
    /// There is none.
    #[error("{0}")]
    Missing(String),
    /// It was refused, and why.
    #[error("{0}")]
    Refused(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl TransferError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::File { path: path.to_owned(), source }
    }
}

impl From<CacheError> for TransferError {
    fn from(error: CacheError) -> Self {
        Self::Refused(chain(&error))
    }
}

/// Who brings and takes the artifacts of a run.
#[derive(Debug, Clone)]
pub(crate) struct Carrier {
    /// The directory of the bases of git repositories.
    bases: PathBuf,
    /// This program, through which git is started.
    program: PathBuf,
    buckets: Arc<Mutex<Vec<(Bucket, Objects)>>>,
}

impl Carrier {
    /// One that keeps bases of git repositories in a directory, which is made when it is needed.
    pub(crate) fn new(bases: &Path, program: &Path) -> Self {
        Self { bases: bases.to_owned(), program: program.to_owned(), buckets: Arc::default() }
    }

    /// Brings an artifact to a path where nothing is. Waits for servers: call it where that is allowed, within a runtime.
    pub(crate) fn bring(
        &self,
        place: &Place,
        archive: Archive,
        target: &Path,
        stop: &Stop,
    ) -> Result<(), TransferError> {
        let packed = beside(target, "packed");
        match place {
            Place::Bucket(bucket) => bucket::bring(&self.objects(bucket)?, &bucket.key, &packed, stop)?,
            Place::Web(web) => http::bring(web, &packed, stop)?,
            Place::Git(clone) => clone.bring(&self.bases, &self.program, &packed)?,
        }
        unpack::unpack(archive, &packed, target, stop)
    }

    /// Takes a file or directory to a place, where archives have the name of `path`.
    pub(crate) fn take(
        &self,
        place: &Place,
        archive: Archive,
        (source, path): (&Path, &Path),
        stop: &Stop,
    ) -> Result<(), TransferError> {
        let packed = pack::pack(archive, source, path, stop)?;
        let content = packed.as_ref().map_or(source, tempfile::NamedTempFile::path);
        match place {
            Place::Bucket(bucket) => bucket::take(&self.objects(bucket)?, &bucket.key, content, stop),
            Place::Web(web) => http::take(web, content),
            Place::Git(_) => Err(TransferError::Refused("git output artifacts unsupported".to_owned())),
        }
    }

    /// The client of a bucket: one for all of its artifacts.
    fn objects(&self, bucket: &Bucket) -> Result<Objects, TransferError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.iter().find(|(known, _)| known.is_reached_as(bucket));
        if let Some((_, objects)) = known {
            return Ok(objects.clone());
        }
        let objects = Objects::open_as(bucket.address.clone(), &bucket.access, false)?;
        buckets.push((bucket.clone(), objects.clone()));
        Ok(objects)
    }
}

/// A path beside another one, for what is not done yet. Nothing is there.
fn beside(target: &Path, what: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    target.with_file_name(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), TransferError> {
    fs::rename(from, to).map_err(TransferError::at(to))
}
