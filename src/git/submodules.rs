//! Submodules of a worktree. Their repositories are in its metadata or its directory and are removed with it. No link
//! in their paths is followed, because it could lead out of the root.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};

use super::examples::Examples;
use super::metadata::Metadata;
use super::unpushed;

/// The mode of a submodule in an index.
const SUBMODULE: u32 = 0o160_000;

/// The paths of the submodules that are checked out in a worktree, relative to it.
pub(super) fn checked_out(repository: &Repository, tree: &Path) -> Result<Vec<PathBuf>, git2::Error> {
    let modules = repository.index()?.iter().filter(|entry| entry.mode == SUBMODULE).collect::<Vec<_>>();
    let paths = modules.iter().map(|entry| PathBuf::from(String::from_utf8_lossy(&entry.path).into_owned()));
    Ok(paths.filter(|path| is_inside(tree, &path.join(".git"))).collect())
}

/// Whether the path exists and none of its parent directories is a link.
pub(super) fn is_inside(tree: &Path, path: &Path) -> bool {
    let mut above = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    let is_directory = |path: &Path| fs::symlink_metadata(tree.join(path)).is_ok_and(|metadata| metadata.is_dir());
    above.all(is_directory) && fs::symlink_metadata(tree.join(path)).is_ok()
}

/// The commits that are reachable neither from the submodules' remotes nor from the commit at which the worktree was
/// created.
pub(super) fn unpushed(repository: &Repository, metadata: &Metadata) -> Result<Examples, git2::Error> {
    let mut found: BTreeSet<PathBuf> = repositories(&metadata.path().join("modules")).into_iter().collect();
    if let Some(tree) = repository.workdir().filter(|_| repository.is_worktree()) {
        embedded(repository, tree, &mut found)?;
    }
    if found.is_empty() {
        return Ok(Examples::default());
    }

    let made_at = metadata.record().and_then(|record| Oid::from_str(&record.commit).ok());
    let named = made_at.and_then(|commit| named(repository, commit).ok()).unwrap_or_default();
    let mut commits = Examples::default();
    for path in found {
        commits.add(unpushed::of_repository(&Repository::open(path)?, &named)?);
    }
    Ok(commits)
}

/// The repositories of checked-out submodules, wherever they are stored.
fn embedded(repository: &Repository, tree: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), git2::Error> {
    for path in checked_out(repository, tree)? {
        let module = Repository::open(tree.join(&path))?;
        if found.insert(fs::canonicalize(module.path()).unwrap_or_else(|_| module.path().to_owned())) {
            embedded(&module, &tree.join(&path), found)?;
        }
    }
    Ok(())
}

/// The repositories below a directory; each may have submodules too.
fn repositories(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        if directory.join("HEAD").is_file() && directory.join("objects").is_dir() {
            left.push(directory.join("modules"));
            found.push(fs::canonicalize(&directory).unwrap_or(directory));
            continue;
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        left.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    found
}

/// The submodule commits that a commit refers to.
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
