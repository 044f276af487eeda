//! The items of a task, which run side by side: the nodes that they became, and when all have ended. Pure.

use std::collections::VecDeque;

use super::node_table::NodeTable;
use super::runs::Run;
use super::state::NodeIndex;
use crate::argo::status::Phase;

/// A group at work.
#[derive(Debug)]
pub(super) struct ItemGroup {
    /// Items that have not begun.
    left: VecDeque<Run>,
    unsettled: usize,
    nodes: Vec<NodeIndex>,
    /// An item could not start, so that no further ones begin.
    cut_short: bool,
}

impl ItemGroup {
    /// A group that cannot end before all of its items have been started: it counts one more than there are.
    pub(super) fn new(runs: Vec<Run>) -> Self {
        Self { left: runs.into(), unsettled: 1, nodes: Vec::new(), cut_short: false }
    }

    /// The next item to begin.
    pub(super) fn next(&mut self) -> Option<Run> {
        let run = self.left.pop_front()?;
        self.unsettled += 1;
        Some(run)
    }

    /// Whether there are items that have not begun.
    pub(super) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// The items that have not begun never will.
    pub(super) fn drop_left(&mut self) {
        self.left.clear();
    }

    pub(super) fn join(&mut self, node: NodeIndex) {
        self.nodes.push(node);
    }

    /// An item has ended with its hooks, or will never run; whether it was the last one.
    pub(super) fn settled(&mut self) -> bool {
        self.unsettled -= 1;
        self.unsettled == 0
    }

    pub(super) fn nodes(&self) -> &[NodeIndex] {
        &self.nodes
    }

    pub(super) fn cut_short(&mut self) {
        self.cut_short = true;
    }

    /// Whether an item could not start and nobody has asked before.
    pub(super) fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut_short)
    }

    /// How the group ends: as the last item that failed, whenever it began.
    pub(super) fn phase(&self, nodes: &NodeTable) -> Phase {
        let number = |name: &str| name.split_once('(')?.1.split(':').next()?.parse::<usize>().ok();
        let failed = self.nodes.iter().filter(|&&node| nodes[node].phase.is_unsuccessful());
        let last = failed.max_by_key(|&&node| number(&nodes.frame(node).caller.name));
        last.map_or(Phase::Succeeded, |&node| nodes[node].phase)
    }
}
