//! The clocks of a run: the one on the wall, and the time since the run's beginning, which nobody can set.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use tokio::time::Instant;

use super::scheduler::Moment;

#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    begun: Instant,
}

impl Clock {
    /// The clocks of a run that begins now.
    pub(super) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// Now, in milliseconds: finer than Argo's seconds, for tasks here are short, and no finer than anyone reads.
    pub(super) fn now(self) -> Moment {
        let wall = Timestamp::now();
        let elapsed = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Moment { wall: wall.round(Unit::Millisecond).unwrap_or(wall), elapsed: SignedDuration::from_millis(elapsed) }
    }

    /// When the run has lasted this long; none where that is further away than anyone waits.
    pub(super) fn instant(self, at: SignedDuration) -> Option<Instant> {
        self.begun.checked_add(Duration::try_from(at).unwrap_or_default())
    }
}
