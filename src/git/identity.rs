//! Names from outside that become paths, refs and git arguments. Each is checked once, here: it cannot lead out of a
//! directory, pass for an option, or match more than one thing.

use crate::exit::{CommandError, Exit};
use std::fmt;
use std::str::FromStr;

/// The owner of a repository: one name, or several separated by `/` (GitLab groups).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner(String);

/// The name of a repository, without `.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryName(String);

/// Identifies the worktree of one task: `^[A-Za-z0-9][A-Za-z0-9._-]*$` without `..`, at most 128 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(String);

/// The tasks of a run's calls: `run-<run id>` and `run-<run id>-<12 hexadecimal digits>`, as `submit --isolate` names
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunTasks(TaskId);

/// A full SHA-1 object id, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId(String);

/// The name of a ref, full (`refs/heads/main`) or short (`main`), by the rules of `git check-ref-format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefName(String);

/// The commit to check out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revision {
    /// A commit id, which needs no request to the remote.
    Object(ObjectId),
    /// A ref of the remote.
    Ref(RefName),
}

/// A directory of a repository, relative to its top, with `/` as separator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Directory(String);

/// Why a text is not a valid name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum NameError {
    #[error("invalid owner {0:?}: expected letters, digits, '-', '_' or '.', beginning with a letter, digit or '_'")]
    Owner(String),
    #[error("invalid repository {0:?}: expected letters, digits, '-', '_' or '.', without '/' and '..'")]
    Repository(String),
    #[error(
        "invalid task id {0:?}: expected at most 128 letters, digits, '.', '_' or '-', beginning with a letter or digit, without '..'"
    )]
    TaskId(String),
    /// Neither a ref nor an object id.
    #[error("invalid ref {0:?}: expected a branch, a tag, refs/…, or a full object id")]
    Revision(String),
    /// An object id of SHA-256.
    #[error("object id {0} is a SHA-256 id: only SHA-1 is supported")]
    Sha256(String),
    #[error("invalid directory {0:?}: expected a path inside the repository, such as src/app, without '..'")]
    Directory(String),
}

impl CommandError for NameError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// The longest task id. It becomes part of file names, which may have 255 bytes.
const MAX_TASK_ID: usize = 128;

fn is_task_id(text: &str) -> bool {
    text.len() <= MAX_TASK_ID
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(is_name_byte)
        && !text.contains("..")
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}

fn is_forge_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(is_name_byte)
        && !text.starts_with('-')
        && !text.contains("..")
        && text != "."
}

/// The rules of `git check-ref-format --allow-onelevel`, and no leading `-`, which would pass for an option.
fn is_ref(text: &str) -> bool {
    let legal = |byte: u8| byte > b' ' && byte != 0x7f && !b"~^:?*[\\".contains(&byte);
    let component = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.as_bytes().ends_with(b".lock");
    text.len() <= 1024
        && text.bytes().all(legal)
        && text.split('/').all(component)
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
}

fn is_object_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the text is a SHA-256 object id, which the library does not support.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

macro_rules! shown {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

macro_rules! read {
    ($($type:ident),*) => {$(
        impl $type {
            /// The text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }
    )*};
}

shown!(Owner, RepositoryName, TaskId, ObjectId, RefName, Directory);
read!(TaskId, ObjectId, Directory);

impl FromStr for Owner {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let legal = text.split('/').all(|part| is_forge_name(part) && !part.starts_with('.'));
        if legal { Ok(Self(text.to_owned())) } else { Err(NameError::Owner(text.to_owned())) }
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.strip_suffix(".git").unwrap_or(text);
        if is_forge_name(name) { Ok(Self(name.to_owned())) } else { Err(NameError::Repository(text.to_owned())) }
    }
}

impl FromStr for TaskId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_task_id(text) { Ok(Self(text.to_owned())) } else { Err(NameError::TaskId(text.to_owned())) }
    }
}

impl FromStr for RunTasks {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        format!("run-{text}").parse().map(Self)
    }
}

impl RunTasks {
    /// Whether a task is one of them.
    pub(crate) fn has(&self, task: &str) -> bool {
        let Some(rest) = task.strip_prefix(self.0.as_str()) else { return false };
        let is_call = |call: &str| call.len() == 12 && call.bytes().all(|byte| byte.is_ascii_hexdigit());
        rest.is_empty() || rest.strip_prefix('-').is_some_and(is_call)
    }
}

impl FromStr for ObjectId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_object_id(text) { Ok(Self(text.to_ascii_lowercase())) } else { Err(NameError::Revision(text.to_owned())) }
    }
}

impl FromStr for Revision {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_object_id(text) {
            text.parse().map(Self::Object)
        } else if is_sha256(text) {
            Err(NameError::Sha256(text.to_owned()))
        } else if is_ref(text) {
            Ok(Self::Ref(RefName(text.to_owned())))
        } else {
            Err(NameError::Revision(text.to_owned()))
        }
    }
}

impl FromStr for Directory {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let path = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        let legal = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\0', '\n']);
        if legal { Ok(Self(path.to_owned())) } else { Err(NameError::Directory(text.to_owned())) }
    }
}

impl RefName {
    /// The full names that this may stand for; the first that exists wins: branches before tags, as in `git clone
    /// --branch`.
    pub(crate) fn candidates(&self) -> Vec<String> {
        if self.0.starts_with("refs/") || self.0 == "HEAD" {
            return vec![self.0.clone()];
        }
        vec![format!("refs/heads/{}", self.0), format!("refs/tags/{}", self.0)]
    }
}

impl RefName {
    /// Whether it looks like an abbreviated object id. The remote takes it for the name of a ref.
    pub(super) fn could_be_an_object_id(&self) -> bool {
        (4..40).contains(&self.0.len()) && self.0.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => id.fmt(formatter),
            Self::Ref(name) => name.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_task_id_keeps_to_its_grammar() {
        for legal in ["a", "42", "pr-7.x_Y", "x.lock", "9-", &"x".repeat(128)] {
            assert!(legal.parse::<TaskId>().is_ok(), "{legal}");
        }
        for illegal in
            ["", ".", "..", "a..b", "../x", "a/b", "-a", ".a", "_a", "a b", "ü", "a\n", "a\0b", &"x".repeat(129)]
        {
            assert!(illegal.parse::<TaskId>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_run_has_the_tasks_of_its_calls_and_no_others() {
        let run: RunTasks = "r_1-a".parse().unwrap_or_else(|error| panic!("{error}"));
        assert!(run.has("run-r_1-a") && run.has("run-r_1-a-0123456789ab"));
        for other in
            ["run-r_1", "run-r_1-a-b", "run-r_1-a-0123456789abc", "run-r_1-ab", "r_1-a", "run-r_1-a-0123456789xy"]
        {
            assert!(!run.has(other), "{other}");
        }
        assert!("../x".parse::<RunTasks>().is_err());
    }

    #[test]
    fn owner_and_repository_are_not_paths() {
        for legal in ["exampleorg", "group/sub-group", "_x", "a.b"] {
            assert!(legal.parse::<Owner>().is_ok(), "{legal}");
        }
        for illegal in ["", "..", "a/..", "../b", "a//b", "/a", "a/", "-a", "a/-b", "a b", "a@b", "a:b", "a?b", "a%2e"]
        {
            assert!(illegal.parse::<Owner>().is_err(), "{illegal:?}");
        }
        assert_eq!("sample.git".parse::<RepositoryName>().map(|name| name.to_string()), Ok("sample".to_owned()));
        assert!(".github".parse::<RepositoryName>().is_ok());
        for illegal in ["", "..", ".", "a/b", "--upload-pack=x", "a\n", ".git"] {
            assert!(illegal.parse::<RepositoryName>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_revision_is_a_ref_or_an_object_id() {
        let id = "0123456789abcdef0123456789ABCDEF01234567";
        assert!(matches!(id.parse(), Ok(Revision::Object(id)) if id.as_str().ends_with("abcdef01234567")));
        assert!(matches!("0aF9".repeat(16).parse::<Revision>(), Err(NameError::Sha256(_))));
        for legal in ["main", "refs/heads/feature/x", "refs/pull/7/head", "v1.0", "HEAD", "a@b", "ü"] {
            assert!(matches!(legal.parse(), Ok(Revision::Ref(_))), "{legal}");
        }
        for illegal in [
            "",
            "-x",
            "--upload-pack=touch x",
            "a..b",
            "a b",
            "a:b",
            "a~1",
            "a^",
            "@",
            "a@{1}",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a.lock",
            "a.",
            "a*",
            "a[",
            "a\\b",
            "a\nb",
            "refs/heads/../x",
        ] {
            assert!(illegal.parse::<Revision>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_short_ref_stands_for_a_branch_before_a_tag() {
        let candidates = |text: &str| match text.parse() {
            Ok(Revision::Ref(name)) => name.candidates(),
            other => panic!("{other:?}"),
        };
        assert_eq!(candidates("main"), ["refs/heads/main", "refs/tags/main"]);
        assert_eq!(candidates("refs/pull/7/head"), ["refs/pull/7/head"]);
    }

    #[test]
    fn a_directory_stays_inside_the_repository() {
        assert_eq!("./src/app/".parse::<Directory>().map(|path| path.to_string()), Ok("src/app".to_owned()));
        for illegal in ["", "/", "/etc", "..", "a/../b", "a//b", ".", "a/."] {
            assert!(illegal.parse::<Directory>().is_err(), "{illegal:?}");
        }
    }

    proptest! {
        #[test]
        fn a_task_id_is_one_component_of_a_path(text in "\\PC{0,12}|[A-Za-z0-9._/-]{0,12}") {
            if text.parse::<TaskId>().is_ok() {
                let components: Vec<_> = std::path::Path::new(&text).components().collect();
                prop_assert!(matches!(components[..], [std::path::Component::Normal(name)] if name == text.as_str()));
            }
        }
    }
}
