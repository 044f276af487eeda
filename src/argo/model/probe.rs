//! When a container is ready.

use serde::Deserialize;

use super::errand::HttpHeader;
use super::text;

/// A probe of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Probe {
    /// A command that exits with 0.
    pub(crate) exec: Option<Exec>,
    /// A request that is answered.
    pub(crate) http_get: Option<HttpGet>,
    /// A port that is listened to.
    pub(crate) tcp_socket: Option<TcpSocket>,
    /// Seconds before the first check.
    pub(crate) initial_delay_seconds: Option<u64>,
    /// Seconds between two checks.
    pub(crate) period_seconds: Option<u64>,
    /// Seconds after which a check has failed.
    pub(crate) timeout_seconds: Option<u64>,
    /// Checks in a row that have to succeed.
    pub(crate) success_threshold: Option<u32>,
}

/// A command in a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exec {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
}

/// A request to a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpGet {
    /// The path.
    pub(crate) path: String,
    /// The port, by number or name.
    #[serde(deserialize_with = "text")]
    pub(crate) port: Option<String>,
    /// The host; the pod when empty.
    pub(crate) host: String,
    /// `HTTP` or `HTTPS`.
    pub(crate) scheme: String,
    /// Headers.
    pub(crate) http_headers: Vec<HttpHeader>,
}

/// A port of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TcpSocket {
    /// The port, by number or name.
    #[serde(deserialize_with = "text")]
    pub(crate) port: Option<String>,
    /// The host; the pod when empty.
    pub(crate) host: String,
}

/// A named port of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    /// Its name.
    pub(crate) name: String,
    /// Its number.
    pub(crate) container_port: u16,
}
