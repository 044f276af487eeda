//! The document that makes a node's storage prefix complete.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::entry::{Entry, Maker};
use crate::argo::identity::CacheName;
use crate::argo::status::Outputs;

/// The version of the document that this tool writes.
pub(crate) const VERSION: u32 = 2;

/// The version of this tool, as manifests have it.
pub(crate) const TOOL: &str = env!("CARGO_PKG_VERSION");

/// Whether this tool reads a version. Version 1 has no blobs, no standard output and no version of the tool.
pub(crate) fn is_readable(version: u64) -> bool {
    (1..=u64::from(VERSION)).contains(&version)
}

/// An entry of a cache: a node that succeeded, and what it gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The version of the document's form.
    pub(crate) version: u32,
    /// The entry's key.
    pub(crate) key: String,
    /// The cache's name.
    pub(crate) cache_name: String,
    /// The id of the node.
    pub(crate) node_id: String,
    /// The full name of the node.
    pub(crate) node_name: String,
    /// The template it called; empty for an inline one.
    #[serde(default)]
    pub(crate) template: String,
    /// The uid of the workflow it belongs to: an attempt is told from the next one by it.
    pub(crate) workflow_uid: String,
    /// The run's id, where it has one.
    #[serde(default)]
    pub(crate) run_id: String,
    /// What it gave.
    #[serde(default)]
    pub(crate) outputs: Option<Outputs>,
    /// The artifacts among its outputs that the store keeps.
    #[serde(default)]
    pub(crate) artifacts: Vec<KeptArtifact>,
    /// The end of what a command wrote to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stdout: Option<Stdout>,
    /// What ran the node's containers in their images; none where programs of a machine did, or a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime: Option<UsedRuntime>,
    /// The version of the tool that wrote the entry.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) tool: String,
    /// When the node ended.
    pub(crate) finished_at: Timestamp,
    /// When the entry was made.
    pub(crate) created_at: Timestamp,
}

impl Manifest {
    /// The manifest of an entry that comes from elsewhere.
    pub(super) fn of(cache: &CacheName, entry: &Entry, now: Timestamp) -> Self {
        let maker = entry.maker.clone();
        let told = |field: fn(&Maker) -> &String| maker.as_ref().map(field).cloned().unwrap_or_default();
        let created = entry.created.unwrap_or(now);
        Self {
            version: VERSION,
            key: entry.key.clone(),
            cache_name: cache.to_string(),
            node_id: entry.node_id.clone(),
            node_name: told(|maker| &maker.node_name),
            template: told(|maker| &maker.template),
            workflow_uid: told(|maker| &maker.workflow_uid),
            run_id: told(|maker| &maker.run_id),
            outputs: Deserialize::deserialize(&entry.outputs).unwrap_or_default(),
            artifacts: Vec::new(),
            stdout: None,
            runtime: None,
            tool: TOOL.to_owned(),
            finished_at: created,
            created_at: created,
        }
    }
}

/// A container runtime, and the images in which it ran what made an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UsedRuntime {
    /// The runtime's name.
    pub(crate) name: String,
    /// The ids of the images, in order.
    pub(crate) images: Vec<String>,
}

/// An artifact of an entry: beside the document, a blob of the store, or absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeptArtifact {
    /// The artifact's name.
    pub(crate) name: String,
    /// Where it is, relative to the document; empty for a blob.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) path: String,
    /// The blob that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blob: Option<Blob>,
}

/// Where the content of an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// At this path beside the document.
    Beside(&'a str),
    /// In this blob.
    Blob(&'a Blob),
    /// It is optional, and its maker did not write it.
    Absent,
}

impl KeptArtifact {
    /// Where the content is.
    pub(crate) fn content(&self) -> Content<'_> {
        match &self.blob {
            Some(blob) => Content::Blob(blob),
            None if self.path.is_empty() => Content::Absent,
            None => Content::Beside(&self.path),
        }
    }

    /// Whether it is optional and its maker did not write it.
    pub(crate) fn is_absent(&self) -> bool {
        self.content() == Content::Absent
    }
}

/// A file or directory as a blob of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Blob {
    /// The digest of the blob.
    pub(crate) digest: Digest,
    /// The blob's bytes.
    pub(crate) size: u64,
    /// What it is.
    pub(crate) form: Form,
    /// The permission bits of the file or directory.
    pub(crate) mode: u32,
}

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Form {
    /// The content of a file.
    File,
    /// A tar archive of a directory's content.
    Tar,
}

/// What a command wrote to standard output, or the end of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stdout {
    /// The bytes, where they are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes in base64, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// Whether the beginning is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
}

impl Stdout {
    /// Keeps bytes.
    pub(crate) fn of(bytes: &[u8], truncated: bool) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Some(text.to_owned()), base64: None, truncated },
            Err(_) => Self { text: None, base64: Some(STANDARD.encode(bytes)), truncated },
        }
    }

    /// The bytes as text, where they are.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The bytes; none where the document holds no base64.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(base64)) => STANDARD.decode(base64).ok(),
            (None, None) => Some(Vec::new()),
        }
    }
}

/// How a node failed that has no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// The id of the node.
    pub(crate) node_id: String,
    /// The uid of the workflow it belongs to.
    pub(crate) workflow_uid: String,
    /// `Failed` or `Error`.
    pub(crate) phase: String,
    /// Why.
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_output_is_kept_byte_by_byte() {
        for bytes in [&b""[..], b"text\n", b"\xff\xfe\0", "\u{fffd}".as_bytes()] {
            let kept = Stdout::of(bytes, false);
            let read = serde_json::to_string(&kept).and_then(|text| serde_json::from_str::<Stdout>(&text));
            assert_eq!(read.ok().and_then(|read| read.bytes()).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn the_first_version_is_read() -> Result<(), serde_json::Error> {
        let manifest: Manifest = serde_json::from_str(
            r#"{"version":1,"key":"k","cacheName":"c","nodeId":"n","nodeName":"wf.a","template":"a","workflowUid":"u",
                "runId":"r","outputs":null,"artifacts":[{"name":"out","path":"artifacts-x/0"}],
                "finishedAt":"2026-11-21T08:00:00Z","createdAt":"2026-11-21T08:00:00Z"}"#,
        )?;
        assert!(is_readable(u64::from(manifest.version)) && !is_readable(u64::from(VERSION) + 1) && !is_readable(0));
        assert_eq!(manifest.artifacts[0].content(), Content::Beside("artifacts-x/0"));
        Ok(())
    }
}
