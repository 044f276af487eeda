//! Errors of worktree commands, each with its exit code and hint.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::identity::{Directory, NameError, ObjectId, RefName, TaskId};
use super::remote::RemoteUrlError;
use super::retention::Reason;
use crate::exit::{CommandError, Exit};

/// Why a worktree could not be created, listed or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// A name does not match its grammar.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A URL is not the address of a repository.
    #[error(transparent)]
    Url(#[from] RemoteUrlError),
    /// The user has no git.
    #[error("git was not found on the PATH")]
    NoGit,
    /// The file system refused.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// The attempted action, as a verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A path of the root is not a directory, or has an unusable name.
    #[error("{} {problem}", path.display())]
    Place {
        /// The path.
        path: PathBuf,
        /// The problem, as the end of a sentence that begins with the path.
        problem: &'static str,
    },
    /// Another process held the lock of the base for longer than the timeout.
    #[error("{} is locked{}: waited {waited:?}", path.display(), by(holder.as_deref()))]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// The holder's description of itself.
        holder: Option<String>,
        /// How long we waited.
        waited: Duration,
    },
    /// The task already has a worktree.
    #[error("task {task} already has a worktree: {}", path.display())]
    Exists {
        /// The task.
        task: TaskId,
        /// Its worktree.
        path: PathBuf,
    },
    /// Another process is creating the task's worktree.
    #[error("the worktree of task {task} is being created{}", by(holder.as_deref()))]
    BeingMade {
        /// The task.
        task: TaskId,
        /// The creating process.
        holder: Option<String>,
    },
    /// The command would move or remove the task's worktree, which holds work that the remote does not have.
    #[error("the worktree of task {task} holds work of its own: {}", sentence(reasons))]
    HoldsWork {
        /// The task.
        task: TaskId,
        /// The work.
        reasons: Vec<Reason>,
        /// The base, if the worktree's directory is gone.
        gone_from: Option<PathBuf>,
    },
    /// Something else is at the path of the task's worktree.
    #[error("{} exists and is not a worktree of {}", path.display(), base.display())]
    Orphan {
        /// The path.
        path: PathBuf,
        /// The base.
        base: PathBuf,
    },
    /// The base is a clone of another repository.
    #[error("{} is a clone of {has}, not of {wanted}", base.display())]
    OtherRemote {
        /// The base.
        base: PathBuf,
        /// Its remote.
        has: String,
        /// The requested remote.
        wanted: String,
    },
    /// Something else is at the path of the base.
    #[error("{} exists and is not a git repository", base.display())]
    NoRepository {
        /// The base.
        base: PathBuf,
    },
    /// The root has no base.
    #[error("there is no base in {}", root.display())]
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
    /// The remote requires credentials, or rejects the ones it got.
    #[error("{url} is private or does not exist: {message}")]
    Credentials {
        /// The remote.
        url: String,
        /// Git's error message.
        message: String,
    },
    /// The base belongs to another user.
    #[error("{} belongs to another user, and git does not trust it", path.display())]
    Ownership {
        /// The directory of the other user.
        path: PathBuf,
    },
    /// A git command failed.
    #[error("git {command} failed: {message}")]
    Git {
        /// The subcommand.
        command: String,
        /// Its error message.
        message: String,
    },
    /// The user's hook failed; the worktree is complete.
    #[error("the post-checkout hook failed in {}: {how}", path.display())]
    Hook {
        /// The worktree.
        path: PathBuf,
        /// Its exit status or error message.
        how: String,
    },
    /// The repository uses SHA-256 object ids.
    #[error("{repository} uses SHA-256 object ids: only SHA-1 is supported")]
    ObjectFormat {
        /// The repository's address or path.
        repository: String,
    },
    /// An object of the commit is missing from the base, or damaged.
    #[error("the base lacks objects of commit {commit}")]
    Damaged {
        /// The commit.
        commit: ObjectId,
        /// The library's error, which names the object.
        #[source]
        source: git2::Error,
    },
    /// An operation on the local repository failed.
    #[error("cannot {doing}")]
    Library {
        /// The attempted action, as a verb.
        doing: &'static str,
        /// The cause.
        #[source]
        source: git2::Error,
    },
    /// Garbage cannot be collected, because another process works in the root.
    #[error("garbage cannot be collected in {} while {by} works there", root.display())]
    Busy {
        /// The root.
        root: PathBuf,
        /// The other process.
        by: String,
    },
    /// A signal ended the command.
    #[error("interrupted: nothing half-made is left")]
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
                "free disk space (kubectl runnable worktree cleanup --stale --gc), then run the same command again"
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
                    "{save}, or discard the work: kubectl runnable worktree cleanup --task-id {task} --force"
                ));
            }
            Self::Orphan { .. } => "inspect and remove it, or choose another --task-id",
            Self::OtherRemote { .. } => "a root holds one repository: choose another --root",
            Self::NoRepository { .. } => "move it away, or choose another --root",
            Self::NoRef { name, .. } if name.could_be_an_object_id() => {
                return Some(format!(
                    "for a commit, give its full id of 40 digits; in a clone that has it: git rev-parse {name}"
                ));
            }
            Self::NoRef { default: Some(default), .. } => {
                return Some(format!("its default branch is {default}: --ref {default}"));
            }
            Self::NoCommit { .. } => {
                "the remote may serve only branches and tags: set --ref to one that contains the commit"
            }
            Self::Credentials { .. } => {
                "set up a git credential helper or an ssh key, or set GITHUB_TOKEN, GH_TOKEN or GITLAB_TOKEN (each is sent only to its own host)"
            }
            Self::Ownership { .. } => "--safe-directory adds it to safe.directory in your global git config",
            Self::Hook { .. } => {
                "the worktree is complete and --reuse uses it; git config --show-origin core.hooksPath shows where the hook comes from"
            }
            Self::ObjectFormat { .. } => "git clone --depth=1 makes a checkout of it, one for each task",
            Self::Damaged { .. } => "move the base away; the next init creates a new one",
            Self::Busy { .. } => "run the command again after that process has ended",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl GitError {
    /// For `map_err`: a failed action on a path.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// For `map_err`: a failed system call on a path.
    pub(super) fn call(doing: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.to_owned();
        move |errno| Self::File { doing, path, source: errno.into() }
    }

    /// For `map_err`: a failed action on the repository.
    pub(super) fn library(doing: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Library { doing, source }
    }
}
