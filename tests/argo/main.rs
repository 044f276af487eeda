//! The program end to end on a real cluster: the promises against Argo's own controller.
//!
//! `RUNNABLE_E2E_KUBECONFIG` names the kubeconfig of any cluster on which Argo runs; without it there is nothing to test
//! and each test fails. Pods run a small shell image, `busybox:1.37`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/kubernetes/mod.rs"]
mod kubernetes;
#[path = "../support/mod.rs"]
mod support;

use kubernetes::{ports, supervised};

mod image;
mod namespace;
#[path = "../stores/server.rs"]
mod object_server;
mod program;
mod run;

mod again;
mod attempts;
mod bundle;
mod exec_cache;
mod guide;
mod isolate;
mod locks;
mod logs;
mod memoize;
mod owner;
mod recovery;
mod retry;
mod speed;
mod steer;
mod wait;
