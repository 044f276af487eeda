//! The worktrees of a root and what is left of some: directories in `trees/` beside git's metadata of them. Looked at as
//! they are at this moment; who wants to rely on it holds the lock.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use git2::Repository;

use super::error::GitError;
use super::metadata::{self, Metadata, Stage};
use super::root::Root;
use super::trash::is_trash;

/// A worktree, or what is left of one.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Its directory, which may be gone.
    pub path: PathBuf,
    /// The task: the directory's name.
    pub task: String,
    /// How it stands.
    pub standing: Standing,
    pub(super) metadata: Option<Metadata>,
}

/// How it stands with a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is whole.
    Live,
    /// A living process makes it.
    BeingMade,
    /// Its maker was killed.
    HalfMade,
    /// Git's metadata is there, its directory is not.
    Gone,
    /// The directory is there, git's metadata of it is not.
    Orphan,
}

impl Standing {
    /// Whether it is none that anybody could work in.
    pub(crate) fn is_stale(self) -> bool {
        matches!(self, Self::HalfMade | Self::Gone | Self::Orphan)
    }

    /// In a word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::BeingMade => "being made",
            Self::HalfMade => "half-made",
            Self::Gone => "gone",
            Self::Orphan => "orphan",
        }
    }
}

/// All of a root, by their tasks.
pub(super) fn all(root: &Root, base: Option<&Repository>) -> Result<Vec<Tree>, GitError> {
    let metadata = base.map(metadata::all).transpose()?.unwrap_or_default();
    let known: Vec<Tree> = metadata.into_iter().filter_map(|metadata| known(root, metadata)).collect();
    let claimed: HashSet<PathBuf> =
        known.iter().filter(|tree| tree.has_directory()).map(|tree| tree.path.clone()).collect();
    let found = directories(root)?.into_iter().filter(|path| !claimed.contains(path));
    let mut all: Vec<Tree> = found.filter_map(orphan).chain(known).collect();
    all.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(all)
}

impl Tree {
    /// The worktree in a place that git knows.
    pub(super) fn at(root: &Root, metadata: Metadata) -> Option<Self> {
        known(root, metadata)
    }

    /// The same as it is now; `None` when nothing is left of it.
    pub(super) fn now(&self, root: &Root, base: Option<&Repository>) -> Result<Option<Self>, GitError> {
        if let Some(metadata) = self.metadata.clone().filter(|metadata| metadata.path().exists()) {
            return Ok(known(root, metadata));
        }
        let metadata = base.map(metadata::all).transpose()?.unwrap_or_default();
        let mut same = metadata.into_iter().filter_map(|metadata| known(root, metadata));
        let owner = same.find(|tree| tree.path == self.path && tree.has_directory());
        Ok(owner.or_else(|| orphan(self.path.clone())))
    }

    /// When it was made; of what is not ours: when its directory was changed last.
    pub(super) fn created_at(&self) -> Option<jiff::Timestamp> {
        let record = self.metadata.as_ref().and_then(Metadata::record);
        let changed = || fs::symlink_metadata(&self.path).ok()?.modified().ok()?.try_into().ok();
        record.map(|record| record.created_at).or_else(changed)
    }

    /// Whether there is more in its directory than what the first steps of an init make.
    pub(super) fn has_files(&self) -> bool {
        self.has_directory() && !metadata::is_bare(&self.path)
    }

    /// Whether the directory is there and its own. What stands in the place of one that is gone is another's.
    pub(super) fn has_directory(&self) -> bool {
        match &self.metadata {
            Some(metadata) => self.standing != Standing::Gone && metadata.owns(&self.path),
            None => true,
        }
    }
}

/// What metadata tells, if it is of a worktree of this root: those that users made elsewhere are their own affair.
fn known(root: &Root, metadata: Metadata) -> Option<Tree> {
    let task = || Some(root.tree(&metadata.record()?.task_id.parse().ok()?));
    let path = metadata.tree().or_else(task)?;
    let name = path.file_name()?;
    if path != root.trees().join(name) {
        return None;
    }
    let standing = match metadata.stage() {
        Stage::BeingMade => Standing::BeingMade,
        Stage::HalfMade => Standing::HalfMade,
        Stage::Whole if metadata.owns(&path) => Standing::Live,
        Stage::Whole => Standing::Gone,
    };
    Some(Tree { task: name.to_string_lossy().into_owned(), path, standing, metadata: Some(metadata) })
}

fn orphan(path: PathBuf) -> Option<Tree> {
    fs::symlink_metadata(&path).ok()?;
    let task = path.file_name()?.to_string_lossy().into_owned();
    Some(Tree { path, task, standing: Standing::Orphan, metadata: None })
}

fn directories(root: &Root) -> Result<Vec<PathBuf>, GitError> {
    let trees = root.trees();
    let entries = match fs::read_dir(&trees) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(GitError::file("read", &trees))?,
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| !is_trash(path)).collect())
}
