//! `bundle install`.

use clap::ValueEnum;
use serde_json::Value;

use super::{ComponentArgs, is_ours};
use crate::argo::Metadata;
use crate::cli::access::AccessArgs;
use crate::cli::failure::Failure;
use crate::cli::runtime::block_on;
use crate::cluster::{ApplyOptions, Cluster, ClusterError};
use crate::exit::Exit;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::result;

const EXAMPLES: &str = "Examples:
  # What workflows with worktrees and semaphores need in a namespace
  kubectl runnable bundle install semaphores rbac coderun -n ci --image registry.example.org/runnable:v1

  # Remove worktrees older than a week from a shared claim, every night
  kubectl runnable bundle install cleanup -n ci --image registry.example.org/runnable:v1 --set claim=trees

  # Let the server check it first
  kubectl runnable bundle install coderun -n ci --image registry.example.org/runnable:v1 --dry-run=server

Repeating an install is not an error: it updates the fields that this program manages and leaves all others. A field that somebody \
else has set otherwise is a conflict (exit code 7).";

/// Create or update the objects of components in a namespace
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    components: ComponentArgs,

    /// Only show what would be applied: client contacts no cluster, server validates it on the cluster
    #[arg(long, value_name = "none|client|server", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "client", hide_possible_values = true)]
    dry_run: DryRun,

    /// Take over fields that others have set
    #[arg(long)]
    force_conflicts: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", hide_default_value = true)]
    output: Option<Format>,

    #[command(flatten)]
    access: AccessArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// It is applied.
    None,
    /// Nobody but the user sees it.
    Client,
    /// The API server checks it.
    Server,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let objects = args.components.objects(Some(cluster.namespace()))?;
        if args.dry_run == DryRun::Client {
            let format = args.output.filter(|format| *format != Format::Wide).unwrap_or(Format::Yaml);
            result(rendered(format, &objects))?;
            return Ok(Exit::Success);
        }
        let mut applied = Vec::new();
        for object in &objects {
            let (live, outcome) = args.apply(&cluster, object).await?;
            if matches!(args.output, None | Some(Format::Wide)) {
                let end = if args.dry_run == DryRun::Server { " (server dry run)" } else { "" };
                result(format_args!("{} {outcome}{end}\n", name(object)))?;
            }
            applied.push(live);
        }
        if let Some(format) = args.output.filter(|format| *format != Format::Wide) {
            result(rendered(format, &applied))?;
        }
        Ok(Exit::Success)
    })
}

impl Args {
    /// Applies one object, and says what became of it.
    async fn apply(&self, cluster: &Cluster, object: &Value) -> Result<(Value, &'static str), Failure> {
        let before = cluster.installed(object).await?;
        if let Some(own) = before.as_ref().filter(|live| is_shared(object) && !is_ours(live)) {
            return Ok((own.clone(), "kept: it is somebody else's"));
        }
        let options = ApplyOptions { dry_run: self.dry_run == DryRun::Server, force: self.force_conflicts };
        let live = cluster.apply(object, options).await.map_err(|error| match error {
            error @ ClusterError::Conflict { .. } => {
                Failure::from(error).hint("bundle diff shows the fields; --force-conflicts takes them over")
            }
            error => error.into(),
        })?;
        let outcome = match before {
            None => "created",
            Some(before) if Metadata::of(&before).resource_version() == Metadata::of(&live).resource_version() => {
                "unchanged"
            }
            Some(_) => "configured",
        };
        Ok((live, outcome))
    }
}

/// An EventBus serves all sensors of a namespace: one that is there already is used.
fn is_shared(object: &Value) -> bool {
    object["kind"] == "EventBus"
}
