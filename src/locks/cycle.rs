//! Who waits for whom in a circle: none of them will ever go on.
//!
//! A waiter gets on when all of its locks do. A lock gets on when a place is free or one of its holders gets on, and when
//! whoever stands first in its queue gets on too: the controller lets nobody overtake. A holder gets on when every waiter
//! that it contains does: a workflow contains its nodes, a steps or dag node those within it. What never gets on is found
//! by taking away, again and again, what does.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Holding, Lock, Waiter};
use crate::argo::synchronization::{Holder, LockName};

/// Waiters of which each waits for the next and the last for the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cycle {
    /// In their order.
    pub steps: Vec<Step>,
}

/// One waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// Who waits.
    pub waiter: Holder,
    /// For which lock.
    pub lock: LockName,
    /// Who holds it, or stands before the waiter in its queue.
    pub blocked_by: Holder,
    /// Whether that one stands in the queue.
    pub queued: bool,
}

/// All circles among the locks; of waiters that hang on a circle without being in it none is told.
pub(crate) fn cycles(locks: &[Lock]) -> Vec<Cycle> {
    let graph = Graph::new(locks);
    let stuck = graph.stuck();
    let mut told: BTreeSet<&Holder> = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in &stuck {
        let mut path: Vec<(&Holder, Step)> = Vec::new();
        let mut at = *start;
        while told.insert(at) {
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
    /// For each waiter its locks, and its place in the queue of each.
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

    /// The waiters that never get on.
    fn stuck(&self) -> BTreeSet<&'a Holder> {
        let mut stuck: BTreeSet<&Holder> = self.waiters.keys().copied().collect();
        loop {
            let free: BTreeSet<&LockName> =
                self.locks.iter().filter(|lock| self.is_freed(lock, &stuck)).map(|lock| &lock.name).collect();
            let gets_on = |waiter: &&Holder| {
                self.waiters[*waiter].iter().all(|(lock, _)| {
                    let before = Self::before(lock, waiter);
                    free.contains(&lock.name) && before.is_none_or(|first| !stuck.contains(first))
                })
            };
            let left: BTreeSet<&Holder> = stuck.iter().filter(|waiter| !gets_on(waiter)).copied().collect();
            if left.len() == stuck.len() {
                return stuck;
            }
            stuck = left;
        }
    }

    /// Whether the lock has a place for somebody, or will have.
    fn is_freed(&self, lock: &Lock, stuck: &BTreeSet<&'a Holder>) -> bool {
        has_place(lock) || lock.holders.iter().any(|holding| self.contained(holding, stuck).is_none())
    }

    /// Who stands first in the queue of a lock, before a waiter. Nodes of one workflow do not stand in each other's way.
    fn before(lock: &'a Lock, waiter: &Holder) -> Option<&'a Holder> {
        let first = &lock.queue.first()?.holder;
        (workflow(first) != workflow(waiter)).then_some(first)
    }

    /// A waiter that the holder contains and that never gets on.
    fn contained(&self, holding: &Holding, stuck: &BTreeSet<&'a Holder>) -> Option<&'a Holder> {
        let waiters = self.of_workflow.get(&workflow(&holding.holder))?;
        let within = |waiter: &&&Holder| match &holding.holder.node {
            None => true,
            Some(node) => self.waiters[**waiter].iter().any(|(_, place)| place.within.contains(node)),
        };
        waiters.iter().filter(|waiter| stuck.contains(**waiter)).find(within).copied()
    }

    /// What keeps a waiter, and the waiter that this comes down to.
    fn step(&self, waiter: &'a Holder, stuck: &BTreeSet<&'a Holder>) -> Option<(Step, &'a Holder)> {
        let step = |lock: &Lock, blocked_by: &Holder, queued| Step {
            waiter: waiter.clone(),
            lock: lock.name.clone(),
            blocked_by: blocked_by.clone(),
            queued,
        };
        let places = self.waiters.get(waiter)?;
        let held = places.iter().filter(|(lock, _)| !has_place(lock)).find_map(|(lock, _)| {
            let all = lock.holders.iter().map(|holding| Some((holding, self.contained(holding, stuck)?)));
            let (holding, next) = all.collect::<Option<Vec<_>>>()?.into_iter().next()?;
            Some((step(lock, &holding.holder, false), next))
        });
        held.or_else(|| {
            places.iter().find_map(|(lock, _)| {
                let first = Self::before(lock, waiter).filter(|first| stuck.contains(first))?;
                Some((step(lock, first, true), first))
            })
        })
    }
}

fn has_place(lock: &Lock) -> bool {
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
    use crate::locks::{Limit, Standing};

    fn holder(text: &str) -> Holder {
        Holder::read(text, "", "").unwrap()
    }

    /// `name limit: holders | queue`, with the node that a waiter stands within after `<`.
    fn lock(text: &str) -> Lock {
        let (head, rest) = text.split_once(": ").unwrap();
        let (name, limit) = head.split_once(' ').unwrap();
        let (holders, queue) = rest.split_once('|').unwrap();
        let holding = |text: &str| Holding {
            holder: holder(text),
            node_name: None,
            standing: Standing::Live { phase: "Running".to_owned() },
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

    fn told(locks: &[&str]) -> Vec<String> {
        let locks: Vec<Lock> = locks.iter().map(|text| lock(text)).collect();
        let step = |step: &Step| {
            format!("{} {} {}{}", step.waiter, step.lock, step.blocked_by, if step.queued { " first" } else { "" })
        };
        cycles(&locks).iter().map(|cycle| cycle.steps.iter().map(step).collect::<Vec<_>>().join("; ")).collect()
    }

    #[test]
    fn two_that_hold_what_the_other_waits_for_are_a_circle() {
        assert_eq!(
            told(&["a 1: n/v|n/w/w-1", "b 1: n/w|n/v/v-1 n/x"]),
            ["n/v/v-1 n/Mutex/b n/w; n/w/w-1 n/Mutex/a n/v"]
        );
    }

    #[test]
    fn a_workflow_may_wait_for_itself() {
        assert_eq!(told(&["a 1: n/v|n/v/v-1"]), ["n/v/v-1 n/Mutex/a n/v"]);
        assert_eq!(told(&["a 1: n/v/v-7|n/v/v-1<v-7"]), ["n/v/v-1 n/Mutex/a n/v/v-7"]);
    }

    #[test]
    fn a_sibling_that_holds_is_no_circle() {
        assert_eq!(told(&["a 1: n/v/v-2|n/v/v-1<v"]), [""; 0]);
        assert_eq!(told(&["a 1: n/v|n/w", "b 1: n/x|n/v/v-1"]), [""; 0]);
    }

    #[test]
    fn one_holder_that_gets_on_is_enough() {
        assert_eq!(told(&["a 2: n/v n/x|n/w/w-1", "b 1: n/w|n/v/v-1"]), [""; 0]);
        assert_eq!(told(&["a 2: n/v|n/w/w-1", "b 1: n/w|n/v/v-1"]), [""; 0]);
        assert_eq!(told(&["a 2: n/v n/x|n/w/w-1", "b 1: n/w|n/v/v-1 n/x/x-1"]).len(), 1);
    }

    #[test]
    fn the_first_in_a_queue_may_close_a_circle() {
        assert_eq!(
            told(&["a 1: |n/first n/h/h-1", "b 1: n/h|n/first"]),
            ["n/first n/Mutex/b n/h; n/h/h-1 n/Mutex/a n/first first"]
        );
        assert_eq!(told(&["a 1: |n/first n/h/h-1", "b 1: n/h|"]), [""; 0]);
    }

    #[test]
    fn a_semaphore_without_a_place_is_no_circle() {
        assert_eq!(told(&["a 0: |n/v n/w"]), [""; 0]);
    }

    proptest! {
        /// Workflows that take locks in one order never wait in a circle; each step of a circle names a real wait.
        #[test]
        fn an_order_of_locks_has_no_circle(held in proptest::collection::vec((0..6_usize, 0..6_usize), 1..20)) {
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
