//! The plan of a retry: what becomes of each node, and what is lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::attempt::{Attempt, parameter};
use super::calls::{calls, suffix, template};
use super::in_place::InPlace;
use super::lost_state::{LostState, losses};
use super::nodes::{Nodes, flag, is_unsuccessful, template_of};
use super::plan_nodes::Judge;
use super::refusal::Mode;
use super::verdict::{Verdict, Why};
use crate::argo::template::text;

/// What is known of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entries {
    /// What succeeded is expected to have left an entry.
    Expected,
    /// The entries by cache and key, with the time of their making.
    Known(BTreeMap<(String, String), Timestamp>),
}

/// What a retry will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// The workflow that is retried.
    pub workflow: String,
    /// `new`, `memoized` or `in-place`.
    pub mode: &'static str,
    /// The run's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The number of the attempt that is made; in place it stays.
    pub attempt: u32,
    /// The nodes, each before those after it.
    pub nodes: Vec<Entry>,
    /// What is lost.
    pub losses: Vec<LostState>,
    /// Whether nodes may be missing from the plan, because the live status is not whole.
    pub partial: bool,
}

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The node's name.
    pub name: String,
    /// Its type; empty when it never started.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The template it calls.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Plan {
    /// The plan for a new Workflow, `next`, that takes from the cache what succeeded.
    pub(crate) fn anew(live: &Value, next: &Value, entries: &Entries, now: Timestamp) -> Self {
        let nodes = Nodes::of(live);
        let mut judge = Judge { live, next, nodes: &nodes, entries, now, verdicts: BTreeMap::new() };
        judge.decide();
        let run_id = parameter(next, "run_id");
        Self { run_id, ..Self::of(live, &Mode::Anew, next, &judge.verdicts, &[]) }
    }

    /// The plan for the memoized workflow `next`.
    pub(crate) fn memoized(live: &Value, next: &Value) -> Self {
        let nodes = Nodes::of(live);
        let verdicts = nodes.iter().map(|(id, node)| (id, carried(&nodes, node)));
        Self::of(live, &Mode::Memoized, next, &verdicts.collect(), &[])
    }

    /// The plan for a retry in place.
    pub(crate) fn in_place(live: &Value, mode: &Mode, change: &InPlace) -> Self {
        let nodes = Nodes::of(live);
        let selector = if let Mode::InPlace(Some(selector)) = mode { Some(selector) } else { None };
        let verdicts = nodes.iter().map(|(id, node)| {
            let verdict = if nodes.is_on_exit(node) {
                runs(Why::Handler)
            } else if change.reset.contains(id) {
                runs(Why::Within)
            } else if !change.removed.contains(id) {
                Verdict::CarriedOver
            } else if selector.is_some_and(|selector| selector.selects(node)) {
                runs(Why::Selected)
            } else {
                runs(unfinished(node).unwrap_or(Why::After))
            };
            (id, verdict)
        });
        let attempt = Attempt::after(live).number - 1;
        let verdicts = verdicts.collect();
        Self { attempt, ..Self::of(live, mode, &change.workflow, &verdicts, &change.pods) }
    }

    /// Whether anything runs.
    pub(crate) fn runs(&self) -> usize {
        self.nodes.iter().filter(|entry| entry.verdict.runs()).count()
    }

    fn of(live: &Value, mode: &Mode, next: &Value, verdicts: &BTreeMap<&str, Verdict>, pods: &[String]) -> Self {
        let nodes = Nodes::of(live);
        let attempt = Attempt::after(live);
        let stays = |id: &str| verdicts.get(id).is_some_and(|verdict| !verdict.runs() && *verdict != Verdict::Decided);
        let losses = losses(live, mode, pods, stays);
        let away = |field: &str| live["status"].get(field).is_some_and(|value| value.as_str() != Some(""));
        Self {
            workflow: nodes.workflow.to_owned(),
            mode: match mode {
                Mode::Anew => "new",
                Mode::Memoized => "memoized",
                Mode::InPlace(_) => "in-place",
            },
            run_id: attempt.run_id.map(|id| id.to_string()),
            attempt: attempt.number,
            nodes: entries(&nodes, next, verdicts),
            losses,
            partial: nodes.is_empty() && (away("compressedNodes") || away("offloadNodeStatusVersion")),
        }
    }
}

/// The nodes that a reader knows from the document, each followed by what never started in it.
fn entries(nodes: &Nodes<'_>, next: &Value, verdicts: &BTreeMap<&str, Verdict>) -> Vec<Entry> {
    let mut order = nodes.in_order();
    let seen: BTreeSet<&str> = order.iter().copied().collect();
    order.extend(nodes.iter().map(|(id, _)| id).filter(|id| !seen.contains(id)));
    let mut entries = Vec::new();
    for id in order {
        let (Some(node), Some(verdict)) = (nodes.get(id), verdicts.get(id)) else { continue };
        let inner = matches!(text(node, "type"), "StepGroup" | "TaskGroup" | "Container") || flag(node, "retried");
        if !inner {
            entries.push(Entry {
                name: text(node, "name").to_owned(),
                kind: text(node, "type").to_owned(),
                template: template_of(node).to_owned(),
                verdict: verdict.clone(),
            });
        }
        if verdict.runs() {
            entries.extend(never_started(nodes, next, node));
        }
    }
    entries
}

fn never_started(nodes: &Nodes<'_>, next: &Value, boundary: &Value) -> Vec<Entry> {
    let (id, name) = (text(boundary, "id"), text(boundary, "name"));
    if !matches!(text(boundary, "type"), "Steps" | "DAG") {
        return Vec::new();
    }
    let inside = nodes.iter().filter(|(_, node)| text(node, "boundaryID") == id);
    let started: BTreeSet<&str> = inside.map(|(_, node)| suffix(name, text(node, "name"))).collect();
    let template = template(next, template_of(boundary));
    let calls = template.into_iter().flat_map(calls).filter(|call| !started.contains(call.suffix.as_str()));
    calls
        .map(|call| Entry {
            name: format!("{name}{}", call.suffix),
            kind: String::new(),
            template: template_of_call(call.value).to_owned(),
            verdict: runs(Why::NeverStarted),
        })
        .collect()
}

fn template_of_call(call: &Value) -> &str {
    call.pointer("/templateRef/template").and_then(Value::as_str).unwrap_or_else(|| text(call, "template"))
}

pub(super) fn runs(why: Why) -> Verdict {
    Verdict::Runs { why }
}

fn carried(nodes: &Nodes<'_>, node: &Value) -> Verdict {
    match text(node, "type") {
        _ if nodes.is_on_exit(node) => runs(Why::Handler),
        "Pod" if !is_unsuccessful(node) => Verdict::CarriedOver,
        "Skipped" if text(node, "phase") == "Skipped" => Verdict::Decided,
        "Steps" | "DAG" | "StepGroup" | "TaskGroup" | "Retry" => runs(Why::Within),
        _ => runs(unfinished(node).unwrap_or(Why::NotMemoized)),
    }
}

/// Why a node has no result that could be kept.
pub(super) fn unfinished(node: &Value) -> Option<Why> {
    match text(node, "phase") {
        "Succeeded" | "Skipped" => None,
        "Failed" => Some(Why::Failed),
        "Error" => Some(Why::Errored),
        "Omitted" => Some(Why::Omitted),
        _ => Some(Why::Unfinished),
    }
}
