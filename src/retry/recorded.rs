//! What the last attempt tells of nodes that a rehearsal cannot know: the items of a loop whose list is not known yet,
//! and the attempts after the first at a template with a retryStrategy.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::reason::{Compared, Comparison, is_inner};
use super::rehearsal::Outcome;
use crate::argo::nodes::{Nodes, path};
use crate::argo::status::{Node, NodeType};

/// The nodes of the last attempt, as far as the rehearsal of the next one does not tell of them.
pub(super) struct Recorded<'a> {
    nodes: &'a Nodes,
    /// The next workflow's name.
    next: &'a str,
    rehearsed: &'a [Compared<'a>],
    /// The ids of those that are rehearsed.
    ids: HashSet<&'a str>,
    /// The paths of what is rehearsed and may start, as if each attempt were the first; made when they are asked for.
    may_start: OnceCell<HashSet<String>>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new<'c: 'a>(comparison: &Comparison<'c>, rehearsed: &'a [Compared<'a>]) -> Self {
        let ids = rehearsed.iter().filter_map(|one| Some(one.before?.id.as_str())).collect();
        let (nodes, next) = (comparison.nodes, comparison.next.name());
        Self { nodes, next, rehearsed, ids, may_start: OnceCell::new() }
    }

    /// Those of them that no rehearsal tells of.
    pub(super) fn left(&self, nodes: impl Iterator<Item = &'a Node>) -> Vec<&'a Node> {
        nodes.filter(|node| !self.ids.contains(node.id.as_str())).collect()
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
        // Nothing is looked through for a pod: there may be thousands.
        if retried.kind != NodeType::Retry {
            return Vec::new();
        }
        let in_later = |node: &&Node| {
            let mut owners = self.nodes.owners(node);
            owners.any(|owner| is_attempt_of(self.nodes, owner, retried) && !owner.name.ends_with("(0)"))
        };
        let inside = self.nodes.all.iter().filter(|node| !is_inner(node)).filter(in_later);
        let may_start = self.may_start();
        let starts = |node: &&Node| may_start.contains(&as_first_attempt(&path(self.nodes.workflow(), &node.name)));
        self.left(inside.filter(starts))
    }

    fn may_start(&self) -> &HashSet<String> {
        self.may_start.get_or_init(|| {
            let starting = self.rehearsed.iter().filter(|one| one.next.outcome != Outcome::Skipped);
            starting.map(|one| as_first_attempt(&path(self.next, &one.next.node.name))).collect()
        })
    }
}

pub(super) fn is_attempt_of(nodes: &Nodes, node: &Node, retry: &Node) -> bool {
    node.node_flag.is_some_and(|flag| flag.retried) && nodes.children(retry).any(|child| child.id == node.id)
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
