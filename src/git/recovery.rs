//! What killed processes leave in a base, and its removal. Under the lock: so no other init or cleanup is at work, and a
//! git of theirs has ended with them. A git that a user runs by hand is left in peace.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::Repository;

use super::base;
use super::lock::Lock;
use super::metadata::{self, Metadata};
use super::root::Root;
use super::work;

/// No git holds a lock of the base for longer, but one that fetches, which can be seen among the processes.
const LONGEST_LOCK: Duration = Duration::from_secs(10);

/// Removes what hinders or is left over.
pub(super) fn repair(root: &Root, repository: &Repository, lock: &Lock) {
    let common = repository.commondir();
    if lock.follows_a_killed_holder() {
        base::sweep(root);
    }
    if git_at_work(root).is_some() {
        return;
    }
    let is_stale = |path: &Path| lock.follows_a_killed_holder() || age(path).is_some_and(|age| age > LONGEST_LOCK);
    for path in locks(common).into_iter().filter(|path| is_stale(path)) {
        // One that cannot be removed is named by the git that it hinders.
        let _ = fs::remove_file(path);
    }
    for path in half_objects(common).into_iter().filter(|path| is_stale(path)) {
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    let debris = metadata::all(repository).unwrap_or_default().into_iter().filter(Metadata::is_debris);
    let holds_nothing = |metadata: &Metadata| work::of_gone(repository, metadata).is_ok_and(|work| work.is_empty());
    for metadata in debris.filter(|metadata| is_stale(metadata.path()) && holds_nothing(metadata)) {
        // It hinders nobody: the next one that is made takes another name.
        let _ = metadata.remove();
    }
}

/// Locks of git round its refs and settings.
fn locks(common: &Path) -> Vec<PathBuf> {
    let names = [
        "shallow.lock",
        "packed-refs.lock",
        "config.lock",
        "HEAD.lock",
        "FETCH_HEAD.lock",
        "index.lock",
        "gc.pid.lock",
    ];
    let mut found: Vec<PathBuf> = names.iter().map(|name| common.join(name)).filter(|path| path.exists()).collect();
    let mut directories = vec![common.join("refs")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(path),
                Ok(_) if path.extension().is_some_and(|extension| extension == "lock") => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// Objects and packs that were never finished.
fn half_objects(common: &Path) -> Vec<PathBuf> {
    let objects = common.join("objects");
    let entries = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_half = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        ["tmp_", ".tmp-", "incoming-"].iter().any(|prefix| name.starts_with(prefix))
    };
    let directories = entries(&objects).filter(|path| path.is_dir());
    let inner: Vec<PathBuf> = directories.flat_map(|directory| entries(&directory).collect::<Vec<_>>()).collect();
    entries(&objects).chain(inner).filter(is_half).collect()
}

fn age(path: &Path) -> Option<Duration> {
    fs::symlink_metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

/// A git that works in the root, as far as the processes can be seen.
pub(super) fn git_at_work(root: &Root) -> Option<u32> {
    in_directory(root.path()).into_iter().find(|(_, name)| name.starts_with("git")).map(|(process, _)| process)
}

/// The processes whose working directory is in this one, with their names; without those that called this one.
pub(super) fn in_directory(directory: &Path) -> Vec<(u32, String)> {
    let own = callers();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_in = |id: &u32| fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|path| path.starts_with(directory));
    ids.filter(|id| !own.contains(id))
        .filter(is_in)
        .map(|id| (id, fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default().trim().to_owned()))
        .collect()
}

/// This process, the one that started it, and so on.
fn callers() -> Vec<u32> {
    let parent = |&id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse().ok().filter(|&parent| parent > 0)
    };
    std::iter::successors(Some(std::process::id()), parent).collect()
}
