//! The handle of a run, by which any process on any machine finds it again: a small versioned JSON document. Unknown fields and unknown versions are refused, so that an
//! older tool never acts on half of what a newer one wrote.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the document that this tool writes and reads.
pub(crate) const VERSION: u32 = 1;

/// The field of a Workflow object in which the handle stands beside the run.
const BLOCK: &str = "run";

/// Where a run is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// By the Argo controller of a cluster.
    Cluster,
    /// By the embedded engine of a machine.
    Local,
}

/// What finds a run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Handle {
    /// [`VERSION`].
    pub version: u32,
    /// Where the run is carried out.
    pub backend: Place,
    /// The URL of the API server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<String>,
    /// The kubeconfig's context at the time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub context: Option<String>,
    /// The workflow's namespace.
    pub namespace: String,
    /// The workflow's name.
    pub name: String,
    /// The workflow's uid: a workflow that was created again under the name is another one.
    pub uid: String,
    /// The run's id, the same in all attempts.
    pub run_id: String,
    /// The run that this is a retry of; empty on the first attempt.
    #[serde(default)]
    pub retry_run_id: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The cache of the run's templates.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_name: Option<String>,
    /// The namespace of the cache, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_namespace: Option<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// The directory that holds the runs of its machine (local runs).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub store: Option<String>,
}

/// Why a text is no handle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandleError {
    /// It has not a handle's form.
    #[error("no run handle: {0}")]
    Form(#[from] serde_json::Error),
    /// It is neither JSON nor YAML.
    #[error("no run handle: {0}")]
    Syntax(#[from] serde_yaml::Error),
    /// Another tool wrote it.
    #[error("run handle of version {0}: this tool reads version {VERSION}")]
    Version(u64),
}

impl Handle {
    /// Reads a handle, or the one that stands in a Workflow object beside the run, as JSON or YAML.
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

    /// The Workflow object of the run with the handle in it, as `run`.
    pub(crate) fn beside(&self, mut object: Value) -> Value {
        if let (Some(fields), Ok(handle)) = (object.as_object_mut(), serde_json::to_value(self)) {
            fields.insert(BLOCK.to_owned(), handle);
        }
        object
    }

    /// The handle as it stands in a file.
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
    fn a_handle_survives_its_file() {
        assert!(Handle::read(&handle().text()).is_ok_and(|read| read == handle()));
    }

    #[test]
    fn a_handle_is_found_in_the_object_that_it_stands_in() {
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
