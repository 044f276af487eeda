//! `semaphore`: sets and shows limits on concurrent runs, with their holders and waiters.

mod change;
mod delete;
mod drain;
mod get;
mod list;
mod local;
mod lock_argument;
mod lookup;
mod set;
mod wait;

use clap::Subcommand;

pub(super) use self::change::{carry_out, warn_of_shared};
use super::failure::Failure;
use crate::argo::identity::ObjectName;
use crate::exit::Exit;
use crate::locks::{Branch, CONFIG_MAP, KeyArgument, KeyError};

const EXAMPLES: &str = "Examples:
  # Allow two concurrent runs of a branch
  kubectl runnable semaphore set exampleorg/sample@main 2

  # List locks with their holders, and their waiters in order
  kubectl runnable semaphore list

  # Wait until a place is free and nobody waits for it
  kubectl runnable semaphore wait exampleorg/sample@main --timeout 10m

  # Submit a workflow that acquires the semaphore
  kubectl runnable submit ci.yaml --semaphore exampleorg/sample@main";

/// Limit how many runs execute concurrently; show lock holders and waiters
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Set(set::Args),
    Get(get::Args),
    List(list::Args),
    Wait(wait::Args),
    Delete(delete::Args),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::Set(args) => set::run(args),
        Command::Get(args) => get::run(args),
        Command::List(args) => list::run(args),
        Command::Wait(args) => wait::run(args),
        Command::Delete(args) => delete::run(args),
    }
}

/// The branch from which a key is derived.
#[derive(Debug, clap::Args)]
struct BranchArgs {
    /// The owner of the repository, instead of KEY
    #[arg(long, value_name = "OWNER", requires = "repo")]
    owner: Option<String>,

    /// The repository
    #[arg(long, value_name = "REPO", requires = "owner")]
    repo: Option<String>,

    /// The branch or tag [default: refs/heads/main]
    #[arg(long = "ref", value_name = "REF", requires = "owner")]
    reference: Option<String>,
}

impl BranchArgs {
    fn named(&self) -> Result<Option<KeyArgument>, KeyError> {
        let (Some(owner), Some(repo)) = (&self.owner, &self.repo) else { return Ok(None) };
        Branch::new(owner, repo, self.reference.as_deref())?.try_into().map(Some)
    }
}

/// The ConfigMap that holds the limits.
#[derive(Debug, clap::Args)]
struct ConfigMapArgs {
    /// The ConfigMap that holds the limits
    #[arg(long = "configmap", value_name = "NAME", default_value = CONFIG_MAP)]
    name: ObjectName,
}

fn no_key() -> Failure {
    Failure::usage("no semaphore given").hint("give KEY or OWNER/REPO@REF, or use --owner, --repo and --ref")
}
