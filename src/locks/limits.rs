//! The ConfigMap that holds the limits of semaphores: what it says, and why it may not be changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exit::{CommandError, Exit};

/// The annotation in which this program notes what the limits do not say, as JSON: key ► [`Note`].
pub(super) const ANNOTATION: &str = "kubectl-runnable/semaphores";

/// The limit of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    /// So many may hold it. Below 1 the controller fails whoever asks for it.
    Of(i64),
    /// The value is no number.
    Malformed(String),
    /// The ConfigMap has no such key.
    MissingKey,
    /// There is no such ConfigMap.
    MissingConfigMap,
    /// It is kept where this program cannot look.
    Unknown,
}

impl Limit {
    /// Reads a value as the controller does (Go's Atoi).
    fn read(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Malformed(text.to_owned()), Self::Of)
    }

    /// The number, where it is known.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Of(number) => Some(*number),
            _ => None,
        }
    }
}

/// What is noted of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The branches that the key was made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) branches: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) drained: Option<Drained>,
}

/// A semaphore that lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drained {
    /// The limit that it had before.
    pub limit: u32,
    /// The workflow that takes its one place.
    pub workflow: String,
}

/// Why a ConfigMap is not read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It holds something else.
    #[error("ConfigMap {0:?} is a memoization cache")]
    Cache(String),
    /// It cannot be changed.
    #[error("ConfigMap {0:?} is immutable")]
    Immutable(String),
    /// The key stands for something else than a limit.
    #[error("key {key:?} of ConfigMap {config_map:?} holds {value:?}, which is no limit")]
    NoLimit {
        /// The ConfigMap.
        config_map: String,
        /// The key.
        key: String,
        /// What it holds.
        value: String,
    },
    /// There is no such key.
    #[error("semaphore {key:?} does not exist in ConfigMap {config_map:?}")]
    Absent {
        /// The ConfigMap.
        config_map: String,
        /// The key.
        key: String,
    },
    /// There is no drain to take back.
    #[error("semaphore {0:?} is not drained")]
    NotDrained(String),
}

impl CommandError for Refusal {
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
                "choose another with --configmap, or create it again: kubectl get configmap {name} -o yaml > {name}.yaml, \
                 take immutable out, kubectl replace --force -f {name}.yaml"
            ),
            Self::NoLimit { .. } => {
                "choose another key, or take the value away first: kubectl runnable semaphore delete KEY".to_owned()
            }
            Self::Absent { .. } => {
                "kubectl runnable semaphore list shows those that exist; semaphore set makes one".to_owned()
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
    /// Reads a ConfigMap, unless it is another's.
    pub(crate) fn of(config_map: &'a Value) -> Result<Self, Refusal> {
        let metadata = &config_map["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        if metadata["labels"]["workflows.argoproj.io/configmap-type"] == "Cache" {
            return Err(Refusal::Cache(name.to_owned()));
        }
        let notes = metadata["annotations"][ANNOTATION].as_str().and_then(|text| serde_json::from_str(text).ok());
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

    /// Whether a semaphore is drained.
    pub(crate) fn drained(&self, key: &str) -> Option<&Drained> {
        self.notes.get(key)?.drained.as_ref()
    }

    /// The branches that a key is known to stand for.
    pub(crate) fn branches(&self, key: &str) -> &[String] {
        self.notes.get(key).map(|note| note.branches.as_slice()).unwrap_or_default()
    }
}
