//! `cron`: CronWorkflows of a cluster, and workflows of them by hand.

mod backfill;

use std::ffi::OsString;

use clap::Subcommand;
use serde_json::json;

use self::backfill::BackfillArgs;
use super::access::AccessArgs;
use super::failure::Failure;
use super::runtime::block_on;
use super::template::{self, GetArgs, ListArgs};
use crate::argo::identity::ObjectName;
use crate::cluster::{Attempt, Changed, Cluster, TemplateKind, revise};
use crate::exit::Exit;
use crate::output::format::{Format, name, rendered};
use crate::output::stream::{result, talk};

/// List, suspend and resume CronWorkflows, and submit workflows of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # When they ran, and when they run next
  kubectl runnable cron list

  # Run one now, whatever its schedule
  kubectl runnable cron submit nightly --wait

  # Run it for each time that it has missed
  kubectl runnable cron backfill nightly --start 2026-11-01 --end 2026-11-05")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List CronWorkflows: when they ran, and when they run next
    #[command(after_help = "Examples:
  # Of the namespace
  kubectl runnable cron list

  # Of all namespaces, with a label
  kubectl runnable cron list -A -l team=data")]
    List(ListArgs),
    /// Show schedules, parameters and state of CronWorkflows
    #[command(after_help = "Examples:
  # When it runs next, what it takes, what it has started
  kubectl runnable cron get nightly

  # The object
  kubectl runnable cron get nightly -o yaml")]
    Get(GetArgs),
    Suspend(SuspendArgs),
    Resume(ResumeArgs),
    Submit(SubmitArgs),
    Backfill(Box<BackfillArgs>),
}

/// Suspend schedules: they start no workflows
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Until it is resumed, it starts nothing
  kubectl runnable cron suspend nightly")]
struct SuspendArgs {
    #[command(flatten)]
    change: ChangeArgs,
}

/// Resume schedules: they start workflows again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # It starts workflows again when its schedule falls due
  kubectl runnable cron resume nightly")]
struct ResumeArgs {
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, clap::Args)]
struct ChangeArgs {
    /// Names of CronWorkflows
    #[arg(value_name = "NAME", required = true)]
    names: Vec<ObjectName>,

    /// Only show what would be done; the cluster validates the request
    #[arg(long)]
    dry_run: bool,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    access: AccessArgs,
}

/// Submit a workflow of a CronWorkflow now: the same as submit --from cronworkflow/NAME, with all flags of submit
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  # Run it now and wait for its end
  kubectl runnable cron submit nightly --wait

  # With another parameter
  kubectl runnable cron submit nightly -p date=2026-11-21")]
struct SubmitArgs {
    /// The CronWorkflow's name
    #[arg(value_name = "NAME")]
    name: ObjectName,

    /// Flags of submit
    #[arg(value_name = "FLAG", trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<OsString>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Command::List(args) => template::list(TemplateKind::CronWorkflow, args.all_namespaces, &args.list),
        Command::Get(args) => template::get(TemplateKind::CronWorkflow, args),
        Command::Suspend(args) => change(&args.change, true),
        Command::Resume(args) => change(&args.change, false),
        Command::Backfill(args) => backfill::run(args),
        Command::Submit(args) => {
            let from = OsString::from(format!("--from=cronworkflow/{}", args.name));
            super::run_words(["submit".into(), from].into_iter().chain(args.flags.iter().cloned()))
        }
    }
}

/// Suspends or resumes each of them, also after one of them failed.
fn change(args: &ChangeArgs, suspend: bool) -> Result<Exit, Failure> {
    block_on(async {
        let cluster = Cluster::connect(&args.access.access()).await?;
        let (mut objects, mut exit) = (Vec::new(), Exit::Success);
        for cron in &args.names {
            match set(&cluster, cron, suspend, args.dry_run).await {
                Ok((object, said)) => {
                    let line = format!("{} {said}", name(&object));
                    if args.output.is_none() {
                        result(line + "\n")?;
                    } else {
                        talk(line);
                    }
                    objects.push(object);
                }
                Err(failure) => exit = exit.max(failure.report()),
            }
        }
        if let Some(format) = args.output.filter(|_| !objects.is_empty()) {
            result(rendered(format, &objects))?;
        }
        Ok(exit)
    })
}

/// The object after the change, and what was done.
async fn set(
    cluster: &Cluster,
    cron: &ObjectName,
    suspend: bool,
    dry_run: bool,
) -> Result<(serde_json::Value, String), Failure> {
    let word = if suspend { "suspended" } else { "resumed" };
    revise(&format!("CronWorkflow {:?}", cron.as_str()), async |_| {
        let object = cluster.template(TemplateKind::CronWorkflow, cron.as_str()).await?;
        if (object["spec"]["suspend"] == true) == suspend {
            let already = if suspend { "already suspended" } else { "not suspended" };
            return Ok::<_, Failure>(Attempt::Settled((object, already.to_owned())));
        }
        let metadata = crate::argo::Metadata::of(&object);
        let same = json!({"uid": metadata.uid(), "resourceVersion": metadata.resource_version()});
        let patch = json!({"metadata": same, "spec": {"suspend": suspend}});
        Ok(match cluster.patch_template(TemplateKind::CronWorkflow, cron.as_str(), &patch, dry_run).await? {
            Changed::Done(object) => {
                let dry_run = if dry_run { " (server dry run)" } else { "" };
                Attempt::Settled((object, format!("{word}{dry_run}")))
            }
            Changed::Stale { perhaps_ours } => Attempt::Stale { perhaps_ours },
        })
    })
    .await
}
