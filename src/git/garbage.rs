//! Objects that nothing needs any more. They are collected only while nobody writes: under the lock, with no worktree
//! being made and no git at work in the root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::GitError;
use super::program::Git;
use super::recovery;
use super::root::Root;
use super::tree::{Standing, Tree};

/// What a git on a machine whose processes cannot be seen has just written, it may be about to use.
const SPARED: &str = "--prune=1.hour.ago";

/// What a collection did to the objects, in bytes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collected {
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Refuses where somebody could be writing, and names him. Under the lock.
pub(super) fn refuse_while_used(root: &Root, trees: &[Tree]) -> Result<(), GitError> {
    let busy = |by: String| GitError::Busy { root: root.path().to_owned(), by };
    if let Some(tree) = trees.iter().find(|tree| tree.standing == Standing::BeingMade) {
        let maker = tree.metadata.as_ref().and_then(|metadata| Some(metadata.record()?.maker));
        return Err(busy(maker.unwrap_or_else(|| format!("the maker of task {}", tree.task))));
    }
    match recovery::git_at_work(root) {
        Some(process) => Err(busy(format!("process {process} (git)"))),
        None => Ok(()),
    }
}

/// Settings for git's collection: it leaves metadata of worktrees alone, and commits that only a reflog leads to, which may
/// be all that is left of somebody's work.
const KEPT: [&str; 6] =
    ["-c", "gc.worktreePruneExpire=never", "-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never"];

/// Collects. Under the lock.
pub(super) fn collect(git: &Git, root: &Root) -> Result<Collected, GitError> {
    let objects = root.base().join(".git/objects");
    let before = size(&objects);
    git.run(&root.base(), KEPT.into_iter().chain(["gc", "--quiet", "--force", SPARED]), Vec::new())?;
    Ok(Collected { before, after: size(&objects) })
}

/// What a directory takes on disk, in bytes; what vanishes meanwhile takes none.
pub(super) fn size(directory: &Path) -> u64 {
    let mut total = 0;
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        total += metadata.blocks() * 512;
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    total
}
