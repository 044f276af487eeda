//! The lock of the base: one process at a time clones, fetches, adds or removes worktrees, or collects garbage. The
//! kernel releases the lock when its holder ends, however that happens. A holder empties the lock's file before it
//! releases the lock, so text in the file shows that the last holder was killed.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::error::GitError;
use crate::file::identity::is_at;

/// The held lock; dropping it releases it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    killed: bool,
}

impl Lock {
    /// Waits for the lock until the timeout. `holder` describes this process to those who wait.
    pub(super) fn take(path: &Path, timeout: Duration, holder: &str) -> Result<Self, GitError> {
        loop {
            let file = open(path)?;
            let file = match file.try_lock() {
                Ok(()) => file,
                Err(TryLockError::WouldBlock) => wait(file, path, timeout)?,
                Err(TryLockError::Error(error)) => return Err(GitError::file("lock", path)(error)),
            };
            // Sequence: we open the file, its holder's init fails and removes it together with the root, another init
            // creates a new one. Our lock on the removed file would then protect nothing.
            if is_at(&file, path) {
                return Ok(Self::held(file, holder));
            }
        }
    }

    /// Whether the last holder was killed and may have left unfinished work.
    pub(super) fn follows_a_killed_holder(&self) -> bool {
        self.killed
    }

    /// A write error is ignored: a cleanup must work on a full disk, and only the description of the holder is lost.
    fn held(mut file: File, holder: &str) -> Self {
        let killed = file.metadata().is_ok_and(|metadata| metadata.len() > 0);
        let _ = overwrite(&mut file, holder);
        Self { file, killed }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails, the next holder looks for unfinished work and finds none.
        let _ = self.file.set_len(0);
    }
}

/// Replaces the text of a file that stays open because its lock is held. It is one write, padded to the old length: a
/// process killed on the way leaves the old text or the new one. Emptied first, the file would be empty after a kill,
/// and so say that the last holder ended by itself.
pub(super) fn overwrite(file: &mut File, text: &str) -> io::Result<()> {
    let old = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut content = text.as_bytes().to_vec();
    content.resize(old.max(content.len()), b' ');
    file.rewind()?;
    file.write_all(&content)
}

/// The holder's description of itself.
pub(super) fn holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.chars().filter(|letter| !letter.is_control()).take(200).collect())
}

fn open(path: &Path) -> Result<File, GitError> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = File::options().create(true).truncate(false).read(true).write(true).custom_flags(flags).open(path);
    file.map_err(GitError::file("open", path))
}

/// Waits for the lock in a thread, because a blocking lock call has no timeout.
fn wait(file: File, path: &Path, timeout: Duration) -> Result<File, GitError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock().map(|()| file);
        // After the timeout nobody receives: the file is closed here, which releases the lock.
        let _ = sender.send(locked);
    });
    match receiver.recv_timeout(timeout) {
        Ok(locked) => locked.map_err(GitError::file("lock", path)),
        Err(_) => Err(GitError::Locked { path: path.to_owned(), holder: holder(path), waited: timeout }),
    }
}

/// Whether a process holds the lock of a file; a missing file is not locked.
pub(super) fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Describes this process for the lock's file.
pub(crate) fn describe(doing: &str, now: &jiff::Timestamp) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("process {} on {host} ({doing}, since {})", std::process::id(), now.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Waits until a file's lock is free.
pub(super) fn wait_until_free(path: &Path, timeout: Duration) -> Result<(), GitError> {
    match File::open(path) {
        Ok(file) => wait(file, path, timeout).map(drop),
        Err(_) => Ok(()),
    }
}

pub(super) fn path(root: &Path) -> PathBuf {
    root.join("base.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between fork and exec, a process that another test's thread starts shares the open file, and with it a lock that
    /// was released here.
    const FORK: Duration = Duration::from_mins(1);

    #[test]
    fn one_process_holds_the_lock_and_others_see_which() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("lock");
        let held = Lock::take(&path, Duration::ZERO, "the first")?;
        assert!(!held.follows_a_killed_holder() && is_held(&path));
        let refused = Lock::take(&path, Duration::from_millis(10), "the second");
        let Err(error) = refused else { panic!("two hold the lock") };
        assert!(error.to_string().contains("is locked by the first"), "{error}");
        drop(held);
        assert!(!Lock::take(&path, FORK, "the third")?.follows_a_killed_holder());
        Ok(())
    }

    #[test]
    fn a_waiter_gets_the_released_lock() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("lock");
        let held = Lock::take(&path, Duration::ZERO, "the first")?;
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::take(&path, Duration::from_mins(1), "the second").map(drop));
            drop(held);
            assert!(waiter.join().is_ok_and(|taken| taken.is_ok()));
        });
        Ok(())
    }

    #[test]
    fn a_killed_holder_is_noticed_once() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("lock");
        std::fs::write(&path, "process 1 on a\n")?;
        let lock = Lock::take(&path, Duration::ZERO, "next")?;
        assert!(lock.follows_a_killed_holder());
        assert_eq!(super::holder(&path).as_deref(), Some("next"), "nothing of the longer text is left");
        assert_eq!(path.metadata()?.len(), 15, "the file is never shorter meanwhile");
        drop(lock);
        assert!(!Lock::take(&path, FORK, "next")?.follows_a_killed_holder());
        Ok(())
    }

    #[test]
    fn a_link_in_place_of_the_lock_is_not_followed() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let outside = directory.path().join("outside");
        std::os::unix::fs::symlink(&outside, directory.path().join("lock"))?;
        assert!(Lock::take(&directory.path().join("lock"), Duration::ZERO, "x").is_err());
        assert!(!outside.exists());
        Ok(())
    }
}
