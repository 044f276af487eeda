//! Why a worktree is kept: what would be lost or disturbed by removing it.

use std::fmt;

use git2::Repository;

use super::error::GitError;
use super::program::Git;
use super::tree::{Standing, Tree};
use super::{recovery, work};

/// A reason to keep a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Files were changed or added that are in no commit.
    Changed,
    /// Commits are on no branch of the remote.
    Unpushed,
    /// Somebody has locked it with `git worktree lock`, and said why.
    Locked(String),
    /// A process of this machine works in it.
    Used {
        /// The process.
        process: u32,
        /// The program's name.
        program: String,
    },
    /// It is being made, by whom it says.
    BeingMade(Option<String>),
    /// The base does not know it, so that nobody can tell what is in it.
    Unknown,
    /// It could not be looked at.
    Unreadable(String),
}

impl Reason {
    /// The word of programs for it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Changed => "dirty",
            Self::Unpushed => "unpushed",
            Self::Locked(_) => "locked",
            Self::Used { .. } => "inUse",
            Self::BeingMade(_) => "beingMade",
            Self::Unknown => "orphan",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => formatter.write_str("files were changed or added that are in no commit"),
            Self::Unpushed => formatter.write_str("commits are on no branch of the remote"),
            Self::Locked(why) if why.is_empty() => formatter.write_str("it was locked with git worktree lock"),
            Self::Locked(why) => write!(formatter, "it was locked with git worktree lock: {why}"),
            Self::Used { process, program } => write!(formatter, "process {process} ({program}) works in it"),
            Self::BeingMade(Some(maker)) => write!(formatter, "it is being made by {maker}"),
            Self::BeingMade(None) => formatter.write_str("it is being made"),
            Self::Unknown => formatter.write_str("the base does not know it, so that its work cannot be told"),
            Self::Unreadable(why) => write!(formatter, "it cannot be looked at: {why}"),
        }
    }
}

/// All reasons to keep a worktree as it is now.
pub(super) fn reasons(git: &Git, base: Option<&Repository>, tree: &Tree) -> Vec<Reason> {
    let (Some(metadata), Some(base)) = (&tree.metadata, base) else { return vec![Reason::Unknown] };
    let locked = metadata.lock_reason().map(Reason::Locked);
    match tree.standing {
        Standing::Orphan => vec![Reason::Unknown],
        Standing::HalfMade => Vec::new(),
        Standing::BeingMade => vec![Reason::BeingMade(metadata.record().map(|record| record.maker))],
        Standing::Gone => {
            let unpushed = work::is_unpushed_head(base, metadata).then_some(Reason::Unpushed);
            unpushed.into_iter().chain(locked).collect()
        }
        Standing::Live => {
            let users = recovery::in_directory(&tree.path).into_iter().take(1);
            let used = users.map(|(process, program)| Reason::Used { process, program });
            found(&work::of(git, &tree.path, metadata)).into_iter().chain(locked).chain(used).collect()
        }
    }
}

fn found(work: &Result<work::Work, GitError>) -> Vec<Reason> {
    match work {
        Ok(work) => {
            let changed = work.dirty.then_some(Reason::Changed);
            changed.into_iter().chain(work.unpushed.then_some(Reason::Unpushed)).collect()
        }
        Err(error) => {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            vec![Reason::Unreadable(format!("{error}{cause}"))]
        }
    }
}
