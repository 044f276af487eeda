//! `archive retry`: the retry of a run that is gone from the cluster, by the same plan as that of one that is there.

use super::server::ServerArgs;
use crate::cli::failure::Failure;
use crate::cli::retry;
use crate::exit::Exit;

const EXAMPLES: &str = "Examples:
  # See what a retry would run again, then retry it as a new workflow of the cluster, and wait for its end
  kubectl runnable archive retry etl-x2k9f --plan
  kubectl runnable archive retry etl-x2k9f --wait

  # As argo archive retry does: create the same workflow again, and go on where it failed
  kubectl runnable archive retry etl-x2k9f --in-place

  # As argo archive resubmit --memoized does
  kubectl runnable archive retry a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 --memoized

  # All runs of a team whose last attempt failed
  kubectl runnable archive retry -l team=data --plan

argo-server gives the workflow, and the Kubernetes API takes the new one: its rights are those of kubectl runnable retry.";

/// Retry workflows of the archive on the cluster: only what did not succeed runs again
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(
    after_help = EXAMPLES,
    mut_arg("runs", |arg| arg.value_name("ARCHIVED").help("Names or uids of workflows of the archive")),
    mut_arg("local", |arg| arg.hide(true)),
    mut_arg("stubs", |arg| arg.hide(true)),
    mut_arg("in_place", |arg| arg.help("Create the same workflow again, as argo archive retry does; it continues where it failed"))
)]
pub(super) struct Args {
    #[command(flatten)]
    retry: retry::Args,

    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    retry::run_of_archive(&args.retry, &args.server)
}
