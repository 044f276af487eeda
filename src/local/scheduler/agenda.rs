//! What is left to do of an event. Work that could go on without end is put here and not called, so that it does not use up
//! the stack. Pure.

use std::collections::VecDeque;

use super::state::NodeIndex;

/// The nodes whose turn comes, by what is to be done.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    settled: VecDeque<NodeIndex>,
    unlocked: VecDeque<NodeIndex>,
    nested: VecDeque<NodeIndex>,
    freed: VecDeque<NodeIndex>,
    holding: VecDeque<NodeIndex>,
    looks: VecDeque<NodeIndex>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A node has ended, hooks included, and its owner is not told yet.
    Settled(NodeIndex),
    /// A node has got the locks it waited for.
    Unlocked(NodeIndex),
    /// A steps or dag node deep in others: its children are to start.
    Nested(NodeIndex),
    /// A steps or dag node of whose children one gave its place to those that wait.
    Freed(NodeIndex),
    /// A node that has erred and still has its locks.
    Holding(NodeIndex),
}

impl Agenda {
    /// A node waits until what it is part of is looked at again.
    pub(super) fn add_look(&mut self, node: NodeIndex) {
        self.looks.push_back(node);
    }

    pub(super) fn add(&mut self, turn: Turn) {
        match turn {
            Turn::Settled(node) => self.settled.push_back(node),
            Turn::Unlocked(node) => self.unlocked.push_back(node),
            Turn::Nested(node) => self.nested.push_back(node),
            Turn::Freed(node) => self.freed.push_back(node),
            Turn::Holding(node) => self.holding.push_back(node),
        }
    }

    /// How many nodes have ended whose owner is not told yet.
    pub(super) fn settled(&self) -> usize {
        self.settled.len()
    }

    /// The next node that has ended since there were so many.
    pub(super) fn next_settled_since(&mut self, before: usize) -> Option<NodeIndex> {
        self.settled.remove(before)
    }

    /// The next such node that waits so.
    pub(super) fn next_look_of(&mut self, is_such: impl Fn(NodeIndex) -> bool) -> Option<NodeIndex> {
        let place = self.looks.iter().position(|&node| is_such(node))?;
        self.looks.remove(place)
    }

    /// Whether nothing is left to do before Argo looks again.
    pub(super) fn is_done(&self) -> bool {
        [&self.settled, &self.unlocked, &self.nested, &self.freed, &self.holding].into_iter().all(VecDeque::is_empty)
    }

    /// What waits until Argo looks again, once all else has been done and the pods that may have started.
    pub(super) fn next_look(&mut self) -> Option<NodeIndex> {
        self.looks.pop_front()
    }

    pub(super) fn next(&mut self) -> Option<Turn> {
        let settled = self.settled.pop_front().map(Turn::Settled);
        let unlocked = || self.unlocked.pop_front().map(Turn::Unlocked);
        let nested = || self.nested.pop_front().map(Turn::Nested);
        let freed = || self.freed.pop_front().map(Turn::Freed);
        let holding = || self.holding.pop_front().map(Turn::Holding);
        settled.or_else(unlocked).or_else(nested).or_else(freed).or_else(holding)
    }
}
