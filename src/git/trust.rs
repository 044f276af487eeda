//! `safe.directory`: git refuses a repository that belongs to another user, such as a volume's, unless the user's global
//! configuration names it. It is touched only when that is asked for. What was added is noted beside it, so that it goes
//! with its directory and an entry of the user's own stays.

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
/// Where the user's global configuration says which entries are ours.
const OURS: &str = "kubectl-runnable.safeDirectory";
/// git does not wait for a lock on the configuration, which a user's processes share, whatever root they work in.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Adds a directory of the root to the user's global configuration, once. Under the lock.
pub(super) fn add(git: &Git, root: &Root, directory: &Path, _lock: &Lock) -> Result<(), GitError> {
    let is_it = |entry: &PathBuf| entry == directory || entry == Path::new("*");
    let Some(path) = directory.to_str().filter(|_| !entries(git, root, TRUSTED).is_ok_and(|all| all.iter().any(is_it)))
    else {
        return Ok(());
    };
    // Noted first: one that is noted and not there is no harm, the other way round it would stay for ever.
    if !entries(git, root, OURS)?.iter().any(|entry| entry == directory) {
        change(git, root, &["--add", OURS, path])?;
    }
    change(git, root, &["--add", TRUSTED, path])
}

/// Takes out again what was added for the base and worktrees that are no more, and names them. Under the lock.
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

/// All paths under a key of the global configuration; without one there are none.
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
        let is_locked = answer.said.contains("could not lock config file") && answer.said.contains("File exists");
        if !is_locked || begun.elapsed() > PATIENCE {
            return answer.good(&arguments, root.path()).map(drop);
        }
        std::thread::sleep(PAUSE);
    }
}
