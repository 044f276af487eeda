//! What failed in a run, with the last lines of the logs, and how another command finds the run.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;

use super::{Detail, ListSelection, LogEvent, Missing, Run, Snapshot};
use crate::argo::Workflow;
use crate::argo::node_pods::PodSelection;
use crate::argo::status::NodeType;
use crate::argo::workflow::PREVIOUS;
use crate::local::failed_views::FailedView;
use crate::local::logs::{self, Wanted};
use crate::local::record::RecordError;
use crate::mask::Mask;
use crate::report::address::Address;
use crate::report::failures::{FailedNode, Failures, LOG_LINES, LOGS};

/// The end of a run is told after this time, whether the logs have been read or not.
const PATIENCE: Duration = Duration::from_secs(5);
/// Later attempts that are looked for.
const MAX_ATTEMPTS: usize = 50;
/// The maximum number of characters of a line.
const LINE: usize = 400;

impl Run {
    /// How another command finds the run.
    pub(crate) fn address(&self) -> Address {
        match self {
            Self::Cluster { cluster, name, .. } => {
                Address { run: name.clone(), flags: cluster.flags(), environment: Vec::new() }
            }
            Self::Local(record) => Address::local(record.name(), record.namespace()),
        }
    }

    /// What failed, as far as it can be told: a log that cannot be read is no error.
    pub(crate) async fn failures(&self, state: &Snapshot) -> Failures {
        let mask = state.mask();
        let mut nodes = Failures::of(&state.nodes, &mask, state.killed);
        let with_log = nodes.iter_mut().filter(|node| node.has_log).take(LOGS);
        join_all(with_log.map(|node| self.read_tail(node, &mask))).await;
        if let Self::Local(record) = self {
            for node in &mut nodes {
                node.is_kept = FailedView::is_kept(record, &node.id);
            }
        }
        let is_failure = state.killed || matches!(state.phase(), "Failed" | "Error");
        Failures { nodes, address: self.address(), is_success: state.phase() == "Succeeded", is_failure }
    }

    /// The directory of the artifacts of a run of this machine.
    pub(crate) fn artifacts(&self) -> Option<String> {
        match self {
            Self::Local(record) => Some(record.artifacts().display().to_string()),
            Self::Cluster { .. } => None,
        }
    }

    /// The attempt before, if it is still there.
    pub(crate) async fn before(&self, workflow: &Workflow) -> Option<Snapshot> {
        let name = workflow.retry_of()?.parse().ok()?;
        self.backend().ok()?.find(&name).ok()?.get().await.ok()
    }

    /// The number and the name of the last attempt that was made after this one, if it can be found: each attempt has
    /// the name of the one before in a label.
    pub(crate) async fn latest_attempt(&self, state: &Snapshot) -> Option<(u32, String)> {
        let backend = self.backend().ok()?;
        let mut latest = None;
        let mut name = state.name().to_owned();
        for _ in 0..MAX_ATTEMPTS {
            let labels = Some(format!("{PREVIOUS}={name}").parse().ok()?);
            let selection = ListSelection { detail: Detail::WithoutNodes, ..ListSelection::with(labels) };
            let mut next: Option<(u32, String)> = None;
            let take = |_: Self, found: Result<Snapshot, RecordError>| {
                let Ok(found) = found else { return };
                let of_run = found.workflow.run_id() == state.workflow.run_id();
                let attempt = (found.workflow.attempt(), found.name().to_owned());
                if of_run && next.as_ref().is_none_or(|next| next.0 < attempt.0) {
                    next = Some(attempt);
                }
            };
            backend.list(&selection, take).await.ok()?;
            let Some(next) = next else { break };
            name.clone_from(&next.1);
            latest = Some(next);
        }
        latest
    }

    /// The last lines of the logs by node id, as far as this machine has them.
    pub(crate) fn tails(&self, state: &Snapshot) -> HashMap<String, Vec<String>> {
        let Self::Local(record) = self else { return HashMap::new() };
        let mask = state.mask();
        let pods = state.nodes.all.iter().filter(|node| node.kind == NodeType::Pod);
        let tails = pods.filter_map(|pod| {
            let lines = logs::tail(record, &pod.id, LOG_LINES).ok()?;
            let lines = lines.iter().map(|line| short(&String::from_utf8_lossy(&mask.bytes(line)))).collect();
            Some((pod.id.clone(), lines))
        });
        tails.collect()
    }

    async fn read_tail(&self, node: &mut FailedNode, mask: &Mask) {
        let pods = PodSelection { node: Some(node.id.clone()), ..PodSelection::default() };
        let wanted = Wanted { pods, tail: Some(LOG_LINES), ..Wanted::default() };
        let mut lines = Vec::new();
        let reading = self.logs(&wanted, |event| {
            if let LogEvent::Line { text, .. } = event {
                lines.push(short(&String::from_utf8_lossy(&mask.bytes(text))));
            }
            Ok(())
        });
        let missing = match tokio::time::timeout(PATIENCE, reading).await {
            Err(_) => Some("it was not read in time".to_owned()),
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(read)) => read.missing.into_iter().next().map(|missing| {
                let archived = missing.archived.map(|key| format!("; archived as {key}")).unwrap_or_default();
                format!("{}{archived}", why(&missing.why))
            }),
        };
        let first = lines.len().saturating_sub(LOG_LINES);
        node.log = lines.split_off(first);
        node.log_missing = missing.map(|missing| mask.text(&missing));
    }
}

fn why(missing: &Missing) -> String {
    match missing {
        Missing::Gone => "its pod is gone, and its log with it".to_owned(),
        Missing::Cut => "its pod was deleted while the log was read".to_owned(),
        Missing::NotBegun => "its container has not started".to_owned(),
        Missing::Failed(error) => error.to_string(),
    }
}

fn short(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
