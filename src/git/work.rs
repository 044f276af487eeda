//! The work that would be lost with a worktree: everything that the remote does not have. It is determined at the
//! moment of removal, by the same code for `cleanup`, for an `init` at its path, and for `init --reuse`, which moves
//! it.

use std::path::Path;

use git2::{DiffOptions, Index, Oid, Repository, RepositoryState};

use super::error::GitError;
use super::examples::Examples;
use super::metadata::Metadata;
use super::program::Git;
use super::retention::Reason;
use super::{half_made, status, submodules, unpushed};

/// The work in a complete worktree.
pub(super) fn of_whole(git: &Git, tree: &Path, metadata: &Metadata) -> Result<Vec<Reason>, GitError> {
    let repository = open(tree)?;
    let files = status::changed(git, &repository, tree)?;
    let unfinished = unfinished(repository.state()).map(Reason::Unfinished);
    let mut work: Vec<Reason> = changed(files).into_iter().chain(unfinished).collect();

    work.extend(commits(&repository, metadata)?);
    Ok(work)
}

/// The work in a half-made worktree: files that are neither from the commits of the killed checkout nor truncated by
/// it.
pub(super) fn of_half_made(git: &Git, tree: &Path, metadata: &Metadata) -> Result<Vec<Reason>, GitError> {
    let repository = open(tree)?;
    let mut files = half_made::changed(git, &repository, tree, metadata)?;
    files.extend(status::changed_in_submodules(git, &repository, tree)?);
    let mut work: Vec<Reason> = changed(files).into_iter().collect();

    work.extend(commits(&repository, metadata)?);
    Ok(work)
}

/// The work left of a worktree whose directory is gone: commits and staged files.
pub(super) fn of_gone(base: &Repository, metadata: &Metadata) -> Result<Vec<Reason>, GitError> {
    let staged = staged(base, metadata).map_err(GitError::library("read the worktree's index"))?;
    let mut work: Vec<Reason> = changed(staged).into_iter().collect();

    work.extend(commits(base, metadata)?);
    Ok(work)
}

fn open(tree: &Path) -> Result<Repository, GitError> {
    Repository::open(tree).map_err(|error| match error.code() {
        git2::ErrorCode::Owner => GitError::Ownership { path: tree.to_owned() },
        _ => GitError::library("open the worktree")(error),
    })
}

fn changed(files: Vec<String>) -> Option<Reason> {
    (!files.is_empty()).then(|| Reason::Changed(Examples::of(files)))
}

/// An unfinished rebase or merge is work, even without changed files.
fn unfinished(state: RepositoryState) -> Option<&'static str> {
    Some(match state {
        RepositoryState::Clean => return None,
        RepositoryState::Merge => "merge",
        RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
        RepositoryState::Bisect => "bisection",
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => "rebase",
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => "git am or rebase",
    })
}

/// Commits of the worktree and its submodules, and stashes.
fn commits(repository: &Repository, metadata: &Metadata) -> Result<Vec<Reason>, GitError> {
    let clone = Repository::open(repository.commondir()).map_err(GitError::library("open the base"))?;
    let find = || {
        let mut commits = unpushed::of_worktree(&clone, metadata)?;
        commits.add(submodules::unpushed(repository, metadata)?);
        Ok((commits, unpushed::stashes(&clone, metadata)?))
    };
    let (commits, stashes) = find().map_err(GitError::library("read the history"))?;

    let commits = (!commits.is_empty()).then_some(Reason::Unpushed(commits));
    let stashes = (!stashes.is_empty()).then_some(Reason::Stashed(stashes));
    Ok(commits.into_iter().chain(stashes).collect())
}

fn staged(base: &Repository, metadata: &Metadata) -> Result<Vec<String>, git2::Error> {
    let path = metadata.path().join("index");
    let head = metadata.head().and_then(|head| match head.strip_prefix("ref: ") {
        Some(name) => base.refname_to_id(name).ok(),
        None => Oid::from_str(&head).ok(),
    });
    let tree = head.and_then(|head| base.find_commit(head).ok()).and_then(|commit| commit.tree().ok());
    let (Some(tree), true) = (tree, path.exists()) else { return Ok(Vec::new()) };

    let index = Index::open(&path)?;
    let mut options = DiffOptions::new();
    let difference = base.diff_tree_to_index(Some(&tree), Some(&index), Some(&mut options))?;
    let is_content = |delta: &git2::DiffDelta<'_>| delta.status() != git2::Delta::Deleted;
    Ok(difference.deltas().filter(is_content).filter_map(|delta| path_text(&delta)).collect())
}

pub(super) fn path_text(delta: &git2::DiffDelta<'_>) -> Option<String> {
    delta.new_file().path_bytes().map(|path| String::from_utf8_lossy(path).into_owned())
}
