//! The versions of Argo that differ in what they take.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::read::at;

/// A minor version of Argo Workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u8,
    minor: u8,
}

/// The text is no version that is known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected one of {}", Version::ALL.map(|version| version.to_string()).join(", "))]
pub(crate) struct UnknownVersion;

impl Version {
    pub(crate) const V3_5: Self = Self { major: 3, minor: 5 };
    pub(crate) const V3_6: Self = Self { major: 3, minor: 6 };
    pub(crate) const V3_7: Self = Self { major: 3, minor: 7 };
    pub(crate) const V4_0: Self = Self { major: 4, minor: 0 };
    pub(crate) const V4_1: Self = Self { major: 4, minor: 1 };
    /// Every version that is told apart.
    pub(crate) const ALL: [Self; 5] = [Self::V3_5, Self::V3_6, Self::V3_7, Self::V4_0, Self::V4_1];
    /// The first of them.
    pub(crate) const OLDEST: Self = Self::V3_5;
    /// The one that is assumed where none is known.
    pub(crate) const LATEST: Self = Self::V4_1;

    /// The version whose full definition of a workflow's spec has these fields, each with its schema; none where the
    /// definition lets any field through.
    pub(crate) fn of_fields(spec: &Value) -> Option<Self> {
        let locks = at(spec, &["synchronization", "properties"])?;
        let cap = ["templateDefaults", "properties", "retryStrategy", "properties", "backoff", "properties", "cap"];
        Some(match () {
            () if at(spec, &["executorPlugins"]).is_some() => Self::V4_1,
            () if at(locks, &["mutex"]).is_none() => Self::V4_0,
            () if at(spec, &cap).is_some() => Self::V3_7,
            () if at(locks, &["mutexes"]).is_some() => Self::V3_6,
            () => Self::V3_5,
        })
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    /// `4.1`, also as `v4.1.2`.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let mut parts = text.trim_start_matches('v').split('.');
        let mut part = || parts.next().and_then(|part| part.parse().ok());
        let version = Self { major: part().ok_or(UnknownVersion)?, minor: part().ok_or(UnknownVersion)? };
        if Self::ALL.contains(&version) { Ok(version) } else { Err(UnknownVersion) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_tells_its_version_by_its_fields() {
        let of = |locks: &[&str], more: &str, cap: bool| {
            let locks: serde_json::Map<_, _> = locks.iter().map(|lock| ((*lock).to_owned(), json!({}))).collect();
            let backoff = if cap { json!({"cap": {}}) } else { json!({}) };
            let retry = json!({"properties": {"backoff": {"properties": backoff}}});
            Version::of_fields(&json!({
                "synchronization": {"properties": locks}, more: {},
                "templateDefaults": {"properties": {"retryStrategy": retry}},
            }))
        };
        assert_eq!(of(&["mutexes", "semaphores"], "executorPlugins", true), Some(Version::V4_1));
        assert_eq!(of(&["mutexes", "semaphores"], "x", true), Some(Version::V4_0));
        assert_eq!(of(&["mutex", "mutexes"], "x", true), Some(Version::V3_7));
        assert_eq!(of(&["mutex", "mutexes"], "x", false), Some(Version::V3_6));
        assert_eq!(of(&["mutex", "semaphore"], "x", false), Some(Version::V3_5));
        assert_eq!(Version::of_fields(&json!({})), None);
    }

    #[test]
    fn a_version_is_read_with_or_without_its_patch() {
        assert_eq!("4.1".parse(), Ok(Version::V4_1));
        assert_eq!("v3.6.19".parse(), Ok(Version::V3_6));
        for text in ["", "4", "5.0", "latest", "4.x"] {
            assert_eq!(text.parse::<Version>(), Err(UnknownVersion), "{text}");
        }
        assert_eq!(UnknownVersion.to_string(), "expected one of 3.5, 3.6, 3.7, 4.0, 4.1");
    }
}
