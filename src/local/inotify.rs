//! What the kernel says of changes in directories.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

use super::watch::Changes;

/// Bytes of events that one call reads.
const ROOM: usize = 4096;

/// A list of watched directories.
#[derive(Debug)]
pub(super) struct Inotify(OwnedFd);

/// The number of a watched directory.
pub(super) type WatchId = i32;

impl Inotify {
    /// Watches nothing yet. An error where the kernel or the limit of this user allows no such list.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(inotify::init(CreateFlags::CLOEXEC)?))
    }

    /// Watches a directory too.
    pub(super) fn add(&self, directory: &Path, changes: Changes) -> io::Result<WatchId> {
        Ok(inotify::add_watch(&self.0, directory, flags(changes))?)
    }

    /// Watches a directory no more.
    pub(super) fn remove(&self, directory: WatchId) -> io::Result<()> {
        Ok(inotify::remove_watch(&self.0, directory)?)
    }

    /// Wakes who waits for changes: the end of a watch is one too.
    pub(super) fn wake(&self) {
        if let Ok(watch) = inotify::add_watch(&self.0, "/", WatchFlags::DELETE_SELF) {
            let _ = self.remove(watch);
        }
    }

    /// Waits for changes and gives the directories in which they were, each as often as it changed.
    pub(super) fn changed(&self) -> io::Result<Vec<WatchId>> {
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut events = Reader::new(&self.0, &mut room);
        let mut changed = vec![events.next()?.wd()];
        while !events.is_buffer_empty() {
            changed.push(events.next()?.wd());
        }
        Ok(changed)
    }
}

fn flags(changes: Changes) -> WatchFlags {
    match changes {
        Changes::All => {
            WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MODIFY
                | WatchFlags::MOVED_TO
                | WatchFlags::CLOSE_WRITE
        }
        Changes::NextWrite => WatchFlags::MODIFY | WatchFlags::ONESHOT,
    }
}
