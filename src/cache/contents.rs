//! A cache as it is found: a ConfigMap of Argo's, or a directory of manifests.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::attempts::{ANNOTATION, AttemptNumbers};
use super::entry::Entry;
use super::home::is_of_controller;
use crate::argo::Metadata;
use crate::argo::metadata::CONFIG_MAP_TYPE;

/// The label that the controller asks for.
pub(crate) const LABEL: &str = CONFIG_MAP_TYPE;
/// Its value on a cache.
pub(crate) const LABEL_VALUE: &str = "Cache";
/// How many bytes the values of a ConfigMap may come to.
pub(crate) const LIMIT: u64 = 1024 * 1024;

/// A cache and what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Cache {
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: Place,
    /// The entries by their keys.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// What is the matter with the object round them; nothing, in a store.
    pub(crate) object: Object,
}

/// Where a cache is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// In this namespace.
    ConfigMap {
        /// The namespace.
        namespace: String,
    },
    /// In this directory of the store.
    Store {
        /// The directory.
        path: PathBuf,
    },
}

/// What a cache says beside its entries; all but the numbers only in a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Object {
    /// The object's uid.
    pub(crate) uid: String,
    /// The state that was read.
    pub(crate) resource_version: String,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
    /// The value of [`LABEL`].
    pub(crate) label: Option<String>,
    /// Whether it may not be changed.
    pub(crate) immutable: bool,
    /// Bytes of binary data, which no cache has and which count towards its limit all the same.
    pub(crate) binary: u64,
    /// Whether a controller has written to it.
    pub(crate) of_controller: bool,
    /// The numbers of attempts that are noted beside the entries.
    pub(crate) attempts: AttemptNumbers,
}

impl Cache {
    /// Reads a ConfigMap.
    pub fn of_config_map(object: &Value) -> Self {
        let metadata = Metadata::of(object);
        let data = object["data"].as_object().into_iter().flatten();
        let entries = data.map(|(key, value)| (key.clone(), Entry::written(key, value.as_str().unwrap_or_default())));
        Self {
            name: metadata.name().to_owned(),
            place: Place::ConfigMap { namespace: metadata.namespace().to_owned() },
            entries: entries.collect(),
            object: Object {
                uid: metadata.uid().to_owned(),
                resource_version: metadata.resource_version().to_owned(),
                created: metadata.created_at(),
                label: metadata.label(LABEL).map(str::to_owned),
                immutable: object["immutable"] == true,
                binary: object["binaryData"].as_object().into_iter().flatten().map(|(_, value)| decoded(value)).sum(),
                of_controller: is_of_controller(object),
                attempts: AttemptNumbers::read(metadata.annotation(ANNOTATION).unwrap_or("{}")),
            },
        }
    }

    /// Whether the controller takes it for a cache; a store needs no label.
    pub(crate) fn is_labelled(&self) -> bool {
        matches!(self.place, Place::Store { .. }) || self.object.label.as_deref() == Some(LABEL_VALUE)
    }

    /// Whether it is an object of someone else's that only has the name: neither its label nor a single entry is a cache's.
    pub(crate) fn is_foreign(&self) -> bool {
        let is_entry = |entry: &Entry| matches!(entry.state, super::State::Whole) || entry.created.is_some();
        let holds_something = !self.entries.is_empty() || self.object.binary > 0;
        !self.is_labelled() && holds_something && !self.entries.values().any(is_entry)
    }

    /// Bytes that its values take: what its limit is for.
    pub(crate) fn bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.bytes).sum::<u64>() + self.object.binary
    }

    /// How many bytes it may hold; a store has no limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        matches!(self.place, Place::ConfigMap { .. }).then_some(LIMIT)
    }

    /// A merge patch of the ConfigMap that notes an attempt in the state that was read; none where that is not needed.
    pub(crate) fn noting(&self, run_id: &str, number: u32) -> Option<Value> {
        let numbers = self.object.attempts.with(run_id, number)?;
        Some(json!({ "metadata": {
            "uid": self.object.uid,
            "resourceVersion": self.object.resource_version,
            "annotations": { ANNOTATION: numbers.text() },
        } }))
    }
}

/// Bytes of a base64 text's content.
fn decoded(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or_default();
    (text.trim_end_matches('=').len() * 3 / 4) as u64
}

impl Place {
    /// The namespace of a ConfigMap.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::ConfigMap { namespace } => Some(namespace),
            Self::Store { .. } => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMap { namespace } => write!(formatter, "namespace {namespace}"),
            Self::Store { path } => write!(formatter, "{}", path.display()),
        }
    }
}

impl Serialize for Place {
    /// `{"configMap": {"namespace": …}}` or `{"store": {"path": …}}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = match self {
            Self::ConfigMap { namespace } => serde_json::json!({ "configMap": { "namespace": namespace } }),
            Self::Store { path } => serde_json::json!({ "store": { "path": path } }),
        };
        value.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map(labels: &Value, data: &Value) -> Cache {
        Cache::of_config_map(&json!({
            "metadata": {"name": "c", "namespace": "argo", "uid": "u", "resourceVersion": "7", "labels": labels},
            "data": data,
        }))
    }

    #[test]
    fn a_config_map_is_a_cache_by_its_label_or_its_entries() {
        let label = json!({LABEL: "Cache"});
        let entry = json!({"k": r#"{"nodeID":"wf-1","creationTimestamp":"2026-11-21T08:25:14Z"}"#});
        for (labels, data, labelled, foreign) in [
            (&label, &entry, true, false),
            (&label, &json!({"x": "y"}), true, false),
            (&json!({}), &entry, false, false),
            (&Value::Null, &Value::Null, false, false),
            (&json!({LABEL: "Parameter"}), &json!({"config.yaml": "a: b"}), false, true),
        ] {
            let cache = config_map(labels, data);
            assert_eq!((cache.is_labelled(), cache.is_foreign()), (labelled, foreign), "{labels} {data}");
        }
    }

    #[test]
    fn binary_data_counts() {
        let object = |data: &str| json!({"metadata": {"name": "c"}, "binaryData": {"a": data}, "data": {"k": "null"}});
        for (text, bytes) in [("", 0), ("eA==", 1), ("eHg=", 2), ("eHh4", 3), ("eHh4eA==", 4)] {
            let cache = Cache::of_config_map(&object(text));
            assert_eq!((cache.object.binary, cache.bytes()), (bytes, bytes + 4), "{text}");
        }
    }

    #[test]
    fn what_the_object_lacks_is_empty() {
        let cache = Cache::of_config_map(&json!({"metadata": {"name": 7, "labels": "x"}, "data": ["a"]}));
        assert_eq!((cache.name.as_str(), cache.entries.len(), cache.bytes()), ("", 0, 0));
    }
}
