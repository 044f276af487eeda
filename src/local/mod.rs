//! The embedded engine: runs a Workflow as local processes and writes the status that the Argo controller would.

pub mod executor;
pub mod task;
