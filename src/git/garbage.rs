//! Collects unreachable objects, and only while nobody writes: under the lock, with no worktree being created and no
//! git running in the root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::GitError;
use super::program::Git;
use super::recovery;
use super::root::Root;
use super::tree::{Tree, TreeState};

/// A git on another machine, which is invisible here, may have just written objects that it is about to use.
const PRUNE_AGE: &str = "--prune=1.hour.ago";

/// The size of the objects before and after a collection, in bytes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collected {
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// Fails, naming the process, if another process may be writing. Under the lock.
pub(super) fn refuse_while_used(root: &Root, trees: &[Tree]) -> Result<(), GitError> {
    let busy = |by: String| GitError::Busy { root: root.path().to_owned(), by };
    if let Some(tree) = trees.iter().find(|tree| tree.state == TreeState::BeingMade) {
        let maker = tree.metadata.as_ref().and_then(|metadata| Some(metadata.record()?.maker));
        return Err(busy(maker.unwrap_or_else(|| format!("the maker of task {}", tree.task))));
    }
    match recovery::git_at_work(root) {
        Some(process) => Err(busy(format!("process {process} (git)"))),
        None => Ok(()),
    }
}

/// `git gc` must keep the metadata of worktrees, and commits that only a reflog refers to: they may be all that is left
/// of a user's work.
const KEEP_OPTIONS: [&str; 6] =
    ["-c", "gc.worktreePruneExpire=never", "-c", "gc.reflogExpire=never", "-c", "gc.reflogExpireUnreachable=never"];

/// Runs `git gc`. Under the lock.
pub(super) fn collect(git: &Git, root: &Root) -> Result<Collected, GitError> {
    let objects = root.base().join(".git/objects");
    let before = size(&objects);
    git.run(&root.base(), KEEP_OPTIONS.into_iter().chain(["gc", "--quiet", "--force", PRUNE_AGE]), Vec::new())?;
    Ok(Collected { before, after: size(&objects) })
}

/// The size of a directory on disk, in bytes; files that vanish during the walk count as 0.
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
