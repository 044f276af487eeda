//! The worktrees of a root and their remains: directories in `trees/` and git's metadata. The result is a snapshot; a
//! caller that relies on it must hold the lock.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use git2::Repository;

use super::error::GitError;
use super::metadata::{self, Metadata, Stage};
use super::root::Root;
use super::trash::is_trash;

/// A worktree or its remains.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The directory, which may be gone.
    pub(crate) path: PathBuf,
    /// The task: the directory's name.
    pub(crate) task: String,
    /// Its state.
    pub(crate) state: TreeState,
    pub(super) metadata: Option<Metadata>,
}

/// The state of a worktree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeState {
    /// It is complete.
    Live,
    /// A running process is creating it.
    BeingMade,
    /// Its creator was killed.
    HalfMade,
    /// Git's metadata exists, the directory does not.
    Gone,
    /// The directory exists, git's metadata does not.
    Orphan,
}

impl TreeState {
    /// Whether nobody can work in it.
    pub(crate) fn is_stale(self) -> bool {
        matches!(self, Self::HalfMade | Self::Gone | Self::Orphan)
    }

    /// The state's name in tables and JSON.
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

/// All worktrees of a root, sorted by task.
pub(super) fn all(root: &Root, base: Option<&Repository>) -> Result<Vec<Tree>, GitError> {
    let metadata = base.map(metadata::all).transpose()?.unwrap_or_default();
    let known: Vec<Tree> = metadata.into_iter().filter_map(|metadata| Tree::at(root, metadata)).collect();
    let claimed: HashSet<PathBuf> =
        known.iter().filter(|tree| tree.has_directory()).map(|tree| tree.path.clone()).collect();
    let found = directories(root)?.into_iter().filter(|path| !claimed.contains(path));
    let mut all: Vec<Tree> = found.filter_map(orphan).chain(known).collect();
    all.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(all)
}

impl Tree {
    /// The worktree that this metadata belongs to, if it is in this root.
    pub(super) fn at(root: &Root, metadata: Metadata) -> Option<Self> {
        known(root, metadata)
    }

    /// Reads its state again; `None` if nothing is left of it.
    pub(super) fn now(&self, root: &Root, base: Option<&Repository>) -> Result<Option<Self>, GitError> {
        if let Some(metadata) = self.metadata.clone().filter(|metadata| metadata.path().exists()) {
            return Ok(Self::at(root, metadata));
        }
        let metadata = base.map(metadata::all).transpose()?.unwrap_or_default();
        let mut same = metadata.into_iter().filter_map(|metadata| Tree::at(root, metadata));
        let owner = same.find(|tree| tree.path == self.path && tree.has_directory());
        Ok(owner.or_else(|| orphan(self.path.clone())))
    }

    /// When it was created; for a directory without a record of ours, when it last changed.
    pub(super) fn created_at(&self) -> Option<jiff::Timestamp> {
        let record = self.metadata.as_ref().and_then(Metadata::record);
        let changed = || fs::symlink_metadata(&self.path).ok()?.modified().ok()?.try_into().ok();
        record.map(|record| record.created_at).or_else(changed)
    }

    /// Whether its directory holds more than the first steps of an init create.
    pub(super) fn has_files(&self) -> bool {
        self.has_directory() && !metadata::is_bare(&self.path)
    }

    /// Whether its own directory exists. After the worktree is gone, another directory may be at its path.
    pub(super) fn has_directory(&self) -> bool {
        match &self.metadata {
            Some(metadata) => self.state != TreeState::Gone && metadata.owns(&self.path),
            None => true,
        }
    }
}

/// The worktree of this metadata, if it is in this root. Worktrees that users created elsewhere are not ours to list.
fn known(root: &Root, metadata: Metadata) -> Option<Tree> {
    let task = || Some(root.tree(&metadata.record()?.task_id.parse().ok()?));
    let path = metadata.tree().or_else(task)?;
    let name = path.file_name()?;
    if path != root.trees().join(name) {
        return None;
    }
    let state = match metadata.stage() {
        Stage::BeingMade => TreeState::BeingMade,
        Stage::HalfMade => TreeState::HalfMade,
        Stage::Whole if metadata.owns(&path) => TreeState::Live,
        Stage::Whole => TreeState::Gone,
    };
    Some(Tree { task: name.to_string_lossy().into_owned(), path, state, metadata: Some(metadata) })
}

fn orphan(path: PathBuf) -> Option<Tree> {
    fs::symlink_metadata(&path).ok()?;
    let task = path.file_name()?.to_string_lossy().into_owned();
    Some(Tree { path, task, state: TreeState::Orphan, metadata: None })
}

fn directories(root: &Root) -> Result<Vec<PathBuf>, GitError> {
    let trees = root.trees();
    let entries = match fs::read_dir(&trees) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(GitError::file("read", &trees))?,
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| !is_trash(path)).collect())
}
