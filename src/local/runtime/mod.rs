//! Runs the containers of tasks in their images, with the container runtime of this machine.
//!
//! ```text
//! images ─► known before anything starts ─► the id of each, by which entries of caches are told apart
//! task ─► staged: script, inputs, variables ─► create ─► start, attached ─► cp outputs ─► rm
//! ```
//!
//! The network is the host's, as in the view of a process. A secret is in no argument: variables are in a file that this user
//! alone reads. If this program is killed, its containers go on; they have the label [`LABEL`].

mod argv;
mod container;
mod containers;
mod fetch;
mod images;
mod outputs;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

pub use self::images::Pull;
pub(crate) use self::images::{ImageError, Wanted};

use crate::argo::Workflow;
use crate::cache::Stop;

/// The label of all containers: the directory of the task that they belong to.
pub(crate) const LABEL: &str = "kubectl-runnable/task";
/// The annotation of a local run that names the runtime of its containers.
pub(crate) const ANNOTATION: &str = "kubectl-runnable/runtime";

/// A program that runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Program {
    /// docker
    Docker,
    /// podman
    Podman,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// The program.
    pub(crate) program: Program,
    /// Its own arguments, before its command.
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    /// More arguments of the command that makes a container.
    #[serde(default)]
    pub(crate) of_containers: Vec<String>,
}

/// A container runtime, and the images that it is known to have.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    choice: Choice,
    path: PathBuf,
    /// The ids of images by name.
    ids: Arc<Mutex<BTreeMap<String, String>>>,
    /// Ends what is being fetched; none before the run starts, when a signal ends this program and what it has started.
    fetching: Option<Stop>,
}

impl Program {
    /// Its name on the PATH.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl Choice {
    /// What was asked for when a local run was submitted.
    pub(crate) fn of_run(run: &Workflow) -> Result<Option<Self>, ImageError> {
        let said = run.annotation(ANNOTATION).map(serde_json::from_str).transpose();
        said.map_err(|error| ImageError::Annotation(error.to_string()))
    }

    /// Writes down what is asked for. What the document itself says does not count: its author chooses no program.
    pub(crate) fn note(asked: Option<&Self>, workflow: &mut Workflow) {
        match asked {
            Some(asked) => workflow.set_annotation(ANNOTATION, &serde_json::to_string(asked).unwrap_or_default()),
            None => workflow.remove_annotation(ANNOTATION),
        }
    }
}

impl Runtime {
    /// The runtime of a run that starts: from now on [`Runtime::end_fetching`] ends what is being fetched.
    pub(crate) fn of_run_that_starts(self) -> Self {
        Self { fetching: Some(Stop::default()), ..self }
    }

    /// The same for one task, which may end before others.
    fn for_one_task(&self) -> Self {
        self.clone().of_run_that_starts()
    }

    /// Ends what is being fetched, for nobody needs it any more.
    pub(crate) fn end_fetching(&self) {
        if let Some(stop) = &self.fetching {
            stop.stop();
        }
    }

    /// The program's name.
    pub(crate) fn name(&self) -> &'static str {
        self.choice.program.name()
    }

    /// A command of the runtime that reads nothing.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.choice.arguments).args(words).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end and gives its standard output, or the last line of what it said.
    fn ask(&self, words: &[&str]) -> Result<String, String> {
        let output = self.command(words).output().map_err(|error| self.unusable(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(last_line(&output.stderr))
    }

    fn unusable(&self, error: &io::Error) -> String {
        format!("cannot run {}: {error}", self.name())
    }
}

/// The last line of what a program said.
fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").to_owned()
}
