//! What stands before the work of a template: further attempts, a cache, locks.

use serde::Deserialize;

use super::text;
use super::values::KeyRef;

/// When and how often to try again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RetryStrategy {
    /// Retries after the first attempt; without end when none.
    #[serde(deserialize_with = "text")]
    pub limit: Option<String>,
    /// `Always`, `OnFailure`, `OnError` or `OnTransientError`.
    pub retry_policy: String,
    /// Try again only while this holds.
    pub expression: String,
    /// Time between attempts.
    pub backoff: Option<Backoff>,
}

/// Time between attempts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Backoff {
    /// Before the first retry.
    #[serde(deserialize_with = "text")]
    pub duration: Option<String>,
    /// Multiplies the duration for each further retry.
    #[serde(deserialize_with = "text")]
    pub factor: Option<String>,
    /// From the start of the first attempt, for all of them.
    #[serde(deserialize_with = "text")]
    pub max_duration: Option<String>,
    /// The longest time between two attempts.
    #[serde(deserialize_with = "text")]
    pub cap: Option<String>,
}

/// A cache entry to look up first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Memoize {
    /// The entry's key.
    pub key: String,
    /// A Go duration; an older entry does not count.
    #[serde(deserialize_with = "text")]
    pub max_age: Option<String>,
    /// Where the entry is.
    pub cache: Option<Cache>,
}

/// A cache of outputs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cache {
    /// The ConfigMap that holds the entries.
    pub config_map: KeyRef,
}

/// Locks to hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Synchronization {
    /// Of which several holders share a limit.
    pub semaphores: Vec<SemaphoreRef>,
    /// Of which one holder has all.
    pub mutexes: Vec<MutexRef>,
    /// The singular form of Argo before 3.6.
    pub semaphore: Option<SemaphoreRef>,
    /// The singular form of Argo before 3.6.
    pub mutex: Option<MutexRef>,
}

/// A semaphore whose limit stands in a ConfigMap.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SemaphoreRef {
    /// The key that holds the limit.
    pub config_map_key_ref: Option<KeyRef>,
    /// The key of the limit in a database.
    pub database: Option<KeyRef>,
    /// The namespace it belongs to; empty for the workflow's own.
    pub namespace: String,
}

/// A mutex.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MutexRef {
    /// Its name.
    pub name: String,
    /// The namespace it belongs to; empty for the workflow's own.
    pub namespace: String,
    /// Whether it is one of a database rather than of the controller.
    pub database: bool,
}
