//! What the integration tests share. A test binary takes it in with `#[path = "../support/mod.rs"] mod support;`.

// Each test binary uses a part of it.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod files;
pub(crate) mod wait;
