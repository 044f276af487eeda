//! Writes files: one thread creates the directories, a few others fill them. Each directory is opened once, without
//! following a link, and its files are created relative to it: open, write, stat, close, and nothing else.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use git2::{Odb, Repository};
use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, mkdirat, openat, statat, symlinkat};
use rustix::io::Errno;

use super::super::error::GitError;
use super::Checkout;
use super::plan::{CheckoutPlan, EXECUTABLE, Entry, LINK, PlannedDirectory, SUBMODULE};
use crate::platform::{Within, open_within};

/// The state on disk of each written entry, by its number.
#[derive(Debug, Default)]
pub(super) struct Written(HashMap<usize, Stat>);

/// With more threads, they only wait for each other in the file system.
const MAX_THREADS: usize = 8;

impl Written {
    pub(super) fn of(&self, entry: usize) -> Option<&Stat> {
        self.0.get(&entry)
    }
}

/// What the threads share.
struct Work<'a> {
    tree: &'a OwnedFd,
    checkout: &'a Checkout<'a>,
    plan: &'a CheckoutPlan,
    by_git: &'a [usize],
    cancelled: &'a AtomicBool,
}

/// Writes all wanted entries except those that git will write.
pub(super) fn write(
    tree: &OwnedFd,
    checkout: &Checkout<'_>,
    plan: &CheckoutPlan,
    by_git: &[usize],
    repository: &Path,
    cancelled: &AtomicBool,
) -> Result<Written, GitError> {
    let work = Work { tree, checkout, plan, by_git, cancelled };
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MAX_THREADS);

    std::thread::scope(|scope| {
        let fillers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work.fill_each(repository, &receiver))).collect();
        let made = work.make_directories(&sender);
        drop(sender);
        let mut written = Written::default();
        for filler in fillers {
            let filled = filler.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.0.extend(filled?);
        }
        made.map(|()| written)
    })
}

impl Work<'_> {
    fn make_directories(&self, ready: &mpsc::Sender<usize>) -> Result<(), GitError> {
        // Directories that follow each other usually have the same parent: keep it open.
        let mut above: Option<(&[u8], OwnedFd)> = None;
        for (number, directory) in self.plan.directories.iter().enumerate().filter(|(_, directory)| directory.wanted) {
            self.check_cancelled()?;
            if !directory.path.is_empty() {
                let (parent, name) = split(&directory.path);
                let opened = match above.take() {
                    Some((path, opened)) if path == parent => opened,
                    _ => self.open(parent).map_err(self.failed("open", parent))?,
                };
                let made = mkdirat(&opened, name, Mode::from_raw_mode(0o777));
                made.map_err(self.failed("create", &directory.path))?;
                above = Some((parent, opened));
            }
            // All receivers are gone only if the threads failed; their error is returned.
            if ready.send(number).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn fill_each(
        &self,
        repository: &Path,
        ready: &Mutex<mpsc::Receiver<usize>>,
    ) -> Result<Vec<(usize, Stat)>, GitError> {
        let repository = Repository::open(repository).map_err(GitError::library("open the base"))?;
        let objects = repository.odb().map_err(GitError::library("open the base's objects"))?;
        let mut written = Vec::new();
        loop {
            let next = ready.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(number) = next else { return Ok(written) };
            self.fill(&objects, &self.plan.directories[number], &mut written)?;
        }
    }

    fn fill(
        &self,
        objects: &Odb<'_>,
        directory: &PlannedDirectory,
        written: &mut Vec<(usize, Stat)>,
    ) -> Result<(), GitError> {
        let opened = self.open(&directory.path).map_err(self.failed("open", &directory.path))?;
        for &number in &directory.entries {
            if self.by_git.binary_search(&number).is_ok() {
                continue;
            }
            self.check_cancelled()?;
            let entry = &self.plan.entries[number];
            let stat = if entry.mode == SUBMODULE {
                submodule(&opened, entry)
            } else {
                let damaged = |source| GitError::Damaged { commit: self.checkout.commit.clone(), source };
                let object = objects.read(entry.id).map_err(damaged)?;
                if entry.mode == LINK {
                    link(&opened, entry, object.data())
                } else {
                    file(&opened, entry, object.data())
                }
            };
            written.push((number, stat.map_err(self.failed("write", &entry.path))?));
        }
        Ok(())
    }

    /// Opens a directory of the worktree without following links: another process may have replaced a directory by one.
    fn open(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return openat(self.tree, ".", DIRECTORY, Mode::empty());
        }
        match open_within(self.tree.as_fd(), path, DIRECTORY, Within::DirectoryWithoutLinks) {
            // A kernel before 5.6, or a sandbox that blocks the call.
            Err(Errno::NOSYS | Errno::PERM) => open_stepwise(self.tree, path),
            opened => opened,
        }
    }

    fn check_cancelled(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }

    fn failed(&self, doing: &'static str, path: &[u8]) -> impl FnOnce(Errno) -> GitError {
        let path: PathBuf = self.checkout.tree.join(String::from_utf8_lossy(path).as_ref());
        move |errno| GitError::call(doing, &path)(errno)
    }
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

fn open_stepwise(tree: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut opened = openat(tree, ".", DIRECTORY, Mode::empty())?;
    for name in path.split(|&byte| byte == b'/') {
        opened = openat(&opened, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(opened)
}

/// The directory above a path, and the path's last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn file(directory: &OwnedFd, entry: &Entry, content: &[u8]) -> Result<Stat, Errno> {
    let mode = if entry.mode == EXECUTABLE { 0o777 } else { 0o666 };
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
    let file = openat(directory, entry.name(), flags, Mode::from_raw_mode(mode))?;
    let mut rest = content;
    while !rest.is_empty() {
        match rustix::io::write(&file, rest) {
            Ok(length) => rest = &rest[length..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    fstat(&file)
}

fn link(directory: impl AsFd, entry: &Entry, target: &[u8]) -> Result<Stat, Errno> {
    symlinkat(target, &directory, entry.name())?;
    statat(&directory, entry.name(), AtFlags::SYMLINK_NOFOLLOW)
}

/// Creates the empty directory of a submodule; `git submodule update` fetches its content.
fn submodule(directory: impl AsFd, entry: &Entry) -> Result<Stat, Errno> {
    mkdirat(&directory, entry.name(), Mode::from_raw_mode(0o777))?;
    statat(&directory, entry.name(), AtFlags::SYMLINK_NOFOLLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_opened_step_by_step_and_not_through_a_link() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        std::fs::create_dir_all(directory.path().join("a/b"))?;
        std::os::unix::fs::symlink("a", directory.path().join("link"))?;
        let tree = rustix::fs::open(directory.path(), DIRECTORY, Mode::empty())?;
        assert!(open_stepwise(&tree, b"a/b").is_ok());
        for path in [&b"link/b"[..], b"link", b"a/none"] {
            assert!(open_stepwise(&tree, path).is_err());
        }
        assert_eq!((split(b"a/b/c"), split(b"a")), ((&b"a/b"[..], &b"c"[..]), (&b""[..], &b"a"[..])));
        Ok(())
    }
}
