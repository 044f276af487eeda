//! What stands where a task's worktree is to be made. What is left of another one is removed, unless it holds work.

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

/// What stands in the task's place.
pub(super) enum Place {
    Free,
    Taken(Metadata),
}

/// Looks, and makes room. Under the lock.
pub(super) fn look(git: &Git, root: &Root, base: &Repository, task: &TaskId) -> Result<Place, GitError> {
    let path = root.tree(task);
    let is_there = fs::symlink_metadata(&path).is_ok();
    let orphan = || GitError::Orphan { path: path.clone(), base: root.base() };
    let Some(metadata) = metadata::of(base, &path)? else {
        // An empty directory may be taken.
        return if is_there && fs::remove_dir(&path).is_err() { Err(orphan()) } else { Ok(Place::Free) };
    };

    let is_owned = is_there && metadata.owns(&path);
    match metadata.stage() {
        Stage::BeingMade => return Ok(Place::Taken(metadata)),
        Stage::Whole if is_owned => return Ok(Place::Taken(metadata)),
        // The directory is another's, who has put it where the worktree was.
        _ if is_there && !is_owned => return Err(orphan()),
        Stage::Whole | Stage::HalfMade => {}
    }
    refuse_if_work_is_lost(git, root, base, task, &metadata)?;
    if is_there {
        trash::move_to_trash(root, &path)?.map_or(Ok(()), Trash::delete)?;
    }
    metadata.remove()?;
    Ok(Place::Free)
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
