//! Templates whose work is no container: requests, and lists of artifacts.

use serde::Deserialize;

use super::{Artifact, KeyRef, text};

/// A request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Http {
    /// The method; GET when empty.
    pub(crate) method: String,
    /// Whom to ask.
    pub(crate) url: String,
    /// Headers, in order.
    pub(crate) headers: Vec<HttpHeader>,
    /// Seconds after which it is given up; no limit when none.
    pub(crate) timeout_seconds: Option<i64>,
    /// What has to hold of the response; a status of 200 to 299 when empty.
    pub(crate) success_condition: String,
    /// What is sent.
    #[serde(deserialize_with = "text")]
    pub(crate) body: Option<String>,
    /// What is sent instead of `body`.
    pub(crate) body_from: Option<BodySource>,
    /// Whether the server's certificate is not checked.
    pub(crate) insecure_skip_verify: bool,
}

/// A header of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HttpHeader {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    #[serde(deserialize_with = "text")]
    pub(crate) value: Option<String>,
    /// Where the value comes from.
    pub(crate) value_from: Option<HeaderSource>,
}

/// Where a header's value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HeaderSource {
    /// A key of a Secret.
    pub(crate) secret_key_ref: Option<KeyRef>,
}

/// Where a request's body comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BodySource {
    /// Bytes, in base64.
    pub(crate) bytes: Option<String>,
}

/// A list and what becomes of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    /// Where the list comes from.
    pub(crate) source: DataSource,
    /// What is done with it, one after another.
    pub(crate) transformation: Vec<Transformation>,
}

/// Where a list comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DataSource {
    /// The keys below that of an artifact.
    pub(crate) artifact_paths: Option<Artifact>,
}

/// One change of a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transformation {
    /// An expression over `data`.
    pub(crate) expression: String,
}
