//! A retry of one run, wherever it is carried out: the live workflow is read, the plan is made and shown, then it is done.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::edited::Edited;
use super::entries::of_caches;
use super::plan::PlanArgs;
use crate::argo::Workflow;
use crate::argo::check;
use crate::argo::identity::ObjectName;
use crate::backend::{Backend, Run};
use crate::cache::LIMIT;
use crate::cli::failure::Failure;
use crate::cli::follow_up::FollowUp;
use crate::cli::generate;
use crate::cli::handle::handle_of;
use crate::cli::launch::Launch;
use crate::cli::values::NamePrefix;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::local::new_run::Source;
use crate::output::format::{Format, name};
use crate::output::stream::{result, talk};
use crate::prepare::{self, Options, Prepared};
use crate::retry::{self, InPlace, Mode, Next, Owner, Plan, in_place, memoized, new_attempt};

/// A retry of a run: what is asked for, each by its name.
pub(in crate::cli) struct Retry<'a> {
    pub(in crate::cli) run: &'a Run,
    pub(in crate::cli) mode: Mode,
    /// The documents to go on with.
    pub(in crate::cli) edited: Edited,
    /// How they are checked; none where they are not.
    pub(in crate::cli) check: Option<check::Options>,
    /// New values of workflow parameters.
    pub(in crate::cli) parameters: Vec<(String, String)>,
    /// The new workflow's name, or its prefix.
    pub(in crate::cli) name: Option<&'a ObjectName>,
    pub(in crate::cli) generate_name: Option<&'a NamePrefix>,
    /// Where a cluster's caches are; searched for if it is not said.
    pub(in crate::cli) cache_namespace: Option<&'a str>,
    pub(in crate::cli) plan: &'a PlanArgs,
    pub(in crate::cli) follow_up: &'a FollowUp,
    pub(in crate::cli) output: Option<Format>,
    pub(in crate::cli) quiet: bool,
}

/// What is sent or run once the plan is agreed to.
enum Change {
    Create(Box<Prepared>),
    Replace(InPlace),
}

impl Retry<'_> {
    pub(in crate::cli) async fn carry_out(mut self) -> Result<Exit, Failure> {
        let backend = self.run.backend()?;
        let live = self.run.get().await?.settled().written_out();
        if matches!(backend, Backend::Local { .. }) && self.mode != Mode::NewAttempt {
            return Err(needs_controller());
        }
        retry::check(live.value(), &self.mode, &owners(&backend, &live).await)?;
        if let Some(options) = self.check.take() {
            self.edited.check(options, &live, &self.parameters, self.quiet)?;
        }
        self.edited.keep_beside(self.run, self.quiet)?;

        let (plan, change) = self.decide(&backend, &live).await?;
        if !self.plan.agree(&plan, self.output, self.quiet)? {
            return Ok(self.plan.not_done());
        }
        match change {
            Change::Replace(change) => self.replace(&backend, &change).await,
            Change::Create(prepared) => self.launch(&backend, &prepared).await,
        }
    }

    /// The plan, and what carries it out.
    async fn decide(&self, backend: &Backend, live: &Workflow) -> Result<(Plan, Change), Failure> {
        let now = Timestamp::now();
        let value = live.value();
        match &self.mode {
            Mode::NewAttempt => self.new_attempt(backend, live, now).await,
            Mode::Memoized => {
                let next = memoized(value, &self.new_name(live)?, &self.parameters, now);
                let plan = Plan::memoized(value, &next);
                Ok((plan, Change::Create(Box::new(as_prepared(next)))))
            }
            mode @ Mode::InPlace(selector) => {
                let change = in_place(value, selector.as_ref(), &self.parameters, now)?;
                Ok((Plan::in_place(value, mode, &change), Change::Replace(change)))
            }
        }
    }

    async fn new_attempt(&self, backend: &Backend, live: &Workflow, now: Timestamp) -> Result<(Plan, Change), Failure> {
        let edited = self.edited.workflow.as_ref().map(|document| &document.value);
        let document = edited.unwrap_or(live.value());
        let templates = backend.called_templates(self.edited.templates(), [document.clone()]).await?;
        let is_local = matches!(backend, Backend::Local { .. });
        let options = Options {
            name: Some(self.new_name(live)?),
            parameters: self.parameters.clone(),
            // A local run has no controller that would resolve the reference.
            inline: is_local,
            room: (!is_local).then_some(LIMIT / 2),
            ..Options::new(generate::run_id(now)?, generate::cache_name())
        };
        let next = new_attempt(live.value(), edited, &templates, &options)?;
        self.tell_undeclared(Workflow::view(document));

        let entries = of_caches(backend, self.cache_namespace, [live.value(), &next.workflow]).await?;
        let document = Next { workflow: &next.workflow, templates: &templates, notices: &next.notices };
        let plan = Plan::new_attempt(live.value(), document, &entries, now);
        Ok((plan, Change::Create(Box::new(next))))
    }

    async fn launch(&self, backend: &Backend, prepared: &Prepared) -> Result<Exit, Failure> {
        let launch = Launch {
            backend,
            prepared: std::slice::from_ref(prepared),
            source: Source {
                workflows: self.edited.workflow.as_slice(),
                beside: &self.edited.beside,
                limits: None,
                max_tasks: None,
            },
            follow_up: self.follow_up,
            dry_run: false,
            output: self.output,
            quiet: self.quiet,
        };
        launch.carry_out().await
    }

    async fn replace(&self, backend: &Backend, change: &InPlace) -> Result<Exit, Failure> {
        let Backend::Cluster(cluster) = backend else { return Err(needs_controller()) };
        let object: Workflow = replace(cluster, change).await?.into();
        if self.output.is_none() {
            result(format_args!("{} retried\n", name(object.value())))?;
        }
        let handle = handle_of(&object, None, backend);
        let made = self.follow_up.record_run(object, handle)?;
        self.follow_up.conclude(cluster, vec![made], self.output, self.quiet).await
    }

    /// The name of the new workflow, fixed before anything is asked of a server.
    fn new_name(&self, live: &Workflow) -> Result<ObjectName, Failure> {
        if let Some(name) = self.name {
            return Ok(name.clone());
        }
        let prefix = match (self.generate_name, live.generate_name()) {
            (Some(NamePrefix(prefix)), _) => prefix.clone(),
            (None, Some(prefix)) => prefix.to_owned(),
            (None, None) => format!("{}-", live.name()),
        };
        Ok(generate::name(&prefix)?)
    }

    /// Says which parameters are given that nobody declares: Argo takes them, and mostly they are a slip.
    fn tell_undeclared(&self, workflow: &Workflow) {
        if self.quiet || workflow.is_by_reference() {
            return;
        }
        let declared = workflow.parameters();
        let given: BTreeSet<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        for name in given.into_iter().filter(|name| declared.iter().all(|parameter| parameter.name != *name)) {
            talk(format_args!("warning: workflow {:?} declares no parameter {name:?}; it is added", workflow.name()));
        }
    }
}

fn needs_controller() -> Failure {
    Failure::usage("--memoized and --in-place need the controller of a cluster")
        .hint("leave them out: a local run takes what succeeded from its cache")
}

/// A run whose owner is deleted would be deleted with it.
async fn owners(backend: &Backend, live: &Workflow) -> Vec<Owner> {
    let Backend::Cluster(cluster) = backend else { return Vec::new() };
    let mut owners = Vec::new();
    for reference in live.owner_references() {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let stays = cluster.owner_stays(reference).await;
        owners.push(Owner { name: format!("{}/{}", text("kind"), text("name")), stays });
    }
    owners
}

/// A workflow that is created without being prepared again.
fn as_prepared(workflow: Value) -> Prepared {
    let view = Workflow::view(&workflow);
    let run = prepare::Run {
        run_id: view.run_id().and_then(|id| id.parse().ok()),
        retry_run_id: view.retry_run_id().unwrap_or_default().to_owned(),
        retry_indicator: view.attempt().to_string(),
        cache_name: None,
    };
    Prepared { workflow, run, notices: Vec::new() }
}

async fn replace(cluster: &Cluster, change: &InPlace) -> Result<Value, ClusterError> {
    // Nothing is deleted for a change that the server would refuse.
    cluster.replace(&change.workflow, true).await?;
    for pod in &change.pods {
        cluster.delete_pod(pod).await?;
    }
    cluster.replace(&change.workflow, false).await
}
