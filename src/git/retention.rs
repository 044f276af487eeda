//! Why a worktree is kept: what would be lost or disturbed by removing it.

use std::fmt;

use git2::Repository;

use super::error::GitError;
use super::examples::Examples;
use super::metadata::Metadata;
use super::program::Git;
use super::tree::{Standing, Tree};
use super::{recovery, work};

/// A reason to keep a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Files were changed or added that are in no commit.
    Changed(Examples),
    /// This was begun and not ended.
    Unfinished(&'static str),
    /// Commits are on no branch of the remote.
    Unpushed(Examples),
    /// Changes were stashed.
    Stashed(Examples),
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
            Self::Changed(_) | Self::Unfinished(_) => "dirty",
            Self::Unpushed(_) => "unpushed",
            Self::Stashed(_) => "stashed",
            Self::Locked(_) => "locked",
            Self::Used { .. } => "inUse",
            Self::BeingMade(_) => "beingMade",
            Self::Unknown => "orphan",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether a removal loses something. Stashes stay in the clone.
    pub(super) fn is_loss(&self) -> bool {
        match self {
            Self::Changed(_) | Self::Unfinished(_) | Self::Unpushed(_) | Self::Unknown | Self::Unreadable(_) => true,
            Self::Stashed(_) | Self::Locked(_) | Self::Used { .. } | Self::BeingMade(_) => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(files) => write!(formatter, "files were changed or added that are in no commit: {files}"),
            Self::Unfinished(what) => write!(formatter, "a {what} is not finished"),
            Self::Unpushed(commits) => write!(formatter, "commits are on no branch of the remote: {commits}"),
            Self::Stashed(stashes) => write!(formatter, "changes are stashed in the clone: {stashes}"),
            Self::Locked(why) if why.is_empty() => formatter.write_str("it was locked with git worktree lock"),
            Self::Locked(why) => write!(formatter, "it was locked with git worktree lock: {why}"),
            Self::Used { process, program } => write!(formatter, "process {process} ({program}) works in it"),
            Self::BeingMade(Some(maker)) => write!(formatter, "it is being made by {maker}"),
            Self::BeingMade(None) => formatter.write_str("it is being made"),
            Self::Unknown => formatter.write_str("the clone does not know it, so nobody can tell what work is in it"),
            Self::Unreadable(why) => write!(formatter, "it cannot be read: {why}"),
        }
    }
}

/// All reasons to keep a worktree as it is now.
pub(super) fn reasons(git: &Git, base: Option<&Repository>, tree: &Tree) -> Vec<Reason> {
    if tree.standing == Standing::BeingMade {
        let maker = tree.metadata.as_ref().and_then(Metadata::record);
        return vec![Reason::BeingMade(maker.map(|record| record.maker))];
    }
    let users = if tree.has_directory() { recovery::in_directory(&tree.path) } else { Vec::new() };
    let used = users.into_iter().take(1).map(|(process, program)| Reason::Used { process, program });
    work(git, base, tree).into_iter().chain(used).collect()
}

/// The reasons that lie in the worktree itself: what the remote does not have, and the lock that somebody put on it.
pub(super) fn work(git: &Git, base: Option<&Repository>, tree: &Tree) -> Vec<Reason> {
    let (Some(metadata), Some(base)) = (&tree.metadata, base) else { return vec![Reason::Unknown] };
    let work = match tree.standing {
        Standing::Orphan | Standing::BeingMade => Ok(vec![Reason::Unknown]),
        Standing::Live => work::of_whole(git, &tree.path, metadata),
        Standing::HalfMade if tree.has_files() => work::of_half_made(git, &tree.path, metadata),
        Standing::HalfMade | Standing::Gone => work::of_gone(base, metadata),
    };
    let locked = metadata.lock_reason().map(Reason::Locked);
    work.unwrap_or_else(|error| vec![unreadable(&error)]).into_iter().chain(locked).collect()
}

fn unreadable(error: &GitError) -> Reason {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Reason::Unreadable(format!("{error}{cause}"))
}
