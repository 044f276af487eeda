//! Makes the worktree of a task.

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
use super::metadata::{self, Making, Metadata, Record, Stage};
use super::network::Network;
use super::place::{self, Place};
use super::resolve::{Resolved, resolve};
use super::reuse::{self, Reuse};
use super::root::Root;
use super::trash::{self, Trash};
use super::{base, hook, recovery, sparse, tracking, trust};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct InitRequest {
    /// The task.
    pub task: TaskId,
    /// What its worktree is to show.
    pub revision: Revision,
    /// How much of the history is fetched.
    pub depth: Depth,
    /// Only these directories, and the files beside and above them; all when there are none.
    pub sparse: Vec<Directory>,
    /// Take a worktree that is there already.
    pub reuse: bool,
    /// Add base and worktree to `safe.directory` of the user's git configuration.
    pub trust: bool,
    /// How long the lock is waited for.
    pub lock_timeout: Duration,
}

/// A worktree that is there and whole.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    /// Where.
    pub path: PathBuf,
    /// The shared clone.
    pub base: PathBuf,
    /// Its commit.
    pub commit: ObjectId,
    /// The full name of the ref that named the commit.
    pub name: Option<String>,
    /// It was there before.
    pub reused: bool,
    /// Something was fetched for it.
    pub fetched: bool,
}

/// What an init does next, for a user who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something must be fetched.
    Fetch,
    /// Files are written.
    Checkout,
}

/// Makes the worktree in the root at this place, or takes the one that is there. One that fails leaves nothing behind.
pub(crate) fn init(
    network: &Network<'_>,
    place: &Path,
    request: &InitRequest,
    cancelled: &AtomicBool,
    tell: &mut dyn FnMut(Step),
) -> Result<Made, GitError> {
    let directory = directory(network, place, request)?;
    let resolved = resolve(network, &directory, &request.revision)?;

    let root = Root::make(place)?;
    let tree = root.tree(&request.task);
    let mut init = Init { network, root: &root, request, tree, cancelled, tell, made_base: false };
    let made = init.make(resolved).and_then(|made| root.write_workspace_path(&made.path).map(|()| made));
    if made.is_err() {
        init.leave_nothing();
    }
    made
}

/// Where git is asked about the remote: in the clone if there is one, else nowhere near a repository of somebody's own.
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
    tell: &'a mut dyn FnMut(Step),
    /// The base was not there before.
    made_base: bool,
}

impl Init<'_> {
    fn make(&mut self, resolved: Resolved) -> Result<Made, GitError> {
        let mut lock = self.lock()?;
        self.made_base = !self.root.base().exists();
        let mut base = base::make(self.root, self.network.url)?;
        recovery::repair(self.root, &base, &lock);
        let place = loop {
            match place::look(self.network.git, self.root, &base, &self.request.task)? {
                // Its maker needs the lock to finish.
                Place::Taken(metadata) if metadata.stage() == Stage::BeingMade => {
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
        if let Place::Taken(_) = &place
            && !self.request.reuse
        {
            return Err(GitError::Exists { task: self.request.task.clone(), path: self.tree.clone() });
        }

        let fetched = !fetch::has(&base, &resolved, self.request.depth);
        let resolved = if fetched { self.fetch(&mut base, &resolved, false)? } else { resolved };
        self.go_on()?;
        tracking::track(&base, &resolved)?;
        let commit = commit(&base, self.network, &resolved)?;
        if self.request.trust {
            trust::add(self.network.git, self.root, &self.root.base(), &lock)?;
            trust::add(self.network.git, self.root, &self.tree, &lock)?;
        }

        let made = Made {
            path: self.tree.clone(),
            base: self.root.base(),
            commit,
            name: resolved.name.clone(),
            reused: matches!(place, Place::Taken(_)),
            fetched,
        };
        match place {
            Place::Taken(metadata) => {
                let reuse =
                    Reuse { git: self.network.git, request: self.request, tree: &self.tree, metadata: &metadata };
                reuse::reuse(&reuse, &base, lock, &made)?;
            }
            Place::Free => self.create(&mut base, lock, &resolved, &made.commit)?,
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
        let making = metadata::add(base, &self.tree, &self.record(resolved, commit), commit)?;
        let done = sparse::set(self.network.git, &self.tree, &self.request.sparse).and_then(|()| {
            drop(lock);
            self.fill(base, &making, resolved, commit)
        });
        if let Err(error) = done {
            self.discard(&making)?;
            return Err(error);
        }
        // Still marked as being made: no cleanup takes the worktree away from under the hook.
        let hooked = hook::post_checkout(self.network.git, &self.tree, commit);
        making.finish()?;
        hooked
    }

    /// Another init that failed may have removed the whole root, which it had made, while this one waited for the lock.
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
        (self.tell)(Step::Fetch);
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
            maker: maker(),
            moving_to: None,
        }
    }

    fn fill(
        &mut self,
        base: &mut Repository,
        making: &Making,
        resolved: &Resolved,
        commit: &ObjectId,
    ) -> Result<(), GitError> {
        (self.tell)(Step::Checkout);
        match self.check_out(base, making, commit) {
            // Objects that got lost are fetched once more, all of them.
            Err(GitError::Damaged { .. }) => {
                let _lock = self.lock()?;
                self.fetch(base, resolved, true)?;
                empty(&self.tree)?;
                self.check_out(base, making, commit)
            }
            done => done,
        }
    }

    fn check_out(&self, base: &Repository, making: &Making, commit: &ObjectId) -> Result<(), GitError> {
        let checkout = Checkout {
            git: self.network.git,
            tree: &self.tree,
            metadata: making.metadata.path(),
            commit,
            sparse: &self.request.sparse,
        };
        checkout::fill(base, &checkout, self.cancelled)
    }

    fn discard(&self, making: &Making) -> Result<(), GitError> {
        let lock = self.lock()?;
        trash::move_to_trash(self.root, &self.tree)?.map_or(Ok(()), Trash::delete)?;
        making.metadata.remove()?;
        if self.request.trust {
            trust::forget_gone(self.network.git, self.root, &lock)?;
        }
        Ok(())
    }

    /// Takes away what this init has made and nobody else has begun to use. What cannot be taken away is no harm: the next
    /// init goes on with it.
    fn leave_nothing(&self) {
        let Ok(lock) = take_lock(self.root, self.request) else { return };
        let is_unused = |base: Repository| metadata::all(&base).is_ok_and(|all| all.is_empty());
        if self.made_base && base::find(self.root).is_ok_and(|base| base.is_none_or(is_unused)) {
            let _ = fs::remove_dir_all(self.root.base());
        }
        self.root.remove_what_was_made(&lock);
    }

    fn go_on(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }
}

/// This process, as others read of it.
pub(super) fn maker() -> String {
    lock::describe("worktree init", &jiff::Timestamp::now())
}

/// What was asked for may be an object that is no commit.
fn commit(base: &Repository, network: &Network<'_>, resolved: &Resolved) -> Result<ObjectId, GitError> {
    let object = base.find_object(fetch::oid(&resolved.commit), None);
    let commit = object.and_then(|object| object.peel_to_commit());
    let missing = |_| GitError::NoCommit { url: network.url.to_string(), id: resolved.commit.clone() };
    commit.map(|commit| id(commit.id())).map_err(missing)
}

/// Removes what a checkout has written, but not the pointer to the metadata.
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
