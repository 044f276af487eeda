//! A node beside the same call in the attempt before: what differs, whatever the node's end.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::key_difference::{Input, Side, changed};
use crate::argo::Workflow;
use crate::argo::call::Target;
use crate::argo::document::to_yaml_documents;
use crate::argo::duration;
use crate::argo::nodes::path;
use crate::argo::status::{Node, Phase};
use crate::argo::template::text;

/// Templates of more lines are told by their names alone.
const LONGEST: usize = 2_000;

/// The same call in the attempt before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Before {
    /// The workflow of that attempt.
    pub(crate) workflow: String,
    /// The node; none where the call was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<SameCall>,
    /// The templates that were edited since, the node's own before those that it may call.
    pub(crate) edited: Vec<Edited>,
    /// Inputs, and parameters of the workflow that the template reads, with other values than then.
    pub(crate) inputs: Vec<Input>,
}

/// The node of the attempt before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SameCall {
    /// Its name.
    pub(crate) name: String,
    /// How it ended.
    pub(crate) phase: &'static str,
    /// Whether it was cached then; none where it was not memoized.
    pub(crate) hit: Option<bool>,
    /// Whether it asked for the same key.
    pub(crate) same_key: bool,
    /// What had become of its entry when the node asked for it and found none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<Gone>,
}

/// What became of an entry that the attempt before had left, or had used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Gone {
    /// It was older than the template's maxAge.
    Expired,
    /// It was deleted, or removed so that the node runs again.
    Removed,
}

/// A template that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Edited {
    /// Its name.
    pub(crate) template: String,
    /// The lines that went, with `-` before them, and those that came, with `+`.
    pub(crate) lines: Vec<String>,
}

impl Before {
    /// Compares `node` of `now` with the same call of `before`.
    pub(crate) fn of(now: &Value, node: &Node, before: &Value) -> Self {
        let (new, old) = (Workflow::view(now), Workflow::view(before));
        let nodes = old.nodes();
        let same = path(new.name(), &node.name);
        let is_root = node.name == new.name();
        let found = nodes
            .all
            .iter()
            .find(|other| if is_root { other.name == old.name() } else { path(old.name(), &other.name) == same });

        let key = |node: &Node| node.memoization_status.as_ref().map(|status| status.key.clone());
        let call = found.map(|found| SameCall {
            name: found.name.clone(),
            phase: found.phase.as_str(),
            hit: found.memoization_status.as_ref().map(|status| status.hit),
            same_key: key(found) == key(node),
            entry: gone(new, node, found),
        });
        let side = |workflow, node| Side { key: "", run_id: None, node, workflow: Some(workflow) };
        let inputs = changed(side(now, Some(node)), side(before, found));
        let started = |found: &Node| !matches!(found.phase, Phase::Skipped | Phase::Omitted);
        Self {
            workflow: old.name().to_owned(),
            inputs: if found.is_some_and(started) { inputs } else { Vec::new() },
            edited: edited(new, old, node.called()),
            node: call,
        }
    }
}

/// What had become of the entry of the node before, where this one asked for it in vain.
fn gone(workflow: &Workflow, node: &Node, before: &Node) -> Option<Gone> {
    let (asked, left) = (node.memoization_status.as_ref()?, before.memoization_status.as_ref()?);
    if asked.hit || asked.key != left.key || asked.cache_name != left.cache_name || before.phase != Phase::Succeeded {
        return None;
    }
    let memoize = workflow.template_of(node).and_then(|template| template.value().get("memoize"));
    let max_age = memoize.and_then(|memoize| duration::parse(text(memoize, "maxAge")).ok());
    let age = node.started_at.zip(before.finished_at).map(|(now, then)| now.duration_since(then));
    let is_old = age.zip(max_age).is_some_and(|(age, max_age)| age > max_age);
    Some(if is_old { Gone::Expired } else { Gone::Removed })
}

/// The template of this name where it was edited, else those that it calls and that were.
fn edited(new: &Workflow, old: &Workflow, name: &str) -> Vec<Edited> {
    let mut own = Vec::new();
    let mut others = Vec::new();
    // The key of a template that reads artifacts covers the whole workflow.
    let reads_artifacts = new.template(name).is_some_and(|template| !template.input_artifacts().is_empty());
    let called = reached(new, name);
    for template in new.templates().filter(|template| reads_artifacts || called.contains(template.name())) {
        let lines = match old.template(template.name()) {
            Some(before) => differing(&written(before.value()), &written(template.value())),
            None => vec![format!("+ {}", template.name())],
        };
        if !lines.is_empty() {
            let list = if template.name() == name { &mut own } else { &mut others };
            list.push(Edited { template: template.name().to_owned(), lines });
        }
    }
    if own.is_empty() { others } else { own }
}

/// The template of this name and all of the workflow that it calls.
fn reached<'a>(workflow: &'a Workflow, name: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![name];
    while let Some(name) = pending.pop() {
        if let Some(template) = workflow.template(name).filter(|_| reached.insert(name)) {
            pending.extend(template.calls().into_iter().filter_map(|call| match call.target {
                Target::Local(name) => Some(name),
                Target::Reference(_) | Target::Inline(_) => None,
            }));
        }
    }
    reached
}

/// The lines of a template without what prepare writes.
fn written(template: &Value) -> Vec<String> {
    let mut template = template.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.shift_remove("memoize");
        fields.retain(|_, value| !value.is_null() && *value != serde_json::json!({}));
    }
    let yaml = to_yaml_documents(&[template]);
    yaml.lines().filter(|line| *line != "---").map(str::to_owned).collect()
}

/// The lines of one text alone, those that went before those that came: the longest common part stays out.
pub(crate) fn differing(old: &[String], new: &[String]) -> Vec<String> {
    if old == new {
        return Vec::new();
    }
    if old.len().max(new.len()) > LONGEST {
        return vec![format!("- {} lines", old.len()), format!("+ {} lines", new.len())];
    }
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            common[row * width + column] = if old[row] == new[column] {
                common[(row + 1) * width + column + 1] + 1
            } else {
                common[(row + 1) * width + column].max(common[row * width + column + 1])
            };
        }
    }

    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    while row < old.len() || column < new.len() {
        let both = row < old.len() && column < new.len();
        if both && old[row] == new[column] {
            (row, column) = (row + 1, column + 1);
        } else if column == new.len()
            || (both && common[(row + 1) * width + column] >= common[row * width + column + 1])
        {
            lines.push(format!("- {}", old[row]));
            row += 1;
        } else {
            lines.push(format!("+ {}", new[column]));
            column += 1;
        }
    }
    lines
}

/// The attempt that a workflow is a retry of, as it says itself.
pub(crate) fn attempt_before(workflow: &Value) -> Option<&str> {
    Workflow::view(workflow).retry_of()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn edits_of_templates_that_a_node_does_not_call_are_not_told() {
        let workflow = |word: &str| {
            Workflow::from(serde_json::json!({"spec": {"templates": [
                {"name": "main", "steps": [[{"name": "in", "template": "in"}, {"name": "say", "template": "say"}]]},
                {"name": "in", "dag": {"tasks": [{"name": "say", "template": "say"}, {"name": "again", "template": "in"}]}},
                {"name": "say", "container": {"command": ["echo", word]}},
                {"name": "other", "container": {"command": ["true"]}},
                {"name": "reads", "inputs": {"artifacts": [{"name": "a"}]}, "container": {"command": ["true"]}}]}}))
        };
        let (old, new) = (workflow("a"), workflow("b"));
        let told = |name: &str| -> Vec<String> {
            edited(&new, &old, name).into_iter().map(|edited| edited.template).collect()
        };
        assert_eq!(told("other"), [""; 0]);
        for name in ["main", "in", "say", "reads"] {
            assert_eq!(told(name), ["say"], "{name}");
        }
    }

    #[test]
    fn only_the_lines_that_differ_are_told() {
        let (old, new) = (lines(&["a", "b", "c"]), lines(&["a", "x", "c", "d"]));
        assert_eq!(differing(&old, &new), ["- b", "+ x", "+ d"]);
        assert_eq!(differing(&old, &old), [""; 0]);
    }
}
