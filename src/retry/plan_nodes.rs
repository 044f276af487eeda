//! What the nodes of the last attempt become in a new one that has the same cache.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::attempt::parameter;
use super::calls::{calls, suffix, template};
use super::nodes::{Nodes, flag, template_of};
use super::plan::{Entries, runs, unfinished};
use super::verdict::{Verdict, Why};
use crate::argo::duration;
use crate::argo::references::References;
use crate::argo::template::text;

/// Judges the nodes of the last attempt for a new one.
pub(super) struct Judge<'a> {
    pub(super) live: &'a Value,
    pub(super) next: &'a Value,
    pub(super) nodes: &'a Nodes<'a>,
    pub(super) entries: &'a Entries,
    pub(super) now: Timestamp,
    pub(super) verdicts: BTreeMap<&'a str, Verdict>,
}

impl<'a> Judge<'a> {
    /// Decides on every node.
    pub(super) fn decide(&mut self) {
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
        if let Some(why) = unfinished(node) {
            // Another run may have left the entry since then.
            let left = matches!(self.entries, Entries::Known(_)).then(|| self.entry(node, changed).ok()).flatten();
            return match left {
                Some(age_seconds) => Verdict::Cached { age_seconds, within: None },
                None if group => runs(Why::Within),
                None => runs(why),
            };
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
