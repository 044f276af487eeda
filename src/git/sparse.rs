//! Sparse checkouts, by git's own settings.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{ObjectType, Repository};

use super::credentials::Environment;
use super::error::GitError;
use super::fetch::oid;
use super::identity::{Directory, ObjectId};
use super::program::Git;

/// Writes the settings of a sparse checkout, if directories are given. This changes the base's configuration: under the
/// lock.
pub(super) fn set(git: &Git, tree: &Path, directories: &[Directory]) -> Result<(), GitError> {
    if directories.is_empty() {
        return Ok(());
    }
    let lines: String = directories.iter().map(|directory| quoted(directory.as_str())).collect();
    let arguments = ["sparse-checkout", "set", "--cone", "--no-sparse-index", "--stdin"];
    git.run(tree, arguments, lines.into_bytes()).map(drop)
}

/// Whether a worktree is limited to exactly these directories; true if none are given.
pub(super) fn is_set(
    git: &Git,
    tree: &Path,
    base: &Repository,
    commit: &ObjectId,
    directories: &[Directory],
) -> Result<bool, GitError> {
    if directories.is_empty() {
        return Ok(true);
    }
    let files = base.find_commit(oid(commit)).and_then(|commit| commit.tree());
    let files = files.map_err(|source| GitError::Damaged { commit: commit.clone(), source })?;
    let is_directory = |directory: &&Directory| {
        let entry = files.get_path(Path::new(directory.as_str()));
        entry.is_ok_and(|entry| entry.kind() == Some(ObjectType::Tree))
    };
    if let Some(missing) = directories.iter().find(|directory| !is_directory(directory)) {
        return Err(GitError::NoDirectory { commit: commit.clone(), directory: missing.clone() });
    }

    // The command fails if the checkout is not sparse.
    let answer = git.ask(tree, ["sparse-checkout", "list"], &Environment::default())?;
    let printed = String::from_utf8_lossy(&answer.stdout).into_owned();
    let shown: BTreeSet<&str> = printed.lines().collect();
    Ok(answer.success && shown == directories.iter().map(Directory::as_str).collect())
}

/// A quoted line, which git reads as one directory whatever characters it contains.
fn quoted(directory: &str) -> String {
    format!("\"{}\"\n", directory.replace('\\', "\\\\").replace('"', "\\\""))
}
