//! `doctor`: looks at everything that a run needs, and says what to do about what is missing. It changes nothing.

mod argo_server;
mod cluster;
mod machine;
mod permissions;
mod store;

use super::failure::Failure;
use super::runtime::block_on;
use super::target::TargetArgs;
use crate::exit::Exit;
use crate::output::doctor::{Part, State, document, text, worst};
use crate::output::stream::{result, stdout_colors, stdout_width};

/// Check the cluster and this machine: what works, what does not, and what to do about it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Check the cluster of the current context, and this machine
  kubectl runnable doctor

  # Only what runs of this machine need; contacts no cluster
  kubectl runnable doctor --local

  # Whether this user may submit and retry in a namespace, for a script
  kubectl runnable doctor -n team -o json

The exit code is 1 if a check ended with an error; a warning does not change it.")]
pub(super) struct Args {
    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// An object: ok, and the checks of cluster and machine with state, message and advice.
    Json,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut parts = Vec::new();
    if !args.target.local {
        let checks = block_on(async {
            let mut checks = cluster::checks(&args.target.access).await;
            checks.extend(argo_server::check(&args.target.access).await);
            Ok(checks)
        })?;
        parts.push(Part { name: "cluster", checks });
    }
    parts.push(Part { name: "machine", checks: machine::checks() });
    match args.output {
        Some(Format::Json) => result(format_args!("{:#}\n", document(&parts)))?,
        None => result(text(&parts, stdout_colors(), stdout_width()))?,
    }
    Ok(if worst(&parts) == State::Error { Exit::Tool } else { Exit::Success })
}
