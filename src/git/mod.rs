//! Worktrees over a shared clone (the base), one for each task. Any number of processes may create them at the same
//! time. Only this room uses git2, for local work; the user's own git talks to the network.
//!
//! ```text
//! init:  resolve (ref ─► object id) ─► lock ─► base ─► fetch missing objects ─► metadata ─► unlock ─► checkout
//! clone: lock ─► base ─► fetch all branches ─► unlock ─► a repository of its own, filled from the base
//! cleanup, each worktree:  lock ─► what would be lost? ─► move to trash, remove metadata ─► unlock ─► delete
//! ```
//!
//! The lock protects the base and its metadata; no checkout holds it. A process may be killed at any point: the next
//! holder of the lock can tell its unfinished work from finished work, because a base is renamed into place, objects
//! arrive in packs, and metadata says that its worktree is still being created. Nothing here prints.

mod base;
mod checkout;
mod cleanup;
mod clone;
mod credentials;
mod error;
mod examples;
mod fetch;
mod garbage;
mod half_made;
mod hook;
mod identity;
mod init;
mod kept;
mod list;
mod lock;
mod metadata;
mod network;
mod place;
mod program;
mod recovery;
mod reflog;
mod remote;
mod resolve;
mod retention;
mod reuse;
mod root;
mod sparse;
mod status;
mod submodules;
mod tracking;
mod trash;
mod tree;
mod trust;
mod unpushed;
mod work;

pub(crate) use cleanup::{CleanupEvent, CleanupReport, CleanupRequest, Selection, cleanup};
pub(crate) use clone::{CloneRequest, clone};
pub(crate) use credentials::GivenAccess;
pub(crate) use error::GitError;
pub(crate) use fetch::Depth;
pub(crate) use identity::{Directory, NameError, ObjectId, Owner, RepositoryName, Revision, RunTasks, TaskId};
pub(crate) use init::{InitRequest, Step, Worktree, init};
pub(crate) use list::{WorktreeInfo, list};
pub(crate) use network::Network;
pub(crate) use program::{Git, VERB, git_entry};
pub(crate) use remote::RemoteUrl;
pub(crate) use retention::Reason;
pub(crate) use root::Root;
pub(crate) use tree::Tree;
