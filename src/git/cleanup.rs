//! Removes worktrees and their remains. The lock is taken for one worktree at a time: it is checked and moved to the
//! trash under the lock, then deleted without it, so an init never waits for more than one. A worktree that holds work
//! is kept unless the request says `force`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::error::GitError;
use super::garbage::{self, Collected};
use super::identity::{RunTasks, TaskId};
use super::lock::{self, Lock};
use super::network::Network;
use super::program::Git;
use super::retention::{Reason, reasons};
use super::root::Root;
use super::trash::Trash;
use super::tree::{self, Tree, TreeState};
use super::{base, recovery, tracking, trash, trust};

/// The options of a cleanup.
#[derive(Debug, Clone)]
pub(crate) struct CleanupRequest {
    /// Selection worktrees are removed.
    pub(crate) selection: Selection,
    /// Remove only worktrees older than this.
    pub(crate) older_than: Option<Duration>,
    /// Also remove worktrees that hold work, are locked or in use. One that is being created is kept all the same.
    pub(crate) force: bool,
    /// Collect garbage afterwards.
    pub(crate) gc: bool,
    /// Delete remote-tracking refs that the remote no longer has.
    pub(crate) remote_prune: bool,
    /// Change nothing; report what would be done.
    pub(crate) dry_run: bool,
    /// Maximum time to wait for the lock.
    pub(crate) lock_timeout: Duration,
}

/// Selection worktrees are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// None.
    None,
    /// The worktrees of these tasks.
    Tasks(Vec<TaskId>),
    /// Those whose task is that of a run, or a call of it.
    Run(RunTasks),
    /// The stale ones: nobody can work in them.
    Stale,
    /// All.
    All,
}

/// Progress that is shown to the user.
#[derive(Debug)]
pub(crate) enum CleanupEvent<'a> {
    /// A worktree was removed (dry run: would be removed), and this work with it.
    Removed(&'a Tree, &'a [Reason]),
    /// A worktree was kept for these reasons.
    Kept(&'a Tree, &'a [Reason]),
    /// The remote's refs are about to be listed.
    Asking,
    /// Garbage collection begins.
    Collecting,
}

/// What a cleanup did (dry run: would do).
#[derive(Debug, Default)]
pub(crate) struct CleanupReport {
    /// The removed worktrees, and the work lost with each.
    pub(crate) removed: Vec<(Tree, Vec<Reason>)>,
    /// The kept worktrees, and why.
    pub(crate) kept: Vec<(Tree, Vec<Reason>)>,
    /// Requested tasks that have no worktree.
    pub(crate) absent_tasks: Vec<TaskId>,
    /// How many directories that a killed cleanup left in the trash were deleted.
    pub(crate) emptied_trash: usize,
    /// Directories removed from `safe.directory` because they are gone.
    pub(crate) safe_directories: Vec<PathBuf>,
    /// Deleted remote-tracking refs.
    pub(crate) forgotten_refs: Vec<String>,
    /// The result of the garbage collection.
    pub(crate) collected: Option<Collected>,
    /// Errors of single worktrees; the cleanup goes on after each.
    pub(crate) errors: Vec<GitError>,
}

/// Removes the requested worktrees. A task without a worktree is not an error.
pub(crate) fn cleanup(
    git: &Git,
    root: &Root,
    request: &CleanupRequest,
    cancelled: &AtomicBool,
    report: &mut dyn FnMut(CleanupEvent<'_>),
) -> Result<CleanupReport, GitError> {
    let mut work = Work { git, root, request, cancelled, report, cleaned: CleanupReport::default() };
    if !root.base().exists() && !root.trees().exists() {
        work.note_absent_tasks(&[]);
        return Ok(work.cleaned);
    }
    if !request.dry_run {
        work.repair()?;
    }

    for tree in work.selected()? {
        work.check_cancelled()?;
        work.remove(&tree)?;
    }

    work.remove_safe_directories()?;
    if request.remote_prune {
        work.prune_remote_refs()?;
    }
    work.check_cancelled()?;
    if request.gc {
        work.collect_garbage()?;
    }
    Ok(work.cleaned)
}

struct Work<'a> {
    git: &'a Git,
    root: &'a Root,
    request: &'a CleanupRequest,
    cancelled: &'a AtomicBool,
    report: &'a mut dyn FnMut(CleanupEvent<'_>),
    cleaned: CleanupReport,
}

impl Work<'_> {
    fn lock(&self) -> Result<Option<Lock>, GitError> {
        if self.request.dry_run {
            return Ok(None);
        }
        let holder = lock::describe("worktree cleanup", &Timestamp::now());
        Lock::take(&self.root.lock(), self.request.lock_timeout, &holder).map(Some)
    }

    /// Removes what killed processes left, whichever worktrees the request names.
    fn repair(&mut self) -> Result<(), GitError> {
        let lock = self.lock()?;
        if let (Some(lock), Some(base)) = (&lock, base::find(self.root)?) {
            recovery::repair(self.root, &base, lock);
        }
        let left = trash::left_behind(self.root);
        drop(lock);
        for trash in left {
            match trash.delete() {
                Ok(()) => self.cleaned.emptied_trash += 1,
                Err(error) => self.cleaned.errors.push(error),
            }
        }
        Ok(())
    }

    fn selected(&mut self) -> Result<Vec<Tree>, GitError> {
        let trees = tree::all(self.root, base::find(self.root)?.as_ref())?;
        self.note_absent_tasks(&trees);
        Ok(trees.into_iter().filter(|tree| self.is_selected(tree)).collect())
    }

    fn note_absent_tasks(&mut self, trees: &[Tree]) {
        let Selection::Tasks(tasks) = &self.request.selection else { return };
        let there: HashSet<&str> = trees.iter().map(|tree| tree.task.as_str()).collect();
        self.cleaned.absent_tasks = tasks.iter().filter(|task| !there.contains(task.as_str())).cloned().collect();
    }

    fn is_selected(&self, tree: &Tree) -> bool {
        let is_named = match &self.request.selection {
            Selection::None => false,
            Selection::Tasks(tasks) => tasks.iter().any(|task| task.as_str() == tree.task),
            Selection::Run(run) => run.has(&tree.task),
            Selection::Stale => tree.state.is_stale(),
            Selection::All => true,
        };
        is_named && self.request.older_than.is_none_or(|older| is_older(tree, older))
    }

    fn remove(&mut self, selected: &Tree) -> Result<(), GitError> {
        let lock = self.lock()?;
        let base = base::find(self.root)?;
        // Between the listing and this lock, another cleanup may have removed the worktree and an init created a new
        // one.
        let Some(tree) = selected.now(self.root, base.as_ref())?.filter(|tree| self.is_selected(tree)) else {
            return Ok(());
        };

        let mut reasons = reasons(self.git, base.as_ref(), &tree);
        let is_forced = self.request.force && tree.state != TreeState::BeingMade;
        if !reasons.is_empty() && !is_forced {
            (self.report)(CleanupEvent::Kept(&tree, &reasons));
            self.cleaned.kept.push((tree, reasons));
            return Ok(());
        }
        if !self.request.dry_run
            && let Err(error) = self.remove_tree(&tree, lock)
        {
            self.cleaned.errors.push(error);
            return Ok(());
        }

        reasons.retain(Reason::is_loss);
        (self.report)(CleanupEvent::Removed(&tree, &reasons));
        self.cleaned.removed.push((tree, reasons));
        Ok(())
    }

    fn remove_tree(&self, tree: &Tree, lock: Option<Lock>) -> Result<(), GitError> {
        let trash = if tree.has_directory() { trash::move_to_trash(self.root, &tree.path)? } else { None };
        if let Some(metadata) = &tree.metadata {
            metadata.remove()?;
        }
        drop(lock);
        trash.map_or(Ok(()), Trash::delete)
    }

    /// Removes the `safe.directory` entries that an init added for directories that are gone.
    fn remove_safe_directories(&mut self) -> Result<(), GitError> {
        let Some(lock) = self.lock()? else { return Ok(()) };
        match trust::forget_gone(self.git, self.root, &lock) {
            Ok(gone) => self.cleaned.safe_directories = gone,
            Err(error) => self.cleaned.errors.push(error),
        }
        Ok(())
    }

    fn prune_remote_refs(&mut self) -> Result<(), GitError> {
        let Some(base) = base::find(self.root)? else { return Ok(()) };
        let Some(url) = base::remote(&base) else { return Ok(()) };
        (self.report)(CleanupEvent::Asking);
        let network = Network { git: self.git, url: &url };
        let vanished = tracking::vanished(&base, &network, &self.root.base())?;
        let _lock = self.lock()?;
        for reference in vanished {
            if self.request.dry_run || tracking::forget(&base, &reference)? {
                self.cleaned.forgotten_refs.push(reference.name);
            }
        }
        Ok(())
    }

    fn collect_garbage(&mut self) -> Result<(), GitError> {
        let _lock = self.lock()?;
        let Some(base) = base::find(self.root)? else { return Ok(()) };
        garbage::refuse_while_used(self.root, &tree::all(self.root, Some(&base))?)?;
        if !self.request.dry_run {
            (self.report)(CleanupEvent::Collecting);
            self.cleaned.collected = Some(garbage::collect(self.git, self.root)?);
        }
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }
}

fn is_older(tree: &Tree, older: Duration) -> bool {
    let older = SignedDuration::try_from(older).unwrap_or(SignedDuration::MAX);
    tree.created_at().is_some_and(|created_at| Timestamp::now().duration_since(created_at) > older)
}
