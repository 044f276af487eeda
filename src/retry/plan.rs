//! The plan of a retry: what becomes of each node, and what is lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::attempt::{Attempt, parameter};
use super::calls::{calls, suffix, template};
use super::in_place::InPlace;
use super::loss::{Loss, losses};
use super::nodes::{Nodes, flag, is_unsuccessful, template_of};
use super::refusal::Mode;
use super::verdict::{Verdict, Why};
use crate::argo::duration;
use crate::argo::references::References;
use crate::argo::template::text;

/// What is known of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entries {
    /// What succeeded is expected to have left an entry.
    Expected,
    /// The entries by cache and key, with the time of their making.
    Known(BTreeMap<(String, String), Timestamp>),
}

/// What a retry will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
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
    pub losses: Vec<Loss>,
    /// Whether nodes may be missing from the plan, because the live status is not whole.
    pub partial: bool,
}

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
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
    pub fn anew(live: &Value, next: &Value, entries: &Entries, now: Timestamp) -> Self {
        let nodes = Nodes::of(live);
        let mut judge = Judge { live, next, nodes: &nodes, entries, now, verdicts: BTreeMap::new() };
        judge.decide();
        let run_id = parameter(next, "run_id");
        Self { run_id, ..Self::of(live, &Mode::Anew, next, &judge.verdicts, &[]) }
    }

    /// The plan for the memoized workflow `next`.
    pub fn memoized(live: &Value, next: &Value) -> Self {
        let nodes = Nodes::of(live);
        let verdicts = nodes.iter().map(|(id, node)| (id, carried(&nodes, node)));
        Self::of(live, &Mode::Memoized, next, &verdicts.collect(), &[])
    }

    /// The plan for a retry in place.
    pub fn in_place(live: &Value, mode: &Mode, change: &InPlace) -> Self {
        let nodes = Nodes::of(live);
        let selector = if let Mode::InPlace(Some(selector)) = mode { Some(selector) } else { None };
        let verdicts = nodes.iter().map(|(id, node)| {
            let verdict = if nodes.is_on_exit(node) {
                runs(Why::Handler)
            } else if change.reset.contains(id) {
                runs(Why::Within)
            } else if !change.removed.contains(id) {
                Verdict::CarriedOver
            } else if selector.is_some_and(|selector| selector.matches(node)) {
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
    pub fn runs(&self) -> usize {
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

fn runs(why: Why) -> Verdict {
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
fn unfinished(node: &Value) -> Option<Why> {
    match text(node, "phase") {
        "Succeeded" | "Skipped" => None,
        "Failed" => Some(Why::Failed),
        "Error" => Some(Why::Errored),
        "Omitted" => Some(Why::Omitted),
        _ => Some(Why::Unfinished),
    }
}

/// Judges the nodes of the last attempt for a new one.
struct Judge<'a> {
    live: &'a Value,
    next: &'a Value,
    nodes: &'a Nodes<'a>,
    entries: &'a Entries,
    now: Timestamp,
    verdicts: BTreeMap<&'a str, Verdict>,
}

impl<'a> Judge<'a> {
    fn decide(&mut self) {
        let changed = self.changed_parameters();
        for (id, node) in self.nodes.iter() {
            let verdict = self.alone(node, &changed);
            self.verdicts.insert(id, verdict);
        }
        // A node that runs takes those along that read its outputs, and these others.
        loop {
            let found: Vec<(&str, Verdict)> = self.nodes.iter().filter_map(|(id, node)| self.fed(id, node)).collect();
            if found.is_empty() {
                break;
            }
            self.verdicts.extend(found);
        }
        let within: Vec<(&str, Verdict)> =
            self.nodes.iter().filter_map(|(id, node)| Some((id, self.within(node)?))).collect();
        self.verdicts.extend(within);
    }

    /// The parameters with other values than in the live workflow; the run's own are no inputs.
    fn changed_parameters(&self) -> BTreeSet<String> {
        let names = |workflow: &'a Value| {
            let list = workflow.pointer("/spec/arguments/parameters").and_then(Value::as_array).into_iter().flatten();
            list.map(|parameter| text(parameter, "name"))
        };
        let own = ["run_id", "retry_run_id", "retry_indicator"];
        names(self.live)
            .chain(names(self.next))
            .filter(|name| !own.contains(name) && parameter(self.live, name) != parameter(self.next, name))
            .map(str::to_owned)
            .collect()
    }

    fn alone(&self, node: &'a Value, changed: &BTreeSet<String>) -> Verdict {
        if self.nodes.is_on_exit(node) || flag(node, "hooked") {
            return runs(Why::Handler);
        }
        if text(node, "phase") == "Skipped" {
            return Verdict::Decided;
        }
        let group = matches!(text(node, "type"), "Steps" | "DAG" | "StepGroup" | "TaskGroup");
        match unfinished(node) {
            Some(_) if group => return runs(Why::Within),
            Some(why) => return runs(why),
            None => {}
        }
        match self.entry(node, changed) {
            Err(Why::NotMemoized) if group => runs(Why::Within),
            Err(why) => runs(why),
            Ok(age_seconds) => Verdict::Cached { age_seconds, within: None },
        }
    }

    /// The age of the node's cache entry, as long as the next attempt finds it.
    fn entry(&self, node: &'a Value, changed: &BTreeSet<String>) -> Result<Option<i64>, Why> {
        let status = self.memoization(node).ok_or(Why::NotMemoized)?;
        let (key, cache) = (text(status, "key"), text(status, "cacheName"));
        let memoize =
            |workflow: &'a Value| template(workflow, template_of(node)).and_then(|found| found.get("memoize"));
        let mut max_age = None;
        if let (Some(before), after) = (memoize(self.live), memoize(self.next)) {
            let after = after.ok_or(Why::NotMemoized)?;
            if text(before, "key") != text(after, "key") {
                return Err(Why::TemplateEdited);
            }
            if after.pointer("/cache/configMap/name").and_then(Value::as_str) != Some(cache) {
                return Err(Why::OtherCache);
            }
            let parameters = named(text(after, "key"), changed);
            if !parameters.is_empty() {
                return Err(Why::InputChanged { parameters });
            }
            max_age = Some(text(after, "maxAge")).filter(|text| !text.is_empty());
        }
        let parameters = self.call(node).map(|call| of_call(call, changed)).unwrap_or_default();
        if !parameters.is_empty() {
            return Err(Why::InputChanged { parameters });
        }
        let made = match self.entries {
            // Of an entry that was found, not made, the node does not tell the age.
            Entries::Expected if status["hit"] == true => None,
            Entries::Expected => text(node, "finishedAt").parse().ok(),
            Entries::Known(entries) => Some(*entries.get(&(cache.to_owned(), key.to_owned())).ok_or(Why::EntryGone)?),
        };
        let age = made.map(|made| self.now.duration_since(made));
        let limit = max_age.and_then(|text| duration::parse(text).ok());
        if let (Some(age), Some(limit)) = (age, limit)
            && age > limit
        {
            return Err(Why::Expired);
        }
        Ok(age.map(|age| age.as_secs().max(0)))
    }

    /// What the cache said of the node, or of its attempts.
    fn memoization(&self, node: &'a Value) -> Option<&'a Value> {
        let own = |node: &'a Value| node.get("memoizationStatus").filter(|status| !text(status, "key").is_empty());
        let attempts = || self.nodes.children(text(node, "id")).filter_map(|id| self.nodes.get(id));
        own(node).or_else(|| {
            let attempt = attempts().filter(|attempt| flag(attempt, "retried")).find_map(own);
            attempt.filter(|_| text(node, "type") == "Retry")
        })
    }

    /// The call in the next workflow that the node stands for.
    fn call(&self, node: &Value) -> Option<&'a Value> {
        let boundary = self.nodes.get(text(node, "boundaryID"))?;
        let suffix = suffix(text(boundary, "name"), text(node, "name"));
        let calls = calls(template(self.next, template_of(boundary))?);
        calls.into_iter().find(|call| call.suffix == suffix).map(|call| call.value)
    }

    /// A cached node that takes outputs of one that runs.
    fn fed(&self, id: &'a str, node: &'a Value) -> Option<(&'a str, Verdict)> {
        if !matches!(self.verdicts.get(id), Some(Verdict::Cached { .. })) {
            return None;
        }
        let arguments = self.call(node)?.to_string();
        let boundary = text(node, "boundaryID");
        let source = self.nodes.iter().find(|(other, sibling)| {
            let call = text(sibling, "displayName").split('(').next().unwrap_or_default();
            text(sibling, "boundaryID") == boundary
                && !matches!(text(sibling, "type"), "StepGroup")
                && self.verdicts.get(other).is_some_and(Verdict::runs)
                && ["tasks", "steps"].iter().any(|kind| arguments.contains(&format!("{kind}.{call}.outputs")))
        });
        source.map(|(_, sibling)| (id, runs(Why::InputFrom { node: text(sibling, "displayName").to_owned() })))
    }

    /// A node in a cached one is not looked at.
    fn within(&self, node: &Value) -> Option<Verdict> {
        let mut boundary = text(node, "boundaryID");
        let mut outermost = None;
        let mut steps = 0;
        while let Some(above) = self.nodes.get(boundary) {
            if let Some(Verdict::Cached { age_seconds, .. }) = self.verdicts.get(boundary) {
                outermost = Some((above, *age_seconds));
            }
            steps += 1;
            if steps > self.verdicts.len() {
                break;
            }
            boundary = text(above, "boundaryID");
        }
        let (above, age_seconds) = outermost?;
        Some(Verdict::Cached { age_seconds, within: Some(text(above, "displayName").to_owned()) })
    }
}

/// The changed parameters that a memoization key names.
fn named(key: &str, changed: &BTreeSet<String>) -> Vec<String> {
    let references = read(key);
    changed.iter().filter(|name| references.parameters.contains(*name)).cloned().collect()
}

/// The changed parameters that the arguments of a call read.
fn of_call(call: &Value, changed: &BTreeSet<String>) -> Vec<String> {
    let mut call = call.clone();
    if let Some(fields) = call.as_object_mut() {
        // A nested inline template is no argument.
        fields.shift_remove("inline");
    }
    let references = read(&call.to_string());
    changed.iter().filter(|name| references.all_parameters || references.parameters.contains(*name)).cloned().collect()
}

fn read(text: &str) -> References {
    let mut references = References::default();
    references.read_tags(text);
    references
}
