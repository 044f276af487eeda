//! Tasks as real processes, in every view that this host allows.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod artifacts;
mod attacks;
mod isolation;
mod ordinary;
mod outcome;
mod reuse;
mod rig;
mod stopping;
mod unprivileged;
