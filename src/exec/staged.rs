//! How restored outputs come to their places: each is made whole in a directory beside its place, and then moves.
//!
//! Such a directory is locked as long as its maker lives. One that a killed maker has left is removed by the next that
//! restores something beside it.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::file::identity::is_at;
use crate::file::remove::remove_tree;
use crate::platform::is_mount_point;

/// How the directories begin in which outputs wait to be moved.
const STAGING: &str = ".kubectl-runnable-";
/// What waits in one.
const NEW: &str = "new";
/// How often a directory is made again that somebody takes for one left behind before it is locked.
const MOST_TRIES: usize = 100;

/// A restored output that is whole and not yet in its place.
#[derive(Debug)]
pub(super) struct Staged {
    staging: Staging,
    target: PathBuf,
    /// The target stays and its content is replaced.
    fills: bool,
}

impl Staged {
    /// Makes an output beside a path, which is its own or that of an output that it is in; `restore` gets a path where nothing
    /// is.
    pub(super) fn make(
        target: &Path,
        beside: &Path,
        restore: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let parent = beside.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let (staging, fills) = staging(target, parent)?;
        let staged = Self { staging, target: target.to_owned(), fills };
        restore(&staged.content())?;
        Ok(staged)
    }

    fn content(&self) -> PathBuf {
        self.staging.path.join(NEW)
    }

    /// How deep its place is: an output that others are in moves before them.
    pub(super) fn depth(&self) -> usize {
        std::path::absolute(&self.target).unwrap_or_else(|_| self.target.clone()).components().count()
    }

    /// Moves it to its place. What was there is replaced; a mount point stays and gets the content.
    pub(super) fn place(self) -> io::Result<()> {
        if self.fills {
            return if self.content().is_dir() { self.fill() } else { copy_content(&self.content(), &self.target) };
        }
        if let Some(parent) = self.target.parent() {
            fs::create_dir_all(parent)?;
        }
        if self.exchange().is_ok() {
            return Ok(());
        }
        let old = self.staging.path.join("old");
        match rename(&self.target, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        rename(&self.content(), &self.target).inspect_err(|_| {
            // What was there is not lost.
            let _ = rename(&old, &self.target);
        })
    }

    /// Takes the place of what is there in one step, where the file system can: a kill leaves the one or the other.
    fn exchange(&self) -> rustix::io::Result<()> {
        renameat_with(CWD, self.content(), CWD, &self.target, RenameFlags::EXCHANGE)
    }

    /// Replaces what is in the directory that stays.
    fn fill(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.target)? {
            let path = entry?.path();
            if path.file_name() != self.staging.path.file_name() {
                if path.symlink_metadata()?.is_dir() { remove_tree(&path)? } else { fs::remove_file(&path)? }
            }
        }
        for entry in fs::read_dir(self.content())? {
            let entry = entry?;
            rename(&entry.path(), &self.target.join(entry.file_name()))?;
        }
        Ok(())
    }
}

/// A directory in which an output waits; it goes when it is dropped.
#[derive(Debug)]
struct Staging {
    path: PathBuf,
    /// Open and locked as long as it is used.
    _lock: File,
}

impl Staging {
    fn within(directory: &Path) -> io::Result<Self> {
        remove_abandoned(directory);
        for _ in 0..MOST_TRIES {
            let path = tempfile::Builder::new().prefix(STAGING).tempdir_in(directory)?.keep();
            let lock = match File::open(&path) {
                // Another has taken it for one left behind: it was made and not yet locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // Where nothing can be locked nobody takes it for one left behind either.
            if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) && is_at(&lock, &path) {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}

/// Removes what killed makers have left in a directory, but for what may be the only copy of an earlier output (`old`).
fn remove_abandoned(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let ours = entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(STAGING.as_bytes()));
    for entry in ours.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let path = entry.path();
        let holds_only_new = || {
            fs::read_dir(&path)
                .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == NEW)))
        };
        let lock = File::open(&path).ok().filter(|lock| lock.try_lock().is_ok());
        if lock.is_some() && holds_only_new() {
            let _ = remove_tree(&path);
        }
    }
}

/// A new directory where a target waits, and whether the target stays and is filled: a mount point, or one whose directory the
/// user may not write to.
fn staging(target: &Path, parent: &Path) -> io::Result<(Staging, bool)> {
    let within = Staging::within;
    let is_mounted = is_mount_point(target)?;
    if is_mounted && target.is_dir() {
        return Ok((within(target)?, true));
    }
    match within(parent) {
        Err(error) if is_refused(&error) && target.is_dir() => Ok((within(target)?, true)),
        Err(error) if is_refused(&error) && target.is_file() => Ok((within(&std::env::temp_dir())?, true)),
        staging => Ok((staging?, is_mounted)),
    }
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Renames a file or directory. Who owns a directory has to be able to write to it to move it: its entry `..` changes.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let renamed = fs::rename(from, to);
    match &renamed {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && from.symlink_metadata()?.is_dir() => {}
        _ => return renamed,
    }
    let kept = from.metadata()?.permissions();
    fs::set_permissions(from, Permissions::from_mode(kept.mode() | 0o700))?;
    let renamed = fs::rename(from, to);
    fs::set_permissions(if renamed.is_ok() { to } else { from }, kept)?;
    renamed
}

/// A file on which another is mounted cannot be renamed away.
fn copy_content(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).truncate(true).open(to)?;
    io::copy(&mut source, &mut target)?;
    // Whoever may write to a file need not own it.
    let _ = target.set_permissions(source.metadata()?.permissions());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn what_is_there_is_replaced_whatever_it_is() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let target = directory.path().join("deep/target");
        let file = |place: &Path| fs::write(place, "new");
        let tree = |place: &Path| fs::create_dir(place).and_then(|()| fs::write(place.join("x"), "new"));
        for _ in 0..2 {
            Staged::make(&target, &target, file)?.place()?;
            assert_eq!(fs::read_to_string(&target)?, "new");
            Staged::make(&target, &target, tree)?.place()?;
            assert_eq!(fs::read_to_string(target.join("x"))?, "new");
            fs::write(target.join("old"), "")?;
            Staged::make(&target, &target, tree)?.place()?;
            assert_eq!(fs::read_dir(&target)?.count(), 1);
        }
        std::os::unix::fs::symlink("target", directory.path().join("deep/link"))?;
        let link = directory.path().join("deep/link");
        Staged::make(&link, &link, file)?.place()?;
        assert!(target.is_dir(), "a link is replaced, not followed");
        assert!(Staged::make(&target, &target, |_| Err(io::Error::other("no"))).is_err());
        assert_eq!(fs::read_dir(directory.path().join("deep"))?.count(), 2, "nothing is left over");
        Ok(())
    }

    #[test]
    fn a_directory_that_stays_is_filled() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let target = directory.path().join("target");
        fs::create_dir_all(target.join("old/deep"))?;
        let staging = Staging::within(&target)?;
        fs::create_dir_all(staging.path.join("new/sub"))?;
        Staged { staging, target: target.clone(), fills: true }.place()?;
        let names: Vec<_> = fs::read_dir(&target)?.flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["sub"]);
        Ok(())
    }

    #[test]
    fn each_of_many_at_once_gets_a_directory_of_its_own() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let make = || (0..200).try_for_each(|_| Staging::within(directory.path()).map(drop));
        let failed = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            all.into_iter().filter_map(|one| one.join().ok()?.err()).collect::<Vec<io::Error>>()
        });
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(fs::read_dir(directory.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn what_a_killed_maker_has_left_goes_with_the_next() -> Result<(), Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name);
        for kept in [".kubectl-runnable-user/mine", ".kubectl-runnable-half/old/x", "other/new"] {
            fs::create_dir_all(path(kept))?;
        }
        fs::create_dir_all(path(".kubectl-runnable-left/new/deep"))?;
        fs::create_dir_all(path(".kubectl-runnable-bare"))?;
        let (first, second) = (Staging::within(directory.path())?, Staging::within(directory.path())?);
        assert!(first.path.exists() && second.path.exists(), "what is in use stays");
        drop((first, second));
        let mut names: Vec<_> = fs::read_dir(directory.path())?.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, [".kubectl-runnable-half", ".kubectl-runnable-user", "other"]);
        Ok(())
    }
}
