//! `exec` and the verbs of caches over each kind of store: a directory, and a bucket of a real S3 server (versitygw, which
//! `tests/programs/build` makes once). The cases of a directory need no server.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/kubernetes/ports.rs"]
mod ports;
#[path = "../support/kubernetes/supervised.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod supervised;

mod artifacts;
mod attacks;
mod clouds;
mod collect;
mod conformance;
mod engine;
mod faults;
mod guide;
mod handles;
mod identity;
mod kills;
mod memory;
mod proxy;
mod races;
mod rig;
mod server;
mod signals;
mod values;
mod verbs;
