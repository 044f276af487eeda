//! Probes: when a daemon is ready. Plain data between the scheduler, which reads them from the template, and who asks.

use serde::{Deserialize, Serialize};

/// What has to hold before a daemon counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The container that it belongs to.
    pub(crate) container: String,
    /// What is asked.
    pub(crate) check: Check,
    /// Seconds before it is asked for the first time.
    pub(crate) delay: u64,
    /// The most seconds between two checks.
    pub(crate) period: u64,
    /// Seconds after which a check has failed.
    pub(crate) timeout: u64,
    /// So many checks in a row have to succeed.
    pub(crate) successes: u32,
}

/// One check of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Check {
    /// A command in the daemon's view exits with 0.
    Command(Vec<String>),
    /// A request is answered with a status of 200 to 399.
    Http {
        /// The whole URL.
        url: String,
        /// Names and values.
        headers: Vec<(String, String)>,
    },
    /// A connection is accepted.
    Tcp {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
    },
}
