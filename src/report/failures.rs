//! What failed in a run, and what to do next: one value, from which the end of a run is written on a terminal, in reports
//! for CI and in notices.

use std::collections::HashSet;

use serde::Serialize;

use super::address::{Address, Commands};
use super::work::{Work, template};
use crate::argo::Nodes;
use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType, Phase};
use crate::mask::Mask;

/// The lines of a log that are kept of a failed node.
pub(crate) const LOG_LINES: usize = 10;
/// The maximum number of failed nodes whose logs are read.
pub(crate) const LOGS: usize = 10;
/// The message of a node that ran when the process of its run was killed.
const LOST: &str = "it ran when the process of the run was killed";

/// The failures of a run, the earliest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Failures {
    /// The nodes.
    pub(crate) nodes: Vec<FailedNode>,
    /// Where the run is found.
    pub(crate) address: Address,
    /// Whether the run Succeeded all the same.
    pub(crate) is_success: bool,
    /// Whether the run failed, perhaps without a node that failed.
    pub(crate) is_failure: bool,
}

/// A node that failed by itself, not because of a node within it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FailedNode {
    /// The full name, such as `etl-x2k9f[1].load(0)`.
    pub(crate) node: String,
    /// The name in every attempt of the run: `load`.
    pub(crate) path: String,
    /// The template; if it is in another object, with that object's name: `shared/load`.
    pub(crate) template: String,
    /// Failed or Error; Running if the run's process was killed.
    pub(crate) phase: Phase,
    /// The exit code of the main container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_code: Option<String>,
    /// The reason.
    pub(crate) message: String,
    /// The number of attempts that a retryStrategy made.
    pub(crate) attempts: usize,
    /// The last lines of its log.
    pub(crate) log: Vec<String>,
    /// Why there are no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_missing: Option<String>,
    /// The id.
    #[serde(skip)]
    pub(crate) id: String,
    /// Whether it has a log.
    #[serde(skip)]
    pub(crate) has_log: bool,
    /// Whether what it left can be looked into.
    #[serde(skip)]
    pub(crate) is_kept: bool,
    /// The name by which commands know it, if `retry --from` can begin there.
    #[serde(skip)]
    pub(crate) from: Option<String>,
    /// The name by which commands know it.
    #[serde(skip)]
    pub(crate) argument: String,
}

impl Failures {
    /// The failures among the nodes of a run. In a run that was killed, running nodes are lost.
    pub(crate) fn of(nodes: &Nodes, mask: &Mask, killed: bool) -> Vec<FailedNode> {
        let work = Work::of(nodes.workflow(), &nodes.all, mask);
        let is_lost = |node: &Node| killed && node.phase == Phase::Running;
        let failed: Vec<&Node> = nodes
            .all
            .iter()
            .filter(|node| node.phase.is_unsuccessful() || is_lost(node))
            .filter(|node| node.kind != NodeType::Container && !work.is_superseded(node))
            .collect();
        let around = around(nodes, &failed);
        let mut causes: Vec<&Node> = failed.into_iter().filter(|node| !around.contains(node.id.as_str())).collect();
        causes.sort_by_key(|node| (node.finished_at.is_none(), node.finished_at));
        causes.into_iter().map(|node| failed_node(nodes, &work, mask, node)).collect()
    }

    /// The commands that go on from the first failure.
    pub(crate) fn commands(&self) -> Commands {
        let first = self.nodes.first();
        let log_of = self.nodes.iter().find(|node| node.has_log).map(|node| node.argument.as_str());
        let left_by = self.nodes.iter().find(|node| node.is_kept).map(|node| node.argument.as_str());
        self.address.after_failure(log_of, left_by, first.and_then(|node| node.from.as_deref()))
    }
}

/// The nodes that failed because of a node within them.
fn around<'a>(nodes: &'a Nodes, failed: &[&'a Node]) -> HashSet<&'a str> {
    let mut around: HashSet<&str> = failed.iter().filter_map(|node| node.boundary_id.as_deref()).collect();
    let ids: HashSet<&str> = failed.iter().map(|node| node.id.as_str()).collect();
    let gathers = |node: &Node| matches!(node.kind, NodeType::Retry | NodeType::TaskGroup | NodeType::StepGroup);
    let groups = nodes.all.iter().filter(|node| gathers(node));
    let groups = groups.filter(|node| node.children.iter().any(|child| ids.contains(child.as_str())));
    around.extend(groups.map(|node| node.id.as_str()));
    around
}

fn failed_node(nodes: &Nodes, work: &Work<'_>, mask: &Mask, node: &Node) -> FailedNode {
    let retry = nodes.parent(&node.id).filter(|parent| {
        parent.kind == NodeType::Retry && work.attempts_at(parent).iter().any(|attempt| attempt.id == node.id)
    });
    let called = retry.unwrap_or(node);
    let (path, masked) = {
        let path = path(nodes.workflow(), &called.name);
        let masked = mask.text(&path);
        (path, masked)
    };
    // A name that cannot be shown, or not typed, is replaced by the id.
    let is_plain = path == masked && !path.chars().any(char::is_control);
    let argument = if is_plain { path } else { called.id.clone() };
    let is_hook = called.node_flag.is_some_and(|flag| flag.hooked) || nodes.is_on_exit(called);
    let may_begin = !is_hook && called.name != nodes.workflow() && called.kind != NodeType::StepGroup;
    let message = if node.phase == Phase::Running { LOST.to_owned() } else { mask.text(&node.message) };
    FailedNode {
        node: mask.text(&node.name),
        path: masked,
        template: mask.text(&template(node)),
        phase: node.phase,
        exit_code: node.outputs.as_ref().and_then(|outputs| outputs.exit_code.clone()),
        message,
        attempts: retry.map_or(1, |retry| work.attempts_at(retry).len()),
        log: Vec::new(),
        log_missing: None,
        id: node.id.clone(),
        has_log: node.kind == NodeType::Pod,
        is_kept: false,
        from: may_begin.then(|| argument.clone()),
        argument,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::Workflow;

    fn node(name: &str, kind: &str, phase: &str, more: &Value) -> Value {
        let mut node = json!({"id": name, "name": name, "displayName": name, "type": kind, "phase": phase,
            "templateName": "t", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:00:02Z"});
        for (field, value) in more.as_object().into_iter().flatten() {
            node[field] = value.clone();
        }
        node
    }

    fn failures(nodes: &[Value], killed: bool) -> Vec<FailedNode> {
        let nodes: serde_json::Map<String, Value> =
            nodes.iter().map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        let workflow = Workflow::from(json!({
            "metadata": {"name": "w"},
            "spec": {"arguments": {"parameters": [{"name": "token", "value": "s3cr3t"}]}},
            "status": {"phase": "Failed", "nodes": nodes},
        }));
        let nodes = workflow.nodes();
        Failures::of(&nodes, &Mask::of(&workflow, &nodes.all), killed)
    }

    #[test]
    fn the_cause_is_told_and_not_what_stands_around_it() {
        let within = |boundary: &str| json!({"boundaryID": boundary});
        let found = failures(
            &[
                node("w", "Steps", "Failed", &json!({"children": ["w[0]"]})),
                node("w[0]", "StepGroup", "Failed", &json!({"boundaryID": "w", "children": ["w[0].load"]})),
                node(
                    "w[0].load",
                    "Retry",
                    "Failed",
                    &json!({"boundaryID": "w", "children": ["w[0].load(0)", "w[0].load(1)"]}),
                ),
                node("w[0].load(0)", "Pod", "Failed", &json!({"boundaryID": "w", "nodeFlag": {"retried": true}})),
                node(
                    "w[0].load(1)",
                    "Pod",
                    "Failed",
                    &json!({"boundaryID": "w", "message": "no s3cr3t",
                    "outputs": {"exitCode": "3"}, "nodeFlag": {"retried": true}}),
                ),
                node("w.onExit", "Pod", "Error", &within("")),
            ],
            false,
        );
        let told: Vec<_> = found.iter().map(|node| (node.node.as_str(), node.path.as_str(), node.attempts)).collect();
        assert_eq!(told, [("w[0].load(1)", "load", 2), ("w.onExit", "onExit", 1)]);
        assert_eq!((found[0].message.as_str(), found[0].exit_code.as_deref()), ("no ***", Some("3")));
        assert_eq!((found[0].from.as_deref(), found[1].from.as_deref()), (Some("load"), None));
    }

    #[test]
    fn a_node_that_failed_by_itself_is_a_cause_of_any_type() {
        let found = failures(&[node("w", "DAG", "Error", &json!({"message": "bad expression"}))], false);
        assert_eq!((found[0].node.as_str(), found[0].has_log, &found[0].from), ("w", false, &None));
    }

    #[test]
    fn what_ran_when_a_run_was_killed_is_lost() {
        let nodes = [
            node("w", "DAG", "Running", &json!({"children": ["w.a"]})),
            node("w.a", "Pod", "Running", &json!({"boundaryID": "w"})),
        ];
        assert_eq!(failures(&nodes, false), []);
        let lost = failures(&nodes, true);
        assert_eq!((lost.len(), lost[0].path.as_str(), lost[0].message.as_str()), (1, "a", LOST));
    }

    #[test]
    fn a_name_that_cannot_be_shown_is_called_by_its_id() {
        let found = failures(&[node("w.a(0:s3cr3t)", "Pod", "Failed", &json!({"id": "w-1"}))], false);
        assert_eq!((found[0].path.as_str(), found[0].argument.as_str()), ("a(0:***)", "w-1"));
    }
}
