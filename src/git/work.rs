//! Whether a worktree holds work that would be lost with it. What is changed, git says: it knows filters and submodules.

use std::path::Path;

use git2::{Oid, Repository, RepositoryState};

use super::credentials::Environment;
use super::error::GitError;
use super::fetch::id;
use super::identity::ObjectId;
use super::metadata::Metadata;
use super::program::Git;
use super::submodules;

/// What a worktree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    /// The commit that it is at.
    pub(super) head: Option<ObjectId>,
    /// The branch that it is on.
    pub(super) branch: Option<String>,
    /// Files were changed or added that are in no commit.
    pub(super) dirty: bool,
    /// Commits are on no branch of the remote.
    pub(super) unpushed: bool,
}

/// Looks at a whole worktree.
pub(super) fn of(git: &Git, tree: &Path, metadata: &Metadata) -> Result<Work, GitError> {
    let library = GitError::library("open the worktree");
    let repository = Repository::open(tree).map_err(|error| match error.code() {
        git2::ErrorCode::Owner => GitError::Ownership { path: tree.to_owned() },
        _ => library(error),
    })?;
    let head = repository.head().ok();
    let commit = head.as_ref().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id());
    let branch = head.filter(git2::Reference::is_branch).and_then(|head| head.shorthand().ok().map(str::to_owned));
    let made_at = metadata.record().and_then(|record| Oid::from_str(&record.commit).ok());
    let unpushed = submodules::hold_work(&repository, metadata, made_at)
        || match commit {
            Some(commit) => {
                // Where the history was cut off is written in the base; the library looks for it in the worktree's own.
                let base = Repository::open(repository.commondir()).map_err(GitError::library("open the base"))?;
                is_unpushed(&base, commit, made_at).map_err(GitError::library("read the history"))?
            }
            None => false,
        };
    // Optional locks would hinder a git that works there.
    let arguments = ["--no-optional-locks", "status", "--porcelain", "-z", "--untracked-files=normal"];
    let answer = git.ask(tree, arguments, &Environment::default())?;
    // A rebase or merge that was stopped half-way is work, whatever the files say.
    let dirty = !answer.good(&arguments, tree)?.is_empty() || repository.state() != RepositoryState::Clean;
    Ok(Work { head: commit.map(id), branch, dirty, unpushed })
}

/// Whether commits would be lost with the metadata of a worktree whose directory is gone. A branch stays in the base.
pub(super) fn is_unpushed_head(base: &Repository, metadata: &Metadata) -> bool {
    let made_at = metadata.record().and_then(|record| Oid::from_str(&record.commit).ok());
    let head = metadata.head().and_then(|head| Oid::from_str(&head).ok());
    head.is_some_and(|head| is_unpushed(base, head, made_at).unwrap_or(false))
        || submodules::hold_work(base, metadata, made_at)
}

/// Whether a commit is there that neither the remote's refs nor the commit it was made at lead to.
fn is_unpushed(repository: &Repository, commit: Oid, made_at: Option<Oid>) -> Result<bool, git2::Error> {
    if made_at == Some(commit) {
        return Ok(false);
    }
    let mut walk = repository.revwalk()?;
    walk.push(commit)?;
    for known in ["refs/remotes/*", "refs/tags/*"] {
        walk.hide_glob(known)?;
    }
    if let Some(made_at) = made_at.filter(|&id| repository.find_commit(id).is_ok()) {
        walk.hide(made_at)?;
    }
    walk.next().transpose().map(|commit| commit.is_some())
}
