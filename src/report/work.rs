//! The pieces of work among the nodes of a run: which nodes are test cases, with the attempts of retried ones.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;

use super::cases::{Attempt, Case, Verdict};
use crate::argo::status::{Node, NodeType};
use crate::mask::Mask;

/// The nodes of a run, and which of them are attempts of retry nodes.
pub(super) struct Work<'a> {
    workflow: &'a str,
    by_id: HashMap<&'a str, &'a Node>,
    /// All attempts.
    attempts: HashSet<&'a str>,
    /// Attempts that were followed by another one.
    superseded: HashSet<&'a str>,
    mask: &'a Mask,
}

impl<'a> Work<'a> {
    pub(super) fn of(workflow: &'a str, nodes: &'a [Node], mask: &'a Mask) -> Self {
        let by_id: HashMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut run = Self { workflow, by_id, attempts: HashSet::new(), superseded: HashSet::new(), mask };
        for node in nodes.iter().filter(|node| node.kind == NodeType::Retry) {
            let attempts: Vec<&str> = run.attempts_at(node).iter().map(|attempt| attempt.id.as_str()).collect();
            run.attempts.extend(&attempts);
            run.superseded.extend(attempts.split_last().map(|(_, before)| before).unwrap_or_default());
        }
        run
    }

    pub(super) fn case(&self, node: &Node) -> Option<Case> {
        let attempts = if node.kind == NodeType::Retry { self.attempts_at(node) } else { Vec::new() };
        let retries_work = !attempts.is_empty() && attempts.iter().all(|attempt| is_work(attempt.kind));
        let is_case = retries_work || is_work(node.kind) || node.kind == NodeType::Skipped || is_cached(node);

        if !is_case || self.attempts.contains(node.id.as_str()) || self.is_superseded(node) {
            return None;
        }

        let last = attempts.last().copied().filter(|last| last.phase == node.phase && !last.message.is_empty());
        let before = attempts.split_last().map(|(_, before)| before).unwrap_or_default();
        Some(Case {
            name: self.mask.text(self.below_workflow(&node.name)),
            id: attempts.last().map_or(&node.id, |last| &last.id).clone(),
            template: self.mask.text(&template(attempts.last().unwrap_or(&node))),
            verdict: self.verdict(last.unwrap_or(node)),
            took: took(node),
            cached: is_cached(node) || attempts.last().is_some_and(|last| is_cached(last)),
            attempts: before
                .iter()
                .map(|attempt| Attempt { verdict: self.verdict(attempt), took: took(attempt) })
                .filter(|attempt| attempt.verdict.is_failure())
                .collect(),
        })
    }

    /// The attempts of a retry node, in order; hooks are not attempts.
    pub(super) fn attempts_at(&self, node: &Node) -> Vec<&'a Node> {
        let children = node.children.iter().filter_map(|child| self.by_id.get(child.as_str()).copied());
        children.filter(|child| !child.node_flag.is_some_and(|flag| flag.hooked)).collect()
    }

    /// Whether the node is, or belongs to, an attempt that was followed by another one.
    pub(super) fn is_superseded(&self, node: &Node) -> bool {
        let mut boundary = Some(node.id.as_str());
        // The nesting cannot be deeper than the number of nodes; this ends a loop in a damaged status.
        for _ in 0..self.by_id.len() {
            let Some(id) = boundary else { return false };
            if self.superseded.contains(id) {
                return true;
            }
            boundary = self.by_id.get(id).and_then(|node| node.boundary_id.as_deref());
        }
        false
    }

    fn verdict(&self, node: &Node) -> Verdict {
        Verdict::of(node.phase, self.mask.text(&node.message))
    }

    /// The name without the workflow's name, which differs in each attempt of a run.
    fn below_workflow<'b>(&self, name: &'b str) -> &'b str {
        let below = name.strip_prefix(self.workflow).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
        below.filter(|rest| !rest.is_empty()).unwrap_or(name)
    }
}

pub(super) fn is_work(kind: NodeType) -> bool {
    matches!(kind, NodeType::Pod | NodeType::Suspend | NodeType::Http | NodeType::Plugin)
}

fn is_cached(node: &Node) -> bool {
    node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit)
}

/// The template that a node runs; if it is in another object, with that object's name.
pub(super) fn template(node: &Node) -> String {
    let of = |field: &str| node.template_ref.as_ref().and_then(|reference| reference[field].as_str());
    match (of("name"), of("template"), &node.template_name) {
        (Some(object), Some(template), _) => format!("{object}/{template}"),
        (.., Some(name)) => name.clone(),
        _ => node.display_name.clone(),
    }
}

fn took(node: &Node) -> Option<SignedDuration> {
    Some(node.finished_at?.duration_since(node.started_at?))
}
