//! Runs of this machine, steered and watched from another process.

#![allow(clippy::unwrap_used, missing_docs)]

mod logs;
mod notice;
mod rig;
mod secrets;
mod steering;
