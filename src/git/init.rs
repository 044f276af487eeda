//! Makes the worktree of a task.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use git2::{ObjectType, Repository};

use super::checkout::{self, Checkout};
use super::credentials::Environment;
use super::error::GitError;
use super::fetch::{self, Depth, id};
use super::identity::{Directory, ObjectId, Revision, TaskId};
use super::lock::{self, Lock};
use super::metadata::{self, Making, Metadata, Record, Stage};
use super::network::Network;
use super::resolve::{Resolved, resolve};
use super::root::Root;
use super::trash::{self, Aside};
use super::{base, hook, recovery, tracking, trust};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
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

/// Makes the worktree, or takes the one that is there.
pub(crate) fn init(
    network: &Network<'_>,
    root: &Root,
    request: &Request,
    cancelled: &AtomicBool,
    tell: &mut dyn FnMut(Step),
) -> Result<Made, GitError> {
    let mut work = Work { network, root, request, tree: root.tree(&request.task), cancelled, tell };
    if request.trust && root.base().exists() {
        trust::add(network.git, root, &root.base(), &work.lock()?)?;
    }
    let directory = if root.base().exists() { root.base() } else { root.path().to_owned() };
    let resolved = resolve(network, &directory, &request.revision)?;
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
        recovery::mend(self.root, &base, &lock);
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
        if self.request.trust {
            trust::add(self.network.git, self.root, &self.root.base(), &lock)?;
            trust::add(self.network.git, self.root, &self.tree, &lock)?;
        }
        if let Place::Taken(metadata) = place {
            let made = Made { path: self.tree.clone(), commit, name: resolved.name, reused: true, fetched };
            return self.reuse(&base, lock, &metadata, made);
        }
        let making = metadata::add(&base, &self.tree, &self.record(&resolved, &commit), &commit)?;
        let done = self.sparse().and_then(|()| {
            drop(lock);
            self.fill(&mut base, &making, &resolved, &commit)
        });
        if let Err(error) = done {
            self.discard(&making)?;
            return Err(error);
        }
        // No cleanup takes the worktree away from under the hook.
        let hooked = hook::post_checkout(self.network.git, &self.tree, &commit);
        making.finish()?;
        hooked?;
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
            (Some(metadata), Some(_)) if metadata.stage() == Stage::Whole && !metadata.owns(&self.tree) => {
                Err(GitError::Orphan { path: self.tree.clone(), base: self.root.base() })
            }
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
        Record {
            task_id: self.request.task.to_string(),
            commit: commit.to_string(),
            name: resolved.name.clone(),
            created_at: jiff::Timestamp::now(),
            maker: Self::maker(),
        }
    }

    fn maker() -> String {
        lock::describe("worktree init", &jiff::Timestamp::now())
    }

    /// The settings of a sparse checkout, written by git itself. They change the base's configuration: under the lock.
    fn sparse(&self) -> Result<(), GitError> {
        if self.request.sparse.is_empty() {
            return Ok(());
        }
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
        let lock = self.lock()?;
        self.remove_tree()?;
        making.metadata.remove()?;
        if self.request.trust {
            trust::forget_gone(self.network.git, self.root, &lock)?;
        }
        Ok(())
    }

    fn remove_tree(&self) -> Result<(), GitError> {
        trash::set_aside(self.root, &self.tree)?.map_or(Ok(()), Aside::delete)
    }

    /// A worktree that is there is as it is asked for, or is made so when nothing of its own would be lost.
    fn reuse(&self, base: &Repository, lock: Lock, metadata: &Metadata, made: Made) -> Result<Made, GitError> {
        let is_narrowed = self.is_narrowed(base, &made.commit)?;
        if is_narrowed && metadata.head().as_deref() == Some(made.commit.as_str()) {
            return Ok(made);
        }
        let work = super::work::of(self.network.git, &self.tree, metadata)?;
        let is_there = work.head.as_ref() == Some(&made.commit);
        if is_there && is_narrowed {
            return Ok(made);
        }
        if !is_there && (work.dirty || work.unpushed) {
            let have = work.head.unwrap_or_else(|| made.commit.clone());
            return Err(GitError::Diverged { task: self.request.task.clone(), have, wanted: made.commit });
        }
        let making = (!work.dirty && !work.unpushed).then(|| metadata.remake(Self::maker())).transpose()?;
        if !is_narrowed {
            self.sparse()?;
        }
        drop(lock);
        let moved = if is_there { Ok(()) } else { self.move_to(metadata, &made) };
        if let (Some(mut making), Ok(()) | Err(GitError::Hook { .. })) = (making, &moved) {
            making.move_to(&made.commit, made.name.as_deref())?;
            making.finish()?;
        }
        moved.map(|()| made)
    }

    fn move_to(&self, metadata: &Metadata, made: &Made) -> Result<(), GitError> {
        let arguments = ["checkout", "--quiet", "--detach", "--no-recurse-submodules", made.commit.as_str()];
        match self.network.git.run(&self.tree, arguments, Vec::new()) {
            // git ends as its hook does, which runs last.
            Err(GitError::Git { said, .. }) if metadata.head().as_deref() == Some(made.commit.as_str()) => {
                Err(hook::failed(&self.tree, &said))
            }
            done => done.map(drop),
        }
    }

    /// Whether it shows the directories that are asked for, if any are.
    fn is_narrowed(&self, base: &Repository, commit: &ObjectId) -> Result<bool, GitError> {
        if self.request.sparse.is_empty() {
            return Ok(true);
        }
        let tree = base.find_commit(fetch::oid(commit)).and_then(|commit| commit.tree());
        let tree = tree.map_err(|source| GitError::Damaged { commit: commit.clone(), source })?;
        let is_directory = |directory: &&Directory| {
            let entry = tree.get_path(Path::new(directory.as_str()));
            entry.is_ok_and(|entry| entry.kind() == Some(ObjectType::Tree))
        };
        if let Some(missing) = self.request.sparse.iter().find(|directory| !is_directory(directory)) {
            return Err(GitError::NoDirectory { commit: commit.clone(), directory: missing.clone() });
        }
        // It fails where all is checked out.
        let answer = self.network.git.ask(&self.tree, ["sparse-checkout", "list"], &Environment::default())?;
        let printed = String::from_utf8_lossy(&answer.stdout).into_owned();
        let shown: BTreeSet<&str> = printed.lines().collect();
        Ok(answer.success && shown == self.request.sparse.iter().map(Directory::as_str).collect())
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
