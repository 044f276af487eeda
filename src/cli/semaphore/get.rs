//! `semaphore get`: shows one lock with all details.

use serde_json::json;

use super::ConfigMapArgs;
use super::lock_argument::LockArgs;
use super::lookup::{Scope, look_up};
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::formats;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::{Cycle, Limit, Lock, cycles};
use crate::output::format::{Format, rendered};
use crate::output::locks::{document, text};
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # Show the holders of a branch's semaphore, and its waiters in order
  kubectl runnable semaphore get exampleorg/sample@main
  kubectl runnable semaphore get exampleorg-sample-main

  # Show a mutex, or a semaphore in another ConfigMap, by the name that semaphore list prints
  kubectl runnable semaphore get Mutex/deploy
  kubectl runnable semaphore get ConfigMap/other/key

  # Print only the limit, for scripts
  kubectl runnable semaphore get exampleorg-sample-main -o json | jq .limit

Exit code 6: the lock does not exist and nobody waits for it.";

/// Show one semaphore or mutex: its limit, holders and waiters
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    lock: LockArgs,

    /// Also search completed workflows that never released the lock
    #[arg(long)]
    completed: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The full name, such as NAMESPACE/Mutex/NAME",
        "An object with limit, holders, queue and the deadlock cycles it is part of",
        "The text, as without -o",
    ))]
    output: Option<Format>,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let wanted = args.lock.named()?;
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let config_map = &args.config_map.name;
        let name =
            wanted.lock(cluster.namespace(), config_map.as_str()).map_err(|error| Failure::usage(error.to_string()))?;

        let home = cluster.within(&name.namespace);
        let scope = Scope { config_map, all_namespaces: false, completed: args.completed };
        let found = look_up(&home, scope).await?;
        found.warn(&home);

        let lock = found.table.lock(name);
        if is_absent(&lock) {
            let message = format!("{} does not exist in namespace {:?}", lock.name.kind, lock.name.namespace);
            return Err(Failure::new(Exit::NotFound, message)
                .hint("kubectl runnable semaphore list shows the existing ones; semaphore set creates one"));
        }

        let cycles = cycles(&found.table.locks());
        match args.output {
            None | Some(Format::Wide) => result(text(&lock, &cycles, config_map.as_str()))?,
            Some(Format::Name) => result(format_args!("{}\n", lock.name))?,
            Some(format) => {
                let mut document = document(&lock);
                let own = |cycle: &&Cycle| cycle.steps.iter().any(|step| step.lock == lock.name);
                document["cycles"] = json!(cycles.iter().filter(own).collect::<Vec<_>>());
                if found.partial {
                    document["partial"] = json!(true);
                }
                result(rendered(format, &[document]))?;
            }
        }
        Ok(Exit::Success)
    })
}

/// Whether the lock does not exist: it has no limit, holder or waiter. A mutex exists only while it has holders or
/// waiters.
pub(super) fn is_absent(lock: &Lock) -> bool {
    let is_set = matches!(lock.limit, Limit::Of(_) | Limit::Malformed(_)) && lock.name.is_semaphore();
    !is_set && lock.holders.is_empty() && lock.queue.is_empty()
}
