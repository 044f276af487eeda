//! Submodules of a worktree: their repositories lie in its metadata and go with it.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};

use super::metadata::Metadata;

/// Whether one of them has commits that neither its remote's refs lead to nor the commit that the worktree was made at
/// names. One that cannot be read counts as such.
pub(super) fn hold_work(repository: &Repository, metadata: &Metadata, made_at: Option<Oid>) -> bool {
    let found = repositories(&metadata.path().join("modules"));
    if found.is_empty() {
        return false;
    }
    let named = made_at.and_then(|commit| named(repository, commit).ok()).unwrap_or_default();
    found.iter().any(|path| holds_work(path, &named).unwrap_or(true))
}

/// The repositories below a directory; each may have submodules too.
fn repositories(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        if directory.join("HEAD").is_file() && directory.join("objects").is_dir() {
            left.push(directory.join("modules"));
            found.push(directory);
            continue;
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        left.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    found
}

/// The commits of submodules that a commit names.
fn named(repository: &Repository, commit: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut named = Vec::new();
    repository.find_commit(commit)?.tree()?.walk(TreeWalkMode::PreOrder, |_, entry| {
        if entry.kind() == Some(ObjectType::Commit) {
            named.push(entry.id());
        }
        TreeWalkResult::Ok
    })?;
    Ok(named)
}

fn holds_work(path: &Path, named: &[Oid]) -> Result<bool, git2::Error> {
    let module = Repository::open(path)?;
    let mut walk = module.revwalk()?;
    walk.push_glob("refs/heads/*")?;
    for tip in ["HEAD", "refs/stash"] {
        if let Ok(id) = module.refname_to_id(tip) {
            walk.push(id)?;
        }
    }
    for known in ["refs/remotes/*", "refs/tags/*"] {
        walk.hide_glob(known)?;
    }
    for &id in named.iter().filter(|&&id| module.find_commit(id).is_ok()) {
        walk.hide(id)?;
    }
    walk.next().transpose().map(|commit| commit.is_some())
}
