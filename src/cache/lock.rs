//! The right to make or to remove an entry of a directory: a lock on a file in its prefix, which ends with the process.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::directory::{Directory, LOCK, is_absent};
use super::error::CacheError;
use crate::file::identity::is_at;
use crate::file::private;

/// The right to make an entry, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Directory {
    /// Waits until nobody else makes the entry.
    pub(crate) fn lock(&self) -> Result<Lock, CacheError> {
        loop {
            if let Some(lock) = self.lock_by(|file| file.lock().map(|()| true))? {
                return Ok(lock);
            }
        }
    }

    /// The right to make the entry; none while someone else makes it.
    pub(crate) fn lock_now(&self) -> Result<Option<Lock>, CacheError> {
        self.lock_by(|file| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(source)) => Err(source),
        })
    }

    /// Who makes the entry, as the lock's file tells.
    pub(crate) fn holder(&self) -> Option<Holder> {
        serde_json::from_slice(&fs::read(self.path.join(LOCK)).ok()?).ok()
    }

    fn lock_by(&self, take: impl Fn(&File) -> io::Result<bool>) -> Result<Option<Lock>, CacheError> {
        let path = self.path.join(LOCK);
        loop {
            private::create_directory(&self.path).map_err(CacheError::at(&self.path))?;
            let file = match private::file().truncate(false).write(true).open(&path) {
                Ok(file) => file,
                // The prefix was removed in between.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(CacheError::File { path, source }),
            };
            if !take(&file).map_err(CacheError::at(&path))? {
                return Ok(None);
            }
            if is_at(&file, &path) {
                note_holder(&file);
                return Ok(Some(Lock { _file: file }));
            }
        }
    }

    /// The right to make the entry, or to remove it; none while someone else makes it, or where there is nothing.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, CacheError> {
        let path = self.path.join(LOCK);
        let file = match private::file().truncate(false).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(source) => return Err(CacheError::File { path, source }),
        };
        match file.try_lock() {
            Ok(()) => Ok(is_at(&file, &path).then_some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(CacheError::File { path, source }),
        }
    }
}

/// Who makes an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The machine and the number of the process.
    pub(crate) holder: String,
    /// Since when, by the holder's clock.
    pub(crate) since: Timestamp,
}

impl Holder {
    /// This process, from now on.
    pub(crate) fn this_process() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { holder: format!("{host} (process {})", std::process::id()), since: Timestamp::now() }
    }
}

/// Notes in the lock's file who holds it; what cannot be noted costs those who wait a name.
fn note_holder(mut file: &File) {
    let text = serde_json::to_vec(&Holder::this_process()).unwrap_or_default();
    let _ = file.set_len(0).and_then(|()| file.write_all(&text));
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::path::Path;

    use super::*;

    fn prefix(root: &Path) -> Result<Directory, Box<dyn Error>> {
        Ok(Directory::new(root, &"runnable-abc123".parse()?, &"k".parse()?))
    }

    #[test]
    fn one_makes_an_entry_at_a_time() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        let lock = prefix.lock()?;
        let other = File::options().write(true).open(prefix.path.join(LOCK))?;
        assert!(other.try_lock().is_err());
        drop(lock);
        assert!(other.try_lock().is_ok());
        Ok(())
    }

    #[test]
    fn who_waits_for_an_entry_that_is_removed_makes_it_alone() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        let prefix = prefix(root.path())?;
        fs::create_dir_all(&prefix.path)?;
        let lock = prefix.lock()?;
        std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
            let waiting = scope.spawn(|| prefix.lock());
            prefix.remove(lock)?;
            let held = waiting.join().map_err(|_| "it panicked")??;
            assert!(prefix.try_lock()?.is_none(), "it holds the lock that is there");
            drop(held);
            Ok(())
        })
    }
}
