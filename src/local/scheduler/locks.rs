//! Mutexes and semaphores between the templates of one run. Pure.

use std::collections::HashMap;

use super::call::NodeIndex;
use crate::argo::spec::Synchronization;

/// A lock by its name, such as `default/Mutex/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) name: String,
    pub(super) limit: usize,
}

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Locks {
    holders: HashMap<String, usize>,
    waiting: Vec<(NodeIndex, Vec<Lock>)>,
}

impl Locks {
    /// Takes all of the locks or none; the message says what is waited for.
    pub(super) fn acquire(&mut self, node: NodeIndex, locks: &[Lock]) -> Result<(), String> {
        let Some(busy) = locks.iter().find(|lock| self.held(lock) >= lock.limit) else {
            for lock in locks {
                *self.holders.entry(lock.name.clone()).or_default() += 1;
            }
            return Ok(());
        };
        let message =
            format!("Waiting for {} lock. Lock status: {}/{}", busy.name, busy.limit - self.held(busy), busy.limit);
        self.waiting.push((node, locks.to_vec()));
        Err(message)
    }

    /// Gives the locks back and names the nodes that hold theirs now.
    pub(super) fn release(&mut self, locks: &[Lock]) -> Vec<NodeIndex> {
        for lock in locks {
            if let Some(holders) = self.holders.get_mut(&lock.name) {
                *holders = holders.saturating_sub(1);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().filter_map(|(node, locks)| self.acquire(node, &locks).is_ok().then_some(node)).collect()
    }

    /// Forgets a node that no longer waits.
    pub(super) fn abandon(&mut self, node: NodeIndex) {
        self.waiting.retain(|(waiting, _)| *waiting != node);
    }

    fn held(&self, lock: &Lock) -> usize {
        self.holders.get(&lock.name).copied().unwrap_or_default()
    }
}

/// The locks that a template or workflow names. `limit` gives a semaphore's limit by ConfigMap and key.
pub(super) fn named(
    synchronization: &Synchronization,
    namespace: &str,
    limit: impl Fn(&str, &str) -> Result<usize, String>,
) -> Result<Vec<Lock>, String> {
    let mut locks = Vec::new();
    for mutex in synchronization.mutexes.iter().chain(&synchronization.mutex) {
        locks.push(Lock { name: format!("{namespace}/Mutex/{}", mutex.name), limit: 1 });
    }
    for semaphore in synchronization.semaphores.iter().chain(&synchronization.semaphore) {
        let Some(key) = &semaphore.config_map_key_ref else {
            return Err("a semaphore that is not in a ConfigMap needs a cluster".to_owned());
        };
        let limit = limit(&key.name, &key.key)?;
        locks.push(Lock { name: format!("{namespace}/ConfigMap/{}/{}", key.name, key.key), limit });
    }
    Ok(locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_the_next_in_line() {
        let mut locks = Locks::default();
        let lock = [Lock { name: "default/Mutex/m".to_owned(), limit: 1 }];
        assert_eq!(locks.acquire(NodeIndex(0), &lock), Ok(()));
        assert_eq!(
            locks.acquire(NodeIndex(1), &lock),
            Err("Waiting for default/Mutex/m lock. Lock status: 0/1".to_owned())
        );
        assert!(locks.acquire(NodeIndex(2), &lock).is_err());
        assert_eq!(locks.release(&lock), [NodeIndex(1)]);
        locks.abandon(NodeIndex(2));
        assert_eq!(locks.release(&lock), []);
    }
}
