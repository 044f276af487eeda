//! The embedded engine: runs a Workflow as local processes and writes the status that the Argo controller would.
//!
//! ```text
//! Resolved ─► Scheduler (pure: events in, actions out) ◄─► engine ─► executor ─► a supervised process tree a task
//!                                                        └─► store: run directory, journal
//! ```

pub(crate) mod artifact;
mod cache_answers;
mod cache_client;
mod cache_run;
mod capture;
mod clock;
pub(crate) mod control_pipe;
mod daemons;
pub(crate) mod due;
mod ended_object;
pub(crate) mod engine;
pub(crate) mod errand;
mod errands;
mod event_thread;
pub(crate) mod executor;
pub(crate) mod failed_views;
pub(crate) mod follow;
pub(crate) mod given;
pub(crate) mod given_artifacts;
mod head;
#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
#[path = "no_inotify.rs"]
mod inotify;
pub(crate) mod keep;
pub(crate) mod kill;
pub(crate) mod late_nodes;
pub(crate) mod list_follow;
pub(crate) mod logs;
pub(crate) mod machine;
mod made_entry;
pub(crate) mod new_run;
pub(crate) mod open_files;
pub(crate) mod orders;
mod orphans;
pub(crate) mod probe;
mod readers;
pub(crate) mod record;
mod refusal;
pub(crate) mod repository;
pub(crate) mod reserved;
pub(crate) mod resolved;
pub(crate) mod run_locks;
pub(crate) mod runtime;
#[cfg(target_os = "linux")]
pub(crate) mod sandbox;
#[cfg(not(target_os = "linux"))]
#[path = "no_sandbox.rs"]
pub(crate) mod sandbox;
pub(crate) mod saved_artifacts;
pub(crate) mod scheduler;
pub(crate) mod secrets;
pub(crate) mod small_pages;
pub(crate) mod store;
pub(crate) mod stub;
pub(crate) mod support;
pub(crate) mod task;
mod tasks;
mod timers;
mod times;
mod transfers;
pub(crate) mod view;
mod volume_files;
mod watch;
mod workers;
