//! `semaphore list`: lists locks with their holders and waiters.

use serde_json::json;

use super::lookup::{Scope, look_up};
use super::{ConfigMapArgs, local};
use crate::backend::Backend;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::target::TargetArgs;
use crate::cli::values::formats;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::{Cycle, Lock, cycles};
use crate::output::format::{Format, rendered};
use crate::output::locks::{Look, document, table};
use crate::output::stream::{result, stdout_width, talk};

const EXAMPLES: &str = "Examples:
  # List the locks of the current namespace: limits, holders from all namespaces, and waiters in order
  kubectl runnable semaphore list

  # List the locks of all namespaces, with all holders and waiters
  kubectl runnable semaphore list -A -o wide

  # List the locks of this machine's runs
  kubectl runnable semaphore list --local

  # Print the names of locks that have waiters
  kubectl runnable semaphore list -o json | jq -r '.locks[] | select(.queue != []) | .name'

Problems are listed below the table: a limit that is missing or not a number, a holder that no longer exists or has ended \
(orphaned), and workflows that wait for each other in a circle (deadlock).";

/// List semaphores and mutexes with their holders and waiters
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// List the locks of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,

    /// Also search completed workflows that never released their locks
    #[arg(long)]
    completed: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The full names, such as NAMESPACE/Mutex/NAME, one per line",
        "An object with locks and deadlock cycles",
        "The table with all holders and waiters",
    ))]
    output: Option<Format>,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        match args.target.backend().await? {
            Backend::Cluster(cluster) => of_cluster(args, &cluster).await,
            Backend::Local { root, namespace } => {
                let home = (!args.all_namespaces).then_some(namespace.as_str());
                show(args, namespace.as_str(), &local::locks(&root, home), &[], false)
            }
        }
    })
}

async fn of_cluster(args: &Args, cluster: &Cluster) -> Result<Exit, Failure> {
    let scope =
        Scope { config_map: &args.config_map.name, all_namespaces: args.all_namespaces, completed: args.completed };
    let found = look_up(cluster, scope).await?;
    found.warn(cluster);

    let cycles = cycles(&found.table.locks());
    let locks = if args.all_namespaces { found.table.locks() } else { found.table.locks_of(cluster.namespace()) };
    show(args, cluster.namespace(), &locks, &cycles, found.partial)
}

fn show(args: &Args, namespace: &str, locks: &[Lock], cycles: &[Cycle], partial: bool) -> Result<Exit, Failure> {
    match args.output {
        None | Some(Format::Wide) if locks.is_empty() && args.all_namespaces => {
            talk("no semaphores or mutexes in any namespace");
        }
        None | Some(Format::Wide) if locks.is_empty() => {
            talk(format_args!("no semaphores or mutexes in namespace {namespace:?}"));
        }
        None | Some(Format::Wide) => {
            let wide = args.output == Some(Format::Wide);
            let look = Look {
                config_map: args.config_map.name.as_str(),
                namespace: args.all_namespaces,
                wide,
                width: stdout_width(),
            };
            result(table(locks, cycles, look))?;
        }
        Some(Format::Name) => result(locks.iter().map(|lock| lock.name.to_string() + "\n").collect::<String>())?,
        Some(format) => {
            let locks: Vec<_> = locks.iter().map(document).collect();
            let mut document = json!({"locks": locks, "cycles": cycles});
            if partial {
                document["partial"] = json!(true);
            }
            result(rendered(format, &[document]))?;
        }
    }
    Ok(Exit::Success)
}
