//! `semaphore delete`: deletes a semaphore that nobody uses.

use super::lookup::{Scope, look_up};
use super::{BranchArgs, ConfigMapArgs, carry_out, drain, no_key};
use crate::argo::synchronization::LockName;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::locks::{Edit, EditRequest, KeyArgument, Lock};
use crate::output::locks::limit;
use crate::output::stream::{result, talk};

const EXAMPLES: &str = "Examples:
  # Delete a semaphore without holders and waiters
  kubectl runnable semaphore delete exampleorg-sample-old-branch

  # Delete it even if it has holders or waiters; a workflow that requests it later fails
  kubectl runnable semaphore delete exampleorg-sample-old-branch --force

Exit code 7: it has holders or waiters. Exit code 6: it does not exist.";

/// Delete a semaphore without holders and waiters
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The semaphore: KEY or OWNER/REPO@REF
    #[arg(value_name = "KEY", conflicts_with = "owner")]
    key: Option<KeyArgument>,

    #[command(flatten)]
    branch: BranchArgs,

    /// Delete it even if it has holders or waiters
    #[arg(long)]
    force: bool,

    /// Only show what would be done; the cluster validates the request
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    config_map: ConfigMapArgs,

    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let named = args.branch.named()?.or_else(|| args.key.clone()).ok_or_else(no_key)?;
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let config_map = &args.config_map.name;
        if !args.force {
            let scope = Scope { config_map, all_namespaces: false, completed: false };
            let name = LockName::semaphore(cluster.namespace(), config_map.as_str(), named.key.as_str());
            let found = look_up(&cluster, scope).await?;
            found.warn(&cluster);
            refuse_if_used(&found.table.lock(name), &named)?;
        }
        let request =
            EditRequest { config_map: config_map.as_str(), key: &named.key, branch: None, edit: Edit::Delete };
        if args.force {
            drain::end(&cluster, &request, args.dry_run).await?;
        }

        let planned = carry_out(&cluster, &request, args.dry_run).await?;
        let end = if args.dry_run { " (server dry run)" } else { "" };
        result(format_args!("semaphore {} deleted{end}\n", named.key))?;
        if !args.dry_run {
            talk(format_args!("its limit was {}", limit(&planned.old)));
        }
        Ok(Exit::Success)
    })
}

fn refuse_if_used(lock: &Lock, named: &KeyArgument) -> Result<(), Failure> {
    let key = &named.key;
    if lock.drained.is_some() {
        return Err(Failure::new(Exit::Conflict, format!("semaphore {key} is drained"))
            .hint(format!("first run kubectl runnable semaphore set {key} --undrain, or use --force")));
    }
    if lock.holders.is_empty() && lock.queue.is_empty() {
        return Ok(());
    }

    let held: Vec<String> = lock.holders.iter().map(|holding| holding.holder.to_string()).collect();
    let why = if held.is_empty() {
        let queue: Vec<String> = lock.queue.iter().map(|waiter| waiter.holder.to_string()).collect();
        format!("waited for by {}", queue.join(", "))
    } else {
        format!("held by {}", held.join(", "))
    };

    Err(Failure::new(Exit::Conflict, format!("semaphore {key} is {why}"))
        .hint("wait until they have ended, or use --force; a workflow that requests it later then fails"))
}
