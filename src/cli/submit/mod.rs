//! `submit`: prepares workflows and creates them on a cluster, or runs them on this machine.

mod cluster;
mod local;
mod request;

use std::path::PathBuf;

use clap::ValueEnum;

use self::request::{FromKind, LabelPair, Request};
use super::failure::Failure;
use super::notify::NotifyArgs;
use crate::argo::duration::{self, GoDuration};
use crate::argo::identity::{CacheName, ObjectName, RunId};
use crate::cluster::Access;
use crate::exit::Exit;
use crate::output::format::Format;

const EXAMPLES: &str = "Examples:
  # Run a workflow on this machine, without a cluster
  kubectl runnable submit --local diamond.yaml

  # Create it on the cluster of the current context, with a run id of your own, and wait for its end
  kubectl runnable submit diamond.yaml --run-id nightly-001 --wait

  # Give parameters one by one and from a file
  kubectl runnable submit etl.yaml -p date=2026-11-21 -f parameters.yaml

  # From a WorkflowTemplate of the cluster, its templates merged in so that they are memoized
  kubectl runnable submit --from workflowtemplate/etl --inline -p date=2026-11-21

  # See what would be created; needs no cluster
  kubectl runnable submit etl.yaml --dry-run=client -o yaml

  # From standard input, for scripts
  render | kubectl runnable submit - -o name --wait --timeout 30m";

/// Prepare workflows and create them on a cluster, or run them on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files of workflows, and of templates, ConfigMaps and Secrets that they use; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "from")]
    files: Vec<PathBuf>,

    /// Make the workflow from a workflowtemplate (wftmpl), clusterworkflowtemplate (cwft) or cronworkflow (cronwf)
    #[arg(long, value_name = "KIND/NAME")]
    from: Option<FromKind>,

    /// Run on this machine: tasks are processes with a file system of their own
    #[arg(long, conflicts_with_all = ["context", "kubeconfig", "as_user", "as_groups"])]
    local: bool,

    /// Most tasks at once on this machine
    #[arg(long, value_name = "N", requires = "local", value_parser = clap::value_parser!(u16).range(1..))]
    max_tasks: Option<u16>,

    /// Wait until the workflow has ended; the exit code tells how (3 Failed, 4 Error)
    #[arg(short, long)]
    wait: bool,

    /// Stop waiting after this time (exit code 5); a local run is stopped
    #[arg(long, value_name = "DURATION", value_parser = wait_duration)]
    timeout: Option<std::time::Duration>,

    /// Only show what would be created: client asks no cluster, server has it checked
    #[arg(long, value_name = "none|client|server", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "client", hide_possible_values = true)]
    dry_run: DryRun,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", hide_default_value = true)]
    output: Option<Format>,

    /// Print nothing but the result and errors
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    workflow: WorkflowArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    notify: NotifyArgs,

    #[command(flatten)]
    access: AccessArgs,
}

/// What the workflow becomes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Workflow")]
struct WorkflowArgs {
    /// The workflow's name
    #[arg(long, value_name = "NAME", conflicts_with = "generate_name")]
    name: Option<ObjectName>,

    /// The beginning of a name made for the workflow
    #[arg(long, value_name = "PREFIX")]
    generate_name: Option<String>,

    /// The template to begin with
    #[arg(long, value_name = "TEMPLATE")]
    entrypoint: Option<String>,

    /// A parameter of the workflow
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,

    /// A YAML or JSON file with a map of parameters; lists and maps become JSON text
    #[arg(short = 'f', long, value_name = "FILE")]
    parameter_file: Vec<PathBuf>,

    /// Labels of the workflow
    #[arg(short, long, value_name = "KEY=VALUE,…", value_delimiter = ',')]
    labels: Vec<LabelPair>,

    /// Annotations of the workflow
    #[arg(long, value_name = "KEY=VALUE", value_parser = parameter)]
    annotations: Vec<(String, String)>,

    /// The service account of the workflow's pods
    #[arg(long, value_name = "NAME")]
    serviceaccount: Option<ObjectName>,

    /// The workflow's priority
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    priority: Option<i32>,
}

/// How the run is known and what it skips.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
struct RunArgs {
    /// The run's id, the same in all its attempts; made when none is given
    #[arg(long, value_name = "ID")]
    run_id: Option<RunId>,

    /// Memoize templates, so that a retry skips what succeeded [default: auto; off with --local]
    #[arg(long, value_name = "auto|off", num_args = 0..=1, require_equals = true, default_missing_value = "auto", hide_possible_values = true)]
    memoize: Option<MemoizeArg>,

    /// The cache that memoized templates use; made when none is given or written in the workflow
    #[arg(long, value_name = "NAME")]
    cache_name: Option<CacheName>,

    /// How old a cache entry may be, such as 24h
    #[arg(long, value_name = "DURATION")]
    max_age: Option<GoDuration>,

    /// Merge the referenced WorkflowTemplate into the workflow, so that its templates are memoized
    #[arg(long)]
    inline: bool,
}

/// Which cluster, as whom.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct AccessArgs {
    /// The workflow's namespace
    #[arg(short, long, value_name = "NAMESPACE", env = "ARGO_NAMESPACE")]
    pub(super) namespace: Option<ObjectName>,

    /// The kubeconfig's context
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// The kubeconfig file
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The user to act as
    #[arg(long = "as", value_name = "USER")]
    as_user: Option<String>,

    /// A group to act as
    #[arg(long = "as-group", value_name = "GROUP", requires = "as_user")]
    as_groups: Vec<String>,

    /// How long one request may take
    #[arg(long, value_name = "DURATION", value_parser = wait_duration)]
    request_timeout: Option<std::time::Duration>,
}

impl AccessArgs {
    pub(super) fn access(&self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: self.namespace.as_ref().map(ToString::to_string),
            as_user: self.as_user.clone(),
            as_groups: self.as_groups.clone(),
            request_timeout: self.request_timeout,
        }
    }
}

/// Who looks at what would be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// It is created.
    None,
    /// Nobody but the user.
    Client,
    /// The API server.
    Server,
}

/// Whether templates are memoized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MemoizeArg {
    /// All that have work to skip.
    Auto,
    /// None.
    Off,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.timeout.is_some() && !args.wait && !args.local {
        return Err(Failure::usage("--timeout needs --wait").hint("add --wait, or leave --timeout out"));
    }
    if args.notify.is_wanted() && !args.wait && !args.local {
        return Err(Failure::usage("--notify and --notify-exec need --wait or --local").hint("add --wait"));
    }
    if args.local && args.dry_run == DryRun::Server {
        return Err(
            Failure::usage("--dry-run=server asks a cluster, which --local does without").hint("use --dry-run=client")
        );
    }
    let request = Request::read(args)?;
    let threads = if args.local { 2 } else { 1 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(async {
        match (args.local, args.dry_run) {
            (_, DryRun::Client) => request.show(args.output),
            (true, _) => local::run(args, request).await,
            (false, _) => cluster::run(args, request).await,
        }
    });
    runtime.shutdown_background();
    outcome
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn wait_duration(text: &str) -> Result<std::time::Duration, String> {
    let duration = duration::parse(text).map_err(|error| error.to_string())?;
    std::time::Duration::try_from(duration).map_err(|_| format!("invalid duration {text:?}: expected one above 0"))
}
