//! Holders and waiters of all locks, collected from the status of all workflows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::limits::{Drained, Limit, Limits};
use super::lock::{HolderState, Holding, Lock, Waiter};
use super::lock_status::LockStatus;
use crate::argo::Metadata;
use crate::argo::synchronization::{Holder, LockKind, LockName};

/// The namespace and name of an object.
pub(crate) type Address = (String, String);

/// The workflows and limits that were read.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    workflows: BTreeMap<Address, LockStatus>,
    gone: BTreeSet<Address>,
    limits: HashMap<LockName, (Limit, Option<Drained>, Vec<String>)>,
    /// The ConfigMaps that were requested, and whether they exist.
    config_maps: BTreeMap<Address, bool>,
    /// Whether all workflows were added that there were at first.
    complete: bool,
}

impl LockTable {
    /// Adds a workflow.
    pub(crate) fn add(&mut self, workflow: &Value) {
        let metadata = Metadata::of(workflow);
        let address = (metadata.namespace().to_owned(), metadata.name().to_owned());
        self.workflows.insert(address, LockStatus::of(workflow));
    }

    /// Forgets a workflow that was deleted or has ended.
    pub(crate) fn remove(&mut self, workflow: &Value) {
        let metadata = Metadata::of(workflow);
        self.workflows.remove(&(metadata.namespace().to_owned(), metadata.name().to_owned()));
    }

    /// Records that all workflows were added that there were at first.
    pub(crate) fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether all workflows were added that there were at first.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Records that a workflow does not exist.
    pub(crate) fn add_gone(&mut self, workflow: Address) {
        self.gone.insert(workflow);
    }

    /// Keeps only workflows that matter for a namespace: its own workflows, those that use its locks, and,
    /// transitively, those that use a lock of any of these, because they may wait for each other.
    pub(crate) fn retain_related_to(&mut self, namespace: &str) {
        let mut locks = BTreeSet::new();
        let mut kept = BTreeSet::new();
        loop {
            let is_of = |lock: &&LockName| lock.namespace == namespace || locks.contains(*lock);
            let next = self.workflows.iter().filter(|(address, lock_status)| {
                !kept.contains(*address)
                    && (address.0 == namespace || lock_status.recorded.locks().any(|lock| is_of(&lock)))
            });
            let next: Vec<(Address, Vec<LockName>)> = next
                .map(|(address, lock_status)| (address.clone(), lock_status.recorded.locks().cloned().collect()))
                .collect();
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

    /// The workflows that others name as holders and that were not added yet.
    pub(crate) fn unread_holders(&self) -> BTreeSet<Address> {
        let waiting = self.workflows.values().flat_map(|lock_status| &lock_status.recorded.waiting);
        let named = waiting.flat_map(|waiting| &waiting.held_by);
        named
            .map(address)
            .filter(|address| !self.workflows.contains_key(address) && !self.gone.contains(address))
            .collect()
    }

    /// Adds the limits of a ConfigMap; each is a lock even if no workflow uses it.
    pub(crate) fn add_limits(&mut self, namespace: &str, limits: &Limits<'_>) {
        self.config_maps.insert((namespace.to_owned(), limits.name().to_owned()), true);
        for key in limits.keys() {
            let lock = LockName::semaphore(namespace, limits.name(), key);
            let known = (limits.limit(key), limits.drained(key).cloned(), limits.branches(key).to_vec());
            self.limits.insert(lock, known);
        }
    }

    /// Records that a ConfigMap does not exist.
    pub(crate) fn add_missing_limits(&mut self, config_map: Address) {
        self.config_maps.insert(config_map, false);
    }

    /// The ConfigMaps with the limits of the known locks.
    pub(crate) fn config_maps(&self) -> BTreeSet<Address> {
        let locks = self.recorded().into_iter();
        let of = |lock: LockName| match lock.kind {
            LockKind::ConfigMap { name, .. } => Some((lock.namespace, name)),
            _ => None,
        };
        locks.filter_map(of).collect()
    }

    /// The controller instances of the workflows that use a lock.
    pub(crate) fn instances(&self, lock: &LockName) -> BTreeSet<Option<&str>> {
        let with = self
            .workflows
            .values()
            .filter(|lock_status| !lock_status.drains && lock_status.recorded.locks().any(|name| name == lock));
        with.map(|lock_status| lock_status.instance.as_deref()).collect()
    }

    /// All locks, sorted by name.
    pub(crate) fn locks(&self) -> Vec<Lock> {
        let names: BTreeSet<LockName> = self.recorded().into_iter().chain(self.limits.keys().cloned()).collect();
        names.into_iter().map(|name| self.lock(name)).collect()
    }

    /// The locks of a namespace, and those that its workflows hold or wait for, sorted by name.
    pub(crate) fn locks_of(&self, namespace: &str) -> Vec<Lock> {
        let own = self.workflows.iter().filter(|((home, _), _)| home == namespace);
        let named: BTreeSet<&LockName> = own.flat_map(|(_, lock_status)| lock_status.recorded.locks()).collect();
        let mut locks = self.locks();
        locks.retain(|lock| lock.name.namespace == namespace || named.contains(&lock.name));
        locks
    }

    /// One lock, even if nothing is known about it.
    pub(crate) fn lock(&self, name: LockName) -> Lock {
        let (limit, drained, branches) = self.limit(&name);
        let queue = self.queue(&name);
        Lock { holders: self.holders(&name, &limit, &queue), queue, name, limit, drained, branches }
    }

    fn limit(&self, name: &LockName) -> (Limit, Option<Drained>, Vec<String>) {
        if let Some(known) = self.limits.get(name) {
            return known.clone();
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
        let of = |lock_status: &LockStatus| {
            let held = lock_status.recorded.holding.iter().map(|(lock, _)| lock.clone());
            let live = !lock_status.ended;
            let awaited = lock_status.recorded.waiting.iter().filter(move |_| live).map(|waiting| waiting.lock.clone());
            held.chain(awaited).collect::<Vec<_>>()
        };
        self.workflows.values().flat_map(of).collect()
    }

    /// The holders of a lock: those whose own status says so. A holder that only a waiter names may have released the
    /// lock long ago, because the controller updates a waiter's status only when it processes that waiter. If such a
    /// holder has ended or does not exist, it counts only while the lock has a free slot: otherwise the controller
    /// would have given that slot to a waiter.
    fn holders(&self, lock: &LockName, limit: &Limit, queue: &[Waiter]) -> Vec<Holding> {
        let own = self
            .workflows
            .values()
            .flat_map(|lock_status| &lock_status.recorded.holding)
            .filter(|(name, _)| name == lock);
        let mut holders: BTreeMap<Holder, Holding> =
            own.map(|(_, holder)| (holder.clone(), self.holding(holder))).collect();
        let live = holders.values().filter(|holding| !holding.state.is_orphaned()).count();
        if limit.number().is_some_and(|limit| i64::try_from(live).is_ok_and(|live| live >= limit)) {
            return holders.into_values().collect();
        }
        let lock_status = queue.iter().filter_map(|waiter| self.workflows.get(&address(&waiter.holder)));

        let waiting = lock_status.flat_map(|lock_status| &lock_status.recorded.waiting);
        for holder in waiting.filter(|waiting| waiting.lock == *lock).flat_map(|waiting| &waiting.held_by) {
            let holding = self.holding(holder);
            let ended = self.workflows.get(&address(holder)).is_some_and(|lock_status| lock_status.ended);
            // The status of a live workflow itself is more recent than that of its waiters.
            if holding.state == HolderState::Gone || ended {
                holders.entry(holder.clone()).or_insert(holding);
            }
        }

        holders.into_values().collect()
    }

    fn holding(&self, holder: &Holder) -> Holding {
        let Some(lock_status) = self.workflows.get(&address(holder)) else {
            let gone = self.gone.contains(&address(holder));
            let state = if gone { HolderState::Gone } else { HolderState::Live { phase: "Unknown".to_owned() } };
            return Holding { holder: holder.clone(), node_name: None, state, drains: false };
        };

        let node = holder.node.as_ref().and_then(|id| lock_status.nodes.get(id));
        let state = match node.and_then(|node| node.ended.clone()) {
            Some(phase) => HolderState::Ended { phase },
            None if lock_status.ended => HolderState::Ended { phase: lock_status.phase.clone() },
            None => HolderState::Live { phase: lock_status.phase.clone() },
        };
        Holding {
            holder: holder.clone(),
            node_name: node.map(|node| node.name.clone()),
            state,
            drains: lock_status.drains,
        }
    }

    fn queue(&self, lock: &LockName) -> Vec<Waiter> {
        let live = self.workflows.iter().filter(|(_, lock_status)| !lock_status.ended);
        let mut queue: Vec<Waiter> =
            live.flat_map(|(address, lock_status)| lock_status.waiters(address, lock)).collect();
        // The status may still list a lock as awaited after it was acquired.
        let holds = |waiter: &Waiter| {
            let lock_status = self.workflows.get(&address(&waiter.holder));
            lock_status.is_some_and(|lock_status| {
                lock_status.recorded.holding.iter().any(|(name, of)| name == lock && *of == waiter.holder)
            })
        };
        queue.retain(|waiter| !holds(waiter));
        queue.sort_by(Waiter::cmp);
        queue
    }
}

fn address(holder: &Holder) -> Address {
    (holder.namespace.clone(), holder.workflow.clone())
}
