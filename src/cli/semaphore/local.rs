//! Locks of this machine's runs, as those of a cluster are shown.

use std::path::Path;

use crate::argo::synchronization::{Holder, LockName};
use crate::local::run_locks::{self, Claim, LocalLock};
use crate::locks::{HolderState, Holding, Limit, Lock, Waiter};

/// The locks that runs hold or wait for: of a namespace, or all.
pub(super) fn locks(root: &Path, namespace: Option<&str>) -> Vec<Lock> {
    let all = run_locks::locks(root);
    let all = all.iter().filter_map(lock);
    all.filter(|lock| namespace.is_none_or(|namespace| lock.name.namespace == namespace)).collect()
}

/// The lock of this name, whether it is held or not.
pub(super) fn find(root: &Path, name: &LockName) -> Option<Lock> {
    locks(root, Some(&name.namespace)).into_iter().find(|lock| lock.name == *name)
}

fn lock(found: &LocalLock) -> Option<Lock> {
    let name: LockName = found.name.parse().ok()?;
    let holder = |claim: &Claim| Holder::read(&claim.run, &name.namespace, "");
    let holding = |holder| Holding {
        holder,
        node_name: None,
        state: HolderState::Live { phase: "Running".to_owned() },
        drains: false,
    };
    let waiter = |claim: &Claim| {
        let (created, within) = (claim.since.to_string(), Vec::new());
        Some(Waiter { holder: holder(claim)?, node_name: None, priority: 0, created, within, drains: false })
    };
    Some(Lock {
        limit: Limit::Of(i64::try_from(found.limit).unwrap_or(i64::MAX)),
        drained: None,
        branches: Vec::new(),
        holders: found.holders.iter().filter_map(holder).map(holding).collect(),
        queue: found.waiters.iter().filter_map(waiter).collect(),
        name,
    })
}
