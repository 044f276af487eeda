//! The summary of a run from its Workflow object. Must never fail: missing or malformed fields are left out.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::run_state::RunState;
use crate::argo::nodes::Partial;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Nodes, Workflow};

/// The phase of a local run whose process was killed: Argo has no phase for this.
pub(crate) const KILLED: &str = "Killed";

/// The summary of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// The workflow's name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The run id, the same in all attempts.
    pub(crate) run_id: Option<String>,
    /// The run id of the retried run.
    pub(crate) retry_run_id: Option<String>,
    /// The workflow that this is a retry of.
    pub(crate) retry_of: Option<String>,
    /// The number of the attempt, from 1; none for a workflow that was not prepared.
    pub(crate) attempt: Option<u32>,
    /// The phase; Pending if the controller has not set one yet, [`KILLED`] for a local run whose process was killed.
    pub(crate) phase: String,
    /// The same in the four words pending, running, success and failure.
    pub(crate) state: RunState,
    /// The message of the status.
    pub(crate) message: String,
    /// The start time.
    pub(crate) start_time: Option<Timestamp>,
    /// The end time.
    pub(crate) completion_time: Option<Timestamp>,
    /// Whether it waits for `resume`.
    pub(crate) is_suspended: bool,
    /// The first of the running leaf nodes.
    pub(crate) current_node: Option<String>,
    /// The display names of all running leaf nodes.
    pub(crate) current_nodes: Vec<String>,
    /// Nodes that Succeeded.
    pub(crate) successful_nodes: usize,
    /// Nodes that ended as Failed or Error.
    pub(crate) failed_nodes: usize,
    /// All known nodes.
    pub(crate) total_nodes: usize,
    /// Completed pods of all pods, as `1/3`.
    pub(crate) progress: Option<String>,
    /// Nodes whose outputs came from the cache.
    pub(crate) memoization_hits: usize,
    /// Nodes whose templates are memoized.
    pub(crate) memoized_nodes: usize,
    /// Why there may be more nodes than are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<Partial>,
}

impl Summary {
    /// Reads a Workflow object and its nodes.
    pub(crate) fn of(workflow: &Workflow, nodes: &Nodes) -> Self {
        let count = |wanted: fn(&Node) -> bool| nodes.all.iter().filter(|node| wanted(node)).count();
        let ended = workflow.has_ended();
        let current = if ended { Vec::new() } else { running_leaves(&nodes.all) };
        Self {
            name: workflow.name().to_owned(),
            namespace: workflow.namespace().to_owned(),
            run_id: workflow.run_id().map(str::to_owned),
            retry_run_id: workflow.retry_run_id().map(str::to_owned),
            retry_of: workflow.retry_of().map(str::to_owned),
            attempt: workflow.run_id().map(|_| workflow.attempt()),
            phase: workflow.phase().to_owned(),
            state: RunState::of(workflow),
            message: workflow.message().to_owned(),
            start_time: workflow.started_at(),
            completion_time: workflow.finished_at(),
            is_suspended: !ended && (workflow.is_suspended() || has_running_suspend(&nodes.all)),
            current_node: current.first().cloned(),
            current_nodes: current,
            successful_nodes: count(|node| node.phase == Phase::Succeeded),
            failed_nodes: count(|node| node.phase.is_unsuccessful()),
            total_nodes: nodes.all.len(),
            progress: workflow.progress().map(str::to_owned),
            memoization_hits: count(|node| node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit)),
            memoized_nodes: count(|node| node.memoization_status.is_some()),
            partial: nodes.partial.clone(),
        }
    }

    /// The summary of the same run after its process was killed.
    #[must_use]
    pub(crate) fn killed(self) -> Self {
        Self {
            phase: KILLED.to_owned(),
            state: RunState::Failure,
            message: "the process of this run was killed before the run ended".to_owned(),
            is_suspended: false,
            current_node: None,
            current_nodes: Vec::new(),
            ..self
        }
    }

    /// The duration until its end or until now.
    pub(crate) fn duration(&self, now: Timestamp) -> Option<SignedDuration> {
        Some(self.completion_time.unwrap_or(now).duration_since(self.start_time?))
    }
}

fn has_running_suspend(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| node.kind == NodeType::Suspend && node.phase == Phase::Running)
}

/// The display names of running nodes that have no running node below them.
fn running_leaves(nodes: &[Node]) -> Vec<String> {
    let running: std::collections::HashSet<&str> =
        nodes.iter().filter(|node| node.phase == Phase::Running).map(|node| node.id.as_str()).collect();
    let is_leaf = |node: &&Node| {
        let works = matches!(
            node.kind,
            NodeType::Pod | NodeType::Container | NodeType::Suspend | NodeType::Http | NodeType::Plugin
        );
        works
            && running.contains(node.id.as_str())
            && !node.children.iter().any(|child| running.contains(child.as_str()))
    };
    nodes.iter().filter(is_leaf).map(|node| node.display_name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn summary(workflow: &Value) -> Summary {
        let workflow = Workflow::view(workflow);
        Summary::of(workflow, &workflow.nodes())
    }

    fn workflow() -> Value {
        let node = |id: &str, kind: &str, phase: &str, more: Value| {
            let mut node = json!({"id": id, "name": id, "displayName": id, "type": kind, "phase": phase});
            for (field, value) in more.as_object().into_iter().flatten() {
                node[field] = value.clone();
            }
            node
        };
        let hit = |hit: bool| json!({"memoizationStatus": {"hit": hit, "key": "k", "cacheName": "c"}});
        json!({
            "metadata": {"name": "w", "namespace": "ci"},
            "spec": {"arguments": {"parameters": [
                {"name": "run_id", "value": "nightly-001"}, {"name": "retry_run_id", "value": ""},
            ]}},
            "status": {
                "phase": "Running", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": null, "progress": "2/5",
                "nodes": {
                    "w": node("w", "DAG", "Running", json!({"children": ["a", "b", "c", "d", "e"]})),
                    "a": node("a", "Pod", "Succeeded", hit(true)),
                    "b": node("b", "Pod", "Failed", hit(false)),
                    "c": node("c", "Pod", "Error", json!({})),
                    "d": node("d", "Pod", "Running", json!({"children": ["d1"]})),
                    "d1": node("d1", "Container", "Running", json!({})),
                    "e": node("e", "Pod", "Pending", json!({})),
                },
            },
        })
    }

    #[test]
    fn a_running_workflow_is_summarized() {
        let summary = summary(&workflow());
        assert_eq!((summary.name.as_str(), summary.namespace.as_str(), summary.phase.as_str()), ("w", "ci", "Running"));
        assert_eq!((summary.run_id.as_deref(), summary.retry_run_id.as_deref()), (Some("nightly-001"), None));
        assert_eq!((summary.successful_nodes, summary.failed_nodes, summary.total_nodes), (1, 2, 7));
        assert_eq!((summary.memoization_hits, summary.memoized_nodes), (1, 2));
        assert_eq!((summary.current_node.as_deref(), summary.current_nodes.len()), (Some("d1"), 1));
        assert_eq!(summary.progress.as_deref(), Some("2/5"));
        assert!(summary.start_time.is_some() && summary.completion_time.is_none() && !summary.is_suspended);
    }

    #[test]
    fn a_run_is_suspended_only_before_its_end() {
        let mut asked = workflow();
        asked["spec"]["suspend"] = true.into();
        assert!(summary(&asked).is_suspended);
        asked["status"]["phase"] = "Succeeded".into();
        assert!(!summary(&asked).is_suspended);
        let mut waits = workflow();
        waits["status"]["nodes"]["d1"]["type"] = "Suspend".into();
        assert!(summary(&waits).is_suspended);
        waits["status"]["nodes"]["d1"]["phase"] = "Succeeded".into();
        assert!(!summary(&waits).is_suspended);
    }

    #[test]
    fn malformed_fields_are_left_out() {
        for broken in [
            json!(null),
            json!("w"),
            json!({"metadata": [], "spec": 1, "status": "odd"}),
            json!({"spec": {"arguments": {"parameters": {"run_id": 1}}}, "status": {
                "phase": 3, "message": {}, "startedAt": "noon", "finishedAt": 0, "progress": 0.5, "nodes": [1]}}),
        ] {
            let told = summary(&broken);
            assert_eq!((told.phase.as_str(), told.total_nodes, told.start_time), ("Pending", 0, None), "{broken}");
        }
    }

    #[test]
    fn a_killed_run_is_neither_running_nor_suspended() {
        let mut waits = workflow();
        waits["status"]["nodes"]["d1"]["type"] = "Suspend".into();
        let killed = summary(&waits).killed();
        assert_eq!((killed.phase.as_str(), killed.is_suspended, killed.current_node), (KILLED, false, None));
    }

    #[test]
    fn offloaded_nodes_are_reported_as_partial() -> Result<(), serde_json::Error> {
        let offloaded = json!({"status": {"phase": "Running", "offloadNodeStatusVersion": "fnv:1"}});
        let told = serde_json::to_value(summary(&offloaded))?;
        assert_eq!(told["partial"], "the controller keeps the nodes in its database");
        assert_eq!(serde_json::to_value(summary(&workflow()))?.get("partial"), None);
        Ok(())
    }
}
