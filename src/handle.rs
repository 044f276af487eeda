//! The handle of a run: a small versioned JSON document with which any process on any machine can find the run, and what
//! its manifests tell once the run itself is gone. Unknown fields and versions are refused, so that an older tool does not
//! misread a handle of a newer one. It holds no credential.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the document that this tool writes. Version 1 tells neither of a store of manifests nor of nodes.
pub(crate) const VERSION: u32 = 2;

/// The fields that version 1 does not have.
const SINCE_2: [&str; 2] = ["cacheStore", "nodes"];

/// The field of a Workflow object that contains the handle.
const BLOCK: &str = "run";

/// Where a run is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// On a cluster, by the Argo controller.
    Cluster,
    /// On a machine, by the embedded engine.
    Local,
}

/// A run handle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Handle {
    /// At most [`VERSION`].
    pub(crate) version: u32,
    /// Where the run is executed.
    pub(crate) backend: Place,
    /// The URL of the API server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) server: Option<String>,
    /// The kubeconfig context at submission.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) context: Option<String>,
    /// The workflow's namespace.
    pub(crate) namespace: String,
    /// The workflow's name.
    pub(crate) name: String,
    /// The workflow's uid: a workflow created again under the same name has another uid.
    pub(crate) uid: String,
    /// The run id, the same in all attempts.
    pub(crate) run_id: String,
    /// The run id of the retried run; empty on the first attempt.
    #[serde(default)]
    pub(crate) retry_run_id: String,
    /// The number of the attempt, from 1.
    pub(crate) attempt: u32,
    /// The cache of the run's templates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cache_name: Option<String>,
    /// The namespace of the cache, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cache_namespace: Option<String>,
    /// When it was submitted.
    pub(crate) submitted_at: Timestamp,
    /// The directory of local runs (only for a local run).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) store: Option<String>,
    /// The store of the run's manifests; none for a cache in a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cache_store: Option<CacheStore>,
    /// The calls that were known at submission.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) nodes: Option<KnownNodes>,
}

/// A store of manifests, and how it is reached. Holds no credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CacheStore {
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) kind: StoreKind,
    /// A path, or the bucket with the prefix in it, such as `s3://bucket/team`.
    pub(crate) url: String,
    /// The URL of the service, where it is not the provider's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) endpoint: Option<String>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) region: Option<String>,
    /// Whether the bucket stands in the path of a URL.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) path_style: Option<bool>,
}

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StoreKind {
    /// A directory.
    Directory,
    /// A bucket of S3, or of what speaks its protocol.
    S3,
    /// A bucket of Google Cloud Storage.
    Gcs,
    /// A container of Azure Blob Storage.
    Azure,
}

/// The calls of a run that do work, as far as its document told of them when it was submitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KnownNodes {
    /// The prefix of each call, `<cache>/<key>`, by the call's path; null where it depends on what another node gives, or
    /// where the call has none.
    pub(crate) prefixes: BTreeMap<String, Option<String>>,
    /// The prefix whose manifest says that all of the run has succeeded, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) whole: Option<String>,
    /// Whether there may be other calls: those of loops and conditions that depend on a node's outputs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) partial: bool,
}

/// Why a text is not a handle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandleError {
    /// The fields are not those of a handle.
    #[error("not a run handle: {0}")]
    Form(#[from] serde_json::Error),
    /// The text is neither JSON nor YAML.
    #[error("not a run handle: {0}")]
    Syntax(#[from] serde_yaml::Error),
    /// The version is not supported.
    #[error("run handle has version {0}: this tool supports versions 1 and {VERSION}")]
    Version(u64),
    /// A handle of the first version has a field that came later.
    #[error("not a run handle: unknown field `{0}` in version 1")]
    Field(&'static str),
}

impl Handle {
    /// Reads a handle, or the handle in a Workflow object, as JSON or YAML.
    pub(crate) fn read(text: &str) -> Result<Self, HandleError> {
        let mut document: Value =
            if text.trim_start().starts_with('{') { serde_json::from_str(text)? } else { serde_yaml::from_str(text)? };
        if document["kind"] == "Workflow" {
            document = document[BLOCK].take();
        }
        match document.get("version").and_then(Value::as_u64) {
            Some(version) if !(1..=u64::from(VERSION)).contains(&version) => Err(HandleError::Version(version)),
            Some(1) => match SINCE_2.into_iter().find(|field| document.get(field).is_some()) {
                Some(field) => Err(HandleError::Field(field)),
                None => Ok(Self::deserialize(&document)?),
            },
            _ => Ok(Self::deserialize(&document)?),
        }
    }

    /// Adds the handle to the run's Workflow object, as `run`.
    pub(crate) fn beside(&self, mut object: Value) -> Value {
        if let (Some(fields), Ok(handle)) = (object.as_object_mut(), serde_json::to_value(self)) {
            fields.insert(BLOCK.to_owned(), handle);
        }
        object
    }

    /// The content of a handle file.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argo::document::to_yaml;

    fn handle() -> Handle {
        Handle {
            version: VERSION,
            backend: Place::Cluster,
            server: Some("https://127.0.0.1:6443".to_owned()),
            context: None,
            namespace: "argo".to_owned(),
            name: "etl-x2k9f".to_owned(),
            uid: "714d6444".to_owned(),
            run_id: "nightly-001".to_owned(),
            retry_run_id: String::new(),
            attempt: 1,
            cache_name: Some("runnable-abc123".to_owned()),
            cache_namespace: None,
            submitted_at: Timestamp::UNIX_EPOCH,
            store: None,
            cache_store: Some(CacheStore {
                kind: StoreKind::S3,
                url: "s3://bucket/team".to_owned(),
                endpoint: None,
                region: Some("eu-1".to_owned()),
                path_style: Some(true),
            }),
            nodes: Some(KnownNodes {
                prefixes: [("build".to_owned(), Some("c/k".to_owned())), ("map".to_owned(), None)].into(),
                whole: None,
                partial: true,
            }),
        }
    }

    #[test]
    fn a_written_handle_can_be_read() {
        assert!(Handle::read(&handle().text()).is_ok_and(|read| read == handle()));
    }

    #[test]
    fn a_handle_in_a_workflow_object_can_be_read() {
        let object = json!({"kind": "Workflow", "metadata": {"name": "etl-x2k9f"}});
        let with = handle().beside(object.clone());
        assert_eq!((&with["metadata"], &with["run"]["runId"]), (&object["metadata"], &json!("nightly-001")));
        assert!(Handle::read(&with.to_string()).is_ok_and(|read| read == handle()));
        let yaml = to_yaml(&with);
        assert!(Handle::read(&yaml).is_ok_and(|read| read == handle()), "{yaml}");
        assert!(matches!(Handle::read(&object.to_string()), Err(HandleError::Form(_))));
        for odd in ["", "[]", "a: [", "text", "kind: Workflow"] {
            assert!(Handle::read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn unknown_fields_and_versions_are_refused() {
        for version in ["0", "3"] {
            let other = handle().text().replace("\"version\": 2", &format!("\"version\": {version}"));
            assert!(matches!(Handle::read(&other), Err(HandleError::Version(_))), "{other}");
        }
        let text = handle().text();
        for more in [
            text.replace("\"attempt\": 1", "\"attempt\": 1, \"more\": true"),
            text.replace("\"partial\"", "\"more\": 1, \"partial\""),
            text.replace("\"pathStyle\"", "\"secretKey\": \"x\", \"pathStyle\""),
            text.replace("\"s3\"", "\"ftp\""),
        ] {
            assert!(matches!(Handle::read(&more), Err(HandleError::Form(_))), "{more}");
        }
        assert!(Handle::read("[]").is_err());
    }

    #[test]
    fn the_first_version_is_read_and_has_no_field_of_the_second() {
        let first = Handle { version: 1, cache_store: None, nodes: None, ..handle() };
        assert!(Handle::read(&first.text()).is_ok_and(|read| read == first));
        let mixed = handle().text().replace("\"version\": 2", "\"version\": 1");
        assert!(matches!(Handle::read(&mixed), Err(HandleError::Field("cacheStore"))));
    }
}
