//! The runs that are meant: by name, or all that failed and that selectors match; on the cluster, on this machine, or in
//! argo-server's archive.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::Args;
use crate::argo::Workflow;
use crate::backend::{Backend, BackendError, ListSelection, Run};
use crate::cli::failure::Failure;
use crate::cluster::{ArchiveSelection, Archived, ArgoServer};
use crate::local::late_nodes::LateNodes;
use crate::output::stream::talk;

/// A run that is meant.
pub(super) struct Chosen {
    pub(super) run: Run,
    /// Its object, where it is gone from the cluster.
    pub(super) archived: Option<Workflow>,
}

impl Chosen {
    /// The run as a retry sees it, and its nodes where they stand beside it; where they are not asked for they may be neither
    /// in it nor beside it.
    pub(super) async fn settled(&self, with_nodes: bool) -> Result<(Workflow, Option<LateNodes>), BackendError> {
        let workflow = match &self.archived {
            Some(workflow) => workflow.clone(),
            None if !with_nodes => self.run.settled_head().await?,
            None => match self.run.settled_end() {
                Some((workflow, nodes)) => return Ok((workflow, Some(nodes))),
                None => self.run.settled().await?,
            },
        };
        Ok((workflow.written_out(), None))
    }
}

/// The runs to retry, each once.
pub(super) async fn runs(args: &Args) -> Result<Vec<Chosen>, Failure> {
    let runs = if args.is_selection() { selected(args).await? } else { named(args).await? };
    Ok(runs.into_iter().map(|run| Chosen { run, archived: None }).collect())
}

async fn named(args: &Args) -> Result<Vec<Run>, Failure> {
    let mut runs: Vec<Run> = Vec::new();
    for named in &args.runs {
        let run = args.target.resolve(named).await?;
        if runs.iter().all(|other| other.name() != run.name()) {
            runs.push(run);
        }
    }
    Ok(runs)
}

async fn selected(args: &Args) -> Result<Vec<Run>, Failure> {
    let backend = args.target.backend().await?;
    let mut last = LastAttempts::default();
    let selection = ListSelection::with(args.selector.clone());
    let listed = backend.list(&selection, |run, snapshot| {
        // A run that cannot be read is listed by nobody.
        let Ok(snapshot) = snapshot else { return };
        last.add(args, &snapshot.settled(), run);
    });
    listed.await?;
    Ok(last.failed())
}

/// The same of argo-server's archive. Their next attempts are made on the cluster.
pub(super) async fn of_archive(args: &Args, server: &ArgoServer) -> Result<Vec<Chosen>, Failure> {
    let mut meant: Vec<Archived> = args.runs.iter().map(|name| Archived::of(name)).collect();
    if args.is_selection() {
        let mut last = LastAttempts::default();
        let selection = ArchiveSelection {
            namespace: server.namespace().to_owned(),
            labels: args.selector.as_ref().map(|labels| labels.as_str().to_owned()),
            ..ArchiveSelection::default()
        };
        let take = |object: Value| {
            let workflow = Workflow::from(object);
            last.add(args, &workflow, Archived::Uid(workflow.uid().to_owned()));
        };
        server.list(&selection, take).await?;
        meant = last.failed();
    }
    let backend = args.target.access.backend(false).await?;
    let Backend::Cluster(cluster) = &backend else { return Ok(Vec::new()) };
    let mut chosen: Vec<Chosen> = Vec::new();
    for archived in meant {
        let workflow = Workflow::from(server.workflow(&archived).await?);
        let is_there = |other: &Chosen| other.archived.as_ref().is_some_and(|other| other.uid() == workflow.uid());
        if !chosen.iter().any(is_there) {
            chosen.push(Chosen { run: Run::of_workflow(cluster, &workflow), archived: Some(workflow) });
        }
    }
    Ok(chosen)
}

/// What tells the attempts of a run apart: the number, then the time of creation.
type Age = (u32, Option<Timestamp>);

/// Of each run that is selected its last attempt.
struct LastAttempts<T>(BTreeMap<String, (Age, bool, String, T)>);

impl<T> Default for LastAttempts<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> LastAttempts<T> {
    fn add(&mut self, args: &Args, workflow: &Workflow, attempt: T) {
        let is_meant = args.field_selector.as_ref().is_none_or(|selector| selector.matches(workflow.value()));
        let failed = is_meant && matches!(workflow.phase(), "Failed" | "Error");
        let id = workflow.run_id().unwrap_or_else(|| workflow.uid()).to_owned();
        let age = (workflow.attempt(), workflow.created_at());
        if self.0.get(&id).is_none_or(|(other, ..)| *other < age) {
            self.0.insert(id, (age, failed, workflow.name().to_owned(), attempt));
        }
    }

    /// Those that failed, in the order of their creation.
    fn failed(self) -> Vec<T> {
        let mut failed: Vec<_> = self.0.into_values().filter(|(_, failed, ..)| *failed).collect();
        failed.sort_by(|left, right| (left.0.1, &left.2).cmp(&(right.0.1, &right.2)));
        if failed.is_empty() {
            talk("nothing to retry: no run that matches has failed");
        }
        failed.into_iter().map(|(.., attempt)| attempt).collect()
    }
}
