//! Removes what killed processes left in a base. Under the lock: no other init or cleanup is running, and the git
//! processes that they started have ended with them. A git that a user runs by hand is not disturbed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::Repository;

use super::base;
use super::lock::Lock;
use super::metadata::{self, Metadata};
use super::root::Root;
use super::work;

/// Only a git that fetches holds a lock file of the base for longer, and that git is visible among the processes.
const STALE_LOCK_AGE: Duration = Duration::from_secs(10);

/// Removes stale lock files, unfinished objects and remains of metadata.
pub(super) fn repair(root: &Root, repository: &Repository, lock: &Lock) {
    let common = repository.commondir();
    if lock.follows_a_killed_holder() {
        base::sweep(root);
    }
    if git_at_work(root).is_some() {
        return;
    }

    let is_stale = |path: &Path| lock.follows_a_killed_holder() || age(path).is_some_and(|age| age > STALE_LOCK_AGE);
    for path in locks(common).into_iter().filter(|path| is_stale(path)) {
        // If this fails, the next git that needs the lock names the file.
        let _ = fs::remove_file(path);
    }
    for path in half_objects(common).into_iter().filter(|path| is_stale(path)) {
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }

    let debris = metadata::all(repository).unwrap_or_default().into_iter().filter(Metadata::is_debris);
    let holds_nothing = |metadata: &Metadata| work::of_gone(repository, metadata).is_ok_and(|work| work.is_empty());
    for metadata in debris.filter(|metadata| is_stale(metadata.path()) && holds_nothing(metadata)) {
        // Remains do no harm: the next worktree gets another name.
        let _ = metadata.remove();
    }
}

/// Git's lock files of refs and settings.
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

/// Unfinished objects and packs.
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

/// A git process in the root, if one is visible from here.
pub(super) fn git_at_work(root: &Root) -> Option<u32> {
    in_directory(root.path()).into_iter().find(|(_, name)| name.starts_with("git")).map(|(process, _)| process)
}

/// The processes, with their names, whose working directory is inside this directory; without this process and its
/// ancestors.
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

/// This process and its ancestors.
fn callers() -> Vec<u32> {
    let parent = |&id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse().ok().filter(|&parent| parent > 0)
    };
    std::iter::successors(Some(std::process::id()), parent).collect()
}
