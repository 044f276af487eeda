//! `retry`: runs again what did not succeed. The plan is made first and shown; then it is carried out.

mod attempts;
mod caches;
mod carry_out;
mod chosen;
mod decision;
mod edited;
mod plan;

use std::path::PathBuf;

pub(super) use self::attempts::Beside;
pub(super) use self::caches::{Caches, Part};
use self::carry_out::Retry;
use self::chosen::Chosen;
use self::edited::Edited;
use self::plan::PlanArgs;
use super::archive::ServerArgs;
use super::check::CheckArgs;
use super::failure::Failure;
use super::follow_up::FollowUp;
use super::launch::detached;
use super::runtime::block_on;
use super::selection::check_fields_for_archive;
use super::store::StoreUrl;
use super::stub::{self, StubArg};
use super::target::TargetArgs;
use super::values::{NamePrefix, Namespace, ParameterPair, priority};
use crate::argo::field_selector::RunSelector;
use crate::argo::identity::ObjectName;
use crate::argo::label_selector::LabelSelector;
use crate::argo::node_selector::NodeSelector;
use crate::backend::Run;
use crate::cluster::ArgoServer;
use crate::exit::Exit;
use crate::output::format::Format;
use crate::prepare::RUN_PARAMETERS;
use crate::retry::{Mode, Wish};

const EXAMPLES: &str = "Examples:
  # See what a retry would run and what it would take from the cache
  kubectl runnable retry etl-x2k9f --plan

  # Retry the run that was created last, and wait for its end
  kubectl runnable retry @latest --wait

  # Retry with another parameter, or with an edited document: only what they touch runs again
  kubectl runnable retry etl-x2k9f -p date=2026-11-21
  kubectl runnable retry etl-x2k9f --file etl.yaml

  # Run a node again that has succeeded, with all that follows from it, or alone
  kubectl runnable retry etl-x2k9f --from load
  kubectl runnable retry etl-x2k9f --only load

  # Retry all runs of a team that failed last night: one plan each, one question
  kubectl runnable retry -l team=data --plan

  # Write a handle of the new attempt, and tell CI what each node did
  kubectl runnable retry run.json --handle run.json --wait --report junit=run.xml

  # Read the bucket of --exec-cache, which pods reach at another address
  kubectl runnable retry etl-x2k9f --store-endpoint https://localhost:9000

  # Retry a run of this machine
  kubectl runnable retry --local etl-x2k9f

  # Try what follows if the deployment fails: failed.yaml says so, the rest comes from the cache
  kubectl runnable retry --local etl-x2k9f --stub deploy=failed.yaml

  # As argo does: carry the status over into a new workflow, or go on in the same one
  kubectl runnable retry etl-x2k9f --memoized
  kubectl runnable retry etl-x2k9f --in-place --restart-successful --node-field-selector displayName=load

On a terminal, retry asks for confirmation. Without one (in CI, behind a pipe) it proceeds, as with --yes.";

/// Retry a run: only what did not succeed runs again
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Names of runs, @latest, or files written by submit --handle
    #[arg(value_name = "RUN", required_unless_present_any = ["selector", "field_selector"])]
    runs: Vec<String>,

    /// Retry the runs that match this label selector and whose last attempt failed
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "runs")]
    selector: Option<LabelSelector>,

    /// The same by fields, such as status.phase=Error or spec.workflowTemplateRef.name=etl
    #[arg(long, value_name = "FIELDS", conflicts_with = "runs")]
    field_selector: Option<RunSelector>,

    #[command(flatten)]
    plan: PlanArgs,

    /// Run this node and everything that depends on it again, regardless of the cache; repeatable
    #[arg(long, value_name = "NODE", conflicts_with_all = ["only", "memoized", "in_place"])]
    from: Vec<String>,

    /// Run this node again, and of what follows it only what its outputs change; repeatable
    #[arg(long, value_name = "NODE", conflicts_with_all = ["memoized", "in_place"])]
    only: Vec<String>,

    /// Retry even if another attempt of the run is still running or has succeeded
    #[arg(long)]
    force: bool,

    /// Create a new workflow that carries over the status of finished nodes, as argo resubmit --memoized does
    #[arg(long, conflicts_with_all = ["in_place", "files"])]
    memoized: bool,

    /// Continue in the same workflow, as argo retry does; pods of nodes that run again are deleted
    #[arg(long, conflicts_with_all = ["files", "name", "generate_name"])]
    in_place: bool,

    /// Also run again the succeeded nodes that the selector matches
    #[arg(long, requires_all = ["in_place", "node_field_selector"])]
    restart_successful: bool,

    /// Selects the succeeded nodes to run again, such as displayName=load
    #[arg(long, value_name = "SELECTOR", requires = "restart_successful")]
    node_field_selector: Option<NodeSelector>,

    /// A new value for a workflow parameter
    #[arg(short = 'p', long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<ParameterPair>,

    /// Retry with the edited workflow in this file; the run keeps its locks, and its parameters unless -p overrides
    /// them
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Give the outcome of a template or node of a local run, as with submit; those of the attempts before stay, unless they
    /// are given again; repeatable
    #[arg(long = "stub", value_name = "TEMPLATE|NODE=FILE", conflicts_with_all = ["memoized", "in_place"])]
    stubs: Vec<StubArg>,

    /// The new workflow's name
    #[arg(long, value_name = "NAME", conflicts_with = "generate_name")]
    name: Option<ObjectName>,

    /// The prefix of a generated name for the new workflow
    #[arg(long, value_name = "PREFIX")]
    generate_name: Option<NamePrefix>,

    /// The priority of the new workflow
    #[arg(long, value_name = "NUMBER", value_parser = priority, allow_negative_numbers = true, conflicts_with = "in_place")]
    priority: Option<i32>,

    /// What to print to standard output; with --plan json and yaml print the plan
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    /// The namespace of the run's cache, which is the controller's; if omitted, caches of that name are searched for
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "local")]
    cache_namespace: Option<Namespace>,

    /// The store of the caches of local runs, or of the entries of a run's pods as this machine reaches it; default: the
    /// one of the run
    #[arg(long, value_name = "URL")]
    store: Option<StoreUrl>,

    /// The URL of that store's service for this machine, if pods use another one
    #[arg(long, value_name = "URL")]
    store_endpoint: Option<String>,

    #[command(flatten)]
    check: CheckArgs,

    #[command(flatten)]
    follow_up: FollowUp,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    carry_out(args, None)
}

/// The same for runs that argo-server's archive has; the attempts are made on the cluster.
pub(super) fn run_of_archive(args: &Args, server: &ServerArgs) -> Result<Exit, Failure> {
    let of_live_runs = [("--local", args.target.local), ("--stub", !args.stubs.is_empty())];
    if let Some((flag, _)) = of_live_runs.into_iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!(
            "{flag} is for runs of this machine, and the archive has those of a cluster"
        )));
    }
    check_fields_for_archive(args.field_selector.as_ref())?;
    carry_out(args, Some(server))
}

fn carry_out(args: &Args, archive: Option<&ServerArgs>) -> Result<Exit, Failure> {
    let own = args.parameters.iter().find(|ParameterPair(name, _)| RUN_PARAMETERS.contains(&name.as_str()));
    if let Some(ParameterPair(name, _)) = own {
        return Err(Failure::usage(format!("parameter {name} belongs to the run and is set by the retry itself"))
            .hint("submit the workflow again for a run with another id"));
    }
    if !args.plan.plan
        && let Some(left) = detached(&args.follow_up, args.quiet)
    {
        return left;
    }
    block_on(async {
        let archive: Option<ArgoServer> = match archive {
            Some(server) => Some(server.connect(&args.target.access).await?),
            None => None,
        };
        let runs = match &archive {
            Some(server) => chosen::of_archive(args, server).await?,
            None => chosen::runs(args).await?,
        };
        args.check(&runs)?;
        let retry = Retry {
            mode: args.mode(),
            edited: Edited::read(&args.files, args.quiet)?,
            check: (!args.check.no_check).then(|| args.check.options(false)),
            stubs: stub::read(&args.stubs, args.quiet)?,
            parameters: args.parameters(),
            wish: args.wish(),
            name: args.name.as_ref(),
            generate_name: args.generate_name.as_ref(),
            priority: args.priority,
            store: args.store.as_ref(),
            store_endpoint: args.store_endpoint.as_deref(),
            cache_namespace: args.cache_namespace(),
            force: args.force,
            leave_out: args.is_selection(),
            plan: &args.plan,
            follow_up: &args.follow_up,
            output: args.output,
            quiet: args.quiet,
            archive: archive.as_ref(),
        };
        retry.carry_out(&runs).await
    })
}

impl Args {
    /// Refuses flags that have nothing to wait for, no run, or more than one.
    fn check(&self, runs: &[Chosen]) -> Result<(), Failure> {
        if let Some(flag) = self.follow_up.first_flag().filter(|_| self.plan.plan) {
            let message = format!("{flag} needs a run, and --plan makes none");
            return Err(Failure::usage(message).hint("leave one of them out"));
        }
        let for_one = [("--name", self.name.is_some()), ("--handle", self.follow_up.handle.is_some())];
        if let Some((flag, _)) = for_one.into_iter().find(|(_, given)| *given && runs.len() > 1) {
            let message = format!("{flag} fits one run, and there are {}", runs.len());
            return Err(Failure::usage(message).hint("retry them one by one"));
        }
        self.follow_up.check(runs.iter().any(|chosen| matches!(chosen.run, Run::Local(_))))
    }

    fn is_selection(&self) -> bool {
        self.selector.is_some() || self.field_selector.is_some()
    }

    fn wish(&self) -> Wish {
        Wish { nodes: self.from.iter().chain(&self.only).cloned().collect(), and_after: !self.from.is_empty() }
    }

    fn parameters(&self) -> Vec<(String, String)> {
        self.parameters.iter().map(|ParameterPair(name, value)| (name.clone(), value.clone())).collect()
    }

    fn cache_namespace(&self) -> Option<&str> {
        let Namespace(name) = self.cache_namespace.as_ref()?;
        name.as_ref().map(ObjectName::as_str)
    }

    fn mode(&self) -> Mode {
        match (self.memoized, self.in_place) {
            (true, _) => Mode::Memoized,
            (_, true) => Mode::InPlace(self.node_field_selector.clone()),
            _ => Mode::NewAttempt,
        }
    }
}
