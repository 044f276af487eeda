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
    pub(crate) limit: Option<String>,
    /// `Always`, `OnFailure`, `OnError` or `OnTransientError`.
    pub(crate) retry_policy: String,
    /// Try again only while this holds.
    pub(crate) expression: String,
    /// Time between attempts.
    pub(crate) backoff: Option<Backoff>,
}

/// Time between attempts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Backoff {
    /// Before the first retry.
    #[serde(deserialize_with = "text")]
    pub(crate) duration: Option<String>,
    /// Multiplies the duration for each further retry.
    #[serde(deserialize_with = "text")]
    pub(crate) factor: Option<String>,
    /// From the start of the first attempt, for all of them.
    #[serde(deserialize_with = "text")]
    pub(crate) max_duration: Option<String>,
    /// The longest time between two attempts.
    #[serde(deserialize_with = "text")]
    pub(crate) cap: Option<String>,
}

/// A cache entry to look up first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Memoize {
    /// The entry's key.
    pub(crate) key: String,
    /// A Go duration; an older entry does not count.
    #[serde(deserialize_with = "text")]
    pub(crate) max_age: Option<String>,
    /// Where the entry is.
    pub(crate) cache: Option<Cache>,
}

/// A cache of outputs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Cache {
    /// The ConfigMap that holds the entries.
    pub(crate) config_map: KeyRef,
}

/// Locks to hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Synchronization {
    /// Of which several holders share a limit.
    pub(crate) semaphores: Vec<SemaphoreRef>,
    /// Of which one holder has all.
    pub(crate) mutexes: Vec<MutexRef>,
    /// The singular form of Argo before 3.6.
    pub(crate) semaphore: Option<SemaphoreRef>,
    /// The singular form of Argo before 3.6.
    pub(crate) mutex: Option<MutexRef>,
}

/// A semaphore whose limit stands in a ConfigMap.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SemaphoreRef {
    /// The key that holds the limit.
    pub(crate) config_map_key_ref: Option<KeyRef>,
    /// The key of the limit in a database.
    pub(crate) database: Option<KeyRef>,
    /// The namespace it belongs to; empty for the workflow's own.
    pub(crate) namespace: String,
}

/// A mutex.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MutexRef {
    /// Its name.
    pub(crate) name: String,
    /// The namespace it belongs to; empty for the workflow's own.
    pub(crate) namespace: String,
    /// Whether it is one of a database rather than of the controller.
    pub(crate) database: bool,
}
