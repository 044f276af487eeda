//! What there is to know of each worktree of a root. Nothing is changed and nobody is waited for.

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

/// More threads than this wait for each other in the file system.
const MOST_THREADS: usize = 8;

/// A worktree with what there is to know of it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// Where and how it stands.
    pub tree: Tree,
    /// Its commit, as far as that is known.
    pub commit: Option<ObjectId>,
    /// The branch that it is on; init makes none.
    pub branch: Option<String>,
    /// The full name of the ref that it was made for.
    pub name: Option<String>,
    /// When it was made; what is no worktree of ours: when its directory was changed last.
    pub created_at: Option<jiff::Timestamp>,
    /// What its files take on disk, in bytes.
    pub size: u64,
    /// Why a cleanup would keep it.
    pub reasons: Vec<Reason>,
}

/// All worktrees of a root, by their tasks.
pub(crate) fn list(git: &Git, root: &Root) -> Result<Vec<Listed>, GitError> {
    let trees = tree::all(root, base::find(root)?.as_ref())?;
    let next = AtomicUsize::new(0);
    let listed = Mutex::new(Vec::with_capacity(trees.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MOST_THREADS).min(trees.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // A handle of git2 stays in its thread.
                let base = base::find(root).ok().flatten();
                while let Some(tree) = trees.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = look(git, base.as_ref(), tree);
                    listed.lock().unwrap_or_else(PoisonError::into_inner).push(found);
                }
            });
        }
    });
    let mut listed = listed.into_inner().unwrap_or_else(PoisonError::into_inner);
    listed.sort_by(|left: &Listed, right| left.tree.path.cmp(&right.tree.path));
    Ok(listed)
}

fn look(git: &Git, base: Option<&Repository>, tree: &Tree) -> Listed {
    let record = tree.metadata.as_ref().and_then(Metadata::record);
    let head = tree.metadata.as_ref().and_then(Metadata::head);
    let branch = head.as_deref().and_then(|head| head.strip_prefix("ref: ")).map(str::to_owned);
    let tip = |branch: &String| base?.refname_to_id(branch).ok().map(|id| id.to_string());
    let commit = branch.as_ref().map_or(head, tip);
    Listed {
        tree: tree.clone(),
        commit: commit.and_then(|commit| commit.parse().ok()),
        branch: branch.map(|branch| branch.trim_start_matches("refs/heads/").to_owned()),
        name: record.as_ref().and_then(|record| record.name.clone()),
        created_at: tree.created_at(),
        size: if tree.has_directory() { garbage::size(&tree.path) } else { 0 },
        reasons: reasons(git, base, tree),
    }
}

impl Listed {
    /// Whether files were changed or added that are in no commit; `None` where that cannot be told.
    pub(crate) fn dirty(&self) -> Option<bool> {
        self.tells(|reason| matches!(reason, Reason::Changed(_) | Reason::Unfinished(_)))
    }

    /// Whether commits are on no branch of the remote; `None` where that cannot be told.
    pub(crate) fn unpushed(&self) -> Option<bool> {
        self.tells(|reason| matches!(reason, Reason::Unpushed(_) | Reason::Stashed(_)))
    }

    fn tells(&self, is_it: impl Fn(&Reason) -> bool) -> Option<bool> {
        let untold = |reason: &Reason| matches!(reason, Reason::Unknown | Reason::Unreadable(_) | Reason::BeingMade(_));
        if self.reasons.iter().any(untold) { None } else { Some(self.reasons.iter().any(is_it)) }
    }
}
