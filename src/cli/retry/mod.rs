//! `retry`: runs again what did not succeed. The plan is made first and shown; then it is carried out.

mod cluster;
mod local;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::check::{CheckArgs, Checked, set_parameters};
use super::failure::Failure;
use super::follow_up::FollowUp;
use super::prompt::agreed;
use super::runtime::block_on;
use super::target::TargetArgs;
use super::values::{NamePrefix, Namespace, ParameterPair};
use super::{files, generate};
use crate::argo::Workflow;
use crate::argo::document::{Document, Kind, Source, any_string};
use crate::argo::identity::{CacheName, ObjectName};
use crate::argo::node_selector::NodeSelector;
use crate::argo::{check, workflow_spec};
use crate::backend::Run;
use crate::cache::{Cache, Entry, caches_of};
use crate::exit::Exit;
use crate::output::format::{Format, rendered};
use crate::output::plan;
use crate::output::stream::{is_terminal, result, talk};
use crate::prepare::{Options, RUN_PARAMETERS, Templates};
use crate::retry::{Entries, Kept, Mode, Plan};

const EXAMPLES: &str = "Examples:
  # See what a retry would run and what it would take from the cache
  kubectl runnable retry etl-x2k9f --plan

  # Retry the run that was created last, and wait for its end
  kubectl runnable retry @latest --wait

  # Retry with another parameter, or with an edited document: only what they touch runs again
  kubectl runnable retry etl-x2k9f -p date=2026-11-21
  kubectl runnable retry etl-x2k9f --file etl.yaml

  # Keep what finds the new attempt again, and tell CI what each node did
  kubectl runnable retry run.json --handle run.json --wait --report junit=run.xml

  # Retry a run of this machine
  kubectl runnable retry --local etl-x2k9f

  # As argo does: carry the status over into a new workflow, or go on in the same one
  kubectl runnable retry etl-x2k9f --memoized
  kubectl runnable retry etl-x2k9f --in-place --restart-successful --node-field-selector displayName=load

On a terminal, retry asks for confirmation. Without one (in CI, behind a pipe) it proceeds, as with --yes.";

/// Retry a run: run again only what did not succeed
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The name of a run, @latest, or a file written by submit --handle
    #[arg(value_name = "RUN")]
    run: String,

    /// Show the plan and do nothing
    #[arg(long)]
    plan: bool,

    /// Show every item of a large loop in the plan
    #[arg(long)]
    all: bool,

    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,

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

    /// The new workflow's name
    #[arg(long, value_name = "NAME", conflicts_with = "generate_name")]
    name: Option<ObjectName>,

    /// The prefix of a generated name for the new workflow
    #[arg(long, value_name = "PREFIX")]
    generate_name: Option<NamePrefix>,

    /// What to print to standard output; with --plan json and yaml print the plan
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,

    /// Print only the result and errors
    #[arg(short, long)]
    quiet: bool,

    /// The namespace of the run's cache, which is the controller's; if omitted, caches of that name are searched for
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "local")]
    cache_namespace: Option<Namespace>,

    #[command(flatten)]
    check: CheckArgs,

    #[command(flatten)]
    follow_up: FollowUp,

    #[command(flatten)]
    target: TargetArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let own = args.parameters.iter().find(|ParameterPair(name, _)| RUN_PARAMETERS.contains(&name.as_str()));
    if let Some(ParameterPair(name, _)) = own {
        return Err(Failure::usage(format!("parameter {name} belongs to the run and is set by the retry itself"))
            .hint("submit the workflow again for a run with another id"));
    }
    block_on(async {
        let run = args.target.resolve(&args.run).await?;
        args.agree_to_follow(matches!(run, Run::Local(_)))?;
        match &run {
            Run::Cluster { cluster, .. } => cluster::run(args, cluster, run.get().await?.workflow).await,
            Run::Local(record) => local::run(args, record, run.get().await?.settled()).await,
        }
    })
}

/// What the caches hold that a plan can count on.
fn entries(caches: impl IntoIterator<Item = Cache>) -> Entries {
    let known = |cache: Cache| {
        let name = cache.name;
        cache.entries.into_values().filter(Entry::is_usable).map(move |entry| {
            let kept =
                Kept { created: entry.created, outputs: serde_json::from_value(entry.outputs).unwrap_or_default() };
            ((name.clone(), entry.key), kept)
        })
    };
    caches.into_iter().flat_map(known).collect()
}

/// The names of the caches that two attempts use.
fn cache_names(attempts: [&Value; 2]) -> Vec<CacheName> {
    let names: BTreeSet<String> = attempts.into_iter().flat_map(caches_of).collect();
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

impl Args {
    /// Says which parameters are given that nobody declares: Argo takes them, and mostly they are a slip.
    fn tell_undeclared(&self, document: &Value) {
        if self.quiet || document.pointer("/spec/workflowTemplateRef").is_some() {
            return;
        }
        let workflow = Workflow::view(document);
        let declared = workflow.parameters();
        let given = self.parameters.iter().map(|ParameterPair(name, _)| name.as_str()).collect::<BTreeSet<_>>();
        for name in given.into_iter().filter(|name| declared.iter().all(|parameter| parameter.name != *name)) {
            talk(format_args!("warning: workflow {:?} declares no parameter {name:?}; it is added", workflow.name()));
        }
    }

    /// Refuses flags that have nothing to wait for, or no run.
    fn agree_to_follow(&self, local: bool) -> Result<(), Failure> {
        if let Some(flag) = self.follow_up.given().filter(|_| self.plan) {
            let message = format!("{flag} needs a run, and --plan makes none");
            return Err(Failure::usage(message).hint("leave one of them out"));
        }
        self.follow_up.agree(local)
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

    /// What the files hold: the edited workflow, and what stands beside it.
    fn documents(&self, live: &Value) -> Result<(Option<Document>, Vec<Document>), Failure> {
        let (documents, sources) = files::with_sources(&self.files, self.quiet)?;
        let (mut workflows, beside): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.kind == Kind::Workflow);
        if beside.iter().any(|document| document.kind == Kind::CronWorkflow) {
            return Err(Failure::usage("a run is retried with a Workflow, and the files hold a CronWorkflow"));
        }
        if workflows.len() > 1 {
            return Err(Failure::usage(format!(
                "a run is retried with one workflow, and the files hold {}",
                workflows.len()
            )));
        }
        let edited = workflows.pop();
        self.check_documents(edited.as_ref(), live, &beside, &sources)?;
        Ok((edited, beside))
    }

    /// Refuses an edited workflow that Argo would refuse. Its parameters have the values of the live one.
    fn check_documents(
        &self,
        edited: Option<&Document>,
        live: &Value,
        beside: &[Document],
        sources: &[Source],
    ) -> Result<(), Failure> {
        if self.check.no_check {
            return Ok(());
        }
        let templates: Templates = beside.iter().map(|document| document.value.clone()).collect();
        let options = check::Options { may_lack_values: true, ..self.check.options(false) };
        let mut checked = Checked::new(options, &templates, beside);
        if let Some(document) = edited {
            let parameters = live.get("spec").map(workflow_spec::parameters).unwrap_or_default().iter();
            let mut object = document.value.clone();
            let live =
                parameters.filter_map(|one| Some((one["name"].as_str()?.to_owned(), any_string(&one["value"])?)));
            set_parameters(&mut object, live.chain(self.parameters()));
            checked.look_at(&object, Kind::Workflow, document);
        }
        for document in beside {
            checked.look_at_fields(document);
        }
        checked.verdict(sources, self.quiet)
    }

    /// The name of the new workflow, fixed before anything is asked of a server.
    fn new_name(&self, live: &Value) -> Result<ObjectName, Failure> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let text = |field: &str| live["metadata"][field].as_str().filter(|text| !text.is_empty());
        let prefix = match (&self.generate_name, text("generateName"), text("name")) {
            (Some(NamePrefix(prefix)), ..) => prefix.clone(),
            (_, Some(prefix), _) => prefix.to_owned(),
            (_, _, name) => format!("{}-", name.unwrap_or_default()),
        };
        Ok(generate::name(&prefix)?)
    }

    fn options(&self, live: &Value) -> Result<Options, Failure> {
        let now = jiff::Timestamp::now();
        let mut options = Options::new(generate::run_id(now)?, generate::cache_name());
        options.parameters = self.parameters();
        options.name = Some(self.new_name(live)?);
        Ok(options)
    }

    /// Shows the plan; whether it is to be carried out.
    fn agree(&self, plan: &Plan) -> Result<bool, Failure> {
        if self.plan {
            match self.output {
                Some(format @ (Format::Json | Format::Yaml)) => {
                    let value = serde_json::to_value(plan).map_err(anyhow::Error::from)?;
                    result(rendered(format, &[value]))?;
                }
                _ => result(plan::text(plan, self.all))?,
            }
            return Ok(false);
        }
        let ask = is_terminal() && !self.yes;
        if ask || !self.quiet {
            talk(plan::text(plan, self.all).trim_end());
        }
        if ask { agreed("Proceed with this retry?", true) } else { Ok(true) }
    }

    /// The exit code of a retry that was only shown, or declined.
    fn not_done(&self) -> Exit {
        if self.plan {
            return Exit::Success;
        }
        talk("nothing was done");
        Exit::Interrupted
    }
}
