//! Mutexes and semaphores between the templates of one run. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use super::call::NodeIndex;
use crate::argo::spec::Synchronization;
use crate::argo::synchronization::LockKind;

/// A lock by its name, such as `default/Mutex/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) name: String,
    pub(super) limit: usize,
}

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: HashMap<String, usize>,
    holders: HashSet<NodeIndex>,
    waiting: VecDeque<(NodeIndex, Vec<Lock>)>,
}

impl Locks {
    /// Takes all of the locks or none; the message says what is waited for.
    pub(super) fn acquire(&mut self, node: NodeIndex, locks: &[Lock]) -> Result<(), String> {
        let Some(busy) = locks.iter().find(|lock| self.is_busy(lock)) else {
            self.take(node, locks);
            return Ok(());
        };
        let free = busy.limit - self.count(busy);
        let message = format!("Waiting for {} lock. Lock status: {free}/{}", busy.name, busy.limit);
        self.waiting.push_back((node, locks.to_vec()));
        Err(message)
    }

    /// Gives the locks of a node back, or forgets that it waits for them, and names the nodes that hold theirs now.
    pub(super) fn release(&mut self, node: NodeIndex, locks: &[Lock]) -> Vec<NodeIndex> {
        if !self.holders.remove(&node) {
            self.waiting.retain(|(waiting, _)| *waiting != node);
            return Vec::new();
        }
        for lock in locks {
            if let Some(held) = self.held.get_mut(&lock.name) {
                *held = held.saturating_sub(1);
            }
        }
        let mut next = Vec::new();
        let mut place = 0;
        // Who waits for none of these locks waits on; once they are all taken again, so does everybody.
        while place < self.waiting.len() && locks.iter().any(|lock| !self.is_busy(lock)) {
            if self.waiting[place].1.iter().any(|lock| self.is_busy(lock)) {
                place += 1;
            } else if let Some((node, locks)) = self.waiting.remove(place) {
                self.take(node, &locks);
                next.push(node);
            }
        }
        next
    }

    fn take(&mut self, node: NodeIndex, locks: &[Lock]) {
        self.holders.insert(node);
        for lock in locks {
            *self.held.entry(lock.name.clone()).or_default() += 1;
        }
    }

    fn is_busy(&self, lock: &Lock) -> bool {
        self.count(lock) >= lock.limit
    }

    fn count(&self, lock: &Lock) -> usize {
        self.held.get(&lock.name).copied().unwrap_or_default()
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
        let name = mutex.lock(namespace);
        if mutex.database {
            return Err(format!("database session is not available for mutex {name}"));
        }
        locks.push(Lock { name: name.to_string(), limit: 1 });
    }
    for semaphore in synchronization.semaphores.iter().chain(&synchronization.semaphore) {
        let name = semaphore.lock(namespace).ok_or("a semaphore names neither a ConfigMap nor a database")?;
        match &name.kind {
            LockKind::ConfigMap { name: map, key } => {
                let limit = limit(map, key)?;
                locks.push(Lock { name: name.to_string(), limit });
            }
            _ => return Err(format!("database session is not available for semaphore {name}")),
        }
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
        assert_eq!(locks.release(NodeIndex(2), &lock), []);
        assert!(locks.acquire(NodeIndex(3), &lock).is_err());
        assert_eq!(locks.release(NodeIndex(0), &lock), [NodeIndex(1)]);
        assert_eq!(locks.release(NodeIndex(1), &lock), [NodeIndex(3)]);
    }
}
