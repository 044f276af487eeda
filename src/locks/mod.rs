//! Semaphores and mutexes of a cluster: their keys and limits, who holds and who waits, who waits for whom. Pure; must
//! never ask a cluster or the clock.
//!
//! The controller keeps locks in its memory. What can be known from outside stands in two places: the limits in
//! ConfigMaps ([`Limits`]), holders and waiters in the status of workflows ([`LockTable`]).

mod cycle;
mod drain;
mod edit;
mod key;
mod limits;
mod lock;
mod lock_status;
mod lock_table;

pub(crate) use self::cycle::{Cycle, cycles};
pub(crate) use self::drain::{drain_name, drain_workflow, is_drain_of};
pub(crate) use self::edit::{Change, Edit, Planned, Request};
pub(crate) use self::key::{Branch, Key, KeyError, Named};
pub(crate) use self::limits::{Limit, Limits};
pub(crate) use self::lock::{Holding, Lock, Standing, Waiter};
pub(crate) use self::lock_status::INSTANCE;
pub(crate) use self::lock_table::{Address, LockTable};

/// The ConfigMap that holds limits unless another is named.
pub(crate) const CONFIG_MAP: &str = "workflow-semaphores";

#[cfg(test)]
mod tests;
