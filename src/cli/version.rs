//! `version`: the program's own; `doctor` tells those of the cluster.

use serde_json::json;

use super::completion::PROGRAM;
use super::failure::Failure;
use crate::exit::Exit;
use crate::output::stream::result;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Print the program's version; doctor shows those of the cluster and of Argo
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # The program's version
  kubectl runnable version

  # For a script
  kubectl runnable version -o json

  # The versions of the cluster and of its controller
  kubectl runnable doctor")]
pub(super) struct Args {
    /// Only the number
    #[arg(long)]
    short: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", conflicts_with = "short")]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// An object with version, os and arch.
    Json,
}

/// Prints what `--version` prints, without putting the whole command line together.
pub(super) fn print() -> Result<Exit, Failure> {
    result(format_args!("{PROGRAM} {VERSION}\n"))?;
    Ok(Exit::Success)
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    match (args.short, args.output) {
        (true, _) => result(format_args!("{VERSION}\n"))?,
        (false, Some(Format::Json)) => {
            result(format_args!("{:#}\n", json!({"version": VERSION, "os": os, "arch": arch})))?;
        }
        (false, None) => result(format_args!("kubectl-runnable {VERSION} ({os} {arch})\n"))?,
    }
    Ok(Exit::Success)
}
