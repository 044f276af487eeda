//! When a container is ready.

use serde::Deserialize;

use super::errand::HttpHeader;
use super::text;

/// A probe of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Probe {
    /// A command that exits with 0.
    pub exec: Option<Exec>,
    /// A request that is answered.
    pub http_get: Option<HttpGet>,
    /// A port that is listened to.
    pub tcp_socket: Option<TcpSocket>,
    /// Seconds before the first check.
    pub initial_delay_seconds: Option<u64>,
    /// Seconds between two checks.
    pub period_seconds: Option<u64>,
    /// Seconds after which a check has failed.
    pub timeout_seconds: Option<u64>,
    /// Checks in a row that have to succeed.
    pub success_threshold: Option<u32>,
}

/// A command in a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exec {
    /// Program and arguments.
    pub command: Vec<String>,
}

/// A request to a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpGet {
    /// The path.
    pub path: String,
    /// The port, by number or name.
    #[serde(deserialize_with = "text")]
    pub port: Option<String>,
    /// The host; the pod when empty.
    pub host: String,
    /// `HTTP` or `HTTPS`.
    pub scheme: String,
    /// Headers.
    pub http_headers: Vec<HttpHeader>,
}

/// A port of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TcpSocket {
    /// The port, by number or name.
    #[serde(deserialize_with = "text")]
    pub port: Option<String>,
    /// The host; the pod when empty.
    pub host: String,
}

/// A named port of a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    /// Its name.
    pub name: String,
    /// Its number.
    pub container_port: u16,
}
