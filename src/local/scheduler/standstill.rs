//! The last resort for a run that can go no further: it ends with an error, where it would wait for ever. Locks that wait for one
//! another bring a run there, or a fault of this program.

use super::state::NodeIndex;
use super::{Scheduler, Timer};
use crate::argo::status::{NodeType, Phase};

impl Scheduler {
    /// Whether something is to happen when this time comes.
    pub(crate) fn waits_for(&self, timer: Timer) -> bool {
        match timer {
            Timer::Deadline(node) | Timer::Retry(node) | Timer::Resume(node) => !self.nodes[node].phase.is_fulfilled(),
            Timer::Workflow => !self.stop.ends(false),
        }
    }

    /// Whether a node waits for somebody to let it go on.
    pub(crate) fn is_paused(&self) -> bool {
        let is_pause =
            |node: NodeIndex| self.nodes[node].kind == NodeType::Suspend && !self.nodes[node].phase.is_fulfilled();
        self.nodes.indices().any(is_pause)
    }

    /// How many daemons are ready: they run, and nothing waits for their ends.
    pub(crate) fn daemons(&self) -> usize {
        self.daemons.len()
    }

    /// Ends the run and all its nodes in Error.
    pub(super) fn end_stuck(&mut self) {
        let unended: Vec<NodeIndex> =
            self.nodes.indices().filter(|&node| !self.nodes[node].phase.is_fulfilled()).collect();
        let why = format!("the run can go no further: {}", self.why_stuck(&unended));
        for node in unended {
            let status = &mut self.nodes[node];
            (status.phase, status.finished_at) = (Phase::Error, Some(self.now.wall));
            status.synchronization_status = None;
            why.clone_into(&mut status.message);
        }
        self.end_workflow(Phase::Error, &why);
    }

    fn why_stuck(&self, unended: &[NodeIndex]) -> String {
        let waiting = unended.iter().find_map(|&node| {
            let lock = &self.nodes[node].synchronization_status.as_ref()?.waiting;
            (!lock.is_empty()).then(|| (&self.nodes[node].name, lock))
        });
        let Some((node, lock)) = waiting else {
            return "nothing is at work and nothing is waited for; this is a fault of this program".to_owned();
        };
        match self.locks.holder(lock) {
            Some(holder) => {
                let holder = &self.nodes[holder].name;
                format!(
                    "node {node} waits for the lock {lock}, and node {holder}, which holds it, cannot end before {node} has: \
                     let only one of their templates take the lock"
                )
            }
            None => {
                format!("node {node} waits for the lock {lock}, which no node holds; this is a fault of this program")
            }
        }
    }
}
