//! Following a run to its end, wherever it is carried out, and the exit code that its end stands for.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use super::failure::Failure;
use super::report::ReportArgs;
use super::snapshot::{Found, completed, live, recorded};
use super::target::Target;
use crate::argo::Workflow;
use crate::cluster::{Cluster, ClusterError};
use crate::exit::Exit;
use crate::local::record::Record;
use crate::output::format::name;
use crate::output::live::Live;
use crate::output::tree::{elapsed, printable};

/// Until when runs are waited for: all of a command's together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    begun: Instant,
    timeout: Option<Duration>,
}

impl Deadline {
    /// So long from now on; none is no limit.
    pub(super) fn after(timeout: Option<Duration>) -> Self {
        Self { begun: Instant::now(), timeout }
    }

    /// What is left of it: never nothing, for a look at the run is always due.
    fn left(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout.saturating_sub(self.begun.elapsed()).max(Duration::from_millis(1)))
    }
}

/// What came of following a run.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its name, or as the user named it.
    pub(super) run: String,
    /// How it ended, or why that was not seen.
    pub(super) end: Result<Found, Failure>,
}

/// Sees what a run is on the way to its end.
pub(super) type OnUpdate<'a> = Option<&'a mut (dyn FnMut(&Found) + Send)>;

/// Follows all runs at the same time: each by its name and what gives its end.
pub(super) async fn at_once(
    runs: impl IntoIterator<Item = (String, impl Future<Output = Result<Found, Failure>>)>,
) -> Vec<Followed> {
    join_all(runs.into_iter().map(async |(run, end)| Followed { run, end: end.await })).await
}

/// Writes the reports; the worst exit code of all.
pub(super) fn conclude(followed: &[Followed], report: &ReportArgs) -> Exit {
    let written = report.write(followed);
    let exits = followed.iter().map(|followed| followed.end.as_ref().map_or_else(Failure::exit, exit));
    exits.fold(written, Exit::max)
}

/// Follows the run until it has ended and returns it then; `on_update` sees it on the way.
pub(super) async fn follow(target: &Target, deadline: Deadline, on_update: OnUpdate<'_>) -> Result<Found, Failure> {
    match target {
        Target::Cluster { cluster, name, uid } => {
            let workflow = live(cluster, name, uid.as_deref()).await?;
            on_cluster(cluster, &workflow, deadline, on_update).await
        }
        Target::Local(record) => {
            let following = local(record, on_update);
            let Some(left) = deadline.left() else { return following.await };
            if let Ok(ended) = tokio::time::timeout(left, following).await {
                return ended;
            }
            let after = deadline.timeout.unwrap_or_default();
            let found = recorded(record)?;
            let (name, phase) = (run_name(&found), Workflow::view(&found.workflow).phase().to_owned());
            Err(ClusterError::TimedOut { name, after, phase }.into())
        }
    }
}

/// The same of a workflow that a cluster has told of.
pub(super) async fn on_cluster(
    cluster: &Cluster,
    known: &Value,
    deadline: Deadline,
    mut on_update: OnUpdate<'_>,
) -> Result<Found, Failure> {
    let show = |update: &Value| {
        if let Some(on_update) = &mut on_update {
            on_update(&Found::from(update.clone()));
        }
    };
    match cluster.wait(known, deadline.left(), show).await {
        Err(ClusterError::TimedOut { name, phase, .. }) => {
            Err(ClusterError::TimedOut { name, after: deadline.timeout.unwrap_or_default(), phase }.into())
        }
        ended => {
            let found = Found::from(ended?);
            let name = run_name(&found);
            Ok(completed(found, cluster, &name).await)
        }
    }
}

async fn local(record: &Record, on_update: OnUpdate<'_>) -> Result<Found, Failure> {
    match on_update {
        None => record.until_left().await?,
        Some(show) => {
            record
                .watch(|| {
                    show(&recorded(record)?);
                    Ok(())
                })
                .await?;
        }
    }
    let found = recorded(record)?;
    if found.killed {
        let message = format!("local run {:?} has not ended: its process was killed", run_name(&found));
        return Err(Failure::new(Exit::Tool, message));
    }
    Ok(found)
}

fn run_name(found: &Found) -> String {
    found.workflow["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// What the end of a run means to a script.
pub(super) fn exit(found: &Found) -> Exit {
    match Workflow::view(&found.workflow).phase() {
        "Succeeded" => Exit::Success,
        "Error" => Exit::Errored,
        _ => Exit::Failed,
    }
}

/// How a run ended, on one line: `workflow.argoproj.io/etl Failed in 12s: child 'etl-1' failed`.
pub(super) fn ending(found: &Found) -> String {
    let summary = found.summary();
    let mask = found.mask();
    let took = summary.completion_time.and_then(|end| summary.duration(end));
    let took = took.map(|took| format!(" in {}", elapsed(took))).unwrap_or_default();
    let message = printable(&mask.text(&summary.message));
    let line = format!("{} {}{took}: {message}", name(&found.workflow), printable(&summary.phase));
    line.trim_end_matches(": ").to_owned()
}

/// The nodes of runs as they change, shown live.
pub(super) struct Screen(Live);

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        Self(Live::new(quiet))
    }

    pub(super) fn show(&self, found: &Found) {
        let nodes = found.mask().nodes(found.nodes.all.clone());
        self.0.show(nodes.iter());
    }

    /// Says how a run has ended, in the place of its nodes.
    pub(super) fn end(&self, found: &Found) {
        self.0.forget(found.nodes.all.iter());
        self.0.voice().say(ending(found));
    }

    /// Says why the end of a run was not seen, while the nodes of others are.
    pub(super) fn lose(&self, failure: &Failure) {
        self.0.aside(|| failure.report());
    }
}
