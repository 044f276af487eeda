//! Files of a half-made worktree. A killed checkout leaves files of the old commit, files of the new commit, and a few
//! truncated ones; any other file was written by the user since.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use git2::{Delta, DiffOptions, ObjectType, Oid, Repository, Tree};

use super::error::GitError;
use super::metadata::Metadata;
use super::program::Git;
use super::status;
use super::work::path_text;

/// The files that no checkout wrote.
pub(super) fn changed(
    git: &Git,
    repository: &Repository,
    tree: &Path,
    metadata: &Metadata,
) -> Result<Vec<String>, GitError> {
    let library = || GitError::library("compare the worktree with its commit");
    let commits = commits(repository, metadata);
    let mut unknown = unknown(repository, &commits).map_err(library())?;
    unknown.retain(|path| !is_cut_short(repository, &commits, tree, path));

    // Filters change files during checkout; git reverses them when it hashes a file.
    let is_in_commit = |path: &str, id: Oid| commits.iter().any(|commit| blob(commit, path) == Some(id));
    let mut changed = status::with_other_content(git, tree, unknown.into_iter().collect(), is_in_commit)?;
    changed.extend(staged(repository, &commits).map_err(library())?);
    Ok(changed)
}

/// The commit at which the worktree was created, the one to which it was being moved, and its current one.
fn commits<'a>(repository: &'a Repository, metadata: &Metadata) -> Vec<Tree<'a>> {
    let record = metadata.record();
    let noted = record.iter().flat_map(|record| [Some(&record.commit), record.moving_to.as_ref()]).flatten();
    let head = repository.head().ok().and_then(|head| head.target());
    let ids: BTreeSet<Oid> = noted.filter_map(|id| Oid::from_str(id).ok()).chain(head).collect();
    ids.iter().filter_map(|&id| repository.find_commit(id).ok()?.tree().ok()).collect()
}

/// Files that differ from every one of the commits. Files that `.gitignore` names do not count as work.
fn unknown(repository: &Repository, commits: &[Tree<'_>]) -> Result<BTreeSet<String>, git2::Error> {
    let mut unknown: Option<BTreeSet<String>> = None;
    for commit in commits.iter().map(Some).chain(commits.is_empty().then_some(None)) {
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true).ignore_submodules(true);
        let difference = repository.diff_tree_to_workdir(commit, Some(&mut options))?;
        let has_content = |status: Delta| !matches!(status, Delta::Unmodified | Delta::Deleted | Delta::Ignored);
        let deltas = difference.deltas().filter(|delta| has_content(delta.status()));
        let found: BTreeSet<String> = deltas.filter_map(|delta| path_text(&delta)).collect();

        unknown = Some(match unknown {
            Some(before) => before.intersection(&found).cloned().collect(),
            None => found,
        });
    }
    Ok(unknown.unwrap_or_default())
}

fn is_cut_short(repository: &Repository, commits: &[Tree<'_>], tree: &Path, path: &str) -> bool {
    let is_file = fs::symlink_metadata(tree.join(path)).is_ok_and(|metadata| metadata.is_file());
    let Some(content) = is_file.then(|| fs::read(tree.join(path)).ok()).flatten() else { return false };
    let blobs = commits.iter().filter_map(|commit| repository.find_blob(blob(commit, path)?).ok());
    blobs.into_iter().any(|blob| blob.content().starts_with(&content))
}

fn blob(commit: &Tree<'_>, path: &str) -> Option<Oid> {
    let entry = commit.get_path(Path::new(path)).ok()?;
    (entry.kind() == Some(ObjectType::Blob)).then(|| entry.id())
}

/// Staged files that none of the commits has.
fn staged(repository: &Repository, commits: &[Tree<'_>]) -> Result<Vec<String>, git2::Error> {
    let index = repository.index()?;
    let is_known = |path: &str, id: Oid| {
        commits.iter().any(|commit| commit.get_path(Path::new(path)).is_ok_and(|entry| entry.id() == id))
    };
    let entries = index.iter().map(|entry| (String::from_utf8_lossy(&entry.path).into_owned(), entry.id));
    Ok(entries.filter(|(path, id)| !is_known(path, *id)).map(|(path, _)| path).collect())
}
