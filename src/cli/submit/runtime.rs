//! `--runtime`: local runs with the images of their templates.

use clap::ValueEnum;

use crate::argo::Workflow;
use crate::local::new_run::NewRunError;
use crate::local::runtime::{Choice, Program};

/// What the containers of a local run are.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Images")]
pub(in crate::cli) struct RuntimeArgs {
    /// What runs the containers of a local run: host runs programs of this machine (on Linux alone), docker and podman
    /// run each template in its image [default: host, with --resume that of the run]
    #[arg(long, value_name = "host|docker|podman", requires = "local", hide_possible_values = true)]
    runtime: Option<RuntimeName>,

    /// An argument of the runtime itself, such as --storage-driver=vfs; one that begins with run: is of the command that makes
    /// a container, such as run:--memory=1g; repeatable
    #[arg(long, value_name = "[run:]ARG", requires = "runtime", allow_hyphen_values = true)]
    runtime_arg: Vec<String>,

    /// Use cache entries that were made by another runtime or in another image: any; by default they are ignored
    #[arg(long, value_name = "any", requires = "local", hide_possible_values = true)]
    accept_runtime: Option<Accepted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RuntimeName {
    Host,
    Docker,
    Podman,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Accepted {
    Any,
}

impl RuntimeArgs {
    /// What was chosen, or what runs the containers of the run that is gone on from; none where programs of this machine run.
    pub(super) fn choice(&self, before: Option<&Workflow>) -> Result<Option<Choice>, NewRunError> {
        let program = match self.runtime {
            None => return Ok(before.map(Choice::of_run).transpose()?.flatten()),
            Some(RuntimeName::Host) => return Ok(None),
            Some(RuntimeName::Docker) => Program::Docker,
            Some(RuntimeName::Podman) => Program::Podman,
        };
        let (of_containers, arguments): (Vec<&String>, Vec<&String>) =
            self.runtime_arg.iter().partition(|argument| argument.starts_with("run:"));
        let of_containers = of_containers.into_iter().map(|argument| argument["run:".len()..].to_owned());
        Ok(Some(Choice {
            program,
            arguments: arguments.into_iter().cloned().collect(),
            of_containers: of_containers.collect(),
        }))
    }

    /// Whether entries of any runtime and image count.
    pub(super) fn accepts_any(&self) -> bool {
        self.accept_runtime.is_some()
    }
}
