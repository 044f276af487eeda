//! Takes a worktree that is there, and moves it to another commit where nothing is lost by that.

use std::path::Path;

use git2::Repository;

use super::error::GitError;
use super::identity::ObjectId;
use super::init::{InitRequest, Made, maker};
use super::lock::Lock;
use super::metadata::{Making, Metadata};
use super::program::Git;
use super::retention::Reason;
use super::{hook, sparse, unpushed, work};

/// The worktree that is there, and what is asked for.
#[derive(Clone, Copy)]
pub(super) struct Reuse<'a> {
    pub(super) git: &'a Git,
    pub(super) request: &'a InitRequest,
    pub(super) tree: &'a Path,
    pub(super) metadata: &'a Metadata,
}

/// Leaves the worktree as it is asked for. The lock is held until the files are written.
pub(super) fn reuse(reuse: &Reuse<'_>, base: &Repository, lock: Lock, made: &Made) -> Result<(), GitError> {
    let is_there = is_at(reuse.metadata, base, &made.commit);
    let is_narrowed = sparse::is_set(reuse.git, reuse.tree, base, &made.commit, &reuse.request.sparse)?;
    if is_there && is_narrowed {
        return Ok(());
    }
    let mut held = work::of_whole(reuse.git, reuse.tree, reuse.metadata)?;
    // A stash stays in the clone, wherever the worktree moves.
    held.retain(|reason| !matches!(reason, Reason::Stashed(_)));
    if !is_there && !held.is_empty() {
        return Err(GitError::HoldsWork { task: reuse.request.task.clone(), reasons: held, gone_from: None });
    }

    let making = held.is_empty().then(|| reuse.metadata.remake(maker(), &made.commit)).transpose()?;
    let narrowed = if is_narrowed { Ok(()) } else { sparse::set(reuse.git, reuse.tree, &reuse.request.sparse) };
    drop(lock);
    let moved = if is_there { narrowed } else { narrowed.and_then(|()| reuse.move_to(&made.commit)) };
    if let Some(making) = making {
        reuse.unmark(making, made, &moved)?;
    }
    moved
}

fn is_at(metadata: &Metadata, base: &Repository, commit: &ObjectId) -> bool {
    let head = metadata.head().unwrap_or_default();
    let tip = head.strip_prefix("ref: ").and_then(|branch| base.refname_to_id(branch).ok());
    head == commit.as_str() || tip.is_some_and(|tip| tip.to_string() == commit.as_str())
}

impl Reuse<'_> {
    fn move_to(&self, commit: &ObjectId) -> Result<(), GitError> {
        let arguments = ["checkout", "--quiet", "--detach", "--no-recurse-submodules", commit.as_str()];
        match self.git.logging(unpushed::MOVED).run(self.tree, arguments, Vec::new()) {
            // git ends as its hook does, which runs last.
            Err(GitError::Git { said, .. }) if self.metadata.head().as_deref() == Some(commit.as_str()) => {
                Err(hook::failed(self.tree, &said))
            }
            done => done.map(drop),
        }
    }

    /// A worktree that was moved, or that a failed move has left as it was, is whole. One that is half-way stays marked.
    fn unmark(&self, mut making: Making, made: &Made, moved: &Result<(), GitError>) -> Result<(), GitError> {
        match moved {
            Ok(()) | Err(GitError::Hook { .. }) => {
                making.move_to(&made.commit, made.name.as_deref())?;
                making.finish()
            }
            Err(_) if work::of_whole(self.git, self.tree, self.metadata).is_ok_and(|held| held.is_empty()) => {
                making.stay()?;
                making.finish()
            }
            Err(_) => Ok(()),
        }
    }
}
