//! In the place of what the kernel says of changes in directories, on systems other than Linux: it says nothing, and whoever
//! waits for changes looks once a pulse (`super::watch`).

use std::io;
use std::path::Path;

use super::watch::Changes;

/// There is none.
#[derive(Debug)]
pub(super) enum Inotify {}

/// The number of a watched directory.
pub(super) type WatchId = i32;

impl Inotify {
    /// An error.
    pub(super) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Watches a directory too.
    pub(super) fn add(&self, _directory: &Path, _changes: Changes) -> io::Result<WatchId> {
        match *self {}
    }

    /// Watches a directory no more.
    pub(super) fn remove(&self, _directory: WatchId) -> io::Result<()> {
        match *self {}
    }

    /// Wakes who waits for changes.
    pub(super) fn wake(&self) {
        match *self {}
    }

    /// Waits for changes.
    pub(super) fn changed(&self) -> io::Result<Vec<WatchId>> {
        match *self {}
    }
}
