//! Pods that wait for a place on this machine, in order, and how many run. Pure.

use std::collections::VecDeque;

use super::state::NodeIndex;

/// The queue of a run's pods.
#[derive(Debug)]
pub(super) struct PodQueue {
    waiting: VecDeque<NodeIndex>,
    running: usize,
    limit: usize,
}

impl PodQueue {
    /// A queue of which so many pods run at once.
    pub(super) fn new(limit: usize) -> Self {
        Self { waiting: VecDeque::new(), running: 0, limit }
    }

    pub(super) fn add(&mut self, node: NodeIndex) {
        self.waiting.push_back(node);
    }

    /// The next pod for which there is a place; it has it once it has [begun](Self::begun).
    pub(super) fn next(&mut self) -> Option<NodeIndex> {
        if self.running < self.limit { self.waiting.pop_front() } else { None }
    }

    pub(super) fn begun(&mut self) {
        self.running += 1;
    }

    pub(super) fn ended(&mut self) {
        self.running -= 1;
    }

    /// Whether any pod runs.
    pub(super) fn is_running(&self) -> bool {
        self.running > 0
    }
}
