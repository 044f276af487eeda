//! `cache`: the entries from which attempts of runs continue, in ConfigMaps of a cluster and in stores of manifests.

mod consent;
mod delete;
mod diff;
mod export;
mod given;
mod import;
mod inspect;
mod list;
mod prune;
mod source;
mod unused;
mod why;

use clap::Subcommand;

use super::failure::Failure;
use super::runtime::block_on;
use crate::exit::Exit;

pub(super) use self::consent::ConsentArgs;
pub(super) use self::source::{Source, check_mutable};
pub(super) use self::unused::{Reach, caches_of_runs, delete_unused};

const EXAMPLES: &str = "Examples:
  # The caches of a cluster, and those of this machine
  kubectl runnable cache list
  kubectl runnable cache list --local

  # What a cache holds, how full it is, and what makes nodes fail
  kubectl runnable cache inspect runnable-k3v9qz

  # Why a node ran again
  kubectl runnable cache why etl-x2k9f load

  # Remove entries that have not been used for a month
  kubectl runnable cache prune runnable-k3v9qz --unused 30d";

/// Inspect and repair caches, and copy entries between them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::Args),
    Inspect(inspect::Args),
    Why(why::Args),
    Diff(diff::Args),
    Prune(prune::Args),
    Delete(delete::Args),
    Export(export::Args),
    Import(import::Args),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        match &args.verb {
            Verb::List(args) => list::run(args).await,
            Verb::Inspect(args) => inspect::run(args).await,
            Verb::Why(args) => why::run(args).await,
            Verb::Diff(args) => diff::run(args).await,
            Verb::Prune(args) => prune::run(args).await,
            Verb::Delete(args) => delete::run(args).await,
            Verb::Export(args) => export::run(args).await,
            Verb::Import(args) => import::run(args).await,
        }
    })
}
