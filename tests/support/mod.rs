//! Shared by the integration tests: the program in its own environment, its output and files, and git repositories. A
//! test binary includes it with `#[path = "../support/mod.rs"] mod support;`, and for Kubernetes also with `#[path =
//! "../support/kubernetes/mod.rs"] mod kubernetes;`.

// Each test binary uses only a part of this module.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod environment;
pub(crate) mod files;
pub(crate) mod gates;
pub(crate) mod git_server;
pub(crate) mod output;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod repository;
pub(crate) mod runs;
pub(crate) mod wait;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-runnable");
