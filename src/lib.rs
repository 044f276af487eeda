//! `kubectl runnable` makes Argo Workflows runs retryable, memoized and isolated, on a cluster or on a laptop.
//!
//! A run is an Argo `Workflow` object with a `status`, wherever it runs. Data flows one way:
//!
//! ```text
//! argv ─► cli::submit ─► prepare (pure): Document + options + ids ─► Prepared ─► cli::launch ─► Backend::create
//!              ▲                        parameters, env, memoize        ▲                      ├► the cluster's controller ─┐
//!              │                                                        │                      └► local: the engine ────────┴► Workflow
//!        files, stdin, --from                                           │                                                       │
//!                                                                       │                           output, exit code ◄─────────┘
//!                                                    cli::retry ─► retry (pure): plan
//!
//! files ─► argo::check (pure): problems with their places, before anything is made (submit, retry --file, lint)
//!
//! command, key, outputs ─► cli::exec ─► exec: look up, run, keep ─► the exit code of the command
//!
//! component, settings ─► cli::bundle ─► bundle (pure): objects ─► cluster: server-side apply, diff, removal
//!
//! URL, ref, task ─► cli::worktree ─► git: base, fetch, checkout ─► path
//!
//! ARCHIVED ─► cli::archive ─► cluster: argo-server's archive ─► Workflow ─► as status shows, retry plans or submit makes it
//!
//! RUN ─► cli::target ─► backend::Run ─► Snapshot ─┬► report (pure): summary ─► output
//!                                                 ├► retry (pure): plan ─► Prepared, or the same object changed
//!                                                 └► control (pure): changes ─► Run::revise
//! ```
//!
//! [`argo`], [`prepare`], [`retry`], [`control`], [`locks`], [`report`], [`bundle`], [`handle`], [`shell`] and [`mask`] are
//! pure: no clock, randomness, environment, network, file or process is named there (clippy.toml and tests/tidy.rs hold them
//! to it). [`local`] and [`cache`] keep their effects apart in the same way: in the executor and the store, and in the
//! directories and buckets.

// Elsewhere the inside of local tasks is left out, and what it alone uses is there unused; on Linux all has to be used.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

mod argo;
mod artifact;
mod backend;
mod blocking;
mod bundle;
mod cache;
mod cli;
mod cluster;
mod control;
mod exec;
mod exit;
mod file;
mod git;
mod handle;
mod local;
mod locks;
mod mask;
mod output;
mod platform;
mod prepare;
mod report;
mod retry;
mod shell;

pub mod testing;

pub use cli::run;
