//! Runs the `post-checkout` hook as git does for a new worktree: in its directory, with the null id, the commit and `1`
//! as arguments. A clone has no hooks, and the base is created without a template, so a hook comes from the user's own
//! configuration (`core.hooksPath`) or from somebody who can write to the base.

use std::path::Path;
use std::process::Stdio;

use super::error::GitError;
use super::identity::ObjectId;
use super::program::Git;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// Variables that we set for our own git calls. A hook gets the user's values instead.
const OURS: [&str; 3] = ["LC_ALL", "GIT_CEILING_DIRECTORIES", "GIT_ALLOW_PROTOCOL"];

/// Runs the hook if there is one. Git sends its output to standard error.
pub(super) fn post_checkout(git: &Git, tree: &Path, commit: &ObjectId) -> Result<(), GitError> {
    let arguments = ["hook", "run", "--ignore-missing", "post-checkout", "--", NO_COMMIT, commit.as_str(), "1"];
    let mut command = git.command(tree, arguments);
    for variable in OURS {
        match std::env::var_os(variable) {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }

    let ended = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(tree, &status.to_string())),
        Err(error) => Err(GitError::file("run", Path::new(command.get_program()))(error)),
    }
}

/// The worktree is complete in spite of the error, as after `git worktree add`.
pub(super) fn failed(tree: &Path, how: &str) -> GitError {
    GitError::Hook { path: tree.to_owned(), how: how.to_owned() }
}
