//! Reuses an existing worktree, and moves it to another commit if no work is lost.

use std::path::Path;

use git2::Repository;

use super::error::GitError;
use super::identity::ObjectId;
use super::init::{InitRequest, Worktree, describe_creator};
use super::lock::Lock;
use super::metadata::{Draft, Metadata};
use super::program::Git;
use super::retention::Reason;
use super::{hook, sparse, unpushed, work};

/// The existing worktree and the request.
#[derive(Clone, Copy)]
pub(super) struct Reuse<'a> {
    pub(super) git: &'a Git,
    pub(super) request: &'a InitRequest,
    pub(super) tree: &'a Path,
    pub(super) metadata: &'a Metadata,
}

/// Brings the worktree to the requested commit and directories. The lock is released before git checks out another
/// commit.
pub(super) fn reuse(reuse: &Reuse<'_>, base: &Repository, lock: Lock, made: &Worktree) -> Result<(), GitError> {
    let is_there = is_at(reuse.metadata, base, &made.commit);
    let is_narrowed = sparse::is_set(reuse.git, reuse.tree, base, &made.commit, &reuse.request.sparse)?;
    if is_there && is_narrowed {
        return Ok(());
    }
    let mut held = work::of_whole(reuse.git, reuse.tree, reuse.metadata)?;
    // A stash stays in the base when the worktree moves.
    held.retain(|reason| !matches!(reason, Reason::Stashed(_)));
    if !is_there && !held.is_empty() {
        return Err(GitError::HoldsWork { task: reuse.request.task.clone(), reasons: held, gone_from: None });
    }

    let draft = held.is_empty().then(|| reuse.metadata.begin_move(describe_creator(), &made.commit)).transpose()?;
    let narrowed = if is_narrowed { Ok(()) } else { sparse::set(reuse.git, reuse.tree, &reuse.request.sparse) };
    drop(lock);
    let moved = if is_there { narrowed } else { narrowed.and_then(|()| reuse.move_to(&made.commit)) };
    if let Some(draft) = draft {
        reuse.unmark(draft, made, &moved)?;
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
            // The hook runs last, and git exits with its status: `HEAD` has moved, so only the hook failed.
            Err(GitError::Git { message, .. }) if self.metadata.head().as_deref() == Some(commit.as_str()) => {
                Err(hook::failed(self.tree, &message))
            }
            done => done.map(drop),
        }
    }

    /// Unmarks a worktree that was moved, or that a failed move left unchanged. After a partial move the mark stays.
    fn unmark(&self, mut draft: Draft, made: &Worktree, moved: &Result<(), GitError>) -> Result<(), GitError> {
        match moved {
            Ok(()) | Err(GitError::Hook { .. }) => {
                draft.move_to(&made.commit, made.name.as_deref())?;
                draft.finish()
            }
            Err(_) if work::of_whole(self.git, self.tree, self.metadata).is_ok_and(|held| held.is_empty()) => {
                draft.stay()?;
                draft.finish()
            }
            Err(_) => Ok(()),
        }
    }
}
