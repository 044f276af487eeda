//! Makes what was written durable in groups. A kill loses nothing of it, since the system has it; a power cut loses at
//! most what was written during the last second.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The time in which writes become one group.
const PERIOD: Duration = Duration::from_secs(1);
/// From so many files on, one sync of their whole file system costs less.
const MANY: usize = 16;
/// The same for the files of a tree, which someone waits for: the whole file system also holds what others write.
const MANY_OF_TREE: usize = 256;

/// Syncs files on a thread of its own, a second after the first of a group was written.
#[derive(Debug, Clone)]
pub(crate) struct Durability {
    sender: Sender<File>,
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Durability {
    /// Starts the thread. It ends with the last copy of this value, and leaves the last group to the system.
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

    /// Syncs a file with the next group.
    pub(crate) fn add(&self, file: File) {
        // The thread ends only with its sender.
        let _ = self.sender.send(file);
    }

    /// The first group that could not be synced, if there is one, told once.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// What was written within a period; none when nothing more comes.
fn next_group(receiver: &Receiver<File>) -> Option<Group> {
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
    files: Vec<File>,
    /// There were more than it is worth to hold open.
    more: bool,
}

impl Group {
    fn add(&mut self, file: File) {
        if self.files.len() < MANY { self.files.push(file) } else { self.more = true }
    }

    fn sync(self) -> io::Result<()> {
        match self.files.first() {
            Some(first) if self.more => Ok(rustix::fs::syncfs(first)?),
            _ => self.files.iter().try_for_each(File::sync_data),
        }
    }
}

/// Makes a file or a directory with all that is in it durable.
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    if collect(path, &mut files)? {
        return files.into_iter().try_for_each(|file| file.sync_all());
    }
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

/// Whether there are only a few, which `files` then holds.
fn collect(path: &Path, files: &mut Vec<File>) -> io::Result<bool> {
    if files.len() >= MANY_OF_TREE {
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
            // A file that its owner may not read: the whole file system is synced.
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
    fn a_group_is_synced_after_its_period_and_an_error_is_told_once() -> io::Result<()> {
        let durability = Durability::start()?;
        let (_reader, writer) = std::io::pipe()?;
        // A pipe has no disk to be synced to.
        durability.add(File::from(std::os::fd::OwnedFd::from(writer)));
        let limit = Instant::now() + 10 * PERIOD;
        while durability.check().is_ok() {
            assert!(Instant::now() < limit, "the group was never synced");
            thread::sleep(PERIOD / 50);
        }
        assert!(durability.check().is_ok());
        Ok(())
    }

    #[test]
    fn of_many_files_few_are_held_open() -> io::Result<()> {
        let mut group = Group { files: Vec::new(), more: false };
        for _ in 0..3 * MANY {
            group.add(tempfile::tempfile()?);
        }
        assert_eq!((group.files.len(), group.more), (MANY, true));
        group.sync()
    }

    #[test]
    fn small_and_large_trees_are_synced() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        for number in 0..MANY_OF_TREE {
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
