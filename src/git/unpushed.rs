//! Commits that the remote does not have, as far as its refs have been seen.
//!
//! What the remote has: all that its refs lead to, all that they led to when they were fetched, and the commit that the
//! worktree was made at. The user's own tags are not the remote's.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::examples::Examples;
use super::fetch::id;
use super::metadata::Metadata;
use super::reflog::{self, Entry};
use super::tracking::REMOTE_REFS;

/// What our own moves of a worktree are called in its reflog.
pub(super) const MOVED: &str = "kubectl runnable worktree init";

/// Files beside `HEAD` that hold a commit's id.
const PSEUDO_REFS: &[&str] = &[
    "ORIG_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "MERGE_AUTOSTASH",
    "rebase-merge/orig-head",
    "rebase-merge/autostash",
    "rebase-apply/orig-head",
    "rebase-apply/autostash",
];

/// More commits than this are not counted.
const MOST: usize = 100;

/// The digits of a commit's id in a message.
const BRIEF: usize = 10;

/// The commits that go with a worktree's metadata and that the remote does not have.
pub(super) fn of_worktree(base: &Repository, metadata: &Metadata) -> Result<Examples, git2::Error> {
    let mut tips = been_at(base, metadata.path());
    tips.extend(refs_below(&metadata.path().join("refs")));
    beyond(base, &tips, &made_at(metadata))
}

/// The commits of a submodule's repository that neither its remote nor one of these leads to.
pub(super) fn of_repository(repository: &Repository, known: &[Oid]) -> Result<Examples, git2::Error> {
    let directory = repository.path();
    let mut tips = been_at(repository, directory);
    tips.extend(reflog::read(&directory.join("logs/refs/stash")).iter().map(|entry| entry.new));
    for reference in repository.references()? {
        let reference = reference?;
        let is_local = reference.name().is_ok_and(|name| name.starts_with("refs/heads/") || name == "refs/stash");
        tips.extend(reference.target().filter(|_| is_local));
    }
    beyond(repository, &tips, known)
}

/// Stashes that were made in a worktree. The clone holds those of all its worktrees: one belongs to each worktree that
/// has been at its commit and was there before it.
pub(super) fn stashes(base: &Repository, metadata: &Metadata) -> Result<Examples, git2::Error> {
    let been_at: HashSet<Oid> = been_at(base, metadata.path()).into_iter().chain(made_at(metadata)).collect();
    let created_at = metadata.record().map_or(0, |record| record.created_at.as_second());

    let mut stashes = Vec::new();
    for entry in reflog::read(&base.commondir().join("logs/refs/stash")) {
        let stash = base.find_commit(entry.new)?;
        if stash.time().seconds() >= created_at && stash.parent_id(0).is_ok_and(|parent| been_at.contains(&parent)) {
            stashes.push(entry.message);
        }
    }
    Ok(Examples::of(stashes))
}

fn made_at(metadata: &Metadata) -> Vec<Oid> {
    metadata.record().and_then(|record| Oid::from_str(&record.commit).ok()).into_iter().collect()
}

fn head(repository: &Repository, directory: &Path) -> Option<Oid> {
    let text = fs::read_to_string(directory.join("HEAD")).ok()?;
    match text.trim().strip_prefix("ref: ") {
        Some(name) => repository.refname_to_id(name).ok(),
        None => Oid::from_str(text.trim()).ok(),
    }
}

/// Where `HEAD` is and has been, and what git has noted beside it. What was before our own last move was looked at then.
fn been_at(repository: &Repository, directory: &Path) -> Vec<Oid> {
    let entries = reflog::read(&directory.join("logs/HEAD"));
    let since = entries.iter().rposition(|entry| entry.message == MOVED).map_or(0, |moved| moved + 1);
    let been = entries[since..].iter().flat_map(|entry| [entry.old, entry.new]).filter(|id| !id.is_zero());
    let noted = PSEUDO_REFS.iter().filter_map(|name| read_id(&directory.join(name)));
    head(repository, directory).into_iter().chain(been).chain(noted).collect()
}

fn read_id(path: &Path) -> Option<Oid> {
    Oid::from_str(fs::read_to_string(path).ok()?.lines().next()?.trim()).ok()
}

/// The refs that belong to a worktree alone, such as those of a bisection.
fn refs_below(directory: &Path) -> Vec<Oid> {
    files_below(directory).iter().filter_map(|path| read_id(path)).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory { &mut left } else { &mut files }.push(entry.path());
        }
    }
    files
}

/// The commits to which the tips lead and neither the remote's refs nor what else is known. A tip that is no longer there
/// cannot be lost.
fn beyond(repository: &Repository, tips: &[Oid], known: &[Oid]) -> Result<Examples, git2::Error> {
    let commit = |id: Oid| Some(repository.find_object(id, None).ok()?.peel_to_commit().ok()?.id());
    let tips: HashSet<Oid> = tips.iter().filter(|id| !known.contains(id)).filter_map(|&id| commit(id)).collect();
    if tips.is_empty() {
        return Ok(Examples::default());
    }
    // Where the history was cut off is written in the clone; the library looks for it in the worktree's own directory.
    let clone = Repository::open(repository.commondir())?;
    let mut walk = clone.revwalk()?;
    for tip in tips {
        walk.push(tip)?;
    }
    for refs in REMOTE_REFS {
        walk.hide_glob(refs)?;
    }
    for known in known.iter().copied().chain(fetched(&clone)).filter_map(commit) {
        walk.hide(known)?;
    }

    let mut commits = Vec::new();
    for found in walk.take(MOST) {
        let commit = clone.find_commit(found?)?;
        let summary = commit.summary().ok().flatten().unwrap_or_default().to_owned();
        commits.push(format!("{} ({summary})", &id(commit.id()).as_str()[..BRIEF]));
    }
    Ok(Examples::of(commits))
}

/// What the remote's refs were when they were fetched: a fetch of depth 1 cuts them off from what they are now. What was
/// pushed from here may have been overwritten there since.
fn fetched(clone: &Repository) -> Vec<Oid> {
    let logs = files_below(&clone.path().join("logs/refs/remotes"));
    let is_fetched = |entry: &Entry| !entry.message.contains("push");
    logs.iter().flat_map(|path| reflog::read(path)).filter(is_fetched).map(|entry| entry.new).collect()
}
