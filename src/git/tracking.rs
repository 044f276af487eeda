//! The base's record of the remote's refs: `refs/remotes/origin/…` for branches and pull requests, and
//! `refs/kubectl-runnable/tags/…` for tags. Each is written when a worktree uses it, so that its commit is kept and
//! counts as the remote's. Git has one namespace for all tags, local or remote: there a tag of the remote is written
//! only if it replaces no tag of the user.

use std::collections::HashSet;
use std::path::Path;

use git2::{Oid, Repository};

use super::base::REMOTE;
use super::error::GitError;
use super::fetch::oid;
use super::network::Network;
use super::resolve::Resolved;

/// All recorded refs of the remote.
pub(super) const REMOTE_REFS: [&str; 2] = ["refs/remotes/*", "refs/kubectl-runnable/tags/*"];

const TAGS: &str = "refs/tags/";
/// The remote's tags as an init last saw them.
const REMOTE_TAGS: &str = "refs/kubectl-runnable/tags/";
const MESSAGE: &str = "kubectl runnable worktree init";

/// Records the remote's ref, as a fetch by name would. It also keeps the commit after its worktree is gone.
pub(super) fn track(base: &Repository, resolved: &Resolved) -> Result<(), GitError> {
    let library = || GitError::library("write the remote's ref into the base");
    let Some(name) = resolved.name.as_deref().and_then(tracking) else { return Ok(()) };
    let target = oid(&resolved.want);
    if let Some(tag) = resolved.name.as_deref().filter(|name| name.starts_with(TAGS)) {
        // If this fails, only the tag's name is missing in the base: the record keeps the commit.
        let _ = write_tag(base, tag, &name, target);
    }

    if base.refname_to_id(&name).is_ok_and(|known| known == target) {
        return Ok(());
    }

    let set = || base.reference(&name, target, true, MESSAGE).map(drop);
    set()
        .or_else(|_| {
            // A deleted branch `a` blocks a branch `a/b`, and the other way round.
            let namespace = if name.starts_with(REMOTE_TAGS) { REMOTE_TAGS } else { &name[..remotes().len()] };
            for other in conflicting_refs(base, namespace, &name)? {
                base.find_reference(&other)?.delete()?;
            }
            set()
        })
        .map_err(library())
}

/// Writes the tag that `git describe` and users see. An existing tag that differs from the record is the user's and
/// stays; so does a tag of the user whose name conflicts.
fn write_tag(base: &Repository, tag: &str, record: &str, target: Oid) -> Result<(), git2::Error> {
    let recorded = base.refname_to_id(record).ok();
    let there = base.refname_to_id(tag).ok();
    if there == Some(target) || (there.is_some() && there != recorded) {
        return Ok(());
    }
    for other in conflicting_refs(base, TAGS, tag)? {
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

/// The refs that conflict with a name: one is a parent directory of the other.
fn conflicting_refs(base: &Repository, namespace: &str, name: &str) -> Result<Vec<String>, git2::Error> {
    let is_in_conflict = |other: &str| name.starts_with(&format!("{other}/")) || other.starts_with(&format!("{name}/"));
    let mut found = Vec::new();
    for reference in base.references_glob(&format!("{namespace}*"))? {
        found.extend(reference?.name().ok().filter(|name| is_in_conflict(name)).map(str::to_owned));
    }
    Ok(found)
}

/// A recorded ref that the remote no longer has, and its target when it was listed.
#[derive(Debug)]
pub(super) struct Vanished {
    pub(super) name: String,
    target: Option<Oid>,
}

/// Lists the recorded refs that the remote no longer has. Tags under `refs/tags` are not included: they may be the
/// user's.
pub(super) fn vanished(base: &Repository, network: &Network<'_>, directory: &Path) -> Result<Vec<Vanished>, GitError> {
    let known = remembered(base).map_err(GitError::library("read the base's refs"))?;
    let arguments = ["ls-remote", "--quiet", "--refs", "--", network.url.as_str()];
    let printed = network.ask(directory, &arguments)?.into_stdout(&arguments, directory)?;
    let printed = String::from_utf8_lossy(&printed);
    let listed: HashSet<String> = printed.lines().filter_map(|line| tracking(line.split_once('\t')?.1)).collect();
    Ok(known.into_iter().filter(|known| !listed.contains(&known.name)).collect())
}

/// Deletes a recorded ref, unless it was written again since it was listed (an init may have fetched it). Under the
/// lock.
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
            // `HEAD` is symbolic and has no target of its own.
            if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
                known.push(Vanished { name: name.to_owned(), target: Some(target) });
            }
        }
    }
    Ok(known)
}
