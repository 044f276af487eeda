//! Mutexes and semaphores between the templates of one run. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use serde_json::{Value, json};

use super::state::NodeIndex;
use crate::argo::model::Synchronization;
use crate::argo::synchronization::{LockKind, LockName};

/// A lock by its name, such as `default/Mutex/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) name: String,
    pub(super) limit: usize,
    pub(super) kind: Kind,
}

/// Under which name the controller records a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Semaphore,
    Mutex,
}

/// A lock that cannot be had now, and what the node that waits for it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy {
    pub(super) lock: String,
    pub(super) message: String,
}

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: BTreeMap<(Kind, String), Vec<NodeIndex>>,
    holders: HashSet<NodeIndex>,
    waiting: VecDeque<(NodeIndex, Vec<Lock>)>,
}

impl Locks {
    /// Whether all of the locks are free.
    pub(super) fn can_be_had(&self, locks: &[Lock]) -> bool {
        !locks.iter().any(|lock| self.is_busy(lock))
    }

    /// Takes all of the locks or none; told is the first that is waited for.
    pub(super) fn acquire(&mut self, node: NodeIndex, locks: &[Lock]) -> Result<(), Busy> {
        let Some(busy) = locks.iter().find(|lock| self.is_busy(lock)) else {
            self.take(node, locks);
            return Ok(());
        };
        let free = busy.limit - self.count(busy);
        let message = format!("Waiting for {} lock. Lock status: {free}/{}", busy.name, busy.limit);
        let lock = busy.name.clone();
        self.waiting.push_back((node, locks.to_vec()));
        Err(Busy { lock, message })
    }

    /// A node that holds a lock of this name.
    pub(super) fn holder(&self, lock: &str) -> Option<NodeIndex> {
        self.held.iter().find(|((_, name), _)| name == lock).and_then(|(_, holders)| holders.first().copied())
    }

    /// Gives the locks of a node back, or forgets that it waits for them, and names the nodes that hold theirs now.
    pub(super) fn release(&mut self, node: NodeIndex, locks: &[Lock]) -> Vec<NodeIndex> {
        if !self.holders.remove(&node) {
            self.waiting.retain(|(waiting, _)| *waiting != node);
            return Vec::new();
        }
        for lock in locks {
            if let Some(held) = self.held.get_mut(&lock.key()) {
                held.retain(|holder| *holder != node);
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
            self.held.entry(lock.key()).or_default().push(node);
        }
    }

    /// `status.synchronization`: the locks that nodes hold, and those that some wait for with who holds them.
    pub(super) fn recorded(&self, holder: impl Fn(NodeIndex) -> String) -> Option<Value> {
        let awaited: BTreeSet<_> = self.waiting.iter().flat_map(|(_, locks)| locks.iter().map(Lock::key)).collect();
        let holders = |lock| self.held.get(lock).into_iter().flatten().map(|node| holder(*node)).collect::<Vec<_>>();
        let held = self.held.keys().filter(|lock| !self.held[*lock].is_empty());
        let entries = held.map(|lock| (lock, "holding")).chain(awaited.iter().map(|lock| (lock, "waiting")));
        let mut recorded = json!({});
        for (lock, of) in entries {
            let (kind, name) = lock;
            let (kind, entry) = match (kind, holders(lock)) {
                (Kind::Semaphore, holders) if holders.is_empty() => ("semaphore", json!({"semaphore": name})),
                (Kind::Semaphore, holders) => ("semaphore", json!({"semaphore": name, "holders": holders})),
                // A mutex that nobody holds is waited for by none that the controller records.
                (Kind::Mutex, holders) if holders.is_empty() => continue,
                (Kind::Mutex, holders) => ("mutex", json!({"mutex": name, "holder": holders[0]})),
            };
            match &mut recorded[kind][of] {
                Value::Array(entries) => entries.push(entry),
                empty => *empty = json!([entry]),
            }
        }
        (recorded != json!({})).then_some(recorded)
    }

    fn is_busy(&self, lock: &Lock) -> bool {
        self.count(lock) >= lock.limit
    }

    fn count(&self, lock: &Lock) -> usize {
        self.held.get(&lock.key()).map(Vec::len).unwrap_or_default()
    }
}

impl Lock {
    fn key(&self) -> (Kind, String) {
        (self.kind, self.name.clone())
    }
}

/// The locks that a template or workflow names, in the order in which the controller looks at them. `limit` gives a semaphore's limit by ConfigMap and key.
pub(super) fn named(
    synchronization: &Synchronization,
    namespace: &str,
    limit: impl Fn(&str, &str) -> Result<usize, String>,
) -> Result<Vec<Lock>, String> {
    let mut locks: Vec<Lock> = Vec::new();
    let mut add = |name: &LockName, limit, kind| {
        let lock = Lock { name: name.to_string(), limit, kind };
        if locks.contains(&lock) {
            return Err("requested configuration is invalid: duplicate synchronization item found".to_owned());
        }
        locks.push(lock);
        Ok(())
    };
    for semaphore in synchronization.semaphores.iter().chain(&synchronization.semaphore) {
        let name = semaphore.lock(namespace).ok_or("a semaphore names neither a ConfigMap nor a database")?;
        match &name.kind {
            LockKind::ConfigMap { name: map, key } => add(&name, limit(map, key)?, Kind::Semaphore)?,
            _ => return Err(format!("database session is not available for semaphore {name}")),
        }
    }
    for mutex in synchronization.mutexes.iter().chain(&synchronization.mutex) {
        let name = mutex.lock(namespace);
        if mutex.database {
            return Err(format!("database session is not available for mutex {name}"));
        }
        add(&name, 1, Kind::Mutex)?;
    }
    Ok(locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_the_next_in_line() {
        let mut locks = Locks::default();
        let lock = [Lock { name: "default/Mutex/m".to_owned(), limit: 1, kind: Kind::Mutex }];
        assert_eq!(locks.acquire(NodeIndex(0), &lock), Ok(()));
        assert_eq!(
            locks.acquire(NodeIndex(1), &lock),
            Err(Busy {
                lock: "default/Mutex/m".to_owned(),
                message: "Waiting for default/Mutex/m lock. Lock status: 0/1".to_owned(),
            })
        );
        assert!(locks.acquire(NodeIndex(2), &lock).is_err());
        assert_eq!(locks.release(NodeIndex(2), &lock), []);
        assert!(locks.acquire(NodeIndex(3), &lock).is_err());
        assert_eq!(locks.release(NodeIndex(0), &lock), [NodeIndex(1)]);
        assert_eq!(locks.release(NodeIndex(1), &lock), [NodeIndex(3)]);
    }
}
