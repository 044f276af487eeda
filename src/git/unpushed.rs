//! Commits that the remote does not have, judged by the refs that were fetched from it.
//!
//! The remote has everything reachable from its refs, from earlier fetched values of its refs, and from the commit at
//! which the worktree was created. The user's own tags do not count as the remote's.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use super::examples::Examples;
use super::fetch::id;
use super::metadata::Metadata;
use super::reflog::{self, Entry};
use super::tracking::REMOTE_REFS;

/// The reflog message of our own moves of a worktree.
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

/// Counting stops at this many commits.
const MAX_COUNTED: usize = 100;

/// The number of digits of a commit id in a message.
const SHORT_ID: usize = 10;

/// The commits that would be lost with a worktree's metadata.
pub(super) fn of_worktree(base: &Repository, metadata: &Metadata) -> Result<Examples, git2::Error> {
    let mut tips = visited(base, metadata.path());
    tips.extend(refs_below(&metadata.path().join("refs")));
    unknown_to_remote(base, &tips, &made_at(metadata))
}

/// The commits of a submodule's repository that are reachable neither from its remote nor from the known commits.
pub(super) fn of_repository(repository: &Repository, known: &[Oid]) -> Result<Examples, git2::Error> {
    let directory = repository.path();
    let mut tips = visited(repository, directory);
    tips.extend(reflog::read(&directory.join("logs/refs/stash")).iter().map(|entry| entry.new));
    for reference in repository.references()? {
        let reference = reference?;
        let is_local = reference.name().is_ok_and(|name| name.starts_with("refs/heads/") || name == "refs/stash");
        tips.extend(reference.target().filter(|_| is_local));
    }
    unknown_to_remote(repository, &tips, known)
}

/// Stashes that were made in a worktree. The base holds the stashes of all its worktrees; one is attributed to each
/// worktree that is older than it and has been at its parent commit.
pub(super) fn stashes(base: &Repository, metadata: &Metadata) -> Result<Examples, git2::Error> {
    let visited: HashSet<Oid> = visited(base, metadata.path()).into_iter().chain(made_at(metadata)).collect();
    let created_at = metadata.record().map_or(0, |record| record.created_at.as_second());

    let mut stashes = Vec::new();
    for entry in reflog::read(&base.commondir().join("logs/refs/stash")) {
        let stash = base.find_commit(entry.new)?;
        if stash.time().seconds() >= created_at && stash.parent_id(0).is_ok_and(|parent| visited.contains(&parent)) {
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

/// The commits at which `HEAD` is and has been, and those in the files beside it. Entries before our own last move were
/// checked at that move.
fn visited(repository: &Repository, directory: &Path) -> Vec<Oid> {
    let entries = reflog::read(&directory.join("logs/HEAD"));
    let since = entries.iter().rposition(|entry| entry.message == MOVED).map_or(0, |moved| moved + 1);
    let been = entries[since..].iter().flat_map(|entry| [entry.old, entry.new]).filter(|id| !id.is_zero());
    let noted = PSEUDO_REFS.iter().filter_map(|name| read_id(&directory.join(name)));
    head(repository, directory).into_iter().chain(been).chain(noted).collect()
}

fn read_id(path: &Path) -> Option<Oid> {
    Oid::from_str(fs::read_to_string(path).ok()?.lines().next()?.trim()).ok()
}

/// The refs that belong to one worktree only, such as those of a bisection.
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

/// The commits reachable from the tips, but neither from the remote's refs nor from the known commits. A tip whose
/// object is gone cannot be lost.
fn unknown_to_remote(repository: &Repository, tips: &[Oid], known: &[Oid]) -> Result<Examples, git2::Error> {
    let commit = |id: Oid| Some(repository.find_object(id, None).ok()?.peel_to_commit().ok()?.id());
    let tips: HashSet<Oid> = tips.iter().filter(|id| !known.contains(id)).filter_map(|&id| commit(id)).collect();
    if tips.is_empty() {
        return Ok(Examples::default());
    }
    // The `shallow` file is in the base; opened through a worktree, the library looks for it in the worktree's own
    // directory.
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
    for found in walk.take(MAX_COUNTED) {
        let commit = clone.find_commit(found?)?;
        let summary = commit.summary().ok().flatten().unwrap_or_default().to_owned();
        commits.push(format!("{} ({summary})", &id(commit.id()).as_str()[..SHORT_ID]));
    }
    Ok(Examples::of(commits))
}

/// Earlier fetched values of the remote's refs: after a fetch of depth 1 they are not reachable from the current ones.
/// Values that a push from here wrote are left out, because somebody may have overwritten them at the remote since.
fn fetched(clone: &Repository) -> Vec<Oid> {
    let logs = files_below(&clone.path().join("logs/refs/remotes"));
    let is_fetched = |entry: &Entry| !entry.message.contains("push");
    logs.iter().flat_map(|path| reflog::read(path)).filter(is_fetched).map(|entry| entry.new).collect()
}
