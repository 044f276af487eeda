//! What the last attempt tells of nodes that a rehearsal cannot know: the items of a loop whose list is not known yet,
//! and the attempts after the first at a template with a retryStrategy.

use std::collections::BTreeSet;

use super::plan::is_attempt_of;
use super::reason::{Comparison, is_inner};
use super::rehearsal::{Outcome, Rehearsed};
use crate::argo::nodes::{Nodes, path};
use crate::argo::status::Node;

/// The nodes of the last attempt, as far as the rehearsal of the next one does not tell of them.
pub(super) struct Recorded<'a> {
    nodes: &'a Nodes,
    /// The next workflow's name.
    next: &'a str,
    /// The ids of those that are rehearsed.
    rehearsed: BTreeSet<&'a str>,
    /// The paths of what is rehearsed and may start, as if each attempt were the first.
    may_start: BTreeSet<String>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(comparison: &Comparison<'a>, rehearsed: &[Rehearsed]) -> Self {
        let next = comparison.next.name();
        let starting = rehearsed.iter().filter(|one| one.outcome != Outcome::Skipped);
        Self {
            nodes: comparison.nodes,
            next,
            rehearsed: rehearsed.iter().filter_map(|one| Some(comparison.before(&one.node)?.id.as_str())).collect(),
            may_start: starting.map(|one| as_first_attempt(&path(next, &one.node.name))).collect(),
        }
    }

    /// Those of them that no rehearsal tells of.
    pub(super) fn left(&self, nodes: impl Iterator<Item = &'a Node>) -> Vec<&'a Node> {
        nodes.filter(|node| !self.rehearsed.contains(node.id.as_str())).collect()
    }

    /// The items that a step or task had, where it stands for all of them.
    pub(super) fn items(&self, call: &Node) -> Vec<&'a Node> {
        let call = path(self.next, &call.name);
        let shown = self.nodes.all.iter().filter(|node| !is_inner(node));
        let is_item = |node: &&Node| {
            path(self.nodes.workflow(), &node.name).strip_prefix(&call).and_then(item).is_some_and(str::is_empty)
        };
        self.left(shown.filter(is_item))
    }

    /// What the attempts after the first came to, which is known to repeat only when the first one has failed again.
    pub(super) fn later_attempts(&self, retried: &Node) -> Vec<&'a Node> {
        let in_later = |node: &&Node| {
            let mut owners = self.nodes.owners(node);
            owners.any(|owner| is_attempt_of(self.nodes, owner, retried) && !owner.name.ends_with("(0)"))
        };
        let inside = self.nodes.all.iter().filter(|node| !is_inner(node)).filter(in_later);
        let starts =
            |node: &&Node| self.may_start.contains(&as_first_attempt(&path(self.nodes.workflow(), &node.name)));
        self.left(inside.filter(starts))
    }
}

/// What follows the item at the beginning of a text, such as `(0:a)`.
fn item(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('(')?;
    let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
    let value = inside[digits..].strip_prefix(':').filter(|_| digits > 0)?;
    value.rsplit_once(')').map(|(_, behind)| behind)
}

/// A path with each attempt at a template taken for the first one.
fn as_first_attempt(path: &str) -> String {
    let mut left = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('(') {
        left.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let behind = after[digits..].strip_prefix(')').filter(|_| digits > 0);
        left.push_str(if behind.is_some() { "(0)" } else { "(" });
        rest = behind.unwrap_or(after);
    }
    left + rest
}
