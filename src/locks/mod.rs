//! Semaphores and mutexes of a cluster: keys, limits, holders, waiters, deadlocks and drains; and which of several submits
//! makes the run. Pure: must never contact a cluster or read the clock.
//!
//! The controller keeps locks in its memory. Outside, two places show them: ConfigMaps hold the limits ([`Limits`]),
//! and the status of workflows holds holders and waiters ([`LockTable`]).

mod cycle;
mod debounce;
mod drain;
mod edit;
mod key;
mod limits;
mod lock;
mod lock_status;
mod lock_table;

pub(crate) use self::cycle::{Cycle, cycles};
pub(crate) use self::debounce::{DEBOUNCE, OnDuplicate, Reservation, Standing, Step, Submit, is_idle, lease_name};
pub(crate) use self::drain::{drain_name, drain_workflow, is_drain_of};
pub(crate) use self::edit::{Change, Edit, EditRequest, PlannedEdit};
pub(crate) use self::key::{Branch, Key, KeyArgument, KeyError};
pub(crate) use self::limits::{Limit, Limits};
pub(crate) use self::lock::{HolderState, Holding, Lock, Waiter};
pub(crate) use self::lock_status::INSTANCE;
pub(crate) use self::lock_table::{Address, LockTable};

/// The default ConfigMap for limits.
pub(crate) const CONFIG_MAP: &str = "workflow-semaphores";

#[cfg(test)]
mod tests;
