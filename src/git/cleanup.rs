//! Removes worktrees and what is left of some. Each is judged and moved aside under the lock of its own turn, so that an
//! init waits for one at most, and deleted without it. Work that would be lost is kept unless that is forced.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::error::GitError;
use super::garbage::{self, Collected};
use super::identity::TaskId;
use super::lock::{self, Lock};
use super::network::Network;
use super::program::Git;
use super::retention::{Reason, reasons};
use super::root::Root;
use super::trash::Trash;
use super::tree::{self, Standing, Tree};
use super::{base, recovery, tracking, trash, trust};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Cleaning {
    /// Which worktrees are removed.
    pub which: Which,
    /// Only those that were made longer ago.
    pub older: Option<Duration>,
    /// Remove also what holds work, is locked or used. What is being made is kept.
    pub force: bool,
    /// Collect garbage afterwards.
    pub gc: bool,
    /// Forget refs that the remote no longer has.
    pub remote_prune: bool,
    /// Change nothing.
    pub dry_run: bool,
    /// How long the lock is waited for.
    pub lock_timeout: Duration,
}

/// Which worktrees are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// None.
    None,
    /// Those of tasks.
    Tasks(Vec<TaskId>),
    /// Those that nobody can work in.
    Stale,
    /// All.
    All,
}

/// Something happened that a user wants to see.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A worktree was removed, or would be, and this was or would be lost with it.
    Removed(&'a Tree, &'a [Reason]),
    /// A worktree was kept.
    Kept(&'a Tree, &'a [Reason]),
    /// The remote is asked for its refs.
    Asking,
    /// Garbage is collected.
    Collecting,
}

/// What was done, or would be.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    /// Worktrees that are gone now, and what was lost with each.
    pub removed: Vec<(Tree, Vec<Reason>)>,
    /// Worktrees that are kept, and why.
    pub kept: Vec<(Tree, Vec<Reason>)>,
    /// Tasks that have no worktree.
    pub absent: Vec<TaskId>,
    /// What killed removers had left: so many were deleted.
    pub left_behind: usize,
    /// What `safe.directory` named for the sake of worktrees that are gone.
    pub distrusted: Vec<PathBuf>,
    /// Refs that were forgotten.
    pub forgotten: Vec<String>,
    /// What the collection did.
    pub collected: Option<Collected>,
    /// What could not be removed.
    pub failed: Vec<GitError>,
}

/// Removes what is asked for. What is not there is no error.
pub(crate) fn cleanup(
    git: &Git,
    root: &Root,
    request: &Cleaning,
    cancelled: &AtomicBool,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Cleaned, GitError> {
    let mut work = Work { git, root, request, cancelled, tell, cleaned: Cleaned::default() };
    if !root.base().exists() && !root.trees().exists() {
        work.absent(&[]);
        return Ok(work.cleaned);
    }
    if !request.dry_run {
        work.repair()?;
    }
    for tree in work.chosen()? {
        work.go_on()?;
        work.remove(&tree)?;
    }
    work.distrust()?;
    if request.remote_prune {
        work.forget()?;
    }
    work.go_on()?;
    if request.gc {
        work.collect()?;
    }
    Ok(work.cleaned)
}

struct Work<'a> {
    git: &'a Git,
    root: &'a Root,
    request: &'a Cleaning,
    cancelled: &'a AtomicBool,
    tell: &'a mut dyn FnMut(Event<'_>),
    cleaned: Cleaned,
}

impl Work<'_> {
    fn lock(&self) -> Result<Option<Lock>, GitError> {
        if self.request.dry_run {
            return Ok(None);
        }
        let holder = lock::describe("worktree cleanup", &Timestamp::now());
        Lock::take(&self.root.lock(), self.request.lock_timeout, &holder).map(Some)
    }

    /// Removes what killed processes left, whatever is asked for.
    fn repair(&mut self) -> Result<(), GitError> {
        let lock = self.lock()?;
        if let (Some(lock), Some(base)) = (&lock, base::find(self.root)?) {
            recovery::repair(self.root, &base, lock);
        }
        let left = trash::left_behind(self.root);
        drop(lock);
        for trash in left {
            match trash.delete() {
                Ok(()) => self.cleaned.left_behind += 1,
                Err(error) => self.cleaned.failed.push(error),
            }
        }
        Ok(())
    }

    fn chosen(&mut self) -> Result<Vec<Tree>, GitError> {
        let trees = tree::all(self.root, base::find(self.root)?.as_ref())?;
        self.absent(&trees);
        Ok(trees.into_iter().filter(|tree| self.is_meant(tree)).collect())
    }

    fn absent(&mut self, trees: &[Tree]) {
        let Which::Tasks(tasks) = &self.request.which else { return };
        let there: HashSet<&str> = trees.iter().map(|tree| tree.task.as_str()).collect();
        self.cleaned.absent = tasks.iter().filter(|task| !there.contains(task.as_str())).cloned().collect();
    }

    fn is_meant(&self, tree: &Tree) -> bool {
        let is_named = match &self.request.which {
            Which::None => false,
            Which::Tasks(tasks) => tasks.iter().any(|task| task.as_str() == tree.task),
            Which::Stale => tree.standing.is_stale(),
            Which::All => true,
        };
        is_named && self.request.older.is_none_or(|older| is_older(tree, older))
    }

    fn remove(&mut self, chosen: &Tree) -> Result<(), GitError> {
        let lock = self.lock()?;
        let base = base::find(self.root)?;
        // Meanwhile it may be gone, or another may stand in its place.
        let Some(tree) = chosen.now(self.root, base.as_ref())?.filter(|tree| self.is_meant(tree)) else {
            return Ok(());
        };
        let mut reasons = reasons(self.git, base.as_ref(), &tree);
        let is_forced = self.request.force && tree.standing != Standing::BeingMade;
        if !reasons.is_empty() && !is_forced {
            (self.tell)(Event::Kept(&tree, &reasons));
            self.cleaned.kept.push((tree, reasons));
            return Ok(());
        }
        if !self.request.dry_run
            && let Err(error) = self.take_out(&tree, lock)
        {
            self.cleaned.failed.push(error);
            return Ok(());
        }
        reasons.retain(Reason::is_loss);
        (self.tell)(Event::Removed(&tree, &reasons));
        self.cleaned.removed.push((tree, reasons));
        Ok(())
    }

    fn take_out(&self, tree: &Tree, lock: Option<Lock>) -> Result<(), GitError> {
        let trash = if tree.has_directory() { trash::move_to_trash(self.root, &tree.path)? } else { None };
        if let Some(metadata) = &tree.metadata {
            metadata.remove()?;
        }
        drop(lock);
        trash.map_or(Ok(()), Trash::delete)
    }

    /// What an init added to the user's configuration goes with what it was added for.
    fn distrust(&mut self) -> Result<(), GitError> {
        let Some(lock) = self.lock()? else { return Ok(()) };
        match trust::forget_gone(self.git, self.root, &lock) {
            Ok(gone) => self.cleaned.distrusted = gone,
            Err(error) => self.cleaned.failed.push(error),
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), GitError> {
        let Some(base) = base::find(self.root)? else { return Ok(()) };
        let Some(url) = base::remote(&base) else { return Ok(()) };
        (self.tell)(Event::Asking);
        let network = Network { git: self.git, url: &url };
        let vanished = tracking::vanished(&base, &network, &self.root.base())?;
        let _lock = self.lock()?;
        for reference in vanished {
            if self.request.dry_run || tracking::forget(&base, &reference)? {
                self.cleaned.forgotten.push(reference.name);
            }
        }
        Ok(())
    }

    fn collect(&mut self) -> Result<(), GitError> {
        let _lock = self.lock()?;
        let Some(base) = base::find(self.root)? else { return Ok(()) };
        garbage::refuse_while_used(self.root, &tree::all(self.root, Some(&base))?)?;
        if !self.request.dry_run {
            (self.tell)(Event::Collecting);
            self.cleaned.collected = Some(garbage::collect(self.git, self.root)?);
        }
        Ok(())
    }

    fn go_on(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }
}

fn is_older(tree: &Tree, older: Duration) -> bool {
    let older = SignedDuration::try_from(older).unwrap_or(SignedDuration::MAX);
    tree.created_at().is_some_and(|created_at| Timestamp::now().duration_since(created_at) > older)
}
