//! Why a node of the next attempt runs: it is compared with the same call in the last one.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::rehearsal::{By, Missed, Rehearsed};
use super::verdict::Why;
use crate::argo::Workflow;
use crate::argo::nodes::{Nodes, is_on_exit, path};
use crate::argo::status::{MemoizationStatus, Node, NodeType, Phase};
use crate::argo::template::text;
use crate::cache::{KeyDifference, Side, parts};
use crate::prepare::{Notice, Reason, is_without_call};

/// The last attempt beside the next one.
pub(super) struct Comparison<'a> {
    pub(super) live: &'a Workflow,
    pub(super) next: &'a Workflow,
    pub(super) nodes: &'a Nodes,
    /// What prepare said of the next attempt.
    pub(super) notices: &'a [Notice],
    /// The nodes of the last attempt by their paths.
    calls: HashMap<String, &'a Node>,
    /// The same with items known by their values; made when a path is not among those.
    by_value: OnceCell<HashMap<String, &'a Node>>,
}

/// A node of the next attempt, and the node of the last one that was the same call.
pub(super) struct Compared<'a> {
    pub(super) next: Rehearsed,
    pub(super) before: Option<&'a Node>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(live: &'a Workflow, next: &'a Workflow, nodes: &'a Nodes, notices: &'a [Notice]) -> Self {
        let shown = nodes.all.iter().filter(|node| !is_inner(node));
        let calls = shown.map(|node| (path(nodes.workflow(), &node.name), node)).collect();
        Self { live, next, nodes, notices, calls, by_value: OnceCell::new() }
    }

    /// A node of the next attempt with the node of the last one that was the same call.
    pub(super) fn with_the_last(&self, next: Rehearsed) -> Compared<'a> {
        let path = if next.node.name == self.next.name() {
            self.nodes.workflow().to_owned()
        } else {
            path(self.next.name(), &next.node.name)
        };
        let before = self.calls.get(&path).or_else(|| self.by_value().get(&without_item_indices(&path))).copied();
        Compared { next, before }
    }

    fn by_value(&self) -> &HashMap<String, &'a Node> {
        self.by_value.get_or_init(|| {
            let mut by_value = HashMap::new();
            for node in self.nodes.all.iter().filter(|node| !is_inner(node)) {
                let path = path(self.nodes.workflow(), &node.name);
                by_value.entry(without_item_indices(&path)).or_insert(node);
            }
            by_value
        })
    }

    /// Why a node runs that found no entry.
    pub(super) fn missed(&self, one: &Compared<'a>, missed: &Missed) -> Why {
        if missed.expired {
            return Why::Expired;
        }
        let Some(before) = one.before else { return Why::NeverStarted };
        if let Some(why) = unfinished(before) {
            return if missed.nested && before.phase.is_completed() { Why::Within } else { why };
        }
        if let Some(By::Node(from)) = &missed.waits_for {
            return Why::InputFrom { node: self.shown(from) };
        }
        let Some(status) = self.memoization(before) else { return Why::NotMemoized { because: None } };
        if status.cache_name != missed.cache {
            return Why::OtherCache;
        }
        if status.key == missed.key {
            return Why::EntryGone;
        }
        self.other_key(&one.next.node, before, &status.key, &missed.key)
    }

    /// Why a node runs whose template asks no cache.
    pub(super) fn not_memoized(&self, one: &Compared<'a>, nested: bool) -> Why {
        let node = &one.next.node;
        let reason = self.notices.iter().find_map(|notice| match notice {
            Notice::NotMemoized { template, reason } if *template == named_as_in_notices(node) => Some(reason),
            _ => None,
        });
        let is_hook = node.node_flag.is_some_and(|flag| flag.hooked) || is_on_exit(self.next.name(), &node.name);
        if is_hook || reason == Some(&Reason::Handler) {
            return Why::Handler;
        }
        if nested {
            return Why::Within;
        }
        let failed = one.before.and_then(unfinished);
        failed.unwrap_or_else(|| Why::NotMemoized { because: reason.map(ToString::to_string) })
    }

    fn other_key(&self, node: &Node, before: &Node, old: &str, new: &str) -> Why {
        let written = |workflow: &Workflow, node: &Node| {
            let template = workflow.template_of(node);
            template.and_then(|template| template.value().get("memoize")).map(|memoize| text(memoize, "key").to_owned())
        };
        let older = written(self.live, before).is_some_and(|key| is_without_call(&key));
        if older && written(self.next, node).is_some_and(|key| !is_without_call(&key)) {
            return Why::OlderVersion;
        }
        let run_id = self.next.run_id();
        let side = |key, node, workflow: &'a Workflow| Side {
            key,
            run_id,
            node: Some(node),
            workflow: Some(workflow.value()),
        };
        for part in parts(side(new, node, self.next), side(old, before, self.live)) {
            match part {
                KeyDifference::Content { fields } => return Why::TemplateEdited { fields },
                KeyDifference::Inputs { changed } if !changed.is_empty() => {
                    return Why::InputChanged { parameters: changed.into_iter().map(|input| input.name).collect() };
                }
                _ => {}
            }
        }
        Why::KeyChanged
    }

    /// What the cache said of the node, or of its attempts.
    fn memoization(&self, node: &'a Node) -> Option<&'a MemoizationStatus> {
        let own = |node: &'a Node| node.memoization_status.as_ref().filter(|status| !status.key.is_empty());
        let attempts = || self.nodes.children(node).filter(|child| child.node_flag.is_some_and(|flag| flag.retried));
        own(node).or_else(|| attempts().find_map(own).filter(|_| node.kind == NodeType::Retry))
    }

    /// What decides, as people know it.
    pub(super) fn said(&self, by: &By) -> String {
        match by {
            By::Node(name) => self.shown(name),
            By::ConfigMap => "a ConfigMap".to_owned(),
        }
    }

    /// A node's name as people know it: below its workflow.
    pub(super) fn shown(&self, name: &str) -> String {
        path(self.next.name(), name)
    }
}

/// The template of a node as prepare calls it: one of another object with that object's name.
fn named_as_in_notices(node: &Node) -> String {
    let object = node.template_ref.as_ref().map(|reference| text(reference, "name"));
    object.map_or_else(|| node.called().to_owned(), |object| format!("{object}/{}", node.called()))
}

/// Why a node has no result that could be kept.
pub(super) fn unfinished(node: &Node) -> Option<Why> {
    match node.phase {
        Phase::Succeeded => None,
        Phase::Skipped => Some(Why::WasSkipped),
        Phase::Failed => Some(Why::Failed),
        Phase::Error => Some(Why::Errored),
        Phase::Omitted => Some(Why::Omitted),
        Phase::Pending | Phase::Running => Some(Why::Unfinished),
    }
}

/// Groups, containers of a set and attempts have no line of their own.
pub(super) fn is_inner(node: &Node) -> bool {
    matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup | NodeType::Container)
        || node.node_flag.is_some_and(|flag| flag.retried)
}

/// A path without the places of items: where a list has changed, an item is known by its value.
fn without_item_indices(path: &str) -> String {
    let mut left = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('(') {
        left.push_str(before);
        left.push('(');
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        rest = after[digits..].strip_prefix(':').filter(|_| digits > 0).unwrap_or(after);
    }
    left + rest
}
