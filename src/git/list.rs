//! Lists the worktrees of a root. It changes nothing and takes no lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use git2::Repository;

use super::error::GitError;
use super::identity::ObjectId;
use super::metadata::Metadata;
use super::program::Git;
use super::retention::{Reason, reasons};
use super::root::Root;
use super::tree::{self, Tree};
use super::{base, garbage};

/// With more threads, they only wait for each other in the file system.
const MAX_THREADS: usize = 8;

/// A worktree and its details.
#[derive(Debug, Clone)]
pub(crate) struct WorktreeInfo {
    /// Its directory and state.
    pub(crate) tree: Tree,
    /// Its commit, if known.
    pub(crate) commit: Option<ObjectId>,
    /// The branch that is checked out; init creates none.
    pub(crate) branch: Option<String>,
    /// The full name of the ref that it was created from.
    pub(crate) name: Option<String>,
    /// When it was created; for a directory without a record of ours, when it last changed.
    pub(crate) created_at: Option<jiff::Timestamp>,
    /// The size of its files on disk, in bytes.
    pub(crate) size: u64,
    /// Why a cleanup would keep it.
    pub(crate) reasons: Vec<Reason>,
}

/// All worktrees of a root, sorted by task.
pub(crate) fn list(git: &Git, root: &Root) -> Result<Vec<WorktreeInfo>, GitError> {
    let trees = tree::all(root, base::find(root)?.as_ref())?;
    let next = AtomicUsize::new(0);
    let listed = Mutex::new(Vec::with_capacity(trees.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MAX_THREADS).min(trees.len());

    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // A git2 repository cannot be shared between threads.
                let base = base::find(root).ok().flatten();
                while let Some(tree) = trees.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let info = inspect(git, base.as_ref(), tree);
                    listed.lock().unwrap_or_else(PoisonError::into_inner).push(info);
                }
            });
        }
    });

    let mut listed = listed.into_inner().unwrap_or_else(PoisonError::into_inner);
    listed.sort_by(|left: &WorktreeInfo, right| left.tree.path.cmp(&right.tree.path));
    Ok(listed)
}

fn inspect(git: &Git, base: Option<&Repository>, tree: &Tree) -> WorktreeInfo {
    let record = tree.metadata.as_ref().and_then(Metadata::record);
    let head = tree.metadata.as_ref().and_then(Metadata::head);
    let branch = head.as_deref().and_then(|head| head.strip_prefix("ref: ")).map(str::to_owned);
    let tip = |branch: &String| base?.refname_to_id(branch).ok().map(|id| id.to_string());
    let commit = branch.as_ref().map_or(head, tip);

    WorktreeInfo {
        tree: tree.clone(),
        commit: commit.and_then(|commit| commit.parse().ok()),
        branch: branch.map(|branch| branch.trim_start_matches("refs/heads/").to_owned()),
        name: record.as_ref().and_then(|record| record.name.clone()),
        created_at: tree.created_at(),
        size: if tree.has_directory() { garbage::size(&tree.path) } else { 0 },
        reasons: reasons(git, base, tree),
    }
}

impl WorktreeInfo {
    /// Whether it has changed or added files that are in no commit; `None` if that is unknown.
    pub(crate) fn dirty(&self) -> Option<bool> {
        self.holds(|reason| matches!(reason, Reason::Changed(_) | Reason::Unfinished(_)))
    }

    /// Whether it has commits that are on no branch of the remote; `None` if that is unknown.
    pub(crate) fn unpushed(&self) -> Option<bool> {
        self.holds(|reason| matches!(reason, Reason::Unpushed(_) | Reason::Stashed(_)))
    }

    fn holds(&self, is_match: impl Fn(&Reason) -> bool) -> Option<bool> {
        let is_unknown =
            |reason: &Reason| matches!(reason, Reason::Unknown | Reason::Unreadable(_) | Reason::BeingMade(_));
        if self.reasons.iter().any(is_unknown) { None } else { Some(self.reasons.iter().any(is_match)) }
    }
}
