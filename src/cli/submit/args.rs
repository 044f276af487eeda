//! The flags of `submit`, as they were typed.

use std::path::PathBuf;

use clap::{ArgAction, ValueEnum};
use jiff::Timestamp;

use super::artifacts::ArtifactArgs;
use super::debounce::DebounceArgs;
use super::exec_cache::ExecCacheArgs;
use super::locks::{SemaphoreArg, mutex, parallelism};
use super::runtime::RuntimeArgs;
use crate::argo::document::Source;
use crate::argo::duration::GoDuration;
use crate::argo::identity::{CacheName, ObjectName, RunId};
use crate::cli::access::AccessArgs;
use crate::cli::check::CheckArgs;
use crate::cli::follow_up::FollowUp;
use crate::cli::isolation::IsolationArgs;
use crate::cli::store::StoreUrl;
use crate::cli::stub::StubArg;
use crate::cli::values::{AnnotationPair, FromKind, LabelPair, NamePrefix, ParameterPair, max_tasks, priority};
use crate::cluster::OwnerName;
use crate::locks::CONFIG_MAP;
use crate::output::format::Format;
use crate::prepare::Memoize;

/// The label that names the controller of a workflow (common.LabelKeyControllerInstanceID, v4.1.2).
pub(super) const INSTANCE: &str = "workflows.argoproj.io/controller-instanceid";

const EXAMPLES: &str = "Examples:
  # Run a workflow on this machine, without a cluster
  kubectl runnable submit --local diamond.yaml

  # Create it on the cluster of the current context, with a run id of your own, and wait for its end
  kubectl runnable submit diamond.yaml --run-id nightly-001 --wait

  # Several files, a directory, a URL
  kubectl runnable submit etl.yaml workflows/ https://example.org/report.yaml

  # Give parameters one by one and from a file
  kubectl runnable submit etl.yaml -p date=2026-11-21 -f parameters.yaml

  # From a WorkflowTemplate of the cluster, its templates merged in so that they are memoized
  kubectl runnable submit --from workflowtemplate/etl --inline -p date=2026-11-21

  # See what would be created; needs no cluster
  kubectl runnable submit etl.yaml --dry-run=client -o yaml

  # Write a handle that finds the run again from any machine, and tell a URL how it ended
  kubectl runnable submit etl.yaml --handle run.json --wait --notify https://hooks.example.com/etl

  # Delete it together with the Deployment that it belongs to
  kubectl runnable submit migrate.yaml --owner deployment.apps/web

  # One run of a branch at a time, whoever submits it
  kubectl runnable submit ci.yaml --semaphore exampleorg/sample@main=1 --parallelism 5

  # A push hook that may fire twice: one run for all submits of 15 seconds, wherever they come from
  kubectl runnable submit ci.yaml -p ref=main --debounce 15s --debounce-key ci/main

  # The same, but the latest submit waits for the run before it to end
  kubectl runnable submit ci.yaml -p ref=main --debounce 1m --on-duplicate queue

  # Give each pod a checkout of its own, and start its containers in it
  kubectl runnable submit ci.yaml --isolate emptydir --repo exampleorg/sample@main --git-secret github

  # Keep entries in a bucket: the pods look them up themselves, and no ConfigMap fills up
  kubectl runnable submit etl.yaml --exec-cache s3://ci-cache/team-a --store-secret ci-cache

  # A bucket of your own service: its certificate, and the address at which this machine reaches it
  kubectl runnable submit etl.yaml --exec-cache 's3://ci?endpoint=https://store.data:9000' \\
      --runner-image tools:1.0 --store-ca ca.pem --store-endpoint https://localhost:9000

  # Tonight's run takes what last night's has made, where neither the template nor its inputs have changed
  kubectl runnable submit nightly.yaml --cache-name nightly --reuse load,parse

  # Give the workflow a file of this machine, and read its other artifacts from a bucket
  kubectl runnable submit --local etl.yaml --artifact table=table.csv --artifact-store s3://data/team-a

  # Run each template in its image, with podman, and limit its containers
  kubectl runnable submit --local etl.yaml --runtime podman --runtime-arg=run:--memory=1g

  # Try a pipeline whose deployment needs a cluster: deploy.yaml says how it ends
  kubectl runnable submit --local pipeline.yaml --stub deploy=deploy.yaml

  # Edit the file and run it again: only what changed or did not succeed runs
  kubectl runnable submit --local etl.yaml --resume

  # From standard input, for scripts
  render | kubectl runnable submit - -o name --wait --timeout 30m";

/// Prepare workflows and create them on a cluster, or run them on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Args {
    /// Files, directories or URLs of workflows, and of templates, ConfigMaps and Secrets that they use; - is standard
    /// input
    #[arg(value_name = "FILE", required_unless_present = "from")]
    pub(in crate::cli) files: Vec<PathBuf>,

    /// Create the workflow from a workflowtemplate (wftmpl), clusterworkflowtemplate (cwft) or cronworkflow (cronwf)
    #[arg(long, value_name = "KIND/NAME")]
    pub(super) from: Option<FromKind>,

    /// Continue from the last run of the same document, or from RUN, however it ended: only what changed or did not
    /// succeed runs
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) resume: Option<String>,

    /// Run on this machine: each task is a process with its own view of the file system
    #[arg(long, value_name = "true|false", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, hide_possible_values = true, conflicts_with_all = ["context", "kubeconfig", "as_user", "as_groups"])]
    pub(super) local: bool,

    /// Maximum number of tasks to run concurrently on this machine
    #[arg(long, value_name = "N", value_parser = max_tasks, allow_negative_numbers = true)]
    pub(super) max_tasks: Option<u16>,

    /// The store of the caches of local runs: a path, or s3://BUCKET/PREFIX, gs:// or az:// (experimental); default:
    /// RUNNABLE_STORE, else beside the runs
    #[arg(long, value_name = "URL", requires = "local")]
    pub(super) store: Option<StoreUrl>,

    /// Give the outcome of a template, or of a node by its path, which then does not run: a YAML or JSON file with phase,
    /// message and outputs, all optional; repeatable
    #[arg(long = "stub", value_name = "TEMPLATE|NODE=FILE", requires = "local")]
    pub(super) stubs: Vec<StubArg>,

    /// Only show what would be created: client contacts no cluster, server validates it on the cluster
    #[arg(long, value_name = "none|client|server", num_args = 0..=1, require_equals = true, default_value = "none", default_missing_value = "client", hide_possible_values = true)]
    pub(super) dry_run: DryRun,

    /// What to print to standard output
    #[arg(short, long, value_name = "FORMAT", hide_default_value = true)]
    pub(super) output: Option<Format>,

    /// Print the logs of the workflow until it ends; the exit code is that of --wait
    #[arg(long, conflicts_with_all = ["wait", "output"])]
    pub(super) log: bool,

    /// Print only the result and errors
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,

    /// The program's own flag: every template that is not memoized is then named.
    #[arg(skip)]
    pub(crate) verbose: bool,

    /// Documents that stand in for the files.
    #[arg(skip)]
    pub(in crate::cli) given: Vec<Source>,

    #[command(flatten)]
    pub(super) workflow: WorkflowArgs,

    #[command(flatten)]
    pub(super) run: RunArgs,

    #[command(flatten)]
    pub(super) artifacts: ArtifactArgs,

    #[command(flatten)]
    pub(super) runtime: RuntimeArgs,

    #[command(flatten)]
    pub(super) exec_cache: ExecCacheArgs,

    #[command(flatten)]
    pub(super) debounce: DebounceArgs,

    #[command(flatten)]
    pub(super) isolation: IsolationArgs,

    #[command(flatten)]
    pub(super) check: CheckArgs,

    #[command(flatten)]
    pub(super) follow_up: FollowUp,

    #[command(flatten)]
    pub(in crate::cli) access: AccessArgs,
}

impl Args {
    /// Whether templates are memoized.
    pub(super) fn memoizes(&self) -> bool {
        self.run.memoize != Some(MemoizeArg::Off)
    }

    pub(super) fn memoize(&self) -> Memoize {
        match self.run.memoize {
            None | Some(MemoizeArg::Auto) => Memoize::Auto,
            Some(MemoizeArg::Keep) => Memoize::Keep,
            Some(MemoizeArg::All) => Memoize::All,
            Some(MemoizeArg::Off) => Memoize::Off,
        }
    }
}

fn scheduled_time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "expected a time with a zone, such as 2026-11-21T09:30:00Z")
}

/// `--instanceid`: the value of a label.
fn instance(text: &str) -> Result<String, String> {
    format!("{INSTANCE}={text}").parse().map(|LabelPair(_, value)| value)
}

/// What the workflow becomes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Workflow")]
pub(super) struct WorkflowArgs {
    /// The workflow's name
    #[arg(long, value_name = "NAME", conflicts_with = "generate_name")]
    pub(super) name: Option<ObjectName>,

    /// The prefix of a generated workflow name
    #[arg(long, value_name = "PREFIX")]
    pub(super) generate_name: Option<NamePrefix>,

    /// The template to start from
    #[arg(long, value_name = "TEMPLATE")]
    pub(super) entrypoint: Option<String>,

    /// A parameter of the workflow
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE")]
    pub(super) parameters: Vec<ParameterPair>,

    /// A YAML or JSON file with a map of parameters; lists and maps become JSON text
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(super) parameter_file: Vec<PathBuf>,

    /// Labels of the workflow
    #[arg(short, long, value_name = "KEY=VALUE,…", value_delimiter = ',')]
    pub(super) labels: Vec<LabelPair>,

    /// Annotations of the workflow
    #[arg(long, value_name = "KEY=VALUE,…", value_delimiter = ',')]
    pub(super) annotations: Vec<AnnotationPair>,

    /// The service account of the workflow's pods
    #[arg(long, value_name = "NAME")]
    pub(super) serviceaccount: Option<ObjectName>,

    /// The object that the workflow belongs to, in its namespace or of the whole cluster, such as deployment.apps/web:
    /// Kubernetes deletes the workflow when it goes
    #[arg(long, value_name = "KIND[.GROUP]/NAME", conflicts_with = "local")]
    pub(super) owner: Option<OwnerName>,

    /// The workflow's priority
    #[arg(long, value_name = "NUMBER", value_parser = priority, allow_negative_numbers = true)]
    pub(super) priority: Option<i32>,

    /// The time for which the workflow runs, as {{workflow.scheduledTime}}, such as 2026-11-21T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = scheduled_time)]
    pub(super) scheduled_time: Option<Timestamp>,

    /// The instance id of the controller that carries the workflow out
    #[arg(long, value_name = "ID", env = "ARGO_INSTANCEID", hide_env_values = true, value_parser = instance)]
    pub(super) instanceid: Option<String>,

    /// A semaphore that the workflow must hold while it runs; if the semaphore has no limit yet, it is set to LIMIT, or
    /// to 1
    #[arg(long = "semaphore", value_name = "KEY|OWNER/REPO@REF[=LIMIT]")]
    pub(super) semaphores: Vec<SemaphoreArg>,

    /// The ConfigMap that holds the limits of --semaphore
    #[arg(long, value_name = "NAME", default_value = CONFIG_MAP)]
    pub(super) semaphore_configmap: ObjectName,

    /// A mutex that the workflow must hold while it runs, so that no other workflow that uses it runs at the same time
    #[arg(long = "mutex", value_name = "NAME", value_parser = mutex)]
    pub(super) mutexes: Vec<String>,

    /// Maximum number of the workflow's pods to run concurrently
    #[arg(long, value_name = "N", value_parser = parallelism, allow_negative_numbers = true)]
    pub(super) parallelism: Option<u32>,
}

/// How the run is known and what it skips.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Run")]
pub(super) struct RunArgs {
    /// The run's id, the same in all its attempts; generated if omitted
    #[arg(long, value_name = "ID")]
    pub(super) run_id: Option<RunId>,

    /// Memoize templates, so that a retry skips what succeeded: auto leaves out what a ConfigMap may not hold and makes
    /// keys that several templates have each template's own; keep leaves such keys as they are; all leaves nothing out
    /// for its size [default: auto]
    #[arg(long, value_name = "auto|keep|all|off", num_args = 0..=1, require_equals = true, default_missing_value = "auto", hide_possible_values = true)]
    pub(super) memoize: Option<MemoizeArg>,

    /// The cache that memoized templates use; generated if neither this flag nor the workflow names one
    #[arg(long, value_name = "NAME")]
    pub(super) cache_name: Option<CacheName>,

    /// Ignore cache entries older than this, such as 24h
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(super) max_age: Option<GoDuration>,

    /// Treat templates (or all) as pure functions: their outputs depend only on their content and inputs, so any run that
    /// uses the same cache may take their entries. Needs --cache-name, unless the workflow names a cache; a template says
    /// it itself by the annotation kubectl-runnable/reuse: "true"
    #[arg(long, value_name = "TEMPLATE,…|all", value_delimiter = ',')]
    pub(super) reuse: Vec<String>,

    /// Put the WorkflowTemplate that the workflow refers to, and each template that it calls by templateRef, into the
    /// workflow, so that they are memoized
    #[arg(long)]
    pub(super) inline: bool,
}

/// Who looks at what would be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRun {
    /// It is created.
    None,
    /// Nobody but the user.
    Client,
    /// The API server.
    Server,
}

/// Whether templates are memoized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MemoizeArg {
    /// All that have work to skip.
    Auto,
    /// The same, with the document's own keys as they are.
    Keep,
    /// All, also what a ConfigMap may not hold.
    All,
    /// None.
    Off,
}
