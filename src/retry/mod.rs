//! Retrying a run: a live Workflow in, a plan and the changed document out. Pure; must never name the clock, randomness
//! or the network.
//!
//! ```text
//! live Workflow ─► check ─┬► anew      a new Workflow; what succeeded comes from the cache ─┐
//!                         ├► memoized  a new Workflow; the nodes' status is carried over   ─┼► plan
//!                         └► in_place  the same object with the failed nodes taken out     ─┘
//! ```

mod anew;
mod attempt;
mod calls;
mod in_place;
mod judge;
mod loss;
mod memoized;
mod nodes;
mod plan;
mod refusal;
mod verdict;

pub use self::anew::anew;
pub use self::attempt::Attempt;
pub use self::in_place::{InPlace, in_place};
pub use self::loss::Loss;
pub use self::memoized::memoized;
pub use self::plan::{Entries, Entry, Plan};
pub use self::refusal::{Mode, Owner, Refusal, check};
pub use self::verdict::{Verdict, Why};

#[cfg(test)]
mod tests;
