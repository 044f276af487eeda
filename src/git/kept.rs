//! The complete worktree of a task as it is, for whoever goes on in it: no request to the remote, no other commit. The
//! next attempt of a task may need the files that the last one has left, and the commit that it had.

use std::path::Path;

use git2::Repository;

use super::error::GitError;
use super::fetch::id;
use super::identity::{ObjectId, TaskId};
use super::metadata::{self, Metadata, Stage};
use super::remote::RemoteUrl;
use super::root::Root;
use super::{base, init::Worktree};

/// The complete worktree of the task in the root at this path. None where there is none, or where the base is a clone
/// of another repository, which is for the init to refuse.
pub(super) fn find(place: &Path, url: &RemoteUrl, task: &TaskId) -> Result<Option<(Root, Worktree)>, GitError> {
    let root = match Root::open(place) {
        Err(GitError::NoBase { .. }) => return Ok(None),
        root => root?,
    };
    let Some(base) = base::find(&root)?.filter(|base| base::remote(base).is_some_and(|own| own.is_same(url))) else {
        return Ok(None);
    };
    let path = root.tree(task);
    let found = metadata::of(&base, &path)?;
    let Some(metadata) = found.filter(|metadata| metadata.stage() == Stage::Whole && metadata.owns(&path)) else {
        return Ok(None);
    };
    let Some(commit) = commit(&metadata, &base) else { return Ok(None) };
    let name = metadata.record().and_then(|record| record.name);
    let worktree = Worktree { path, base: root.base(), commit, name, reused: true, fetched: false };
    Ok(Some((root, worktree)))
}

/// The commit that `HEAD` names, itself or by a branch.
fn commit(metadata: &Metadata, base: &Repository) -> Option<ObjectId> {
    let head = metadata.head()?;
    match head.strip_prefix("ref: ") {
        Some(branch) => base.refname_to_id(branch).ok().map(id),
        None => head.parse().ok(),
    }
}
