//! The full name of a lock.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A lock: `NAMESPACE/ConfigMap/NAME/KEY`, `NAMESPACE/Mutex/NAME` or `NAMESPACE/Database/KEY`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LockName {
    /// The namespace it belongs to.
    pub(crate) namespace: String,
    /// What it is.
    pub(crate) kind: LockKind,
}

/// What a lock is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LockKind {
    /// A semaphore whose limit stands in a ConfigMap.
    ConfigMap {
        /// The ConfigMap.
        name: String,
        /// The key in it.
        key: String,
    },
    /// A mutex of the controller's.
    Mutex(String),
    /// A semaphore or mutex that several controllers share in a database.
    Database(String),
}

/// The text is no lock's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid lock {0:?}: expected NAMESPACE/ConfigMap/NAME/KEY, NAMESPACE/Mutex/NAME or NAMESPACE/Database/KEY")]
pub(crate) struct LockNameError(String);

impl LockName {
    /// A semaphore of a ConfigMap.
    pub(crate) fn semaphore(namespace: &str, config_map: &str, key: &str) -> Self {
        let kind = LockKind::ConfigMap { name: config_map.to_owned(), key: key.to_owned() };
        Self { namespace: namespace.to_owned(), kind }
    }

    /// Whether its limit stands in a ConfigMap.
    pub(crate) fn is_semaphore(&self) -> bool {
        matches!(self.kind, LockKind::ConfigMap { .. })
    }
}

impl FromStr for LockName {
    type Err = LockNameError;

    fn from_str(text: &str) -> Result<Self, LockNameError> {
        let error = || LockNameError(text.to_owned());
        let mut parts = text.splitn(3, '/');
        let (Some(namespace), Some(kind), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(error());
        };
        let kind = match kind {
            "Mutex" => LockKind::Mutex(rest.to_owned()),
            "Database" => LockKind::Database(rest.to_owned()),
            "ConfigMap" => match rest.split_once('/') {
                Some((name, key)) if !name.is_empty() && !key.is_empty() && !key.contains('/') => {
                    LockKind::ConfigMap { name: name.to_owned(), key: key.to_owned() }
                }
                _ => return Err(error()),
            },
            _ => return Err(error()),
        };
        if namespace.is_empty() || rest.is_empty() {
            return Err(error());
        }
        Ok(Self { namespace: namespace.to_owned(), kind })
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.kind)
    }
}

impl fmt::Display for LockKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMap { name, key } => write!(formatter, "ConfigMap/{name}/{key}"),
            Self::Mutex(name) => write!(formatter, "Mutex/{name}"),
            Self::Database(key) => write!(formatter, "Database/{key}"),
        }
    }
}

impl Serialize for LockName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        for text in
            ["argo/ConfigMap/workflow-semaphores/a-b-main", "argo/Mutex/deploy", "ci/Mutex/a/b", "ci/Database/x"]
        {
            assert_eq!(text.parse::<LockName>().map(|lock| lock.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("argo/ConfigMap/s/k".parse(), Ok(LockName::semaphore("argo", "s", "k")));
    }

    #[test]
    fn what_the_controller_could_not_decode_is_no_lock() {
        for text in [
            "",
            "deploy",
            "argo/Mutex",
            "argo/Mutex/",
            "/Mutex/x",
            "argo/Lease/x",
            "argo/ConfigMap/s",
            "argo/ConfigMap/s/k/l",
        ] {
            assert!(text.parse::<LockName>().is_err(), "{text:?}");
        }
    }
}
