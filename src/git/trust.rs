//! `safe.directory`: git refuses a repository that belongs to another user (common on volumes) unless the user's global
//! configuration names it. That configuration is changed only on request. Each added entry is also recorded under a key
//! of ours, so that it can be removed with its directory while the user's own entries stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::credentials::Environment;
use super::error::GitError;
use super::lock::Lock;
use super::program::Git;
use super::root::Root;

const TRUSTED: &str = "safe.directory";
/// The key in the user's global configuration that records our entries.
const OURS: &str = "kubectl-runnable.safeDirectory";
/// Git fails at once if another process holds the lock of the global configuration, which all roots of a user share.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Adds a directory of the root to the user's global configuration, once. Under the lock.
pub(super) fn add(git: &Git, root: &Root, directory: &Path, _lock: &Lock) -> Result<(), GitError> {
    let is_match = |entry: &PathBuf| entry == directory || entry == Path::new("*");
    let Some(path) =
        directory.to_str().filter(|_| !entries(git, root, TRUSTED).is_ok_and(|all| all.iter().any(is_match)))
    else {
        return Ok(());
    };
    // Record it first: if we are killed in between, a recorded entry that does not exist does no harm, but an
    // unrecorded one would stay for ever.
    if !entries(git, root, OURS)?.iter().any(|entry| entry == directory) {
        change(git, root, &["--add", OURS, path])?;
    }
    change(git, root, &["--add", TRUSTED, path])
}

/// Removes the entries added for a base or worktrees that are gone, and returns their paths. Under the lock.
pub(super) fn forget_gone(git: &Git, root: &Root, _lock: &Lock) -> Result<Vec<PathBuf>, GitError> {
    let is_of_root = |path: &Path| path == root.base() || path.parent() == Some(&root.trees());
    let is_gone = |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let mut gone = entries(git, root, OURS)?;
    gone.retain(|path| is_of_root(path) && is_gone(path));
    if gone.is_empty() {
        return Ok(gone);
    }

    let trusted = entries(git, root, TRUSTED)?;
    for (path, text) in gone.iter().filter_map(|path| Some((path, path.to_str()?))) {
        if trusted.contains(path) {
            change(git, root, &["--fixed-value", "--unset-all", TRUSTED, text])?;
        }
        change(git, root, &["--fixed-value", "--unset-all", OURS, text])?;
    }
    Ok(gone)
}

/// All paths under a key of the global configuration.
fn entries(git: &Git, root: &Root, key: &str) -> Result<Vec<PathBuf>, GitError> {
    let arguments = ["config", "--global", "--null", "--get-all", key];
    let printed = git.ask(root.path(), arguments, &Environment::default())?.stdout;
    let texts = printed.split(|&byte| byte == 0).filter(|text| !text.is_empty());
    Ok(texts.map(|text| PathBuf::from(String::from_utf8_lossy(text).into_owned())).collect())
}

fn change(git: &Git, root: &Root, arguments: &[&str]) -> Result<(), GitError> {
    let arguments: Vec<&str> = ["config", "--global"].into_iter().chain(arguments.iter().copied()).collect();
    let begun = Instant::now();
    loop {
        let answer = git.ask(root.path(), arguments.iter().copied(), &Environment::default())?;
        let is_locked = answer.stderr.contains("could not lock config file") && answer.stderr.contains("File exists");
        if !is_locked || begun.elapsed() > LOCK_TIMEOUT {
            return answer.into_stdout(&arguments, root.path()).map(drop);
        }
        std::thread::sleep(RETRY_INTERVAL);
    }
}
