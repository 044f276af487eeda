//! `safe.directory`: git refuses a repository that belongs to another user, such as a volume's, unless the user's global
//! configuration names it. It is touched only when that is asked for.

use std::path::Path;
use std::time::Duration;

use super::credentials::Environment;
use super::error::GitError;
use super::lock::{self, Lock};
use super::program::Git;
use super::root::Root;

/// Adds directories to the user's global configuration, each once.
pub(super) fn add(git: &Git, root: &Root, directories: &[&Path], timeout: Duration) -> Result<(), GitError> {
    // git does not wait for a lock on the configuration, which is the same for all inits of this user.
    let holder = lock::describe("safe.directory", &jiff::Timestamp::now());
    let _lock = Lock::take(&root.lock(), timeout, &holder)?;
    let arguments = ["config", "--global", "--null", "--get-all", "safe.directory"];
    let known = git.ask(root.path(), arguments, &Environment::default())?.stdout;
    for directory in directories {
        let Some(path) = directory.to_str() else { continue };
        if known.split(|&byte| byte == 0).any(|known| known == path.as_bytes() || known == b"*") {
            continue;
        }
        git.run(root.path(), ["config", "--global", "--add", "safe.directory", path], Vec::new())?;
    }
    Ok(())
}
