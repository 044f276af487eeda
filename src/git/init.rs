//! Makes the worktree of a task.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use git2::Repository;

use super::aside::{self, Aside};
use super::checkout::{self, Checkout};
use super::error::GitError;
use super::fetch::{self, Depth, id};
use super::identity::{Directory, ObjectId, Revision, TaskId};
use super::lock::{self, Lock};
use super::metadata::{self, Making, Metadata, Record, Stage};
use super::network::Network;
use super::resolve::{Resolved, resolve};
use super::root::Root;
use super::{base, stale, tracking, trust};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
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
pub struct Made {
    /// Where.
    pub path: PathBuf,
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
pub enum Step {
    /// Something must be fetched.
    Fetch,
    /// Files are written.
    Checkout,
}

/// Makes the worktree, or takes the one that is there.
pub fn init(
    network: &Network<'_>,
    root: &Root,
    request: &Request,
    cancelled: &AtomicBool,
    tell: &mut dyn FnMut(Step),
) -> Result<Made, GitError> {
    let tree = root.tree(&request.task);
    if request.trust {
        trust::add(network.git, root, &[&root.base(), &tree], request.lock_timeout)?;
    }
    let directory = if root.base().exists() { root.base() } else { root.path().to_owned() };
    let resolved = resolve(network, &directory, &request.revision)?;
    let mut work = Work { network, root, request, tree, cancelled, tell };
    let made = work.make(resolved)?;
    root.write_workspace_path(&made.path)?;
    Ok(made)
}

struct Work<'a> {
    network: &'a Network<'a>,
    root: &'a Root,
    request: &'a Request,
    tree: PathBuf,
    cancelled: &'a AtomicBool,
    tell: &'a mut dyn FnMut(Step),
}

/// What stands in the task's place.
enum Place {
    Free,
    Taken(Metadata),
}

impl Work<'_> {
    fn make(&mut self, resolved: Resolved) -> Result<Made, GitError> {
        let mut lock = self.lock()?;
        let mut base = base::make(self.root, self.network.url)?;
        stale::mend(self.root, &base, &lock);
        let place = loop {
            match self.place(&base)? {
                // Whoever makes it needs the lock to end.
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
        if let Place::Taken(metadata) = place {
            drop(lock);
            return self.reuse(&metadata, resolved, commit, fetched);
        }
        let making = metadata::add(&base, &self.tree, &self.record(&resolved, &commit), &commit)?;
        let done = self.sparse(&making).and_then(|()| {
            drop(lock);
            self.fill(&mut base, &making, &resolved, &commit)
        });
        match done {
            Ok(()) => making.finish()?,
            Err(error) => {
                self.discard(&making)?;
                return Err(error);
            }
        }
        Ok(Made { path: self.tree.clone(), commit, name: resolved.name, reused: false, fetched })
    }

    fn lock(&self) -> Result<Lock, GitError> {
        let doing = format!("worktree init of task {}", self.request.task);
        let holder = lock::describe(&doing, &jiff::Timestamp::now());
        Lock::take(&self.root.lock(), self.request.lock_timeout, &holder)
    }

    /// What a killed init left in the task's place is removed: nobody has worked in it.
    fn place(&self, base: &Repository) -> Result<Place, GitError> {
        let known = metadata::of(base, &self.tree)?;
        let on_disk = fs::symlink_metadata(&self.tree).ok();
        match (known, on_disk) {
            (Some(metadata), Some(_)) if metadata.stage() != Stage::HalfMade => Ok(Place::Taken(metadata)),
            (Some(metadata), on_disk) => {
                if on_disk.is_some() {
                    self.remove_tree()?;
                }
                metadata.remove()?;
                Ok(Place::Free)
            }
            (None, None) => Ok(Place::Free),
            (None, Some(found)) if found.is_dir() && fs::remove_dir(&self.tree).is_ok() => Ok(Place::Free),
            (None, Some(_)) => Err(GitError::Orphan { path: self.tree.clone(), base: self.root.base() }),
        }
    }

    fn being_made(&self, metadata: &Metadata) -> GitError {
        let holder = metadata.record().map(|record| record.maker);
        GitError::BeingMade { task: self.request.task.clone(), holder }
    }

    fn fetch(&mut self, base: &mut Repository, resolved: &Resolved, anew: bool) -> Result<Resolved, GitError> {
        (self.tell)(Step::Fetch);
        let fetched = fetch::fetch(self.network, self.root, resolved, self.request.depth, anew)?;
        *base = base::open(self.root)?;
        Ok(fetched)
    }

    fn record(&self, resolved: &Resolved, commit: &ObjectId) -> Record {
        let created_at = jiff::Timestamp::now();
        Record {
            task_id: self.request.task.to_string(),
            commit: commit.to_string(),
            name: resolved.name.clone(),
            created_at,
            maker: lock::describe("worktree init", &created_at),
        }
    }

    /// The settings of a sparse checkout, written by git itself. They change the base's configuration: under the lock.
    fn sparse(&self, making: &Making) -> Result<(), GitError> {
        if self.request.sparse.is_empty() {
            return Ok(());
        }
        debug_assert!(making.metadata.path().exists());
        let directories: String = self.request.sparse.iter().map(|directory| quoted(directory.as_str())).collect();
        let arguments = ["sparse-checkout", "set", "--cone", "--no-sparse-index", "--stdin"];
        self.network.git.run(&self.tree, arguments, directories.into_bytes()).map(drop)
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
        let _lock = self.lock()?;
        self.remove_tree()?;
        making.metadata.remove()
    }

    fn remove_tree(&self) -> Result<(), GitError> {
        aside::set_aside(self.root, &self.tree)?.map_or(Ok(()), Aside::delete)
    }

    /// A worktree that is there shows the commit already, or is moved to it when nothing of its own would be lost.
    fn reuse(
        &self,
        metadata: &Metadata,
        resolved: Resolved,
        commit: ObjectId,
        fetched: bool,
    ) -> Result<Made, GitError> {
        let work = super::work::of(self.network.git, &self.tree, metadata)?;
        let made = Made { path: self.tree.clone(), commit: commit.clone(), name: resolved.name, reused: true, fetched };
        if work.head.as_ref() == Some(&commit) {
            return Ok(made);
        }
        if work.dirty || work.unpushed {
            let have = work.head.unwrap_or_else(|| commit.clone());
            return Err(GitError::Diverged { task: self.request.task.clone(), have, wanted: commit });
        }
        let arguments = ["checkout", "--quiet", "--detach", "--no-recurse-submodules", commit.as_str()];
        self.network.git.run(&self.tree, arguments, Vec::new())?;
        metadata.move_to(&commit, made.name.as_deref())?;
        Ok(made)
    }

    fn go_on(&self) -> Result<(), GitError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(GitError::Interrupted) } else { Ok(()) }
    }
}

/// What was asked for may be an object that is no commit.
fn commit(base: &Repository, network: &Network<'_>, resolved: &Resolved) -> Result<ObjectId, GitError> {
    let object = base.find_object(fetch::oid(&resolved.commit), None);
    let commit = object.and_then(|object| object.peel_to_commit());
    let missing = |_| GitError::NoCommit { url: network.url.to_string(), id: resolved.commit.clone() };
    commit.map(|commit| id(commit.id())).map_err(missing)
}

/// A line that git reads as one directory, whatever is in it.
fn quoted(directory: &str) -> String {
    format!("\"{}\"\n", directory.replace('\\', "\\\\").replace('"', "\\\""))
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
