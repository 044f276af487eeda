//! A lock with those who hold it and those who wait for it.

use std::cmp::Ordering;

use serde::Serialize;

use super::limits::{Drained, Limit};
use crate::argo::synchronization::{Holder, LockName};

/// A lock with those who have to do with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lock {
    /// Its name.
    pub name: LockName,
    /// How many may hold it.
    pub limit: Limit,
    /// Whether it lets nobody in.
    pub drained: Option<Drained>,
    /// The branches that its key is known to stand for.
    pub branches: Vec<String>,
    /// Who holds it.
    pub holders: Vec<Holding>,
    /// Who waits for it, the next first.
    pub queue: Vec<Waiter>,
}

/// Somebody who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Holding {
    /// Who.
    pub holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// Whether it will give the lock back.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether it is there to keep others out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
}

/// Whether a holder will give its lock back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "camelCase")]
pub(crate) enum Standing {
    /// It is at work.
    Live {
        /// The workflow's phase.
        phase: String,
    },
    /// It has ended, the workflow or the node, and should have given it back.
    Ended {
        /// The phase that it ended in.
        phase: String,
    },
    /// Its workflow does not exist.
    Gone,
}

impl Standing {
    /// Whether nobody is left to give the lock back.
    pub(crate) fn is_orphaned(&self) -> bool {
        !matches!(self, Self::Live { .. })
    }
}

/// Somebody who waits for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Waiter {
    /// Who; without a node the workflow as a whole, or a node that is not known.
    pub holder: Holder,
    /// The node's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The workflow's priority; the highest comes first.
    pub priority: i64,
    /// When the workflow was created; of one priority the oldest comes first.
    pub created: String,
    /// The ids of the nodes that the node stands within, from the nearest.
    #[serde(skip)]
    pub within: Vec<String>,
    /// Whether it is there to keep others out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
}

impl Waiter {
    /// As the controller's queue has it; those of one workflow by their ids.
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        let by_priority = other.priority.cmp(&self.priority);
        by_priority.then_with(|| self.created.cmp(&other.created)).then_with(|| self.holder.cmp(&other.holder))
    }
}
