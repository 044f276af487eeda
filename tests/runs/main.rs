//! The verbs on runs of this machine, by the real program.

#![allow(clippy::unwrap_used, missing_docs)]

mod handle;
mod list;
mod report;
mod rig;
mod status;
mod wait;
