//! A real API server, namespaces on it, and the program connected to them.

// Each test binary uses only a part of this module.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod crds;
mod etcd;
mod keys;
pub(crate) mod namespace;
pub(crate) mod objects;
pub(crate) mod ports;
pub(crate) mod program;
pub(crate) mod relay;
pub(crate) mod server;
pub(crate) mod supervised;
