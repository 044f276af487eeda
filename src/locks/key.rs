//! The key of a semaphore: what limits the runs of one branch of one repository.

use crate::exit::{CommandError, Exit};
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The longest key that a ConfigMap takes.
const LONGEST: usize = 253;
/// The branch that is meant where none is named.
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

/// A key as a user names it: as it is, or by the branch it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The key.
    pub key: Key,
    /// The branch.
    pub branch: Option<Branch>,
}

/// Why a text is no key, or a branch has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// The text is no key of a ConfigMap.
    #[error("invalid semaphore key {0:?}: expected 1 to {LONGEST} letters, digits, '-', '_' or '.', or OWNER/REPO@REF")]
    Key(String),
    /// The key of a branch would be none that a ConfigMap takes.
    #[error("{branch} has no semaphore key: {key:?} is longer than {LONGEST} characters or begins with two dots")]
    Branch {
        /// The branch.
        branch: String,
        /// What its key would be.
        key: String,
    },
    /// The text names no branch.
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
        let is_key = (1..=LONGEST).contains(&text.len()) && text.bytes().all(legal);
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
    /// The branch of a repository; without a ref, `main`.
    pub(crate) fn new(owner: &str, repo: &str, reference: Option<&str>) -> Result<Self, KeyError> {
        let reference = reference.unwrap_or(DEFAULT_REF);
        if [owner, repo, short(reference)].contains(&"") {
            return Err(KeyError::Repository(format!("{owner}/{repo}@{reference}")));
        }
        Ok(Self { owner: owner.to_owned(), repo: repo.to_owned(), reference: reference.to_owned() })
    }

    /// The key: owner, repository and ref joined by `-`, without `refs/heads/` or `refs/tags/`, every character but
    /// letters, digits, `_`, `.` and `-` replaced by `-`, in lower case. Two branches may share one.
    pub(crate) fn key(&self) -> Result<Key, KeyError> {
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
        let text = format!("{}-{}-{}", self.owner, self.repo, short(&self.reference));
        let key: String = text.chars().map(|next| if plain(next) { next.to_ascii_lowercase() } else { '-' }).collect();
        key.parse().map_err(|_| KeyError::Branch { branch: self.to_string(), key })
    }

    /// Whether a name that [`Branch`] was shown under is this one's: owner and repository in any case, as forges have it.
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

    /// Reads `OWNER/REPO@REF`, or `OWNER/REPO` for its main branch. What stands before the last `/` is the owner.
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
    /// `OWNER/REPO@REF`, a branch by its short name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = self.reference.strip_prefix("refs/heads/").unwrap_or(&self.reference);
        write!(formatter, "{}/{}@{reference}", self.owner, self.repo)
    }
}

impl TryFrom<Branch> for Named {
    type Error = KeyError;

    fn try_from(branch: Branch) -> Result<Self, KeyError> {
        Ok(Self { key: branch.key()?, branch: Some(branch) })
    }
}

impl FromStr for Named {
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
    fn a_key_is_made_of_owner_repository_and_ref() {
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
    fn what_cannot_be_a_key_is_refused() {
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
    fn a_branch_is_read_as_it_is_shown() {
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
    fn a_branch_knows_its_names_and_not_those_that_share_its_key() {
        let branch: Branch = "A-b/c@main".parse().unwrap();
        assert!(branch.is("a-b/C@refs/heads/main") && branch.is(&branch.to_string()));
        for other in ["a/b-c@main", "a-b/c@Main", "a-b/c@refs/tags/main", "exampleorg-sample-main"] {
            assert!(!branch.is(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_legal_and_the_key_of_itself(owner in ".{1,40}", repo in ".{1,40}", reference in ".{1,60}") {
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
