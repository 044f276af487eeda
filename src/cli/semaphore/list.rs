//! `semaphore list`: lists locks with their holders and waiters.

use serde_json::json;

use super::ConfigMapArgs;
use super::lookup::{Scope, look_up};
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::formats;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::cycles;
use crate::output::format::{Format, rendered};
use crate::output::locks::{Look, document, table};
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # List the locks of the current namespace: limits, holders from all namespaces, and waiters in order
  kubectl runnable semaphore list

  # List the locks of all namespaces, with all holders and waiters
  kubectl runnable semaphore list -A -o wide

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
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let config_map = &args.config_map.name;
        let scope = Scope { config_map, all_namespaces: args.all_namespaces, completed: args.completed };
        let found = look_up(&cluster, scope).await?;
        found.warn(&cluster);

        let cycles = cycles(&found.table.locks());
        let locks = if args.all_namespaces { found.table.locks() } else { found.table.locks_of(cluster.namespace()) };

        match args.output {
            None | Some(Format::Wide) if locks.is_empty() && args.all_namespaces => {
                talk("no semaphores or mutexes in any namespace");
            }
            None | Some(Format::Wide) if locks.is_empty() => {
                talk(format_args!("no semaphores or mutexes in namespace {:?}", cluster.namespace()));
            }
            None | Some(Format::Wide) => {
                let wide = args.output == Some(Format::Wide);
                let look = Look { config_map: config_map.as_str(), namespace: args.all_namespaces, wide };
                result(table(&locks, &cycles, look))?;
            }
            Some(Format::Name) => result(locks.iter().map(|lock| lock.name.to_string() + "\n").collect::<String>())?,
            Some(format) => {
                let locks: Vec<_> = locks.iter().map(document).collect();
                let mut document = json!({"locks": locks, "cycles": cycles});
                if found.partial {
                    document["partial"] = json!(true);
                }
                result(rendered(format, &[document]))?;
            }
        }
        Ok(Exit::Success)
    })
}
