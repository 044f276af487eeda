//! The ConfigMap that holds the limits of semaphores, and reasons not to change it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::argo::Metadata;
use crate::exit::{CommandError, Exit};

/// The annotation with our notes about keys, as JSON: key ► [`Note`].
pub(super) const ANNOTATION: &str = "kubectl-runnable/semaphores";

/// The limit of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The maximum number of holders. Below 1, the controller fails every workflow that requests the lock.
    Of(i64),
    /// The value is not a number.
    Malformed(String),
    /// The ConfigMap has no such key.
    MissingKey,
    /// There is no such ConfigMap.
    MissingConfigMap,
    /// The limit is stored where this program cannot read it.
    Unknown,
}

impl Limit {
    /// Reads a value as the controller does: with Go's strconv.Atoi (getSyncLimit in workflow/controller/controller.go,
    /// v4.1.2).
    fn read(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Malformed(text.to_owned()), Self::Of)
    }

    /// The number, if known.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Of(number) => Some(*number),
            _ => None,
        }
    }
}

/// Our note about a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The branches from which the key was derived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) branches: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) drained: Option<Drained>,
}

/// The drain of a semaphore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drained {
    /// The limit before the drain.
    pub(crate) limit: u32,
    /// The workflow that is the only holder.
    pub(crate) workflow: String,
}

/// Why a ConfigMap is not read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitError {
    /// The ConfigMap holds something else.
    #[error("ConfigMap {0:?} is a memoization cache")]
    Cache(String),
    /// The ConfigMap is immutable.
    #[error("ConfigMap {0:?} is immutable")]
    Immutable(String),
    /// The value of the key is not a limit.
    #[error("key {key:?} of ConfigMap {config_map:?} has the value {value:?}, which is not a limit")]
    NotALimit {
        /// The ConfigMap.
        config_map: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The key does not exist.
    #[error("semaphore {key:?} does not exist in ConfigMap {config_map:?}")]
    Absent {
        /// The ConfigMap.
        config_map: String,
        /// The key.
        key: String,
    },
    /// There is no drain to end.
    #[error("semaphore {0:?} is not drained")]
    NotDrained(String),
}

impl CommandError for LimitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Absent { .. } => Exit::NotFound,
            _ => Exit::Conflict,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Cache(_) => "choose another ConfigMap for limits with --configmap".to_owned(),
            Self::Immutable(name) => format!(
                "choose another with --configmap, or replace it: kubectl get configmap {name} -o yaml > {name}.yaml, \
                 remove the field immutable, kubectl replace --force -f {name}.yaml"
            ),
            Self::NotALimit { .. } => {
                "choose another key, or first delete the value: kubectl runnable semaphore delete KEY".to_owned()
            }
            Self::Absent { .. } => {
                "kubectl runnable semaphore list shows the existing ones; semaphore set creates one".to_owned()
            }
            Self::NotDrained(_) => "set its limit: kubectl runnable semaphore set KEY LIMIT".to_owned(),
        })
    }
}

/// The limits in a ConfigMap.
#[derive(Debug, Clone)]
pub(crate) struct Limits<'a> {
    name: &'a str,
    pub(super) config_map: &'a Value,
    pub(super) notes: BTreeMap<String, Note>,
}

impl<'a> Limits<'a> {
    /// Reads a ConfigMap, unless it is a cache.
    pub(crate) fn of(config_map: &'a Value) -> Result<Self, LimitError> {
        let metadata = Metadata::of(config_map);
        let name = metadata.name();
        if metadata.label("workflows.argoproj.io/configmap-type") == Some("Cache") {
            return Err(LimitError::Cache(name.to_owned()));
        }
        let notes = metadata.annotation(ANNOTATION).and_then(|text| serde_json::from_str(text).ok());
        Ok(Self { name, config_map, notes: notes.unwrap_or_default() })
    }

    /// The ConfigMap's name.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// The keys, in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.config_map["data"].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// The limit under a key.
    pub(crate) fn limit(&self, key: &str) -> Limit {
        match self.config_map["data"][key].as_str() {
            Some(text) => Limit::read(text),
            None if self.config_map["binaryData"].get(key).is_some() => Limit::Malformed("(binary)".to_owned()),
            None => Limit::MissingKey,
        }
    }

    /// The drain of a semaphore, if it is drained.
    pub(crate) fn drained(&self, key: &str) -> Option<&Drained> {
        self.notes.get(key)?.drained.as_ref()
    }

    /// The branches that are recorded for a key.
    pub(crate) fn branches(&self, key: &str) -> &[String] {
        self.notes.get(key).map(|note| note.branches.as_slice()).unwrap_or_default()
    }
}
