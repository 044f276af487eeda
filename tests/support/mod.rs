//! What the integration tests share: the program in an environment of its own, what it leaves, and the repositories it
//! works on. A test binary takes it in with `#[path = "../support/mod.rs"] mod support;`, and beside it, where it speaks
//! to Kubernetes, `#[path = "../support/kubernetes/mod.rs"] mod kubernetes;`.

// Each test binary uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod environment;
pub(crate) mod files;
pub(crate) mod git_server;
pub(crate) mod output;
pub(crate) mod process;
pub(crate) mod repository;
pub(crate) mod runs;
pub(crate) mod wait;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-runnable");
