//! The embedded engine: runs a Workflow as local processes and writes the status that the Argo controller would.
//!
//! ```text
//! Plan ─► Scheduler (pure: events in, actions out) ◄─► engine ─► executor ─► a supervised process tree a task
//!                                                        └─► store: run directory, journal
//! ```

pub(crate) mod artifact;
mod cache_client;
pub mod control_pipe;
pub mod engine;
pub mod executor;
pub mod follow;
pub mod kill;
pub mod list_watch;
pub mod logs;
pub mod record;
pub mod resolved;
pub mod run_locks;
pub mod sandbox;
pub mod scheduler;
pub mod store;
pub mod support;
pub mod task;
mod times;
pub mod view;
mod watch;
