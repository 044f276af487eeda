//! Places for work: how many children of a steps or dag node may be active, how many pods of the whole workflow, and the
//! calls that wait until one is free. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::SignedDuration;

use super::state::{Call, NodeIndex, Owner};
use crate::argo::model::Template;

/// The places of a run.
#[derive(Debug, Default)]
pub(super) struct Places {
    boundaries: HashMap<NodeIndex, Slots>,
    /// The workflow's parallelism.
    pods: Option<usize>,
    /// Pods that wait for nothing but a place, or run: what the workflow's parallelism limits.
    active_pods: HashSet<NodeIndex>,
    /// Steps and dag nodes that fail fast and whose calls wait until the workflow's parallelism allows more pods.
    waiting_for_pods: Vec<NodeIndex>,
    /// Steps and dag nodes that fail fast, and when a child of theirs failed.
    failing: Vec<(NodeIndex, SignedDuration)>,
}

/// Places for the active children of a steps or dag node.
#[derive(Debug, Default)]
struct Slots {
    limit: Option<usize>,
    active: usize,
    waiting: VecDeque<Call>,
    fail_fast: bool,
    /// It is an attempt, at whose children Argo does not look before its tasks ask for a place.
    is_attempt: bool,
    /// A child failed, and the template fails fast: it begins nothing more.
    failing: bool,
    /// It fails whatever else its children do.
    tripped: bool,
    /// Calls were given up because a child failed.
    dropped: bool,
}

/// What becomes of a call that asks for a place.
pub(super) enum Admission {
    /// It has one.
    Now(Box<Call>),
    /// It waits for one.
    Later,
    /// It never gets one, because a sibling failed and the template fails fast.
    Never(Owner),
}

impl Places {
    /// Places where so many pods may be active.
    pub(super) fn new(pods: Option<usize>) -> Self {
        Self { pods, ..Self::default() }
    }

    /// Opens the places of a steps or dag node.
    pub(super) fn open(&mut self, node: NodeIndex, template: &Template, is_attempt: bool) {
        let limit = template.parallelism.filter(|&limit| limit > 0);
        let slots = Slots { limit, fail_fast: template.fail_fast == Some(true), is_attempt, ..Slots::default() };
        self.boundaries.insert(node, slots);
    }

    /// Drops the places of a node that has ended.
    pub(super) fn close(&mut self, node: NodeIndex) {
        self.boundaries.remove(&node);
    }

    /// Asks for a place. Where a failure is to keep others from starting, calls wait for pods as calls and not as nodes.
    pub(super) fn admit(&mut self, call: Call) -> Admission {
        let no_pods = self.pods.is_some_and(|limit| self.active_pods.len() >= limit);
        let slots = call.boundary.and_then(|boundary| self.boundaries.get_mut(&boundary));
        let Some(slots) = slots else { return Admission::Now(Box::new(call)) };
        if slots.failing {
            slots.dropped = true;
            slots.tripped |= slots.active > 0 && !slots.is_attempt;
            return Admission::Never(call.owner);
        }
        if slots.is_full() || (slots.fail_fast && no_pods) {
            self.waiting_for_pods.extend(call.boundary.filter(|_| no_pods));
            slots.waiting.push_back(call);
            return Admission::Later;
        }
        slots.active += 1;
        Admission::Now(Box::new(call))
    }

    /// How many calls wait for a place of a boundary.
    pub(super) fn waiting(&self, boundary: NodeIndex) -> usize {
        self.boundaries.get(&boundary).map_or(0, |slots| slots.waiting.len())
    }

    /// The next call that waits and need wait no more; it asks once more.
    pub(super) fn next_waiting(&mut self, boundary: NodeIndex) -> Option<Call> {
        let slots = self.boundaries.get_mut(&boundary)?;
        if slots.is_full() && !slots.failing {
            return None;
        }
        slots.waiting.pop_front()
    }

    /// A child leaves its place; whether others wait for it.
    pub(super) fn leave(&mut self, boundary: NodeIndex) -> bool {
        let Some(slots) = self.boundaries.get_mut(&boundary) else { return false };
        slots.active -= 1;
        !slots.waiting.is_empty()
    }

    /// A child that failed keeps the further ones of a template that fails fast from starting. Argo sees a pod's end before
    /// it looks at the template: then `first` is set. What comes of another child it sees as it looks at the template for the next time. Of a
    /// template with a retryStrategy it counts the children of the retry node, which has none of that kind.
    /// (workflow/controller/operator.go, checkParallelism)
    pub(super) fn count_failure(&mut self, boundary: NodeIndex, first: bool, now: SignedDuration) {
        if let Some(slots) = self.boundaries.get_mut(&boundary).filter(|slots| slots.fail_fast) {
            slots.failing = true;
            if !slots.is_attempt {
                slots.tripped |= first;
                self.failing.push((boundary, now));
            }
        }
    }

    /// Looks at the templates of which a child failed before now.
    pub(super) fn look_again(&mut self, now: SignedDuration) {
        for (boundary, _) in self.failing.extract_if(.., |(_, at)| *at < now) {
            if let Some(slots) = self.boundaries.get_mut(&boundary) {
                slots.tripped = true;
            }
        }
    }

    /// Whether a boundary starts nothing more, because a child failed.
    pub(super) fn has_failed_fast(&self, boundary: NodeIndex) -> bool {
        self.boundaries.get(&boundary).is_some_and(|slots| slots.failing)
    }

    /// Whether a boundary fails whatever else its children do, because one failed.
    pub(super) fn has_tripped(&self, boundary: NodeIndex) -> bool {
        self.boundaries.get(&boundary).is_some_and(|slots| slots.tripped)
    }

    /// Whether a boundary gave calls up because a child failed.
    pub(super) fn has_dropped(&self, boundary: NodeIndex) -> bool {
        self.boundaries.get(&boundary).is_some_and(|slots| slots.dropped)
    }

    /// A pod takes one of the workflow's places.
    pub(super) fn add_pod(&mut self, node: NodeIndex) {
        self.active_pods.insert(node);
    }

    /// A pod that has ended, or waits for a lock, leaves its place; told are the nodes whose calls waited for it.
    pub(super) fn remove_pod(&mut self, node: NodeIndex) -> Vec<NodeIndex> {
        if self.active_pods.remove(&node) { std::mem::take(&mut self.waiting_for_pods) } else { Vec::new() }
    }
}

impl Slots {
    /// Whether no further child may be active.
    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.active >= limit)
    }
}
