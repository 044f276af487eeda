//! `bundle uninstall`.

use serde_json::Value;

use super::{ComponentArgs, is_ours};
use crate::bundle::OWNED;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cluster::{Attempt, Changed, Cluster, revise};
use crate::exit::Exit;
use crate::output::format::name;
use crate::output::stream::{result, talk};

/// Delete the objects of components that this program has installed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Remove the template and the schedule; the limits stay
  kubectl runnable bundle uninstall coderun cleanup -n ci --set claim=trees

  # See what would be deleted
  kubectl runnable bundle uninstall coderun rbac -n ci --dry-run

Kept: objects without the label app.kubernetes.io/managed-by=kubectl-runnable, and a ConfigMap that holds limits, unless --force is \
given. Give the same --set as at the install where it names objects.")]
pub(super) struct Args {
    #[command(flatten)]
    components: ComponentArgs,

    /// Delete the ConfigMap with its limits too
    #[arg(long)]
    force: bool,

    /// Only show what would be deleted; the server checks it
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    access: AccessArgs,
}

/// What becomes of an object.
enum Outcome {
    Deleted,
    Absent,
    Kept(String),
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let mut kept = false;
        let mut objects = args.components.named(Some(cluster.namespace()))?;
        objects.reverse();
        for object in &objects {
            let end = if args.dry_run { " (server dry run)" } else { "" };
            match args.delete(&cluster, object).await? {
                Outcome::Deleted => result(format_args!("{} deleted{end}\n", name(object)))?,
                Outcome::Absent => talk(format_args!("{} is not there", name(object))),
                Outcome::Kept(why) => {
                    kept = true;
                    talk(format_args!("{} kept: {why}", name(object)));
                }
            }
        }
        Ok(if kept { Exit::Conflict } else { Exit::Success })
    })
}

impl Args {
    async fn delete(&self, cluster: &Cluster, object: &Value) -> Result<Outcome, Failure> {
        revise(&name(object), async |_| {
            let Some(live) = cluster.installed(object).await? else { return Ok(Attempt::Settled(Outcome::Absent)) };
            if let Some(why) = self.why_kept(&live) {
                return Ok(Attempt::Settled(Outcome::Kept(why)));
            }
            Ok::<_, Failure>(match cluster.uninstall(&live, self.dry_run).await? {
                Changed::Done(_) => Attempt::Settled(Outcome::Deleted),
                Changed::Stale { perhaps_ours } => Attempt::Stale { perhaps_ours },
            })
        })
        .await
    }

    fn why_kept(&self, live: &Value) -> Option<String> {
        if !is_ours(live) {
            return Some(format!("it has no label {}={}", OWNED.0, OWNED.1));
        }
        let limits = live.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        (limits > 0 && !self.force).then(|| format!("it holds {limits} limits; --force deletes them"))
    }
}
