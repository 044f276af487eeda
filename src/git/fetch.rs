//! Fetches the objects that a worktree needs into the base; none if the base already has them. Under the lock.

use std::collections::HashSet;
use std::fs;

use git2::{Oid, Repository};

use super::base::REMOTE;
use super::error::GitError;
use super::identity::ObjectId;
use super::network::Network;
use super::resolve::Resolved;
use super::root::Root;

/// The ref to fetch into when the remote does not serve objects by id.
const INCOMING: &str = "refs/kubectl-runnable/incoming";

/// How much history to fetch: this many commits from the tip; 0 means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth(pub u32);

/// Whether the base has the commit and this much of its history.
pub(super) fn has(base: &Repository, resolved: &Resolved, depth: Depth) -> bool {
    let Ok(odb) = base.odb() else { return false };
    let (want, commit) = (oid(&resolved.want), oid(&resolved.commit));
    odb.exists(want) && odb.exists(commit) && reaches(base, commit, depth)
}

/// Fetches the commit and returns the one that is now in the base: where a remote serves only refs, the ref may have
/// moved since it was resolved.
pub(super) fn fetch(
    network: &Network<'_>,
    root: &Root,
    resolved: &Resolved,
    depth: Depth,
    refetch: bool,
) -> Result<Resolved, GitError> {
    let base = super::base::open(root)?;
    let depth = depth_argument(&base, depth);
    let mut options = vec![depth.as_deref(), refetch.then_some("--refetch")];
    options.retain(Option::is_some);
    let options: Vec<&str> = options.into_iter().flatten().collect();

    let want = resolved.want.as_str();
    let mut arguments = arguments(&options, want);
    let answer = network.ask(&root.base(), &arguments)?;
    if answer.success {
        return Ok(resolved.clone());
    }

    if answer.stderr.contains("mismatched algorithms") {
        return Err(GitError::ObjectFormat { repository: network.url.to_string() });
    }
    let refused = ["not our ref", "unadvertised object", "couldn't find remote ref", "no such remote ref"];
    if !refused.iter().any(|words| answer.stderr.contains(words)) {
        answer.into_stdout(&arguments, &root.base())?;
    }

    let Some(name) = &resolved.name else {
        return Err(GitError::NoCommit { url: network.url.to_string(), id: resolved.commit.clone() });
    };
    let refspec = format!("+{name}:{INCOMING}");
    arguments = self::arguments(&options, &refspec);
    network.ask(&root.base(), &arguments)?.into_stdout(&arguments, &root.base())?;
    let base = super::base::open(root)?;
    let library = GitError::library("read the fetched ref");
    let incoming = base.find_reference(INCOMING).and_then(|found| {
        let want = found.target().unwrap_or(Oid::ZERO_SHA1);
        Ok((want, found.peel_to_commit()?.id()))
    });
    let (want, commit) = incoming.map_err(library)?;
    Ok(Resolved { want: id(want), commit: id(commit), name: resolved.name.clone() })
}

/// Objects arrive in one pack, which is renamed into place when complete. With loose objects (below
/// `fetch.unpackLimit`) a killed git could leave a commit without its files.
fn arguments<'a>(options: &[&'a str], refspec: &'a str) -> Vec<&'a str> {
    let before = ["-c", "fetch.unpackLimit=1", "-c", "fetch.writeCommitGraph=false", "fetch", "--no-tags"];
    let always = ["--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--no-prune", "--progress"];
    before.into_iter().chain(always).chain(options.iter().copied()).chain(["--", REMOTE, refspec]).collect()
}

/// No depth for a base that has its full history: `--depth` would cut it off.
pub(super) fn depth_argument(base: &Repository, depth: Depth) -> Option<String> {
    let is_empty = base.references().is_ok_and(|mut references| references.next().is_none());
    match depth.0 {
        0 if base.is_shallow() => Some("--unshallow".to_owned()),
        0 => None,
        _ if !base.is_shallow() && !is_empty => None,
        depth => Some(format!("--depth={depth}")),
    }
}

/// Whether the history has this depth. A killed fetch may leave a commit whose parents are neither present nor recorded
/// as cut off.
fn reaches(base: &Repository, commit: Oid, depth: Depth) -> bool {
    let shallow = cut_off(base);
    let Ok(odb) = base.odb() else { return false };
    let levels = if depth.0 == 0 && shallow.is_empty() { 1 } else { depth.0 };
    let mut level = vec![commit];
    let mut seen: HashSet<Oid> = level.iter().copied().collect();
    let mut number = 1;

    while !level.is_empty() {
        let mut next = Vec::new();
        for id in level {
            if shallow.contains(&id) {
                if levels == 0 || number < levels {
                    return false;
                }
                continue;
            }
            let Ok(commit) = base.find_commit(id) else { return false };
            for parent in commit.parent_ids() {
                if !odb.exists(parent) {
                    return false;
                }
                if seen.insert(parent) {
                    next.push(parent);
                }
            }
        }
        if number == levels {
            return true;
        }
        number += 1;
        level = next;
    }
    true
}

fn cut_off(base: &Repository) -> HashSet<Oid> {
    let text = fs::read_to_string(base.commondir().join("shallow")).unwrap_or_default();
    text.lines().filter_map(|line| Oid::from_str(line.trim()).ok()).collect()
}

/// Converts our id to the library's.
pub(super) fn oid(id: &ObjectId) -> Oid {
    Oid::from_str(id.as_str()).unwrap_or(Oid::ZERO_SHA1)
}

/// Converts the library's id to ours.
pub(super) fn id(oid: Oid) -> ObjectId {
    oid.to_string().parse().unwrap_or_else(|_| unreachable!("an object id of SHA-1 is one"))
}
