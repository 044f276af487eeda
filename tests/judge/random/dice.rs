//! Choices by chance, the same for the same seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub(crate) struct Dice {
    random: StdRng,
    seed: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), seed }
    }

    /// A file of this document alone.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("/tmp/judge-{}-{name}", self.seed)
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    /// A number below another.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end.max(1))
    }

    /// One of these, of which there is at least one.
    pub(crate) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// One of these, if there is any.
    pub(crate) fn any<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        (!choices.is_empty()).then(|| self.of(choices))
    }
}
