//! Writes the files of a commit into a worktree. Files whose content does not change during checkout are written here,
//! by a few threads with few system calls. Files that attributes, filters or settings change are left to the user's
//! git, so that every file is the same as after `git worktree add`. Not under the lock.

mod files;
mod filters;
mod index;
mod plan;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use git2::Repository;
use rustix::fs::{Mode, OFlags};

use self::plan::CheckoutPlan;
use super::error::GitError;
use super::fetch::oid;
use super::identity::{Directory, ObjectId};
use super::program::Git;

/// The commit to check out, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checkout<'a> {
    pub(super) git: &'a Git,
    /// The empty worktree; its metadata is already written.
    pub(super) tree: &'a Path,
    /// The worktree's metadata.
    pub(super) metadata: &'a Path,
    pub(super) commit: &'a ObjectId,
    /// Check out only these directories, and the files beside and above them; everything if empty.
    pub(super) sparse: &'a [Directory],
}

/// Writes the files.
pub(super) fn fill(base: &Repository, checkout: &Checkout<'_>, cancelled: &AtomicBool) -> Result<(), GitError> {
    // Git does not verify the hash of an object that it reads from a pack either.
    git2::opts::strict_hash_verification(false);
    let commit = base.find_commit(oid(checkout.commit));
    let damaged = |source| GitError::Damaged { commit: checkout.commit.clone(), source };
    let tree = commit.and_then(|commit| commit.tree()).map_err(damaged)?;

    let plan = CheckoutPlan::of(base, &tree, checkout.sparse).map_err(damaged)?;
    if let Some(missing) = checkout.sparse.iter().find(|directory| !plan.has(directory)) {
        return Err(GitError::NoDirectory { commit: checkout.commit.clone(), directory: missing.clone() });
    }

    let settings = filters::settings(checkout.git, checkout.tree)?;
    if plan.has_unsafe_name() || settings.affect_every_file() {
        return checkout_by_git(checkout);
    }
    let by_git = filters::changed(base, checkout, &plan, &settings)?;

    let directory = rustix::fs::open(
        checkout.tree,
        OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY,
        Mode::empty(),
    )
    .map_err(GitError::call("open", checkout.tree))?;
    let written = files::write(&directory, checkout, &plan, &by_git, base.path(), cancelled)?;
    index::write(&checkout.metadata.join("index"), &plan, &written)?;

    let left = plan.paths(&by_git);
    if !left.is_empty() {
        checkout.git.run(checkout.tree, ["checkout-index", "--index", "--force", "--stdin", "-z"], left)?;
    }
    Ok(())
}

/// Leaves the whole checkout to git.
fn checkout_by_git(checkout: &Checkout<'_>) -> Result<(), GitError> {
    checkout.git.run(checkout.tree, ["reset", "--hard", "--quiet", "--no-recurse-submodules"], Vec::new()).map(drop)
}
