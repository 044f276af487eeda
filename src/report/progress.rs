//! How far a run is: which of its calls are complete. A call is complete when its node has succeeded, was taken from
//! the cache, or is not to run (its condition is false). What was omitted in a run that failed is not: the next attempt may run it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Nodes, Workflow};

/// The calls that a run's document tells of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected<'a> {
    /// The paths of those that do work.
    pub(crate) paths: Vec<&'a str>,
    /// Whether there may be others.
    pub(crate) partial: bool,
}

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Progress {
    /// The workflow's name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The phase of the run; empty where only its manifests tell of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) phase: String,
    /// The store whose manifests tell of it; none where the run itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<String>,
    /// The number of calls that do work.
    pub(crate) total: usize,
    /// How many of them are complete.
    pub(crate) completed: usize,
    /// `completed / total`, from 0 to 1; 0 if there are none.
    pub(crate) fraction: f64,
    /// Each call by its path, and whether it is complete.
    pub(crate) node_breakdown: Map<String, Value>,
    /// Whether there are calls, all of them are complete, and no more can come.
    pub(crate) is_complete: bool,
    /// Whether there may be more calls than are counted: those of loops and conditions that depend on a node's outputs.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) partial: bool,
}

impl Progress {
    /// The same with each path as `hide` gives it: items of loops can be secrets.
    pub(crate) fn with_paths(self, hide: impl Fn(&str) -> String) -> Self {
        let node_breakdown = self.node_breakdown.into_iter().map(|(path, complete)| (hide(&path), complete)).collect();
        Self { node_breakdown, ..self }
    }

    /// Reads a run's nodes; `expected` are the calls that its document tells of.
    pub(crate) fn of(workflow: &Workflow, nodes: &Nodes, expected: &Expected<'_>) -> Self {
        let started = Started::of(workflow, nodes);
        let ended = workflow.has_ended();
        let mut breakdown: Map<String, Value> = nodes
            .all
            .iter()
            .filter(|node| started.counts(node, nodes))
            .map(|node| (started.path(node), is_complete(node, workflow).into()))
            .collect();
        if workflow.phase() != Phase::Succeeded.as_str() {
            for path in expected.paths.iter().filter(|path| !started.decides(path)) {
                breakdown.entry(*path).or_insert(false.into());
            }
        }

        let partial = !ended && (expected.partial || nodes.partial.is_some());
        Self {
            name: workflow.name().to_owned(),
            namespace: workflow.namespace().to_owned(),
            phase: workflow.phase().to_owned(),
            ..Self::counted(breakdown, partial)
        }
    }

    /// The counts of calls that are complete or not, of a run without a name.
    fn counted(breakdown: Map<String, Value>, partial: bool) -> Self {
        let total = breakdown.len();
        let completed = breakdown.values().filter(|complete| **complete == Value::Bool(true)).count();
        Self {
            name: String::new(),
            namespace: String::new(),
            phase: String::new(),
            store: None,
            total,
            completed,
            fraction: fraction(completed, total),
            node_breakdown: breakdown,
            is_complete: total > 0 && completed == total && !partial,
            partial,
        }
    }
}

/// What manifests tell of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByManifests {
    /// The workflow's name.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// The store that holds them.
    pub(crate) store: String,
    /// The calls whose prefixes are known, and whether each has its manifest.
    pub(crate) calls: Vec<(String, bool)>,
    /// Whether there is a manifest of the whole run.
    pub(crate) whole: bool,
    /// Whether there may be other calls, or some whose prefixes are not known.
    pub(crate) partial: bool,
}

impl From<ByManifests> for Progress {
    fn from(told: ByManifests) -> Self {
        let all = |(path, complete): (String, bool)| (path, Value::Bool(complete || told.whole));
        let counted = Self::counted(told.calls.into_iter().map(all).collect(), told.partial && !told.whole);
        Self { name: told.name, namespace: told.namespace, store: Some(told.store), ..counted }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run has far fewer than 2^52 calls")]
fn fraction(completed: usize, total: usize) -> f64 {
    if total == 0 { 0.0 } else { completed as f64 / total as f64 }
}

fn is_complete(node: &Node, workflow: &Workflow) -> bool {
    match node.phase {
        Phase::Succeeded | Phase::Skipped => true,
        Phase::Omitted => !matches!(workflow.phase(), "Failed" | "Error"),
        _ => false,
    }
}

/// What has started, by the paths of the nodes.
struct Started<'a> {
    workflow: &'a str,
    /// The phase of each node, groups and attempts too.
    phases: HashMap<String, Phase>,
    /// The ids of nodes with others within them.
    owners: HashSet<&'a str>,
}

impl<'a> Started<'a> {
    fn of(workflow: &'a Workflow, nodes: &'a Nodes) -> Self {
        Self {
            workflow: workflow.name(),
            phases: nodes.all.iter().map(|node| (path(workflow.name(), &node.name), node.phase)).collect(),
            owners: nodes.all.iter().filter_map(|node| node.boundary_id.as_deref()).collect(),
        }
    }

    fn path(&self, node: &Node) -> String {
        path(self.workflow, &node.name)
    }

    /// Whether a node is a call of its own: it does work, or was taken from the cache whole. An attempt belongs to its
    /// Retry node, and what a failed attempt called is called again by the next one.
    fn counts(&self, node: &Node, nodes: &Nodes) -> bool {
        let is_attempt = |node: &Node| node.node_flag.is_some_and(|flag| flag.retried);
        let in_failed_attempt = nodes.owners(node).any(|owner| is_attempt(owner) && owner.phase.is_unsuccessful());
        let works = match node.kind {
            NodeType::Pod | NodeType::Suspend | NodeType::Http | NodeType::Plugin | NodeType::Skipped => true,
            NodeType::Retry => {
                !nodes.children(node).any(|attempt| matches!(attempt.kind, NodeType::Steps | NodeType::Dag))
            }
            NodeType::Steps | NodeType::Dag => node.phase.is_fulfilled() && !self.owners.contains(node.id.as_str()),
            NodeType::StepGroup | NodeType::TaskGroup | NodeType::Container => false,
        };
        works && !is_attempt(node) && !in_failed_attempt
    }

    /// Whether the nodes tell what became of an expected call: it, its items or attempts are there, or what calls it has
    /// ended.
    fn decides(&self, path: &str) -> bool {
        let items = format!("{path}(");
        let ended = |at: usize| self.phases.get(&path[..at]).is_some_and(|phase| phase.is_fulfilled());
        self.phases.contains_key(path)
            || self.phases.keys().any(|known| known.starts_with(&items))
            || path.match_indices(['.', '(']).any(|(at, _)| ended(at))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(phase: &str, nodes: &[(&str, &str, &str, &str)]) -> Value {
        let mut all = Map::new();
        for (name, kind, phase, boundary) in nodes {
            all.insert((*name).to_owned(), json!({"id": name, "name": name, "displayName": name, "type": kind, "phase": phase, "boundaryID": boundary}));
        }
        json!({"metadata": {"name": "w", "namespace": "ci"}, "status": {"phase": phase, "nodes": all}})
    }

    fn progress(workflow: &Value, expected: &[&str], partial: bool) -> Progress {
        let workflow = Workflow::view(workflow);
        Progress::of(workflow, &workflow.nodes(), &Expected { paths: expected.to_vec(), partial })
    }

    fn told(progress: &Progress) -> (usize, usize, bool) {
        (progress.completed, progress.total, progress.is_complete)
    }

    #[test]
    fn a_run_that_has_not_started_has_no_complete_call() {
        let none = progress(&json!({"metadata": {"name": "w"}}), &[], false);
        assert_eq!((told(&none), none.fraction.to_bits()), ((0, 0, false), 0.0_f64.to_bits()));
        assert_eq!(told(&progress(&json!({"metadata": {"name": "w"}}), &["a", "b"], false)), (0, 2, false));
    }

    #[test]
    fn calls_of_nodes_and_of_the_document_are_counted_once() {
        let live = workflow(
            "Running",
            &[
                ("w", "Steps", "Running", ""),
                ("w[0]", "StepGroup", "Succeeded", "w"),
                ("w[0].a", "Pod", "Succeeded", "w"),
                ("w[0].never", "Skipped", "Skipped", "w"),
                ("w[1].map(0:x)", "Pod", "Running", "w"),
                ("w[1].whole", "DAG", "Succeeded", "w"),
            ],
        );
        let now = progress(&live, &["a", "never", "map", "whole.inner", "last"], false);
        assert_eq!(told(&now), (3, 5, false), "{now:?}");
        assert_eq!(
            Value::Object(now.node_breakdown),
            json!({"a": true, "never": true, "map(0:x)": false, "whole": true, "last": false})
        );
    }

    #[test]
    fn what_was_omitted_is_complete_unless_the_run_failed() {
        let nodes = [("w", "DAG", "Failed", ""), ("w.a", "Pod", "Failed", "w"), ("w.b", "Skipped", "Omitted", "w")];
        assert_eq!(told(&progress(&workflow("Failed", &nodes), &[], false)), (0, 2, false));
        let nodes =
            [("w", "DAG", "Succeeded", ""), ("w.a", "Pod", "Succeeded", "w"), ("w.b", "Skipped", "Omitted", "w")];
        assert_eq!(told(&progress(&workflow("Succeeded", &nodes), &[], false)), (2, 2, true));
    }

    #[test]
    fn what_a_failed_attempt_called_is_not_counted_twice() {
        let mut live = workflow(
            "Running",
            &[
                ("w", "Steps", "Running", ""),
                ("w[0].r", "Retry", "Running", "w"),
                ("w[0].r(0)", "Steps", "Failed", "w"),
                ("w[0].r(0)[0].a", "Pod", "Succeeded", "w[0].r(0)"),
                ("w[0].r(1)", "Steps", "Running", "w"),
                ("w[0].r(1)[0].a", "Pod", "Succeeded", "w[0].r(1)"),
            ],
        );
        live["status"]["nodes"]["w[0].r"]["children"] = json!(["w[0].r(0)", "w[0].r(1)"]);
        for attempt in ["w[0].r(0)", "w[0].r(1)"] {
            live["status"]["nodes"][attempt]["nodeFlag"] = json!({"retried": true});
        }
        let now = progress(&live, &["r(0).a", "r(0).b"], false);
        assert_eq!(Value::Object(now.node_breakdown), json!({"r(1).a": true}));
    }

    #[test]
    fn a_run_is_complete_when_all_is_and_no_more_can_come() {
        let live = |phase| workflow(phase, &[("w", "Steps", phase, ""), ("w[0].a", "Pod", "Succeeded", "w")]);
        assert_eq!(told(&progress(&live("Running"), &["a"], true)), (1, 1, false));
        assert_eq!(told(&progress(&live("Running"), &["a", "b"], false)), (1, 2, false));
        assert_eq!(told(&progress(&live("Succeeded"), &["a", "b"], true)), (1, 1, true));
        assert_eq!(told(&progress(&live("Failed"), &["a"], false)), (1, 1, true));
    }

    #[test]
    fn manifests_tell_which_calls_are_complete() {
        let by = |calls: &[(&str, bool)], whole: bool, partial: bool| {
            let calls = calls.iter().map(|(path, complete)| ((*path).to_owned(), *complete)).collect();
            Progress::from(ByManifests { calls, whole, partial, ..ByManifests::default() })
        };
        let none = by(&[], false, false);
        assert_eq!((told(&none), none.fraction.to_bits()), ((0, 0, false), 0.0_f64.to_bits()));
        assert_eq!(told(&by(&[("a", true), ("b", false)], false, false)), (1, 2, false));
        assert_eq!(told(&by(&[("a", true)], false, false)), (1, 1, true));
        assert_eq!(told(&by(&[("a", true)], false, true)), (1, 1, false));
        assert_eq!(told(&by(&[("a", false)], true, true)), (1, 1, true), "the manifest of the whole run says it");
    }
}
