//! `archive`: workflows that are gone from the cluster, as argo-server's archive keeps them.

mod delete;
mod get;
mod labels;
mod list;
mod resubmit;
mod retry;
mod server;

use clap::Subcommand;

pub(super) use self::server::ServerArgs;
use super::failure::Failure;
use crate::exit::Exit;

/// List, show, retry and delete workflows of argo-server's archive, which are gone from the cluster
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Runs of the last week, the latest first; ARGO_TOKEN is what argo auth token prints
  export ARGO_SERVER=argo.example.org:443 ARGO_TOKEN
  kubectl runnable archive list --since 7d

  # One of them
  kubectl runnable archive get etl-x2k9f

  # What argo-server without an ingress keeps
  kubectl -n argo port-forward service/argo-server 2746 &
  kubectl runnable archive list --argo-server localhost:2746 --insecure-skip-verify")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Get(get::Args),
    Retry(Box<retry::Args>),
    Resubmit(Box<resubmit::Args>),
    Delete(delete::Args),
    ListLabelKeys(labels::KeysArgs),
    ListLabelValues(labels::ValuesArgs),
}

pub(super) fn run(args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::List(args) => list::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Retry(args) => retry::run(&args),
        Command::Resubmit(args) => resubmit::run(*args),
        Command::Delete(args) => delete::run(&args),
        Command::ListLabelKeys(args) => labels::keys(&args),
        Command::ListLabelValues(args) => labels::values(&args),
    }
}
