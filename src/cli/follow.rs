//! Following a run to its end, wherever it is carried out, and the exit code that its end stands for.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::found::{Found, completed, live, recorded};
use super::target::Target;
use crate::cluster::ClusterError;
use crate::exit::Exit;
use crate::local::record::Record;
use crate::output::format::name;
use crate::output::live::{Live, Voice};
use crate::output::tree::{elapsed, printable};
use crate::run::summary::phase;

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

/// Follows the run until it has ended and returns it then; `on_update` sees it on the way.
pub(super) async fn follow(
    target: &Target,
    deadline: Deadline,
    on_update: Option<&mut (dyn FnMut(&Found) + Send)>,
) -> Result<Found, Failure> {
    match target {
        Target::Cluster { cluster, name, uid } => {
            let uid = match uid {
                Some(uid) => uid.clone(),
                None => live(cluster, name, None).await?["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
            };
            let mut on_update = on_update;
            let show = |update: &serde_json::Value| {
                if let Some(on_update) = &mut on_update {
                    on_update(&Found::from(update.clone()));
                }
            };
            match cluster.wait(name, &uid, deadline.left(), show).await {
                Err(ClusterError::TimedOut { name, phase, .. }) => {
                    Err(ClusterError::TimedOut { name, after: deadline.timeout.unwrap_or_default(), phase }.into())
                }
                ended => Ok(completed(Found::from(ended?), cluster, name).await),
            }
        }
        Target::Local(record) => {
            let following = local(record, on_update);
            let Some(left) = deadline.left() else { return following.await };
            if let Ok(ended) = tokio::time::timeout(left, following).await {
                return ended;
            }
            let after = deadline.timeout.unwrap_or_default();
            let found = recorded(record)?;
            let (name, phase) = (run_name(&found), phase(&found.workflow).to_owned());
            Err(ClusterError::TimedOut { name, after, phase }.into())
        }
    }
}

async fn local(record: &Record, on_update: Option<&mut (dyn FnMut(&Found) + Send)>) -> Result<Found, Failure> {
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
    match phase(&found.workflow) {
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

/// The nodes of a run as they change, shown live.
pub(super) struct Screen(Live);

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        Self(Live::new(quiet))
    }

    pub(super) fn show(&mut self, found: &Found) {
        let nodes = found.mask().nodes(found.nodes.all.clone());
        self.0.show(nodes.iter());
    }

    /// Says a line, above the tree if there is one.
    pub(super) fn voice(&self) -> Voice {
        self.0.voice()
    }
}
