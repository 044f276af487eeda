//! What goes wrong with worktrees: each way has its exit code and its word of advice.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::identity::{Directory, NameError, ObjectId, RefName, TaskId};
use super::remote::RemoteUrlError;
use super::retention::Reason;
use crate::exit::{CommandError, Exit};

/// Why a worktree could not be made, listed or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// A name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A URL is none.
    #[error(transparent)]
    Url(#[from] RemoteUrlError),
    /// The user's git is not there.
    #[error("git was not found on the PATH")]
    NoGit,
    /// The file system refused.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something of the root is not what it must be, such as a link.
    #[error("{} {problem}", path.display())]
    Place {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another process works on the base for too long.
    #[error("{} is locked{}, and was for {waited:?}", path.display(), by(holder.as_deref()))]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// What its holder says of itself.
        holder: Option<String>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The task has a worktree.
    #[error("task {task} already has a worktree: {}", path.display())]
    Exists {
        /// The task.
        task: TaskId,
        /// Its worktree.
        path: PathBuf,
    },
    /// The task's worktree is being made.
    #[error("the worktree of task {task} is being made{}", by(holder.as_deref()))]
    BeingMade {
        /// The task.
        task: TaskId,
        /// By whom.
        holder: Option<String>,
    },
    /// The task's worktree holds what the remote does not have, and would be moved or removed.
    #[error("the worktree of task {task} holds work of its own: {}", sentence(reasons))]
    HoldsWork {
        /// The task.
        task: TaskId,
        /// The work.
        reasons: Vec<Reason>,
        /// The base, when the worktree's directory is gone.
        gone_from: Option<PathBuf>,
    },
    /// There is something in the task's place that is no worktree.
    #[error("{} exists and is not a worktree of {}", path.display(), base.display())]
    Orphan {
        /// What is there.
        path: PathBuf,
        /// The base.
        base: PathBuf,
    },
    /// The base is one of another repository.
    #[error("{} is a clone of {has}, not of {wanted}", base.display())]
    OtherRemote {
        /// The base.
        base: PathBuf,
        /// Its remote.
        has: String,
        /// The remote that was asked for.
        wanted: String,
    },
    /// There is something in the base's place that is no repository.
    #[error("{} exists and is not a git repository", base.display())]
    NoRepository {
        /// The base.
        base: PathBuf,
    },
    /// There is no base.
    #[error("there is no clone in {}", root.display())]
    NoBase {
        /// The root.
        root: PathBuf,
    },
    /// The remote has no such ref.
    #[error("{url} has no ref {name}")]
    NoRef {
        /// The remote.
        url: String,
        /// The ref.
        name: RefName,
        /// The remote's default branch.
        default: Option<String>,
    },
    /// The remote has no such commit.
    #[error("{url} has no commit {id}, or does not serve it")]
    NoCommit {
        /// The remote.
        url: String,
        /// The commit.
        id: ObjectId,
    },
    /// The commit has no such directory.
    #[error("commit {commit} has no directory {directory}")]
    NoDirectory {
        /// The commit.
        commit: ObjectId,
        /// The directory.
        directory: Directory,
    },
    /// The remote wants credentials, or other ones.
    #[error("{url} is private or does not exist: {said}")]
    Credentials {
        /// The remote.
        url: String,
        /// What git said.
        said: String,
    },
    /// The base belongs to another user.
    #[error("{} belongs to another user, and git does not trust it", path.display())]
    Ownership {
        /// What belongs to another.
        path: PathBuf,
    },
    /// git failed.
    #[error("git {command} failed: {said}")]
    Git {
        /// The subcommand.
        command: String,
        /// What it said.
        said: String,
    },
    /// The user's hook failed; the worktree is whole.
    #[error("the post-checkout hook failed in {}: {how}", path.display())]
    Hook {
        /// The worktree.
        path: PathBuf,
        /// How it ended, or what it said.
        how: String,
    },
    /// The repository's object ids are of another kind than this program's.
    #[error("{repository} uses SHA-256 object ids: only SHA-1 is supported")]
    ObjectFormat {
        /// The repository's address or path.
        repository: String,
    },
    /// An object that must be there is not, or is damaged.
    #[error("the base lacks objects of commit {commit}")]
    Damaged {
        /// The commit.
        commit: ObjectId,
        /// What misses.
        #[source]
        source: git2::Error,
    },
    /// The local repository could not be worked on.
    #[error("cannot {doing}")]
    Library {
        /// What was tried, as a verb.
        doing: &'static str,
        /// Why not.
        #[source]
        source: git2::Error,
    },
    /// Somebody works in the root, so that no garbage may be collected.
    #[error("garbage cannot be collected in {} while {by} works there", root.display())]
    Busy {
        /// The root.
        root: PathBuf,
        /// Who.
        by: String,
    },
    /// A signal ended the work.
    #[error("interrupted: nothing was left half-made")]
    Interrupted,
}

fn sentence(reasons: &[Reason]) -> String {
    let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
    reasons.join("; ")
}

fn by(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}

impl CommandError for GitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Name(_)
            | Self::Url(_)
            | Self::Place { .. }
            | Self::NoDirectory { .. }
            | Self::ObjectFormat { .. } => Exit::Usage,
            Self::NoRef { .. } | Self::NoCommit { .. } | Self::NoBase { .. } => Exit::NotFound,
            Self::Locked { .. }
            | Self::Exists { .. }
            | Self::BeingMade { .. }
            | Self::HoldsWork { .. }
            | Self::Orphan { .. }
            | Self::OtherRemote { .. }
            | Self::NoRepository { .. }
            | Self::Busy { .. } => Exit::Conflict,
            Self::Interrupted => Exit::Interrupted,
            Self::NoGit
            | Self::File { .. }
            | Self::Credentials { .. }
            | Self::Ownership { .. }
            | Self::Git { .. }
            | Self::Hook { .. }
            | Self::Damaged { .. }
            | Self::Library { .. } => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoGit => {
                "install git (2.39 or newer); it fetches with your own credentials, proxies and certificates"
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room (kubectl runnable worktree cleanup --stale --gc), then run the same command again"
            }
            Self::Locked { .. } => {
                "wait longer with --lock-timeout; the lock is released when its holder's process ends"
            }
            Self::Exists { task, .. } => {
                return Some(format!(
                    "reuse it with --reuse, or remove it: kubectl runnable worktree cleanup --task-id {task}"
                ));
            }
            Self::BeingMade { .. } => "--reuse waits until it is finished and uses it",
            Self::HoldsWork { task, gone_from, .. } => {
                let save = match gone_from {
                    Some(base) => format!("keep a commit with git -C {} branch NAME COMMIT", base.display()),
                    None => "commit and push it".to_owned(),
                };
                return Some(format!(
                    "{save}, or give the work up: kubectl runnable worktree cleanup --task-id {task} --force"
                ));
            }
            Self::Orphan { .. } => "inspect and remove it, or choose another --task-id",
            Self::OtherRemote { .. } => "a root holds one repository: give another --root",
            Self::NoRepository { .. } => "move it away, or give another --root",
            Self::NoRef { name, .. } if name.could_be_an_object_id() => {
                return Some(format!(
                    "a commit is named by its whole id of 40 digits; in a clone that has it: git rev-parse {name}"
                ));
            }
            Self::NoRef { default: Some(default), .. } => {
                return Some(format!("its default branch is {default}: --ref {default}"));
            }
            Self::NoCommit { .. } => {
                "the remote may serve only branches and tags: give one that contains the commit as --ref"
            }
            Self::Credentials { .. } => {
                "set up a git credential helper or an ssh key, or set GITHUB_TOKEN, GH_TOKEN or GITLAB_TOKEN for its own host"
            }
            Self::Ownership { .. } => "--safe-directory adds it to safe.directory in your global git config",
            Self::Hook { .. } => {
                "the worktree is complete: --reuse uses it; git config --show-origin core.hooksPath shows where the hook comes from"
            }
            Self::ObjectFormat { .. } => "git clone --depth=1 makes a checkout of it, one for each task",
            Self::Damaged { .. } => "move the clone away; the next init creates it again",
            Self::Busy { .. } => "run the command again when that process has ended",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl GitError {
    /// For `map_err`: what was tried on a path.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// For `map_err`: what was tried on a path by a system call.
    pub(super) fn call(doing: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.to_owned();
        move |errno| Self::File { doing, path, source: errno.into() }
    }

    /// For `map_err`: what was tried on the repository.
    pub(super) fn library(doing: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Library { doing, source }
    }
}
