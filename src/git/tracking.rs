//! What the base remembers of the remote's refs: `refs/remotes/origin/…` for branches and pull requests, and a record of
//! its tags, each written when a worktree asks for it, so that its commit stays and counts as the remote's. Git has one
//! place for tags, whoever made them: there a tag of the remote is written only where it takes the place of no other.

use std::collections::HashSet;
use std::path::Path;

use git2::{Oid, Repository};

use super::base::REMOTE;
use super::error::GitError;
use super::fetch::oid;
use super::network::Network;
use super::resolve::Resolved;

/// All that is remembered of the remote.
pub(super) const REMOTE_REFS: [&str; 2] = ["refs/remotes/*", "refs/kubectl-runnable/tags/*"];

const TAGS: &str = "refs/tags/";
/// What the remote's tags were, as init has seen them.
const REMOTE_TAGS: &str = "refs/kubectl-runnable/tags/";
const MESSAGE: &str = "kubectl runnable worktree init";

/// Remembers what the remote's ref is, as a fetch by name would. It also keeps the commit when its worktree is gone.
pub(super) fn track(base: &Repository, resolved: &Resolved) -> Result<(), GitError> {
    let library = || GitError::library("write the remote's ref into the base");
    let Some(name) = resolved.name.as_deref().and_then(tracking) else { return Ok(()) };
    let target = oid(&resolved.want);
    if let Some(tag) = resolved.name.as_deref().filter(|name| name.starts_with(TAGS)) {
        // Without it the tag's name is missing in the clone, and nothing else: the record keeps the commit.
        let _ = write_tag(base, tag, &name, target);
    }
    if base.refname_to_id(&name).is_ok_and(|known| known == target) {
        return Ok(());
    }
    let set = || base.reference(&name, target, true, MESSAGE).map(drop);
    set()
        .or_else(|_| {
            // A branch `a` that is gone stands in the way of a branch `a/b`, and the other way round.
            let namespace = if name.starts_with(REMOTE_TAGS) { REMOTE_TAGS } else { &name[..remotes().len()] };
            for other in in_the_way(base, namespace, &name)? {
                base.find_reference(&other)?.delete()?;
            }
            set()
        })
        .map_err(library())
}

/// Writes the tag that `git describe` and people see. One that is not as the remote's was is the user's and stays; so does
/// one of the user's in the way of its name.
fn write_tag(base: &Repository, tag: &str, record: &str, target: Oid) -> Result<(), git2::Error> {
    let recorded = base.refname_to_id(record).ok();
    let there = base.refname_to_id(tag).ok();
    if there == Some(target) || (there.is_some() && there != recorded) {
        return Ok(());
    }
    for other in in_the_way(base, TAGS, tag)? {
        let record = tracking(&other).and_then(|record| base.refname_to_id(&record).ok());
        if record.is_none() || record != base.refname_to_id(&other).ok() {
            return Ok(());
        }
        base.find_reference(&other)?.delete()?;
    }
    base.reference(tag, target, true, MESSAGE).map(drop)
}

fn tracking(name: &str) -> Option<String> {
    if let Some(tag) = name.strip_prefix(TAGS) {
        return Some(format!("{REMOTE_TAGS}{tag}"));
    }
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/"))?;
    Some(format!("{}{short}", remotes()))
}

fn remotes() -> String {
    format!("refs/remotes/{REMOTE}/")
}

/// The refs that are above or below a name, as directories are.
fn in_the_way(base: &Repository, namespace: &str, name: &str) -> Result<Vec<String>, git2::Error> {
    let is_in_the_way = |other: &str| name.starts_with(&format!("{other}/")) || other.starts_with(&format!("{name}/"));
    let mut found = Vec::new();
    for reference in base.references_glob(&format!("{namespace}*"))? {
        found.extend(reference?.name().ok().filter(|name| is_in_the_way(name)).map(str::to_owned));
    }
    Ok(found)
}

/// A remembered ref that the remote no longer has, and what it was seen at.
#[derive(Debug)]
pub(super) struct Vanished {
    pub(super) name: String,
    target: Option<Oid>,
}

/// Asks the remote which of the remembered refs it no longer has. Tags in git's own place stay: they may be the user's.
pub(super) fn vanished(base: &Repository, network: &Network<'_>, directory: &Path) -> Result<Vec<Vanished>, GitError> {
    let known = remembered(base).map_err(GitError::library("read the base's refs"))?;
    let arguments = ["ls-remote", "--quiet", "--refs", "--", network.url.as_str()];
    let printed = network.ask(directory, &arguments)?.good(&arguments, directory)?;
    let printed = String::from_utf8_lossy(&printed);
    let listed: HashSet<String> = printed.lines().filter_map(|line| tracking(line.split_once('\t')?.1)).collect();
    Ok(known.into_iter().filter(|known| !listed.contains(&known.name)).collect())
}

/// Forgets a ref, if it has not been written again meanwhile. Under the lock.
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
    for namespace in [remotes(), REMOTE_TAGS.to_owned()] {
        for reference in base.references_glob(&format!("{namespace}*"))? {
            let reference = reference?;
            // `HEAD` is one that stands for another.
            if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
                known.push(Vanished { name: name.to_owned(), target: Some(target) });
            }
        }
    }
    Ok(known)
}
