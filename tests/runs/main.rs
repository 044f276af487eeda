//! The verbs on runs of this machine, by the real program: read, follow, steer, retry.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod artifacts;
mod attempts;
mod cache;
mod container_root;
mod cp;
mod daemons;
mod debounce;
mod decided;
mod delete;
mod detach;
mod errands;
mod failure;
mod handle;
mod hints;
mod keep;
mod killed;
mod list;
mod logs;
mod notice;
mod progress;
mod report;
mod resume;
mod retry;
mod reuse;
mod secrets;
mod status;
mod steer;
mod wait;
