//! The handle of a run: a small versioned JSON document with which any process on any machine can find the run. Unknown
//! fields and versions are refused, so that an older tool does not misread a handle of a newer one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The supported version of the document.
pub(crate) const VERSION: u32 = 1;

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
    /// [`VERSION`].
    pub version: u32,
    /// Where the run is executed.
    pub backend: Place,
    /// The URL of the API server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
    /// The kubeconfig context at submission.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub context: Option<String>,
    /// The workflow's namespace.
    pub namespace: String,
    /// The workflow's name.
    pub name: String,
    /// The workflow's uid: a workflow created again under the same name has another uid.
    pub uid: String,
    /// The run id, the same in all attempts.
    pub run_id: String,
    /// The run id of the retried run; empty on the first attempt.
    #[serde(default)]
    pub retry_run_id: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The cache of the run's templates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_name: Option<String>,
    /// The namespace of the cache, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_namespace: Option<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// The directory of local runs (only for a local run).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub store: Option<String>,
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
    #[error("run handle has version {0}: this tool supports version {VERSION}")]
    Version(u64),
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
            Some(version) if version != u64::from(VERSION) => Err(HandleError::Version(version)),
            _ => Ok(serde_json::from_value(document)?),
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
        let newer = handle().text().replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(Handle::read(&newer), Err(HandleError::Version(2))));
        let more = handle().text().replace("\"attempt\": 1", "\"attempt\": 1, \"more\": true");
        assert!(matches!(Handle::read(&more), Err(HandleError::Form(_))));
        assert!(Handle::read("[]").is_err());
    }
}
