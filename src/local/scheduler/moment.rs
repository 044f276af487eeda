//! An instant of a run by two clocks. Pure: who carries the run out reads the clocks.

use jiff::{SignedDuration, Timestamp};

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock, which somebody may set meanwhile: for times that are shown.
    pub wall: Timestamp,
    /// Since the run began, by a clock that nobody sets: for all that is waited for or limited.
    pub elapsed: SignedDuration,
}

impl Moment {
    /// The beginning of a run.
    pub fn begin(wall: Timestamp) -> Self {
        Self { wall, elapsed: SignedDuration::ZERO }
    }
}
