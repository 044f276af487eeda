//! The embedded engine: runs a Workflow as local processes and writes the status that the Argo controller would.

pub(crate) mod artifact;
pub mod executor;
pub mod kill;
pub mod sandbox;
pub mod task;
pub mod view;
