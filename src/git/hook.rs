//! The `post-checkout` hook, which git runs for a new worktree: in it, with no commit before, the commit, and 1. A clone
//! brings no hooks and the base is made without a template: those that there are, the user's own configuration names
//! (`core.hooksPath`), or somebody who may write to the base has put there.

use std::path::Path;
use std::process::Stdio;

use super::error::GitError;
use super::identity::ObjectId;
use super::program::Git;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";
/// What is set for a git that answers us. A hook gets what the user has set.
const OURS: [&str; 3] = ["LC_ALL", "GIT_CEILING_DIRECTORIES", "GIT_ALLOW_PROTOCOL"];

/// Runs the hook if there is one. What it says, git passes on to standard error.
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

/// The worktree is whole all the same, as after `git worktree add`.
pub(super) fn failed(tree: &Path, how: &str) -> GitError {
    GitError::Hook { path: tree.to_owned(), how: how.to_owned() }
}
