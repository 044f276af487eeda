//! What the base remembers of the remote's refs: `refs/remotes/origin/…` and tags, each written when a worktree asks for
//! it, so that its commit stays.

use std::collections::HashSet;
use std::path::Path;

use git2::Repository;

use super::base::REMOTE;
use super::error::GitError;
use super::fetch::oid;
use super::network::Network;
use super::resolve::Resolved;

/// Remembers what the remote's ref is, as a fetch by name would. It also keeps the commit when its worktree is gone.
pub(super) fn track(base: &Repository, resolved: &Resolved) -> Result<(), GitError> {
    let Some(name) = resolved.name.as_deref().and_then(tracking) else { return Ok(()) };
    let target = oid(&resolved.want);
    if base.refname_to_id(&name).is_ok_and(|known| known == target) {
        return Ok(());
    }
    let set = || base.reference(&name, target, true, "kubectl runnable worktree init").map(drop);
    set()
        .or_else(|_| {
            // A branch `a` that is gone stands in the way of a branch `a/b`, and the other way round.
            forget_in_the_way(base, &name)?;
            set()
        })
        .map_err(GitError::library("write the remote's ref into the base"))
}

fn tracking(name: &str) -> Option<String> {
    if name.starts_with("refs/tags/") {
        return Some(name.to_owned());
    }
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/"))?;
    Some(format!("refs/remotes/{REMOTE}/{short}"))
}

fn forget_in_the_way(base: &Repository, name: &str) -> Result<(), git2::Error> {
    let is_in_the_way = |other: &str| name.starts_with(&format!("{other}/")) || other.starts_with(&format!("{name}/"));
    for reference in base.references_glob(&format!("refs/remotes/{REMOTE}/*"))?.flatten() {
        let mut reference = reference;
        if reference.name().is_ok_and(is_in_the_way) {
            reference.delete()?;
        }
    }
    Ok(())
}

/// A remembered ref that the remote no longer has, and what it was seen at.
#[derive(Debug)]
pub(super) struct Vanished {
    pub(super) name: String,
    target: Option<git2::Oid>,
}

/// Asks the remote which of the remembered refs it no longer has. Tags are left: they may be the user's own.
pub(super) fn vanished(base: &Repository, network: &Network<'_>, directory: &Path) -> Result<Vec<Vanished>, GitError> {
    let known = remembered(base).map_err(GitError::library("read the base's refs"))?;
    let arguments = ["ls-remote", "--quiet", "--refs", "--", network.url.as_str()];
    let printed = network.ask(directory, &arguments)?.good(&arguments, directory)?;
    let printed = String::from_utf8_lossy(&printed);
    let listed: HashSet<String> = printed.lines().filter_map(|line| tracking(line.split_once('\t')?.1)).collect();
    Ok(known.into_iter().filter(|known| !listed.contains(&known.name)).collect())
}

/// Forgets a ref, if it has not been written anew meanwhile. Under the lock.
pub(super) fn forget(base: &Repository, vanished: &Vanished) -> Result<bool, GitError> {
    let Ok(mut reference) = base.find_reference(&vanished.name) else { return Ok(false) };
    if reference.target() != vanished.target {
        return Ok(false);
    }
    reference.delete().map_err(GitError::library("remove a ref from the base"))?;
    Ok(true)
}

fn remembered(base: &Repository) -> Result<Vec<Vanished>, git2::Error> {
    let mut known = Vec::new();
    for reference in base.references_glob(&format!("refs/remotes/{REMOTE}/*"))? {
        let reference = reference?;
        // `HEAD` is one that stands for another.
        if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
            known.push(Vanished { name: name.to_owned(), target: Some(target) });
        }
    }
    Ok(known)
}
