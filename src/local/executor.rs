//! Runs tasks as processes.
