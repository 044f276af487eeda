//! `semaphore get`: one lock in full.

use std::str::FromStr;

use serde_json::json;

use super::lookup::{Scope, look_up};
use super::{BranchArgs, ConfigMapArgs, no_key};
use crate::argo::synchronization::{LockName, LockNameError};
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cli::values::formats;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::{Cycle, KeyError, Limit, Lock, Named, cycles};
use crate::output::format::{Format, rendered};
use crate::output::locks::{document, text};
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # Who holds the semaphore of a branch, and who waits for it in which order
  kubectl runnable semaphore get exampleorg/sample@main
  kubectl runnable semaphore get exampleorg-sample-main

  # A mutex, or a semaphore of another ConfigMap, as semaphore list names it
  kubectl runnable semaphore get Mutex/deploy
  kubectl runnable semaphore get ConfigMap/other/key

  # The limit alone, for scripts
  kubectl runnable semaphore get exampleorg-sample-main -o json | jq .limit

Exit code 6 means that there is no such semaphore and nobody waits for it.";

/// Show one semaphore or mutex: its limit, holders and waiters
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// KEY, OWNER/REPO@REF, Mutex/NAME, ConfigMap/NAME/KEY or Database/KEY
    #[arg(value_name = "LOCK", conflicts_with = "owner")]
    lock: Option<Wanted>,

    #[command(flatten)]
    branch: BranchArgs,

    /// Also search completed workflows for a lock that they never released
    #[arg(long)]
    completed: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", value_parser = formats(
        "The full name, such as NAMESPACE/Mutex/NAME",
        "An object with limit, holders, queue and the cycles it is in",
        "The text, as without -o",
    ))]
    output: Option<Format>,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    access: AccessArgs,
}

/// A lock as a user names it.
#[derive(Debug, Clone)]
enum Wanted {
    Key(Named),
    /// The full name, or all but its namespace.
    Name(String),
}

impl FromStr for Wanted {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let kinds = ["ConfigMap/", "Mutex/", "Database/"];
        let is_name = kinds.iter().any(|kind| text.starts_with(kind) || text.contains(&format!("/{kind}")));
        if is_name { Ok(Self::Name(text.to_owned())) } else { text.parse().map(Self::Key) }
    }
}

impl Wanted {
    fn lock(&self, namespace: &str, config_map: &str) -> Result<LockName, LockNameError> {
        match self {
            Self::Key(named) => Ok(LockName::semaphore(namespace, config_map, named.key.as_str())),
            Self::Name(text) => text.parse().or_else(|_| format!("{namespace}/{text}").parse()),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let by_branch = args.branch.named()?.map(Wanted::Key);
    let wanted = by_branch.or_else(|| args.lock.clone()).ok_or_else(no_key)?;
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
        if is_nothing(&lock) {
            let message = format!("{} does not exist in namespace {:?}", lock.name.kind, lock.name.namespace);
            return Err(Failure::new(Exit::NotFound, message)
                .hint("kubectl runnable semaphore list shows those that exist; semaphore set makes one"));
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

/// Nobody has set a limit, and nobody has to do with it. A mutex is there as long as somebody does.
fn is_nothing(lock: &Lock) -> bool {
    let is_set = matches!(lock.limit, Limit::Of(_) | Limit::Malformed(_)) && lock.name.is_semaphore();
    !is_set && lock.holders.is_empty() && lock.queue.is_empty()
}
