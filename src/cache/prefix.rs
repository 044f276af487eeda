//! The prefix of one entry, whichever store it is in: the entry is looked up, made by one at a time, and kept.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::directory::Directory;
use super::error::CacheError;
use super::lock::{Holder, Lock};
use super::look_up::LookUp;
use super::manifest::{Blob, Failure, KeptArtifact, Manifest};
use super::objects::{Lease, Meta, ObjectPrefix};

/// A use in a directory is noted if the one before was noted longer ago.
const NOTED: SignedDuration = SignedDuration::from_hours(1);

/// The prefix of one entry in a store.
#[derive(Debug, Clone)]
pub(crate) enum Prefix {
    /// In a directory of this machine.
    Directory(Directory),
    /// In a bucket.
    Objects(ObjectPrefix),
}

/// What was found at a prefix; an entry takes the place of this and of nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// What a look finds.
    pub(crate) found: LookUp,
    /// When its last use was noted, in a directory.
    used: Option<Timestamp>,
    /// The state of the object that was read.
    object: Option<Meta>,
    /// What it names was found to be missing, or to have another content.
    distrusted: bool,
}

impl Seen {
    /// Notes that the store does not have what it names: what is there of it is stored again.
    pub(crate) fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// Whether both looks found the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.found == other.found && self.object == other.object
    }
}

/// What to think of a blob that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum There {
    /// It is what its digest says.
    Trusted,
    /// An entry was found broken: it is stored again.
    Distrusted,
}

/// The right to make an entry, until it is dropped.
#[derive(Debug)]
pub(crate) enum Right {
    /// The lock of a directory.
    Lock {
        /// It ends with this value.
        _lock: Lock,
    },
    /// The lease of a bucket.
    Lease {
        /// It is given back with this value.
        _lease: Lease,
    },
}

/// What became of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is in the store.
    Stored,
    /// Somebody else has stored one meanwhile, which stays.
    Lost,
}

/// An artifact cannot be restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The store does not have it as its manifest says.
    #[error("{0}")]
    Broken(io::Error),
    /// The store refuses.
    #[error(transparent)]
    Store(CacheError),
    /// It cannot be written here.
    #[error(transparent)]
    Local(io::Error),
}

impl RestoreError {
    /// Of an error while a blob was read or written here.
    pub(super) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Broken(error),
            _ => Self::Local(error),
        }
    }
}

/// Tells work to end before it is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it.
    pub(crate) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// An error once it was told.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}

impl Prefix {
    /// Looks for the entry. Any other error than that there is none is an error.
    pub(crate) fn look_up(&self) -> Result<Seen, CacheError> {
        match self {
            Self::Directory(directory) => {
                let (found, file) = directory.look()?;
                Ok(Seen { found, used: file.and_then(|file| file.used), object: None, distrusted: false })
            }
            Self::Objects(prefix) => {
                prefix.look_up().map(|(found, object)| Seen { found, used: None, object, distrusted: false })
            }
        }
    }

    /// Waits until nobody else makes the entry; none where somebody has made one in the place of what was seen. It ends when it
    /// is told to stop, but for the lock of a directory.
    pub(crate) fn right_unless_made(&self, seen: &Seen, stop: &Stop) -> Result<Option<Right>, CacheError> {
        match self {
            Self::Directory(_) => self.right(stop).map(Some),
            Self::Objects(prefix) => {
                let lease = prefix.lease(seen.object.as_ref(), stop)?;
                Ok(lease.map(|lease| Right::Lease { _lease: lease }))
            }
        }
    }

    /// Waits until nobody else makes the entry.
    pub(crate) fn right(&self, stop: &Stop) -> Result<Right, CacheError> {
        match self {
            Self::Directory(directory) => Ok(Right::Lock { _lock: directory.lock()? }),
            Self::Objects(prefix) => Ok(Right::Lease { _lease: prefix.lease_anyhow(stop)? }),
        }
    }

    /// The right to make the entry; none while someone else makes it.
    pub(crate) fn right_now(&self) -> Result<Option<Right>, CacheError> {
        match self {
            Self::Directory(directory) => Ok(directory.lock_now()?.map(|lock| Right::Lock { _lock: lock })),
            Self::Objects(prefix) => Ok(prefix.lease_now()?.map(|lease| Right::Lease { _lease: lease })),
        }
    }

    /// Who makes the entry.
    pub(crate) fn holder(&self) -> Option<Holder> {
        match self {
            Self::Directory(directory) => directory.holder(),
            Self::Objects(prefix) => prefix.holder(),
        }
    }

    /// Stores a file or directory for an entry in the place of what was seen.
    pub(crate) fn put(&self, source: &Path, seen: &Seen, stop: &Stop) -> Result<Blob, CacheError> {
        let there = if seen.distrusted { There::Distrusted } else { There::Trusted };
        match self {
            Self::Directory(directory) => directory.blobs().put(source, there, stop).map_err(CacheError::at(source)),
            Self::Objects(prefix) => prefix.put(source, there, stop),
        }
    }

    /// Makes an artifact's file or directory at a path where nothing is.
    pub(crate) fn restore(&self, artifact: &KeptArtifact, place: &Path, stop: &Stop) -> Result<(), RestoreError> {
        match self {
            Self::Directory(directory) => directory.restore(artifact, place).map_err(RestoreError::of),
            Self::Objects(prefix) => prefix.restore(artifact, place, stop),
        }
    }

    /// Makes the entry, in the place of what was seen. What somebody else has made meanwhile stays.
    pub(crate) fn keep(&self, manifest: Manifest, seen: &Seen, right: Option<&Right>) -> Result<Kept, CacheError> {
        let directory = match self {
            Self::Objects(prefix) => return prefix.keep(&manifest, seen.object.as_ref()),
            Self::Directory(directory) => directory,
        };
        // Without the right: whoever has it makes an entry that is as good.
        let own = match right {
            Some(_) => None,
            None => match directory.lock_now()? {
                Some(lock) => Some(lock),
                None => return Ok(Kept::Lost),
            },
        };
        if directory.look_up()? != seen.found {
            return Ok(Kept::Lost);
        }
        let document = directory.keep(manifest, &[])?;
        document.sync_data().map_err(CacheError::at(&directory.path))?;
        drop(own);
        Ok(Kept::Stored)
    }

    /// Notes how the command failed.
    pub(crate) fn fail(&self, failure: &Failure) -> Result<(), CacheError> {
        match self {
            Self::Directory(directory) => directory.fail(failure),
            Self::Objects(prefix) => prefix.fail(failure),
        }
    }

    /// Notes that the entry was used, as it was seen. What was noted a moment ago is not noted again.
    pub(crate) fn touch(&self, seen: &Seen) {
        match self {
            Self::Directory(_) if seen.used.is_some_and(|used| Timestamp::now().duration_since(used) < NOTED) => {}
            Self::Directory(directory) => directory.touch(),
            Self::Objects(prefix) => prefix.touch(seen.object.as_ref()),
        }
    }
}
