//! What is at the path of a new worktree. The remains of an earlier one are removed, unless they hold work.

use std::fs;

use git2::Repository;

use super::error::GitError;
use super::identity::TaskId;
use super::metadata::{self, Metadata, Stage};
use super::program::Git;
use super::retention;
use super::root::Root;
use super::trash::{self, Trash};
use super::tree::Tree;

/// What is at the task's path.
pub(super) enum PathState {
    Free,
    Taken(Metadata),
}

/// Removes the remains of an earlier worktree from the task's path, and returns what is there. Under the lock.
pub(super) fn make_room(git: &Git, root: &Root, base: &Repository, task: &TaskId) -> Result<PathState, GitError> {
    let path = root.tree(task);
    let is_there = fs::symlink_metadata(&path).is_ok();
    let orphan = || GitError::Orphan { path: path.clone(), base: root.base() };
    let Some(metadata) = metadata::of(base, &path)? else {
        // An empty directory may be replaced.
        return if is_there && fs::remove_dir(&path).is_err() { Err(orphan()) } else { Ok(PathState::Free) };
    };

    let is_owned = is_there && metadata.owns(&path);
    match metadata.stage() {
        Stage::BeingMade => return Ok(PathState::Taken(metadata)),
        Stage::Whole if is_owned => return Ok(PathState::Taken(metadata)),
        // The worktree is gone, and somebody has put another directory in its place.
        _ if is_there && !is_owned => return Err(orphan()),
        Stage::Whole | Stage::HalfMade => {}
    }
    refuse_if_work_is_lost(git, root, base, task, &metadata)?;
    if is_there {
        trash::move_to_trash(root, &path)?.map_or(Ok(()), Trash::delete)?;
    }
    metadata.remove()?;
    Ok(PathState::Free)
}

fn refuse_if_work_is_lost(
    git: &Git,
    root: &Root,
    base: &Repository,
    task: &TaskId,
    metadata: &Metadata,
) -> Result<(), GitError> {
    let Some(tree) = Tree::at(root, metadata.clone()) else { return Ok(()) };
    let reasons = retention::work(git, Some(base), &tree);
    if reasons.is_empty() {
        return Ok(());
    }
    let base = (!tree.has_directory()).then(|| root.base());
    Err(GitError::HoldsWork { task: task.clone(), reasons, gone_from: base })
}
