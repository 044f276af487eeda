//! Syncs written files to disk in groups. A killed process loses nothing, because the kernel has the data; a power cut
//! loses at most the writes of the last second.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::platform::sync_file_system;

/// The time during which writes are collected into one group.
const PERIOD: Duration = Duration::from_secs(1);
/// From this many files on, syncing the whole file system is cheaper.
const MAX_OPEN: usize = 16;
/// The same limit for a tree. It is higher because the caller waits, and syncing the file system also writes the data
/// of other programs.
const MAX_OPEN_OF_TREE: usize = 256;

/// Syncs files in a thread, one second after the first file of a group.
#[derive(Debug, Clone)]
pub(crate) struct Durability {
    sender: Sender<Arc<File>>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Durability {
    /// Starts the thread. It ends with the last copy of this value; the last group is then left to the kernel.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = channel();
        let failed = Arc::<Mutex<Option<io::Error>>>::default();
        let shared = Arc::clone(&failed);
        thread::Builder::new().name("durability".to_owned()).spawn(move || {
            while let Some(group) = next_group(&receiver) {
                if let Err(error) = group.sync() {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        })?;
        Ok(Self { sender, failed })
    }

    /// Adds a file to the next group, once: who adds it again opens no further descriptor.
    pub(crate) fn add(&self, file: Arc<File>) {
        // The thread ends only with its sender.
        let _ = self.sender.send(file);
    }

    /// Returns the first sync error, once.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// The files of one period; `None` after the last sender is gone.
fn next_group(receiver: &Receiver<Arc<File>>) -> Option<Group> {
    let mut group = Group { files: vec![receiver.recv().ok()?], more: false };
    let end = Instant::now() + PERIOD;
    loop {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(file) => group.add(file),
            Err(RecvTimeoutError::Timeout) => return Some(group),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

struct Group {
    files: Vec<Arc<File>>,
    /// There were more files than are kept open.
    more: bool,
}

impl Group {
    fn add(&mut self, file: Arc<File>) {
        if self.files.iter().any(|known| Arc::ptr_eq(known, &file)) {
            return;
        }
        if self.files.len() < MAX_OPEN { self.files.push(file) } else { self.more = true }
    }

    fn sync(self) -> io::Result<()> {
        match self.files.first() {
            Some(first) if self.more => sync_file_system(first),
            _ => self.files.iter().try_for_each(|file| file.sync_data()),
        }
    }
}

/// Syncs a file, or a directory with everything in it.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    if collect(path, &mut files)? {
        return files.into_iter().try_for_each(|file| file.sync_all());
    }
    sync_file_system(&File::open(path)?)
}

/// Collects the files of a tree; false if there are too many.
fn collect(path: &Path, files: &mut Vec<File>) -> io::Result<bool> {
    if files.len() >= MAX_OPEN_OF_TREE {
        return Ok(false);
    }
    let kind = path.symlink_metadata()?.file_type();
    if kind.is_dir() {
        for entry in path.read_dir()? {
            if !collect(&entry?.path(), files)? {
                return Ok(false);
            }
        }
    }

    if kind.is_dir() || kind.is_file() {
        match File::open(path) {
            Ok(file) => files.push(file),
            // A file that its owner may not read: sync the whole file system instead.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_group_is_synced_after_its_period_and_an_error_is_returned_once() -> io::Result<()> {
        let durability = Durability::start()?;
        let (_reader, writer) = std::io::pipe()?;
        // A pipe has no disk to be synced to.
        durability.add(Arc::new(File::from(std::os::fd::OwnedFd::from(writer))));
        let limit = Instant::now() + 10 * PERIOD;
        while durability.check().is_ok() {
            assert!(Instant::now() < limit, "the group was never synced");
            thread::sleep(PERIOD / 50);
        }
        assert!(durability.check().is_ok());
        Ok(())
    }

    #[test]
    fn only_a_few_of_many_files_are_kept_open() -> io::Result<()> {
        let mut group = Group { files: Vec::new(), more: false };
        let often = Arc::new(tempfile::tempfile()?);
        (0..3 * MAX_OPEN).for_each(|_| group.add(Arc::clone(&often)));
        assert_eq!((group.files.len(), group.more), (1, false));
        for _ in 0..3 * MAX_OPEN {
            let file = Arc::new(tempfile::tempfile()?);
            group.add(Arc::clone(&file));
            group.add(file);
        }
        assert_eq!((group.files.len(), group.more), (MAX_OPEN, true));
        group.sync()
    }

    #[test]
    fn small_and_large_trees_are_synced() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        for number in 0..MAX_OPEN_OF_TREE {
            if number % 100 == 0 {
                sync_tree(directory.path())?;
            }
            fs::create_dir(directory.path().join(format!("d{number}")))?;
            fs::write(directory.path().join(format!("d{number}/f")), "x")?;
        }
        assert!(sync_tree(&directory.path().join("gone")).is_err());
        Ok(())
    }
}
