//! What is asked for: a command, its outputs, and how its entry is found and made.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::outputs::{Output, ParameterFile};
use crate::argo::identity::CacheName;
use crate::cache::CacheKey;

/// A command and its entry.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The cache.
    pub(crate) cache: CacheName,
    /// The entry's key.
    pub(crate) key: CacheKey,
    /// The declared outputs.
    pub(crate) outputs: Vec<Output>,
    /// The files whose contents are values of the entry.
    pub(crate) parameters: Vec<ParameterFile>,
    /// The file that is told what became of the entry.
    pub(crate) report: Option<PathBuf>,
    /// The program and its arguments; not empty.
    pub(crate) command: Vec<OsString>,
    /// How the entry is used and made.
    pub(crate) policy: Policy,
}

/// How an entry is used and made.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// An older entry does not count.
    pub(crate) max_age: Option<SignedDuration>,
    /// Nothing is written to the store.
    pub(crate) read_only: bool,
    /// A command that took less leaves no entry.
    pub(crate) min_duration: Option<Duration>,
    /// The command runs whatever the store has.
    pub(crate) force: bool,
    /// Whether one process at a time makes the entry.
    pub(crate) lease: bool,
    /// How long to wait for another one that makes the entry; for ever, if none.
    pub(crate) lease_wait: Option<Duration>,
    /// What an error of the store means before the command runs.
    pub(crate) on_store_error: OnStoreError,
}

/// What an error of the store means before the command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnStoreError {
    /// The command is not run.
    Fail,
    /// The command runs without the cache.
    Run,
}
