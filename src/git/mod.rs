//! Worktrees of a shared clone, one for each task: made by any number of processes at once. This room
//! is the only one that names git2; it does all that is local, and the user's own git talks to the network.
//!
//! ```text
//! init:  resolve (ref ─► object id) ─► lock ─► base ─► fetch what misses ─► metadata ─► unlock ─► checkout
//! cleanup, each worktree:  lock ─► what would be lost? ─► move aside, remove metadata ─► unlock ─► delete
//! ```
//!
//! The lock is held round the base and its metadata, never round a checkout. Whatever is killed at any instant leaves
//! something that the next holder of the lock tells from something whole: a base is renamed into place, objects come in
//! packs, metadata says that its worktree is being made. Nothing here prints.

mod base;
mod checkout;
mod cleanup;
mod credentials;
mod error;
mod examples;
mod fetch;
mod garbage;
mod half_made;
mod hook;
mod identity;
mod init;
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

pub(crate) use cleanup::{Cleaned, Cleaning, Event, Which, cleanup};
pub(crate) use error::GitError;
pub(crate) use fetch::Depth;
pub(crate) use identity::{Directory, ObjectId, Owner, RepositoryName, Revision, TaskId};
pub(crate) use init::{InitRequest, Made, Step, init};
pub(crate) use list::{Listed, list};
pub(crate) use network::Network;
pub(crate) use program::{Git, VERB, git_entry};
pub(crate) use remote::RemoteUrl;
pub(crate) use retention::Reason;
pub(crate) use root::Root;
pub(crate) use tree::Tree;
