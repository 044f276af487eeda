//! Reasons to keep a worktree: the work that its removal would lose, and the processes that it would disturb.

use std::fmt;

use git2::Repository;

use super::error::GitError;
use super::examples::Examples;
use super::metadata::Metadata;
use super::program::Git;
use super::tree::{Tree, TreeState};
use super::{recovery, work};

/// A reason to keep a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Changed or added files are in no commit.
    Changed(Examples),
    /// An operation such as a rebase is not finished.
    Unfinished(&'static str),
    /// Commits are on no branch of the remote.
    Unpushed(Examples),
    /// Changes were stashed.
    Stashed(Examples),
    /// Somebody locked it with `git worktree lock`, for this reason.
    Locked(String),
    /// A process on this machine runs in it.
    Used {
        /// The process.
        process: u32,
        /// The program's name.
        program: String,
    },
    /// This process is creating it.
    BeingMade(Option<String>),
    /// The base has no metadata of it, so its work cannot be determined.
    Unknown,
    /// Its work could not be read.
    Unreadable(String),
}

impl Reason {
    /// The reason's name in JSON output.
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

    /// Whether a removal loses work. Stashes stay in the base.
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
            Self::Changed(files) => write!(formatter, "changed or added files are in no commit: {files}"),
            Self::Unfinished(what) => write!(formatter, "a {what} is not finished"),
            Self::Unpushed(commits) => write!(formatter, "commits are on no branch of the remote: {commits}"),
            Self::Stashed(stashes) => write!(formatter, "changes are stashed: {stashes}"),
            Self::Locked(why) if why.is_empty() => formatter.write_str("it was locked with git worktree lock"),
            Self::Locked(why) => write!(formatter, "it was locked with git worktree lock: {why}"),
            Self::Used { process, program } => write!(formatter, "process {process} ({program}) is running in it"),
            Self::BeingMade(Some(maker)) => write!(formatter, "it is being created by {maker}"),
            Self::BeingMade(None) => formatter.write_str("it is being created"),
            Self::Unknown => formatter.write_str("git has no record of it, so its work cannot be checked"),
            Self::Unreadable(why) => write!(formatter, "it cannot be read: {why}"),
        }
    }
}

/// All reasons to keep a worktree as it is now.
pub(super) fn reasons(git: &Git, base: Option<&Repository>, tree: &Tree) -> Vec<Reason> {
    if tree.state == TreeState::BeingMade {
        let maker = tree.metadata.as_ref().and_then(Metadata::record);
        return vec![Reason::BeingMade(maker.map(|record| record.maker))];
    }
    let users = if tree.has_directory() { recovery::in_directory(&tree.path) } else { Vec::new() };
    let used = users.into_iter().take(1).map(|(process, program)| Reason::Used { process, program });
    work(git, base, tree).into_iter().chain(used).collect()
}

/// The reasons in the worktree itself: work that the remote does not have, and a lock of `git worktree lock`.
pub(super) fn work(git: &Git, base: Option<&Repository>, tree: &Tree) -> Vec<Reason> {
    let (Some(metadata), Some(base)) = (&tree.metadata, base) else { return vec![Reason::Unknown] };
    let work = match tree.state {
        TreeState::Orphan | TreeState::BeingMade => Ok(vec![Reason::Unknown]),
        TreeState::Live => work::of_whole(git, &tree.path, metadata),
        TreeState::HalfMade if tree.has_files() => work::of_half_made(git, &tree.path, metadata),
        TreeState::HalfMade | TreeState::Gone => work::of_gone(base, metadata),
    };
    let locked = metadata.lock_reason().map(Reason::Locked);
    work.unwrap_or_else(|error| vec![unreadable(&error)]).into_iter().chain(locked).collect()
}

fn unreadable(error: &GitError) -> Reason {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Reason::Unreadable(format!("{error}{cause}"))
}
