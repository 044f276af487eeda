//! The locks in the status of one workflow.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::drain::DRAIN_ANNOTATION;
use super::lock::Waiter;
use super::lock_table::Address;
use crate::argo::status::{Node, Phase};
use crate::argo::synchronization::{Holder, LockName, Recorded};
use crate::argo::{Nodes, Workflow};
use crate::mask::Mask;

/// The label that assigns a workflow to a controller.
pub(crate) const INSTANCE: &str = "workflows.argoproj.io/controller-instanceid";

/// The part of a workflow that matters for locks.
#[derive(Debug)]
pub(super) struct LockStatus {
    pub(super) phase: String,
    pub(super) ended: bool,
    pub(super) priority: i64,
    pub(super) created: String,
    pub(super) recorded: Recorded,
    /// The nodes that hold or wait, by id.
    pub(super) nodes: HashMap<String, NodeLockStatus>,
    /// Whether `nodes` is complete.
    pub(super) whole: bool,
    pub(super) drains: bool,
    pub(super) instance: Option<String>,
}

#[derive(Debug)]
pub(super) struct NodeLockStatus {
    pub(super) name: String,
    pub(super) ended: Option<String>,
    pub(super) waiting: Option<LockName>,
    pub(super) within: Vec<String>,
}

impl LockStatus {
    /// Reads a Workflow object.
    pub(super) fn of(workflow: &Value) -> Self {
        let recorded = Recorded::of(workflow);
        let workflow = Workflow::view(workflow);
        let nodes = if recorded == Recorded::default() { Nodes::default() } else { workflow.nodes() };
        Self {
            phase: workflow.phase().to_owned(),
            ended: workflow.has_ended(),
            priority: workflow.priority(),
            created: workflow.metadata().creation().to_owned(),
            nodes: node_statuses(workflow, &nodes, &recorded),
            whole: nodes.partial.is_none(),
            recorded,
            drains: workflow.annotation(DRAIN_ANNOTATION).is_some(),
            instance: workflow.label(INSTANCE).map(str::to_owned),
        }
    }

    /// The waiters for the lock: the workflow itself or its nodes.
    pub(super) fn waiters(&self, (namespace, workflow): &Address, lock: &LockName) -> Vec<Waiter> {
        if !self.recorded.waiting.iter().any(|waiting| waiting.lock == *lock) {
            return Vec::new();
        }

        let waiter = |node: Option<(&String, &NodeLockStatus)>| Waiter {
            holder: Holder {
                namespace: namespace.clone(),
                workflow: workflow.clone(),
                node: node.map(|(id, _)| id.clone()),
            },
            node_name: node.map(|(_, node)| node.name.clone()),
            priority: self.priority,
            created: self.created.clone(),
            within: node.map(|(_, node)| node.within.clone()).unwrap_or_default(),
            drains: self.drains,
        };

        let mut waiting = self.nodes.iter().filter(|(_, node)| node.waiting.is_some()).peekable();
        // A node that waits for several locks names only one of them: Manager.TryAcquire returns one failed lock
        // (workflow/sync/sync_manager.go, v4.1.2). A node that gave up stays in `synchronization.waiting`.
        let nobody = self.whole && self.phase == "Running" && waiting.peek().is_none();
        let nodes: Vec<Waiter> =
            waiting.filter(|(_, node)| node.waiting.as_ref() == Some(lock)).map(|node| waiter(Some(node))).collect();

        match (nodes.is_empty(), nobody) {
            (true, false) => vec![waiter(None)],
            _ => nodes,
        }
    }
}

fn node_statuses(workflow: &Workflow, nodes: &Nodes, recorded: &Recorded) -> HashMap<String, NodeLockStatus> {
    let holding: BTreeSet<&str> = recorded.holding.iter().filter_map(|(_, holder)| holder.node.as_deref()).collect();
    let mask = Mask::of(workflow, &nodes.all);
    let waiting = |node: &Node| {
        let waits = node.synchronization_status.as_ref().filter(|_| !node.phase.is_fulfilled())?;
        waits.waiting.parse::<LockName>().ok()
    };
    let statuses = nodes.all.iter().filter_map(|node| {
        let waiting = waiting(node);
        (waiting.is_some() || holding.contains(node.id.as_str())).then(|| {
            let ended = Some(node.phase).filter(|phase| phase.is_fulfilled()).map(Phase::as_str).map(str::to_owned);
            let within = nodes.owners(node).map(|owner| owner.id.clone()).collect();
            (node.id.clone(), NodeLockStatus { name: mask.text(&node.name), ended, waiting, within })
        })
    });
    statuses.collect()
}
