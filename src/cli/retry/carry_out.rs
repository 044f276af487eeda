//! Retries of runs, wherever they are carried out: each is decided on, all plans are shown, then all are carried out.

use serde_json::Value;

use super::chosen::Chosen;
use super::decision::{Change, Decision, needs_controller};
use super::edited::Edited;
use super::plan::PlanArgs;
use crate::argo::identity::ObjectName;
use crate::argo::{Workflow, check};
use crate::backend::Backend;
use crate::cli::failure::Failure;
use crate::cli::follow_up::FollowUp;
use crate::cli::handle::handle_of;
use crate::cli::launch::{Existing, Launch};
use crate::cli::store::StoreUrl;
use crate::cli::values::NamePrefix;
use crate::cluster::{ArgoServer, Cluster, ClusterError};
use crate::exit::Exit;
use crate::local::new_run::Source;
use crate::local::stub::Stubs;
use crate::output::format::{Format, name};
use crate::output::stream::{result, talk};
use crate::prepare::Prepared;
use crate::retry::{InPlace, Mode, Plan, Wish};

/// What is asked for, the same for each run.
pub(super) struct Retry<'a> {
    pub(super) mode: Mode,
    /// The documents to go on with.
    pub(super) edited: Edited,
    /// How they are checked; none where they are not.
    pub(super) check: Option<check::Options>,
    /// Outcomes of nodes that do not run.
    pub(super) stubs: Stubs,
    /// New values of workflow parameters.
    pub(super) parameters: Vec<(String, String)>,
    /// Nodes that run again whatever the cache holds.
    pub(super) wish: Wish,
    /// The new workflow's name, or its prefix.
    pub(super) name: Option<&'a ObjectName>,
    pub(super) generate_name: Option<&'a NamePrefix>,
    /// The priority of the new workflow.
    pub(super) priority: Option<i32>,
    /// The store of the caches of local runs, or of a run's pods, where it is not the one of the run.
    pub(super) store: Option<&'a StoreUrl>,
    /// Where this machine reaches the store of a run's pods.
    pub(super) store_endpoint: Option<&'a str>,
    /// Where a cluster's caches are; searched for if it is not said.
    pub(super) cache_namespace: Option<&'a str>,
    /// Retry beside another attempt, or after one that succeeded.
    pub(super) force: bool,
    /// Runs that cannot be retried are left out: nobody named them.
    pub(super) leave_out: bool,
    pub(super) plan: &'a PlanArgs,
    pub(super) follow_up: &'a FollowUp,
    pub(super) output: Option<Format>,
    pub(super) quiet: bool,
    /// The server whose archive has the runs.
    pub(super) archive: Option<&'a ArgoServer>,
}

impl Retry<'_> {
    /// Retries the runs. With several, one that cannot be retried does not keep the others from it; the highest exit code
    /// counts.
    pub(super) async fn carry_out(&self, runs: &[Chosen]) -> Result<Exit, Failure> {
        let mut exit = Exit::Success;
        let mut decided = Vec::new();
        for run in runs {
            match Decision::of(self, run).await {
                Ok(decision) => decided.push(decision),
                Err(failure) if self.leave_out && failure.exit() == Exit::Conflict => {
                    talk(format_args!("note: run {} left out: {}", run.run.name(), failure.message()));
                }
                Err(failure) if runs.len() == 1 => return Err(failure),
                Err(failure) => exit = exit.max(failure.report()),
            }
        }
        let Some(first) = decided.first() else { return Ok(exit) };
        if let Some(other) = decided.iter().find(|one| !one.backend.is_same_place(&first.backend)) {
            let message = format!("{} and {} are not in one place", first.plan.workflow, other.plan.workflow);
            return Err(
                Failure::usage(message).hint("retry the runs of each cluster, and of this machine, by themselves")
            );
        }

        let plans: Vec<&Plan> = decided.iter().map(|decision| &decision.plan).collect();
        if !self.plan.agree(&plans, self.output, self.quiet)? {
            return Ok(exit.max(self.plan.not_done()));
        }
        for decision in &mut decided {
            decision.forget_nodes();
            decision.make_way().await?;
        }
        let first = &decided[0];
        let done = match &first.change {
            Change::Create(_) => self.launch(&first.backend, &decided).await,
            Change::Replace(_) | Change::Restore(_) => self.replace(&first.backend, &decided).await,
        };
        let done = done?;
        for decision in &decided {
            decision.note().await;
        }
        Ok(exit.max(done))
    }

    /// What the name of a run's next attempt begins with, unless the user gives the name.
    pub(super) fn prefix(&self, live: &Workflow) -> String {
        match self.generate_name {
            Some(NamePrefix(prefix)) => prefix.clone(),
            None => live.prefix_of_attempts(),
        }
    }

    /// Whether it matters what becomes of each node of a local run: somebody gets to see it, or there may be nothing to do, or
    /// entries are in the way of what is asked for.
    pub(super) fn asks_for_nodes(&self) -> bool {
        self.plan.is_told(self.quiet) || self.asks_for_something() || self.mode != Mode::NewAttempt
    }

    /// Whether something of a run that has succeeded is to run again.
    pub(super) fn asks_for_something(&self) -> bool {
        let is_given = self.edited.is_given() || !self.stubs.is_empty();
        is_given || !self.parameters.is_empty() || !self.wish.nodes.is_empty()
    }

    async fn launch(&self, backend: &Backend, decided: &[Decision]) -> Result<Exit, Failure> {
        let created = decided.iter().filter_map(|decision| match &decision.change {
            Change::Create(prepared) => Some((&**prepared, decision.source())),
            Change::Replace(_) | Change::Restore(_) => None,
        });
        let runs: Vec<(&Prepared, Source<'_>)> = created.collect();
        let launch = Launch {
            backend,
            runs: &runs,
            existing: Existing::Refused,
            follow_up: self.follow_up,
            dry_run: false,
            output: self.output,
            quiet: self.quiet,
        };
        launch.carry_out().await
    }

    async fn replace(&self, backend: &Backend, decided: &[Decision]) -> Result<Exit, Failure> {
        if matches!(backend, Backend::Local { .. }) {
            return Err(needs_controller());
        }
        let mut made = Vec::new();
        for decision in decided {
            let Backend::Cluster(cluster) = &decision.backend else { continue };
            let object: Workflow = match &decision.change {
                Change::Replace(change) => replace(cluster, change).await?.into(),
                Change::Restore(change) => restore(cluster, change).await?.into(),
                Change::Create(_) => continue,
            };
            if self.output.is_none() {
                result(format_args!("{} retried\n", name(object.value())))?;
            }
            let handle = handle_of(&object, None, backend);
            made.push(self.follow_up.record_run(object, handle)?);
        }
        self.follow_up.conclude(backend, made, self.output, self.quiet).await
    }
}

async fn replace(cluster: &Cluster, change: &InPlace) -> Result<Value, ClusterError> {
    // Nothing is deleted for a change that the server would refuse.
    cluster.replace(&change.workflow, true).await?;
    for pod in &change.pods {
        cluster.delete_pod(pod).await?;
    }
    cluster.replace(&change.workflow, false).await
}

/// Creates the workflow again under its name, as the server of an archive does (RetryArchivedWorkflow in
/// server/workflowarchive/archived_workflow_server.go, v4.1.2).
async fn restore(cluster: &Cluster, change: &InPlace) -> Result<Value, Failure> {
    let mut workflow = Workflow::from(change.workflow.clone());
    workflow.forget_server();
    // Nothing is deleted for a workflow that the server would refuse.
    let checked = cluster.create(workflow.value(), true).await?;
    if checked.already {
        return Err(is_back(&workflow));
    }
    for pod in &change.pods {
        cluster.delete_pod(pod).await?;
    }
    let created = cluster.create(workflow.value(), false).await?;
    if created.already { Err(is_back(&workflow)) } else { Ok(created.object) }
}

fn is_back(workflow: &Workflow) -> Failure {
    let name = workflow.name();
    Failure::new(Exit::Conflict, format!("workflow {name:?} is on the cluster again"))
        .hint(format!("kubectl runnable retry {name} --in-place retries it there"))
}
