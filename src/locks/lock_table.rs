//! Who holds and who waits, put together from the status of all workflows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::limits::{Drained, Limit, Limits};
use super::lock::{Holding, Lock, Standing, Waiter};
use super::lock_status::LockStatus;
use crate::argo::synchronization::{Holder, LockKind, LockName};

/// Namespace and name of an object.
pub(crate) type Address = (String, String);

/// Workflows and limits, as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    workflows: BTreeMap<Address, LockStatus>,
    gone: BTreeSet<Address>,
    limits: HashMap<LockName, (Limit, Option<Drained>, Vec<String>)>,
    /// The ConfigMaps that were looked for, and whether they are there.
    config_maps: BTreeMap<Address, bool>,
}

impl LockTable {
    /// Takes a workflow in.
    pub(crate) fn add(&mut self, workflow: &Value) {
        let text = |field: &str| workflow["metadata"][field].as_str().unwrap_or_default().to_owned();
        let (address, seen) = ((text("namespace"), text("name")), LockStatus::of(workflow));
        self.workflows.insert(address, seen);
    }

    /// Takes in that a workflow does not exist.
    pub(crate) fn add_gone(&mut self, workflow: Address) {
        self.gone.insert(workflow);
    }

    /// Forgets what has nothing to do with a namespace. Its own workflows, those that have to do with its locks, and those
    /// that have to do with a lock of any of these stay: they may wait for each other.
    pub(crate) fn keep(&mut self, namespace: &str) {
        let mut locks = BTreeSet::new();
        let mut kept = BTreeSet::new();
        loop {
            let is_of = |lock: &&LockName| lock.namespace == namespace || locks.contains(*lock);
            let next = self.workflows.iter().filter(|(address, seen)| {
                !kept.contains(*address) && (address.0 == namespace || seen.recorded.locks().any(|lock| is_of(&lock)))
            });
            let next: Vec<(Address, Vec<LockName>)> =
                next.map(|(address, seen)| (address.clone(), seen.recorded.locks().cloned().collect())).collect();
            if next.is_empty() {
                break;
            }
            for (address, named) in next {
                kept.insert(address);
                locks.extend(named);
            }
        }
        self.workflows.retain(|address, _| kept.contains(address));
    }

    /// The workflows that others name as holders and that were not taken in.
    pub(crate) fn unseen(&self) -> BTreeSet<Address> {
        let waiting = self.workflows.values().flat_map(|seen| &seen.recorded.waiting);
        let named = waiting.flat_map(|waiting| &waiting.held_by);
        named
            .map(address)
            .filter(|address| !self.workflows.contains_key(address) && !self.gone.contains(address))
            .collect()
    }

    /// Takes in the limits of a ConfigMap, each of which is a lock also when nobody asks for it.
    pub(crate) fn add_limits(&mut self, namespace: &str, limits: &Limits<'_>) {
        self.config_maps.insert((namespace.to_owned(), limits.name().to_owned()), true);
        for key in limits.keys() {
            let lock = LockName::semaphore(namespace, limits.name(), key);
            let told = (limits.limit(key), limits.drained(key).cloned(), limits.branches(key).to_vec());
            self.limits.insert(lock, told);
        }
    }

    /// Takes in that a ConfigMap does not exist.
    pub(crate) fn add_missing_limits(&mut self, config_map: Address) {
        self.config_maps.insert(config_map, false);
    }

    /// The ConfigMaps in which the limits of the known locks stand.
    pub(crate) fn config_maps(&self) -> BTreeSet<Address> {
        let locks = self.recorded().into_iter();
        let of = |lock: LockName| match lock.kind {
            LockKind::ConfigMap { name, .. } => Some((lock.namespace, name)),
            _ => None,
        };
        locks.filter_map(of).collect()
    }

    /// The instances of the controller that serve those who have to do with a lock.
    pub(crate) fn instances(&self, lock: &LockName) -> BTreeSet<Option<&str>> {
        let with =
            self.workflows.values().filter(|seen| !seen.drains && seen.recorded.locks().any(|name| name == lock));
        with.map(|seen| seen.instance.as_deref()).collect()
    }

    /// All locks, by their names.
    pub(crate) fn locks(&self) -> Vec<Lock> {
        let names: BTreeSet<LockName> = self.recorded().into_iter().chain(self.limits.keys().cloned()).collect();
        names.into_iter().map(|name| self.lock(name)).collect()
    }

    /// The locks of a namespace, and those that its workflows hold or wait for, by their names.
    pub(crate) fn locks_of(&self, namespace: &str) -> Vec<Lock> {
        let own = self.workflows.iter().filter(|((home, _), _)| home == namespace);
        let named: BTreeSet<&LockName> = own.flat_map(|(_, seen)| seen.recorded.locks()).collect();
        let mut locks = self.locks();
        locks.retain(|lock| lock.name.namespace == namespace || named.contains(&lock.name));
        locks
    }

    /// One lock, also one that nobody has named.
    pub(crate) fn lock(&self, name: LockName) -> Lock {
        let (limit, drained, branches) = self.limit(&name);
        let queue = self.queue(&name);
        Lock { holders: self.holders(&name, &limit, &queue), queue, name, limit, drained, branches }
    }

    fn limit(&self, name: &LockName) -> (Limit, Option<Drained>, Vec<String>) {
        if let Some(told) = self.limits.get(name) {
            return told.clone();
        }
        let limit = match &name.kind {
            LockKind::Mutex(_) => Limit::Of(1),
            LockKind::Database(_) => Limit::Unknown,
            LockKind::ConfigMap { name: map, .. } => {
                match self.config_maps.get(&(name.namespace.clone(), map.clone())) {
                    Some(true) => Limit::MissingKey,
                    Some(false) => Limit::MissingConfigMap,
                    None => Limit::Unknown,
                }
            }
        };
        (limit, None, Vec::new())
    }

    fn recorded(&self) -> BTreeSet<LockName> {
        let of = |seen: &LockStatus| {
            let held = seen.recorded.holding.iter().map(|(lock, _)| lock.clone());
            let live = !seen.ended;
            let awaited = seen.recorded.waiting.iter().filter(move |_| live).map(|waiting| waiting.lock.clone());
            held.chain(awaited).collect::<Vec<_>>()
        };
        self.workflows.values().flat_map(of).collect()
    }

    /// Those who say so themselves. Whom others name may have left long ago: a waiter is told of holders only when the
    /// controller looks at it. One who is no more counts where the others leave a place, which would else be taken.
    fn holders(&self, lock: &LockName, limit: &Limit, queue: &[Waiter]) -> Vec<Holding> {
        let own = self.workflows.values().flat_map(|seen| &seen.recorded.holding).filter(|(name, _)| name == lock);
        let mut holders: BTreeMap<Holder, Holding> =
            own.map(|(_, holder)| (holder.clone(), self.holding(holder))).collect();
        let live = holders.values().filter(|holding| !holding.standing.is_orphaned()).count();
        if limit.number().is_some_and(|limit| i64::try_from(live).is_ok_and(|live| live >= limit)) {
            return holders.into_values().collect();
        }
        let seen = queue.iter().filter_map(|waiter| self.workflows.get(&address(&waiter.holder)));
        let waiting = seen.flat_map(|seen| &seen.recorded.waiting);
        for holder in waiting.filter(|waiting| waiting.lock == *lock).flat_map(|waiting| &waiting.held_by) {
            let holding = self.holding(holder);
            let ended = self.workflows.get(&address(holder)).is_some_and(|seen| seen.ended);
            // Of a live workflow its own word counts.
            if holding.standing == Standing::Gone || ended {
                holders.entry(holder.clone()).or_insert(holding);
            }
        }
        holders.into_values().collect()
    }

    fn holding(&self, holder: &Holder) -> Holding {
        let Some(seen) = self.workflows.get(&address(holder)) else {
            let gone = self.gone.contains(&address(holder));
            let standing = if gone { Standing::Gone } else { Standing::Live { phase: "Unknown".to_owned() } };
            return Holding { holder: holder.clone(), node_name: None, standing, drains: false };
        };
        let node = holder.node.as_ref().and_then(|id| seen.nodes.get(id));
        let standing = match node.and_then(|node| node.ended.clone()) {
            Some(phase) => Standing::Ended { phase },
            None if seen.ended => Standing::Ended { phase: seen.phase.clone() },
            None => Standing::Live { phase: seen.phase.clone() },
        };
        Holding { holder: holder.clone(), node_name: node.map(|node| node.name.clone()), standing, drains: seen.drains }
    }

    fn queue(&self, lock: &LockName) -> Vec<Waiter> {
        let live = self.workflows.iter().filter(|(_, seen)| !seen.ended);
        let mut queue: Vec<Waiter> = live.flat_map(|(address, seen)| seen.waiters(address, lock)).collect();
        // What it waited for may stand beside what it has got.
        let holds = |waiter: &Waiter| {
            let seen = self.workflows.get(&address(&waiter.holder));
            seen.is_some_and(|seen| seen.recorded.holding.iter().any(|(name, of)| name == lock && *of == waiter.holder))
        };
        queue.retain(|waiter| !holds(waiter));
        queue.sort_by(Waiter::cmp);
        queue
    }
}

fn address(holder: &Holder) -> Address {
    (holder.namespace.clone(), holder.workflow.clone())
}
