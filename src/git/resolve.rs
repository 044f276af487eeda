//! Resolves a ref to an object id once; from then on only the id is used. `FETCH_HEAD` would be a race: another init
//! may overwrite it between our fetch and our read.

use std::path::Path;

use super::error::GitError;
use super::identity::{ObjectId, RefName, Revision, is_sha256};
use super::network::Network;

/// The object that a revision stands for at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The commit.
    pub(crate) commit: ObjectId,
    /// The object to fetch: the commit, or the annotated tag that points to it.
    pub(super) want: ObjectId,
    /// The full name of the ref at the remote; none for a commit id.
    pub(crate) name: Option<String>,
}

/// Resolves a revision at the remote; a commit id needs no request.
pub(super) fn resolve(network: &Network<'_>, directory: &Path, revision: &Revision) -> Result<Resolved, GitError> {
    match revision {
        Revision::Object(id) => Ok(Resolved { commit: id.clone(), want: id.clone(), name: None }),
        Revision::Ref(name) => resolve_ref(network, directory, name),
    }
}

fn resolve_ref(network: &Network<'_>, directory: &Path, name: &RefName) -> Result<Resolved, GitError> {
    let candidates = name.candidates();
    let peeled: Vec<String> = candidates.iter().map(|name| format!("{name}^{{}}")).collect();
    let mut arguments = vec!["ls-remote", "--quiet", "--", network.url.as_str()];
    arguments.extend(candidates.iter().chain(&peeled).map(String::as_str));
    let printed = network.ask(directory, &arguments)?.into_stdout(&arguments, directory)?;

    let listed = String::from_utf8_lossy(&printed);
    if listed.lines().filter_map(|line| line.split_once('\t')).any(|(id, _)| is_sha256(id)) {
        return Err(GitError::ObjectFormat { repository: network.url.to_string() });
    }
    first_match(&listed, &candidates).ok_or_else(|| GitError::NoRef {
        url: network.url.to_string(),
        name: name.clone(),
        default: default_branch(network, directory),
    })
}

/// The first candidate that `git ls-remote` lists.
fn first_match(listed: &str, candidates: &[String]) -> Option<Resolved> {
    let id = |name: &str| {
        let line = listed.lines().find_map(|line| line.split_once('\t').filter(|(_, listed)| *listed == name));
        line.and_then(|(id, _)| id.parse::<ObjectId>().ok())
    };
    candidates.iter().find_map(|name| {
        let want = id(name)?;
        let commit = id(&format!("{name}^{{}}")).unwrap_or_else(|| want.clone());
        Some(Resolved { commit, want, name: Some(name.clone()) })
    })
}

/// The remote's default branch, for a hint only.
fn default_branch(network: &Network<'_>, directory: &Path) -> Option<String> {
    let answer = network.ask(directory, &["ls-remote", "--symref", "--", network.url.as_str(), "HEAD"]).ok()?;
    let printed = String::from_utf8_lossy(&answer.stdout).into_owned();
    let line = printed.lines().find_map(|line| line.strip_prefix("ref: "))?;
    let name = line.split('\t').next()?;
    // Print nothing from the remote that is not a valid ref name.
    matches!(name.parse(), Ok(Revision::Ref(_))).then(|| name.trim_start_matches("refs/heads/").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "1111111111111111111111111111111111111111";
    const TAG: &str = "2222222222222222222222222222222222222222";
    const TAGGED: &str = "3333333333333333333333333333333333333333";

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_are_compared_whole() {
        let listed = format!("{TAG}\trefs/remotes/x/refs/heads/main\n{MAIN}\trefs/heads/main\n");
        let resolved = first_match(&listed, &names(&["refs/heads/main"]));
        assert_eq!(resolved.map(|resolved| resolved.commit.to_string()), Some(MAIN.to_owned()));
        assert_eq!(first_match(&listed, &names(&["refs/heads/mai"])), None);
    }

    #[test]
    fn an_annotated_tag_resolves_to_its_commit() {
        let listed = format!("{TAG}\trefs/tags/v1\n{TAGGED}\trefs/tags/v1^{{}}\n");
        let resolved = first_match(&listed, &names(&["refs/heads/v1", "refs/tags/v1"]));
        let Some(Resolved { commit, want, name }) = resolved else { panic!("not found") };
        assert_eq!((commit.as_str(), want.as_str(), name.as_deref()), (TAGGED, TAG, Some("refs/tags/v1")));
    }
}
