//! The times that a run's scheduler asked to be woken at.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::SignedDuration;

use super::clock::Clock;
use super::scheduler::Timer;

/// Times that were asked for, the next one first.
pub(super) struct Timers {
    clock: Clock,
    heap: BinaryHeap<Reverse<(SignedDuration, usize)>>,
    timers: Vec<Timer>,
}

impl Timers {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, heap: BinaryHeap::new(), timers: Vec::new() }
    }

    pub(super) fn add(&mut self, at: SignedDuration, timer: Timer) {
        self.heap.push(Reverse((at, self.timers.len())));
        self.timers.push(timer);
    }

    /// Whether there is such a time to come.
    pub(super) fn any(&self, is_such: impl Fn(Timer) -> bool) -> bool {
        self.heap.iter().any(|Reverse((_, place))| is_such(self.timers[*place]))
    }

    /// Waits for the next time; forever when there is none.
    pub(super) async fn next(&mut self) -> Timer {
        let Some(&Reverse((at, place))) = self.heap.peek() else { return std::future::pending().await };
        let Some(at) = self.clock.instant(at) else { return std::future::pending().await };
        tokio::time::sleep_until(at).await;
        self.heap.pop();
        self.timers[place]
    }
}
