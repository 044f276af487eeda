//! Keys of semaphores. A key derived from a branch limits the runs of that branch.

use crate::exit::{CommandError, Exit};
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The maximum length of a ConfigMap's key.
const MAX_LENGTH: usize = 253;
/// The default branch.
const DEFAULT_REF: &str = "refs/heads/main";

/// A key of a ConfigMap: 1 to 253 letters, digits, `-`, `_` or `.`, not beginning with two dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Key(String);

/// A branch or tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    owner: String,
    repo: String,
    reference: String,
}

/// A key given directly or by the branch from which it is derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyArgument {
    /// The key.
    pub(crate) key: Key,
    /// The branch.
    pub(crate) branch: Option<Branch>,
}

/// Why a text is not a key, or a branch has no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// The text is not a valid ConfigMap key.
    #[error(
        "invalid semaphore key {0:?}: expected 1 to {MAX_LENGTH} letters, digits, '-', '_' or '.', or OWNER/REPO@REF"
    )]
    Key(String),
    /// The key of the branch would not be a valid ConfigMap key.
    #[error("{branch} has no semaphore key: {key:?} is longer than {MAX_LENGTH} characters or begins with two dots")]
    Branch {
        /// The branch.
        branch: String,
        /// Its key.
        key: String,
    },
    /// The text does not name a branch.
    #[error("invalid repository {0:?}: expected OWNER/REPO@REF, such as exampleorg/sample@main")]
    Repository(String),
}

impl CommandError for KeyError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Key {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_key = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(legal);
        if is_key && text != "." && !text.starts_with("..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError::Key(text.to_owned()))
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Branch {
    /// A branch of a repository; the default ref is `main`.
    pub(crate) fn new(owner: &str, repo: &str, reference: Option<&str>) -> Result<Self, KeyError> {
        let reference = reference.unwrap_or(DEFAULT_REF);
        if [owner, repo, short(reference)].contains(&"") {
            return Err(KeyError::Repository(format!("{owner}/{repo}@{reference}")));
        }
        Ok(Self { owner: owner.to_owned(), repo: repo.to_owned(), reference: reference.to_owned() })
    }

    /// The key: owner, repository and ref joined by `-`, without `refs/heads/` or `refs/tags/`, in lower case, with
    /// every character except letters, digits, `_`, `.` and `-` replaced by `-`. Two branches may have the same key.
    pub(crate) fn key(&self) -> Result<Key, KeyError> {
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
        let text = format!("{}-{}-{}", self.owner, self.repo, short(&self.reference));
        let key: String = text.chars().map(|next| if plain(next) { next.to_ascii_lowercase() } else { '-' }).collect();
        key.parse().map_err(|_| KeyError::Branch { branch: self.to_string(), key })
    }

    /// Whether a displayed name is that of this branch. Owner and repository ignore case, as on forges.
    pub(crate) fn is(&self, name: &str) -> bool {
        name.parse::<Self>().is_ok_and(|other| {
            let reference = |branch: &Self| branch.to_string().rsplit_once('@').map(|(_, at)| at.to_owned());
            self.owner.eq_ignore_ascii_case(&other.owner)
                && self.repo.eq_ignore_ascii_case(&other.repo)
                && reference(self) == reference(&other)
        })
    }
}

impl FromStr for Branch {
    type Err = KeyError;

    /// Reads `OWNER/REPO@REF`, or `OWNER/REPO` for its main branch. Everything before the last `/` is the owner.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (repository, reference) = match text.split_once('@') {
            Some((repository, reference)) => (repository, Some(reference)),
            None => (text, None),
        };
        match repository.rsplit_once('/') {
            Some((owner, repo)) if reference != Some("") => Self::new(owner, repo, reference),
            _ => Err(KeyError::Repository(text.to_owned())),
        }
    }
}

impl fmt::Display for Branch {
    /// `OWNER/REPO@REF`, with the short name of a branch.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.reference.strip_prefix("refs/heads/").unwrap_or(&self.reference);
        write!(formatter, "{}/{}@{reference}", self.owner, self.repo)
    }
}

impl TryFrom<Branch> for KeyArgument {
    type Error = KeyError;

    fn try_from(branch: Branch) -> Result<Self, KeyError> {
        Ok(Self { key: branch.key()?, branch: Some(branch) })
    }
}

impl FromStr for KeyArgument {
    type Err = KeyError;

    /// Reads `KEY` or `OWNER/REPO@REF`.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.contains(['/', '@']) {
            return text.parse::<Branch>()?.try_into();
        }
        Ok(Self { key: text.parse()?, branch: None })
    }
}

fn short(reference: &str) -> &str {
    ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| reference.strip_prefix(prefix)).unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(owner: &str, repo: &str, reference: &str) -> Result<String, KeyError> {
        Branch::new(owner, repo, Some(reference))?.key().map(|key| key.to_string())
    }

    #[test]
    fn a_key_consists_of_owner_repository_and_ref() {
        for (owner, repo, reference, expected) in [
            ("ExampleOrg", "sample", "refs/heads/main", "exampleorg-sample-main"),
            ("exampleorg", "sample", "main", "exampleorg-sample-main"),
            ("exampleorg", "sample", "refs/tags/v1.2_rc", "exampleorg-sample-v1.2_rc"),
            ("exampleorg", "sample", "refs/heads/feature/a b", "exampleorg-sample-feature-a-b"),
            ("exampleorg", "sample", "refs/pull/7/head", "exampleorg-sample-refs-pull-7-head"),
            ("exampleorg", "sample", "refs/heads/refs/heads/x", "exampleorg-sample-refs-heads-x"),
            ("group/sub", "sample", "grün", "group-sub-sample-gr-n"),
        ] {
            assert_eq!(key(owner, repo, reference).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn illegal_keys_are_refused() {
        assert!(matches!(key("", "r", "main"), Err(KeyError::Repository(_))));
        assert!(matches!(key("o", "r", "refs/heads/"), Err(KeyError::Repository(_))));
        assert!(matches!(key("..", "r", "main"), Err(KeyError::Branch { .. })));
        assert!(matches!(key("o", &"r".repeat(250), "main"), Err(KeyError::Branch { .. })));
        for illegal in ["", ".", "..x", "a b", "a/b", "ü", "a=1", &"k".repeat(254)] {
            assert!(illegal.parse::<Key>().is_err(), "{illegal:?}");
        }
        assert!(["a", ".x", "A_b.c-9", &"k".repeat(253)].iter().all(|legal| legal.parse::<Key>().is_ok()));
    }

    #[test]
    fn a_displayed_branch_can_be_read_again() {
        for (text, shown) in [
            ("a/b", "a/b@main"),
            ("a/b@refs/heads/x/y", "a/b@x/y"),
            ("a/b@refs/tags/v1", "a/b@refs/tags/v1"),
            ("g/s/b@v@1", "g/s/b@v@1"),
        ] {
            assert_eq!(text.parse::<Branch>().map(|branch| branch.to_string()).as_deref(), Ok(shown));
        }
        for illegal in ["b", "/b@x", "a/@x", "a/b@", "@x"] {
            assert!(illegal.parse::<Branch>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_branch_matches_its_own_names_only() {
        let branch: Branch = "A-b/c@main".parse().unwrap();
        assert!(branch.is("a-b/C@refs/heads/main") && branch.is(&branch.to_string()));
        for other in ["a/b-c@main", "a-b/c@Main", "a-b/c@refs/tags/main", "exampleorg-sample-main"] {
            assert!(!branch.is(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_derived_key_is_legal(owner in ".{1,40}", repo in ".{1,40}", reference in ".{1,60}") {
            let Ok(branch) = Branch::new(&owner, &repo, Some(&reference)) else { return Ok(()) };
            if let Ok(key) = branch.key() {
                prop_assert_eq!(key.as_str().parse::<Key>(), Ok(key.clone()));
                prop_assert_eq!(key.as_str().to_ascii_lowercase(), key.as_str());
                let length = owner.chars().count() + repo.chars().count() + short(&reference).chars().count() + 2;
                prop_assert_eq!(key.as_str().len(), length);
            }
        }
    }
}
