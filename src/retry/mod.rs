//! Retrying a run: a live Workflow in, a plan and the changed document out. Pure; must never name the clock, randomness
//! or the network.
//!
//! ```text
//! live Workflow ─► check ─┬► again      a new Workflow; what succeeded comes from the cache ─┐
//!                         ├► memoized     a new Workflow; the nodes' status is carried over   ─┼► plan
//!                         └► in_place     the same object with the failed nodes taken out     ─┘
//! ```

mod asked;
mod attempt;
mod document;
mod entries;
mod expected;
mod in_place;
mod lost_state;
mod memoized;
mod new_plan;
mod outline;
mod plan;
mod reason;
mod recorded;
mod refusal;
mod rehearsal;
mod resubmit;
mod verdict;
pub(crate) use self::asked::{Asked, Wish};
pub(crate) use self::attempt::{Attempt, Attempts};
pub(crate) use self::document::{Naming, is_run_of, may_be_of};
pub(crate) use self::entries::{Entries, EntryName, Kept};
pub(crate) use self::expected::{ExpectedCalls, expected_calls};
pub(crate) use self::in_place::{InPlace, in_place};
#[cfg(test)]
use self::lost_state::LostState;
pub(crate) use self::memoized::memoized;
pub(crate) use self::plan::{Entry, Next, Plan};
pub(crate) use self::refusal::{Mode, Owner, Refusal, check};
pub(crate) use self::resubmit::new_attempt;
pub(crate) use self::verdict::Verdict;
#[cfg(test)]
pub(crate) use self::verdict::Why;

#[cfg(test)]
mod tests;
