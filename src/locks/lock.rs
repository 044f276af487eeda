//! A lock with its holders and waiters.

use std::cmp::Ordering;

use serde::Serialize;

use super::limits::{Drained, Limit};
use crate::argo::synchronization::{Holder, LockName};

/// A lock with its holders and waiters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lock {
    /// Its name.
    pub(crate) name: LockName,
    /// The maximum number of holders.
    pub(crate) limit: Limit,
    /// Its drain, if it admits no new holders.
    pub(crate) drained: Option<Drained>,
    /// The branches that are recorded for its key.
    pub(crate) branches: Vec<String>,
    /// Its holders.
    pub(crate) holders: Vec<Holding>,
    /// Its waiters, the next one first.
    pub(crate) queue: Vec<Waiter>,
}

/// A holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holding {
    /// The workflow or node.
    pub(crate) holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_name: Option<String>,
    /// Whether the holder will release the lock.
    #[serde(flatten)]
    pub(crate) state: HolderState,
    /// Whether it is the workflow of a drain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) drains: bool,
}

/// Whether a holder will release its lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "camelCase")]
pub(crate) enum HolderState {
    /// The holder is running.
    Live {
        /// The workflow's phase.
        phase: String,
    },
    /// The workflow or node has ended and should have released the lock.
    Ended {
        /// The final phase.
        phase: String,
    },
    /// The workflow does not exist.
    Gone,
}

impl HolderState {
    /// Whether nobody is left to release the lock.
    pub(crate) fn is_orphaned(&self) -> bool {
        !matches!(self, Self::Live { .. })
    }
}

/// A waiter for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Waiter {
    /// The workflow or node; without a node, the whole workflow or one of its nodes that is not known.
    pub(crate) holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node_name: Option<String>,
    /// The workflow's priority; the highest is first in the queue.
    pub(crate) priority: i64,
    /// When the workflow was created; with equal priority, the oldest is first.
    pub(crate) created: String,
    /// The ids of the nodes that contain the node, innermost first.
    #[serde(skip)]
    pub(crate) within: Vec<String>,
    /// Whether it is the workflow of a drain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) drains: bool,
}

impl Waiter {
    /// The order of the controller's queue (priorityQueue.Less in workflow/sync/multi_throttler.go, v4.1.2); waiters of one
    /// workflow by their ids.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let by_priority = other.priority.cmp(&self.priority);
        by_priority.then_with(|| self.created.cmp(&other.created)).then_with(|| self.holder.cmp(&other.holder))
    }
}
