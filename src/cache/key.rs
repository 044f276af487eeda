//! The key of an entry, as the Argo controller takes it.

use std::fmt;
use std::str::FromStr;

/// A key: `^[a-zA-Z0-9][-a-zA-Z0-9]*$`, at most 253 bytes; safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(String);

/// The text is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid cache key {0:?}: expected at most 253 letters, digits and '-', the first no '-'")]
pub struct KeyError(String);

impl CacheKey {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CacheKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let legal = (1..=253).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if legal { Ok(Self(text.to_owned())) } else { Err(KeyError(text.to_owned())) }
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_a_path() {
        for legal in ["a", "plain-my-run-1-2b44b65cda595508", "0", &"x".repeat(253)] {
            assert!(legal.parse::<CacheKey>().is_ok(), "{legal:?}");
        }
        for illegal in ["", "-a", "..", "a/b", "a_b", "../../etc", "a.b", "{{x}}", &"x".repeat(254)] {
            assert!(illegal.parse::<CacheKey>().is_err(), "{illegal:?}");
        }
    }
}
