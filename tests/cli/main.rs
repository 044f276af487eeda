//! The command line as its users meet it: standard output, standard error and exit code together. Those that carry tasks
//! out, or look closely at the system, need Linux.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod arguments;
mod bundle;
mod cluster;
mod doctor;
mod documents;
mod dry_run;
mod help;
mod isolate;
mod lint;
mod parameters;
mod workflows;

#[cfg(target_os = "linux")]
mod cache;
#[cfg(target_os = "linux")]
mod completion;
#[cfg(target_os = "linux")]
mod config;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod interrupts;
#[cfg(target_os = "linux")]
mod local;
#[cfg(target_os = "linux")]
mod locks;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod packaging;
#[cfg(target_os = "linux")]
mod privacy;
#[cfg(target_os = "linux")]
mod prompts;
#[cfg(target_os = "linux")]
mod shell;
#[cfg(target_os = "linux")]
mod streams;
#[cfg(target_os = "linux")]
mod terminal;
