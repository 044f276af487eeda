//! The command line as its users meet it: standard output, standard error and exit code together.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod arguments;
mod bundle;
mod cache;
mod cluster;
mod completion;
mod config;
mod disk;
mod doctor;
mod documents;
mod dry_run;
mod help;
mod interrupts;
mod isolate;
mod lint;
mod local;
mod locks;
mod log;
mod packaging;
mod parameters;
mod privacy;
mod prompts;
mod shell;
mod streams;
mod terminal;
mod workflows;
