//! Creates the worktree of a task, or reuses the existing one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use git2::Repository;

use super::checkout::{self, Checkout};
use super::error::GitError;
use super::fetch::{self, Depth, id};
use super::identity::{Directory, ObjectId, Revision, TaskId};
use super::lock::{self, Lock};
use super::metadata::{self, Draft, Metadata, Record, Stage};
use super::network::Network;
use super::place::{self, PathState};
use super::resolve::{Resolved, resolve};
use super::reuse::{self, Reuse};
use super::root::Root;
use super::trash::{self, Trash};
use super::{base, hook, kept, recovery, sparse, tracking, trust};

/// The options of an init.
#[derive(Debug, Clone)]
pub(crate) struct InitRequest {
    pub(crate) task: TaskId,
    /// What to check out.
    pub(crate) revision: Revision,
    /// How much history to fetch.
    pub(crate) depth: Depth,
    /// Check out only these directories, and the files beside and above them; everything if empty.
    pub(crate) sparse: Vec<Directory>,
    /// Use the existing worktree of the task.
    pub(crate) reuse: bool,
    /// Use it as it is, at the commit that it has.
    pub(crate) keep: bool,
    /// Add base and worktree to `safe.directory` in the user's git configuration.
    pub(crate) trust: bool,
    /// Maximum time to wait for the lock.
    pub(crate) lock_timeout: Duration,
}

/// A complete worktree.
#[derive(Debug, Clone)]
pub(crate) struct Worktree {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// The shared clone.
    pub(crate) base: PathBuf,
    /// Its commit.
    pub(crate) commit: ObjectId,
    /// The full name of the ref it was created from; none for a commit id.
    pub(crate) name: Option<String>,
    /// The worktree existed before.
    pub(crate) reused: bool,
    /// Objects were fetched for it.
    pub(crate) fetched: bool,
}

/// The next step of an init, shown as progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Objects are fetched.
    Fetch,
    /// Files are written.
    Checkout,
}

/// Creates the task's worktree in the root at this path, or reuses the existing one. A failed init removes what it
/// created.
pub(crate) fn init(
    network: &Network<'_>,
    place: &Path,
    request: &InitRequest,
    cancelled: &AtomicBool,
    report: &mut dyn FnMut(Step),
) -> Result<Worktree, GitError> {
    if request.keep
        && let Some((root, worktree)) = kept::find(place, network.url, &request.task)?
    {
        root.write_workspace_path(&worktree.path)?;
        return Ok(worktree);
    }
    let directory = directory(network, place, request)?;
    let resolved = resolve(network, &directory, &request.revision)?;

    let root = Root::make(place)?;
    let tree = root.tree(&request.task);
    let mut init = Init { network, root: &root, request, tree, cancelled, report, made_base: false };
    let made = init.make(resolved).and_then(|made| root.write_workspace_path(&made.path).map(|()| made));
    if made.is_err() {
        init.roll_back();
    }
    made
}

/// The working directory for the first request to the remote: the base if there is one, else a directory where git
/// cannot find a repository of the user and take its configuration.
fn directory(network: &Network<'_>, place: &Path, request: &InitRequest) -> Result<PathBuf, GitError> {
    let root = match Root::open(place) {
        Err(GitError::NoBase { .. }) => return Ok("/".into()),
        root => root?,
    };
    if !root.base().exists() {
        return Ok(root.path().to_owned());
    }
    if request.trust {
        trust::add(network.git, &root, &root.base(), &take_lock(&root, request)?)?;
    }
    Ok(root.base())
}

fn take_lock(root: &Root, request: &InitRequest) -> Result<Lock, GitError> {
    let doing = format!("worktree init of task {}", request.task);
    let holder = lock::describe(&doing, &jiff::Timestamp::now());
    Lock::take(&root.lock(), request.lock_timeout, &holder)
}

struct Init<'a> {
    network: &'a Network<'a>,
    root: &'a Root,
    request: &'a InitRequest,
    tree: PathBuf,
    cancelled: &'a AtomicBool,
    report: &'a mut dyn FnMut(Step),
    /// This init created the base.
    made_base: bool,
}

impl Init<'_> {
    fn make(&mut self, resolved: Resolved) -> Result<Worktree, GitError> {
        let mut lock = self.lock()?;
        self.made_base = !self.root.base().exists();
        let mut base = base::make(self.root, self.network.url)?;
        recovery::repair(self.root, &base, &lock);
        let place = loop {
            match place::make_room(self.network.git, self.root, &base, &self.request.task)? {
                // The creating process needs the lock to finish, so we must release it while we wait.
                PathState::Taken(metadata) if metadata.stage() == Stage::BeingMade => {
                    if !self.request.reuse {
                        return Err(self.being_made(&metadata));
                    }
                    drop(lock);
                    metadata.wait(self.request.lock_timeout)?;
                    lock = self.lock()?;
                }
                place => break place,
            }
        };
        if let PathState::Taken(_) = &place
            && !self.request.reuse
        {
            return Err(GitError::Exists { task: self.request.task.clone(), path: self.tree.clone() });
        }

        let fetched = !fetch::has(&base, &resolved, self.request.depth);
        let resolved = if fetched { self.fetch(&mut base, &resolved, false)? } else { resolved };
        self.check_cancelled()?;
        tracking::track(&base, &resolved)?;
        let commit = commit(&base, self.network, &resolved)?;
        if self.request.trust {
            trust::add(self.network.git, self.root, &self.root.base(), &lock)?;
            trust::add(self.network.git, self.root, &self.tree, &lock)?;
        }

        let made = Worktree {
            path: self.tree.clone(),
            base: self.root.base(),
            commit,
            name: resolved.name.clone(),
            reused: matches!(place, PathState::Taken(_)),
            fetched,
        };
        match place {
            PathState::Taken(metadata) => {
                let reuse =
                    Reuse { git: self.network.git, request: self.request, tree: &self.tree, metadata: &metadata };
                reuse::reuse(&reuse, &base, lock, &made)?;
            }
            PathState::Free => self.create(&mut base, lock, &resolved, &made.commit)?,
        }
        Ok(made)
    }

    fn create(
        &mut self,
        base: &mut Repository,
        lock: Lock,
        resolved: &Resolved,
        commit: &ObjectId,
    ) -> Result<(), GitError> {
        let draft = metadata::add(base, &self.tree, &self.record(resolved, commit), commit)?;
        let done = sparse::set(self.network.git, &self.tree, &self.request.sparse).and_then(|()| {
            drop(lock);
            self.fill(base, &draft, resolved, commit)
        });
        if let Err(error) = done {
            self.discard(&draft)?;
            return Err(error);
        }
        // The worktree is still marked as being created, so no cleanup can remove it while the hook runs.
        let hooked = hook::post_checkout(self.network.git, &self.tree, commit);
        draft.finish()?;
        hooked
    }

    /// Takes the lock. While we wait for it, a failing init may remove the root that it had created, lock file
    /// included: then the root is created again.
    fn lock(&self) -> Result<Lock, GitError> {
        loop {
            Root::make(self.root.path())?;
            match take_lock(self.root, self.request) {
                Err(GitError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Ok(lock) if self.root.trees().exists() => return Ok(lock),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn being_made(&self, metadata: &Metadata) -> GitError {
        let holder = metadata.record().map(|record| record.maker);
        GitError::BeingMade { task: self.request.task.clone(), holder }
    }

    fn fetch(&mut self, base: &mut Repository, resolved: &Resolved, refetch: bool) -> Result<Resolved, GitError> {
        (self.report)(Step::Fetch);
        let fetched = fetch::fetch(self.network, self.root, resolved, self.request.depth, refetch)?;
        *base = base::open(self.root)?;
        Ok(fetched)
    }

    fn record(&self, resolved: &Resolved, commit: &ObjectId) -> Record {
        Record {
            task_id: self.request.task.to_string(),
            commit: commit.to_string(),
            name: resolved.name.clone(),
            created_at: jiff::Timestamp::now(),
            maker: describe_creator(),
            moving_to: None,
        }
    }

    fn fill(
        &mut self,
        base: &mut Repository,
        draft: &Draft,
        resolved: &Resolved,
        commit: &ObjectId,
    ) -> Result<(), GitError> {
        (self.report)(Step::Checkout);
        match self.check_out(base, draft, commit) {
            // Objects are missing from the base: fetch all of them again.
            Err(GitError::Damaged { .. }) => {
                let _lock = self.lock()?;
                self.fetch(base, resolved, true)?;
                empty(&self.tree)?;
                self.check_out(base, draft, commit)
            }
            done => done,
        }
    }

    fn check_out(&self, base: &Repository, draft: &Draft, commit: &ObjectId) -> Result<(), GitError> {
        let checkout = Checkout {
            git: self.network.git,
            tree: &self.tree,
            metadata: draft.metadata.path(),
            commit,
            sparse: &self.request.sparse,
        };
        checkout::fill(base, &checkout, self.cancelled)
    }

    fn discard(&self, draft: &Draft) -> Result<(), GitError> {
        let lock = self.lock()?;
        trash::move_to_trash(self.root, &self.tree)?.map_or(Ok(()), Trash::delete)?;
        draft.metadata.remove()?;
        if self.request.trust {
            trust::forget_gone(self.network.git, self.root, &lock)?;
        }
        Ok(())
    }

    /// Removes what this init created, unless another process has begun to use it. What cannot be removed does no harm:
    /// the next init uses it.
    fn roll_back(&self) {
        let Ok(lock) = take_lock(self.root, self.request) else { return };
        let is_unused = |base: Repository| metadata::all(&base).is_ok_and(|all| all.is_empty());
        if self.made_base && base::find(self.root).is_ok_and(|base| base.is_none_or(is_unused)) {
            let _ = fs::remove_dir_all(self.root.base());
        }
        self.root.remove_created(&lock);
    }

    fn check_cancelled(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }
}

/// This process, as described to others in the worktree's record.
pub(super) fn describe_creator() -> String {
    lock::describe("worktree init", &jiff::Timestamp::now())
}

/// The commit to check out. The requested id may name another object: a tag is followed, anything else is an error.
fn commit(base: &Repository, network: &Network<'_>, resolved: &Resolved) -> Result<ObjectId, GitError> {
    let object = base.find_object(fetch::oid(&resolved.commit), None);
    let commit = object.and_then(|object| object.peel_to_commit());
    let missing = |_| GitError::NoCommit { url: network.url.to_string(), id: resolved.commit.clone() };
    commit.map(|commit| id(commit.id())).map_err(missing)
}

/// Removes the files that a checkout wrote, but not the `.git` file that points to the metadata.
fn empty(tree: &Path) -> Result<(), GitError> {
    let entries = fs::read_dir(tree).map_err(GitError::file("read", tree))?;
    for entry in entries.flatten().filter(|entry| entry.file_name() != ".git") {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(GitError::file("remove", &path))?;
    }
    Ok(())
}
