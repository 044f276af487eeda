//! A task: one attempt of one Pod node, fully resolved. Plain data between the scheduler and the executor.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::probe::Probe;
use super::runtime::Pull;
use crate::artifact::{Archive, Place};

/// One attempt of one Pod node, with every tag replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The id of the Pod node, unique in the run and safe as a file name.
    pub node: String,
    /// The name of its template, for messages.
    pub template: String,
    /// Run in order before the main processes; each must exit 0.
    pub init: Vec<Process>,
    /// The main process, or those of a containerSet with their dependencies. Never empty.
    pub main: Vec<Process>,
    /// Run beside the main processes and are stopped when these have ended.
    pub sidecars: Vec<Process>,
    /// Artifacts laid down before anything runs.
    pub input_artifacts: Vec<InputArtifact>,
    /// Directories of the host that appear in the task's view of the file system.
    pub mounts: Vec<Mount>,
    /// Files that the executor writes for mounts of this task alone, below its directory.
    #[serde(default)]
    pub volume_files: Vec<VolumeFile>,
    /// Files whose content becomes an output parameter.
    pub output_parameters: Vec<OutputParameter>,
    /// Files and directories kept when the main process has ended, with whatever code.
    pub output_artifacts: Vec<OutputArtifact>,
    /// Whether the standard output of the process `main` is kept as `outputs.result`.
    pub capture_result: bool,
    /// How often each main process is run until it exits 0.
    #[serde(default)]
    pub again: Again,
    /// Of a daemon: what has to hold before it is ready.
    #[serde(default)]
    pub daemon: Option<Vec<Probe>>,
}

impl Task {
    /// Whether one of its processes has all rights.
    pub(crate) fn is_privileged(&self) -> bool {
        self.processes().any(|process| process.security.privileged)
    }

    /// Whether one of its processes has rights that a container runtime does not give by itself.
    pub(crate) fn has_added_rights(&self) -> bool {
        self.processes().any(|process| process.security.privileged || !process.security.add.is_empty())
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.init.iter().chain(&self.main).chain(&self.sidecars)
    }
}

/// How often a process is run until it exits 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Runs after the first one.
    pub(crate) times: u32,
    /// Milliseconds between two runs.
    pub(crate) pause: u64,
}

/// A process of a task: what Argo calls a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The container's name; `main` for container and script templates.
    pub name: String,
    /// Program and arguments. Never empty. A program without `/` is looked up on the `PATH` of the process.
    pub command: Vec<String>,
    /// Written to a file of the view (`/argo/staging/script`) whose path is appended to `command`.
    pub script: Option<String>,
    /// Added to the environment; of two entries with one name the later one counts.
    pub env: Vec<(String, String)>,
    /// Working directory in the view; `/` when none.
    pub working_directory: Option<PathBuf>,
    /// Names of the processes in `Task::main` that must have exited 0 first (containerSet only).
    pub dependencies: Vec<String>,
    /// What it may do.
    pub security: Security,
    /// The image that a cluster would run it in; here too, where a runtime does so.
    pub image: String,
    /// As whom it runs in its image: `USER` or `USER:GROUP`, in numbers.
    #[serde(default)]
    pub user: Option<String>,
    /// Whether the first word of the command only stands for the image's entrypoint, which is not known without the image.
    #[serde(default)]
    pub stands_for_image: bool,
    /// When its image is fetched.
    #[serde(default)]
    pub pull: Pull,
}

/// What a process may do, as a container's `securityContext` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// Every right that the engine has, with the devices and the kernel's files as they are.
    pub privileged: bool,
    /// Added to the rights that a container runtime gives: names without `CAP_`, or `ALL`.
    pub add: Vec<String>,
    /// Taken away of these; what is also added stays.
    pub drop: Vec<String>,
    /// No program gets more rights than its parent, by set-user-ID for example.
    pub no_new_privileges: bool,
}

/// Where an input artifact's content comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ArtifactSource {
    /// The text itself.
    Raw(String),
    /// A file or directory in the run's artifact store.
    Stored(PathBuf),
    /// Kept elsewhere. The executor brings it and makes it `Stored`, so that no worker sees it.
    #[serde(skip)]
    Remote(Box<Remote>),
}

/// An artifact that is kept elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Remote {
    /// Where it would be in the run's artifact store; what is there counts first.
    pub(crate) near: Option<PathBuf>,
    /// Where it is else.
    pub(crate) place: Place,
    /// How it is packed there.
    pub(crate) archive: Archive,
    /// Whether it may be missing.
    pub(crate) optional: bool,
}

/// Where an output artifact goes beside the run's artifact store.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// Where it is kept.
    pub(crate) place: Place,
    /// How it is packed there.
    pub(crate) archive: Archive,
}

/// An artifact that a task reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputArtifact {
    /// The artifact's name.
    pub name: String,
    /// Absolute path in the view.
    pub path: PathBuf,
    /// Its content.
    pub source: ArtifactSource,
    /// Permission bits, such as 0o755.
    pub mode: Option<u32>,
    /// Whether `mode` also goes to everything below the path.
    pub recurse_mode: bool,
}

/// A directory or file of the host at a path of the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute path on the host; a missing one is created as a directory.
    pub source: PathBuf,
    /// A path below the source, which is shown instead of it. No link in it leads out of the source.
    pub sub_path: PathBuf,
    /// Absolute path in the view.
    pub target: PathBuf,
    /// Whether the task may write to it.
    pub read_only: bool,
}

/// The directory, below that of a node, in which the files of its volumes lie while its task runs.
pub(crate) const VOLUME_FILES: &str = "files";

/// A file of a volume that a ConfigMap, a Secret or the pod itself gives: `VOLUME_FILES/volume/path`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeFile {
    /// The volume's name, safe as that of a directory.
    pub(crate) volume: String,
    /// Relative path in the volume; empty for a volume without files.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) content: String,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// A file whose content becomes an output parameter; one trailing newline is cut, as Argo does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputParameter {
    /// The parameter's name.
    pub name: String,
    /// Absolute path in the view.
    pub path: PathBuf,
    /// Used when the file does not exist; without it a missing file is an error.
    pub default: Option<String>,
}

/// A file or directory that is kept in the run's artifact store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputArtifact {
    /// The artifact's name.
    pub name: String,
    /// Absolute path in the view.
    pub path: PathBuf,
    /// Where it is kept: a path below the run directory that does not exist yet.
    pub store: PathBuf,
    /// Whether a missing file is no error.
    pub optional: bool,
    /// Where it goes too, when it is kept.
    #[serde(skip)]
    pub upload: Option<Box<Upload>>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Exit code of the process `main` (128 + signal when a signal ended it); none when it never started, but 64 where
    /// a program is not found. Of a containerSet without a `main`: the first code in the order of `Task::main` that is
    /// not 0, else 0.
    pub exit_code: Option<i32>,
    /// What the main process wrote to standard output, one trailing newline cut, the last 256 kB as Argo does; only where
    /// the task asks for it.
    pub result: Option<String>,
    /// Output parameters by name.
    pub parameters: BTreeMap<String, String>,
    /// Names of the output artifacts that were kept.
    pub artifacts: Vec<String>,
    /// The exit codes of the processes in `Task::main` by name (none: not started).
    pub containers: BTreeMap<String, Option<i32>>,
    /// The init process that ended with another code than 0 (then nothing else ran), or a sidecar that did so on its own
    /// (codes 137 and 143 do not count): Argo makes such a node Failed, with `NAME: Error (exit code N)`.
    pub failed: Option<FailedProcess>,
    /// Why the task is an Error (not a failure of its program): a program that is not found, an output that is missing.
    pub error: Option<String>,
    /// Why it was killed, when it was: the reason handed to the executor.
    pub killed: Option<String>,
}

impl Outcome {
    /// Whether the task did not end as it should.
    pub(crate) fn has_failed(&self) -> bool {
        self.error.is_some() || self.failed.is_some() || self.exit_code.is_some_and(|code| code != 0)
    }
}

/// A process beside the main one that made its task fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedProcess {
    /// The process's name.
    pub name: String,
    /// Its exit code (128 + signal when a signal ended it).
    pub exit_code: i32,
}
