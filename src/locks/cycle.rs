//! Deadlocks: waiters that wait for each other in a cycle and never proceed.
//!
//! A waiter proceeds when all of its locks become available. A lock becomes available when it has a free slot or one of
//! its holders proceeds, and when the first waiter in its queue proceeds too: the controller never lets a waiter
//! overtake (prioritySemaphore.checkAcquire in workflow/sync/semaphore.go, v4.1.2). A holder proceeds when every waiter
//! that it contains does: a workflow contains its nodes, a steps or dag node the nodes inside it. The stuck waiters are
//! found by removing, again and again, those that proceed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Holding, Lock, Waiter};
use crate::argo::synchronization::{Holder, LockName};

/// A deadlock: each waiter waits for the next, and the last for the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cycle {
    pub(crate) steps: Vec<Step>,
}

/// One waiter of a cycle and what blocks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// The waiter.
    pub(crate) waiter: Holder,
    /// The lock that it waits for.
    pub(crate) lock: LockName,
    /// The holder of the lock, or the first waiter in its queue.
    pub(crate) blocked_by: Holder,
    /// Whether `blocked_by` is in the queue.
    pub(crate) queued: bool,
}

/// All cycles among the locks, without waiters that only depend on a cycle.
pub(crate) fn cycles(locks: &[Lock]) -> Vec<Cycle> {
    let graph = Graph::new(locks);
    let stuck = graph.stuck();
    let mut reported: BTreeSet<&Holder> = BTreeSet::new();
    let mut cycles = Vec::new();

    for start in &stuck {
        let mut path: Vec<(&Holder, Step)> = Vec::new();
        let mut at = *start;
        while reported.insert(at) {
            let Some((step, next)) = graph.step(at, &stuck) else { break };
            path.push((at, step));
            at = next;
            if let Some(first) = path.iter().position(|(waiter, _)| *waiter == at) {
                cycles.push(Cycle { steps: path.split_off(first).into_iter().map(|(_, step)| step).collect() });
                break;
            }
        }
    }
    cycles
}

struct Graph<'a> {
    locks: &'a [Lock],
    /// The locks of each waiter, and its entry in the queue of each.
    waiters: BTreeMap<&'a Holder, Vec<(&'a Lock, &'a Waiter)>>,
    /// The waiters of each workflow.
    of_workflow: BTreeMap<(&'a str, &'a str), BTreeSet<&'a Holder>>,
}

impl<'a> Graph<'a> {
    fn new(locks: &'a [Lock]) -> Self {
        let mut waiters: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut of_workflow: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (lock, waiter) in locks.iter().flat_map(|lock| lock.queue.iter().map(move |waiter| (lock, waiter))) {
            waiters.entry(&waiter.holder).or_default().push((lock, waiter));
            of_workflow.entry(workflow(&waiter.holder)).or_default().insert(&waiter.holder);
        }
        Self { locks, waiters, of_workflow }
    }

    /// The waiters that never proceed.
    fn stuck(&self) -> BTreeSet<&'a Holder> {
        let mut stuck: BTreeSet<&Holder> = self.waiters.keys().copied().collect();
        loop {
            let free: BTreeSet<&LockName> =
                self.locks.iter().filter(|lock| self.becomes_available(lock, &stuck)).map(|lock| &lock.name).collect();
            let proceeds = |waiter: &&Holder| {
                self.waiters[*waiter].iter().all(|(lock, _)| {
                    let before = Self::blocking_waiter(lock, waiter);
                    free.contains(&lock.name) && before.is_none_or(|first| !stuck.contains(first))
                })
            };

            let left: BTreeSet<&Holder> = stuck.iter().filter(|waiter| !proceeds(waiter)).copied().collect();
            if left.len() == stuck.len() {
                return stuck;
            }
            stuck = left;
        }
    }

    /// Whether the lock has a free slot, or will have one.
    fn becomes_available(&self, lock: &Lock, stuck: &BTreeSet<&'a Holder>) -> bool {
        has_free_slot(lock) || lock.holders.iter().any(|holding| self.stuck_waiter_in(holding, stuck).is_none())
    }

    /// The first waiter in the queue of a lock, if it blocks this one. Nodes of the same workflow do not block each
    /// other.
    fn blocking_waiter(lock: &'a Lock, waiter: &Holder) -> Option<&'a Holder> {
        let first = &lock.queue.first()?.holder;
        (workflow(first) != workflow(waiter)).then_some(first)
    }

    /// A stuck waiter inside the holder.
    fn stuck_waiter_in(&self, holding: &Holding, stuck: &BTreeSet<&'a Holder>) -> Option<&'a Holder> {
        let waiters = self.of_workflow.get(&workflow(&holding.holder))?;
        let within = |waiter: &&&Holder| match &holding.holder.node {
            None => true,
            Some(node) => self.waiters[**waiter].iter().any(|(_, place)| place.within.contains(node)),
        };
        waiters.iter().filter(|waiter| stuck.contains(**waiter)).find(within).copied()
    }

    /// What blocks a waiter, and the next waiter of the cycle.
    fn step(&self, waiter: &'a Holder, stuck: &BTreeSet<&'a Holder>) -> Option<(Step, &'a Holder)> {
        let step = |lock: &Lock, blocked_by: &Holder, queued| Step {
            waiter: waiter.clone(),
            lock: lock.name.clone(),
            blocked_by: blocked_by.clone(),
            queued,
        };
        let entries = self.waiters.get(waiter)?;
        let held = entries.iter().filter(|(lock, _)| !has_free_slot(lock)).find_map(|(lock, _)| {
            let all = lock.holders.iter().map(|holding| Some((holding, self.stuck_waiter_in(holding, stuck)?)));
            let (holding, next) = all.collect::<Option<Vec<_>>>()?.into_iter().next()?;
            Some((step(lock, &holding.holder, false), next))
        });

        held.or_else(|| {
            entries.iter().find_map(|(lock, _)| {
                let first = Self::blocking_waiter(lock, waiter).filter(|first| stuck.contains(first))?;
                Some((step(lock, first, true), first))
            })
        })
    }
}

fn has_free_slot(lock: &Lock) -> bool {
    let held = i64::try_from(lock.holders.len()).unwrap_or(i64::MAX);
    lock.limit.number().is_none_or(|limit| held < limit)
}

fn workflow(holder: &Holder) -> (&str, &str) {
    (&holder.namespace, &holder.workflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::locks::{HolderState, Limit};

    fn holder(text: &str) -> Holder {
        Holder::read(text, "", "").unwrap()
    }

    /// `name limit: holders | queue`; after `<`, the node that contains the waiter.
    fn lock(text: &str) -> Lock {
        let (head, rest) = text.split_once(": ").unwrap();
        let (name, limit) = head.split_once(' ').unwrap();
        let (holders, queue) = rest.split_once('|').unwrap();
        let holding = |text: &str| Holding {
            holder: holder(text),
            node_name: None,
            state: HolderState::Live { phase: "Running".to_owned() },
            drains: false,
        };
        let waiter = |text: &str| {
            let (text, within) = text.split_once('<').unwrap_or((text, ""));
            let within = within.split_whitespace().map(str::to_owned).collect();
            Waiter { holder: holder(text), node_name: None, priority: 0, created: String::new(), within, drains: false }
        };
        Lock {
            name: format!("n/Mutex/{name}").parse().unwrap(),
            limit: Limit::Of(limit.parse().unwrap()),
            drained: None,
            branches: Vec::new(),
            holders: holders.split_whitespace().map(holding).collect(),
            queue: queue.split_whitespace().map(waiter).collect(),
        }
    }

    fn reported(locks: &[&str]) -> Vec<String> {
        let locks: Vec<Lock> = locks.iter().map(|text| lock(text)).collect();
        let step = |step: &Step| {
            format!("{} {} {}{}", step.waiter, step.lock, step.blocked_by, if step.queued { " first" } else { "" })
        };
        cycles(&locks).iter().map(|cycle| cycle.steps.iter().map(step).collect::<Vec<_>>().join("; ")).collect()
    }

    #[test]
    fn two_holders_that_wait_for_each_other_are_a_cycle() {
        assert_eq!(
            reported(&["a 1: n/v|n/w/w-1", "b 1: n/w|n/v/v-1 n/x"]),
            ["n/v/v-1 n/Mutex/b n/w; n/w/w-1 n/Mutex/a n/v"]
        );
    }

    #[test]
    fn a_workflow_may_wait_for_itself() {
        assert_eq!(reported(&["a 1: n/v|n/v/v-1"]), ["n/v/v-1 n/Mutex/a n/v"]);
        assert_eq!(reported(&["a 1: n/v/v-7|n/v/v-1<v-7"]), ["n/v/v-1 n/Mutex/a n/v/v-7"]);
    }

    #[test]
    fn a_sibling_that_holds_is_not_a_cycle() {
        assert_eq!(reported(&["a 1: n/v/v-2|n/v/v-1<v"]), [""; 0]);
        assert_eq!(reported(&["a 1: n/v|n/w", "b 1: n/x|n/v/v-1"]), [""; 0]);
    }

    #[test]
    fn one_holder_that_proceeds_is_enough() {
        assert_eq!(reported(&["a 2: n/v n/x|n/w/w-1", "b 1: n/w|n/v/v-1"]), [""; 0]);
        assert_eq!(reported(&["a 2: n/v|n/w/w-1", "b 1: n/w|n/v/v-1"]), [""; 0]);
        assert_eq!(reported(&["a 2: n/v n/x|n/w/w-1", "b 1: n/w|n/v/v-1 n/x/x-1"]).len(), 1);
    }

    #[test]
    fn the_first_in_a_queue_can_close_a_cycle() {
        assert_eq!(
            reported(&["a 1: |n/first n/h/h-1", "b 1: n/h|n/first"]),
            ["n/first n/Mutex/b n/h; n/h/h-1 n/Mutex/a n/first first"]
        );
        assert_eq!(reported(&["a 1: |n/first n/h/h-1", "b 1: n/h|"]), [""; 0]);
    }

    #[test]
    fn a_semaphore_with_limit_zero_is_not_a_cycle() {
        assert_eq!(reported(&["a 0: |n/v n/w"]), [""; 0]);
    }

    proptest! {
        /// Workflows that acquire locks in one order never form a cycle; each step of a cycle is a real wait.
        #[test]
        fn ordered_locks_have_no_cycle(held in proptest::collection::vec((0..6_usize, 0..6_usize), 1..20)) {
            let mut locks: Vec<Lock> = (0..6).map(|at| lock(&format!("l{at} 1: |"))).collect();
            for (number, (one, other)) in held.iter().enumerate() {
                let (low, high) = (one.min(other), one.max(other));
                if low != high && locks[*low].holders.is_empty() {
                    let more = lock(&format!("x 1: n/w{number}|n/w{number}/w{number}-1"));
                    locks[*low].holders = more.holders;
                    locks[*high].queue.extend(more.queue);
                }
            }
            prop_assert_eq!(cycles(&locks), []);
            for (number, (one, other)) in held.iter().enumerate() {
                let more = lock(&format!("x 1: n/v{number}|n/v{number}/v{number}-1"));
                if locks[*one].holders.is_empty() {
                    locks[*one].holders = more.holders;
                    locks[*other].queue.extend(more.queue);
                }
            }
            for cycle in cycles(&locks) {
                for (place, step) in cycle.steps.iter().enumerate() {
                    let next = &cycle.steps[(place + 1) % cycle.steps.len()].waiter;
                    prop_assert_eq!(&next.workflow, &step.blocked_by.workflow);
                    let lock = locks.iter().find(|lock| lock.name == step.lock).unwrap();
                    prop_assert!(lock.queue.iter().any(|waiter| waiter.holder == step.waiter));
                }
            }
        }
    }
}
