//! Validated identities: what has been checked once at the edge is a type of its own below it.

use crate::exit::{CommandError, Exit};
use std::fmt;
use std::str::FromStr;

/// Identifies one logical run over all its attempts: `^[a-zA-Z0-9_-]+$`, at most 63 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(String);

/// The name of a memoization cache: a legal ConfigMap name (a DNS subdomain, at most 253 bytes).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheName(String);

/// The name of a Kubernetes object that Argo derives other names from: a DNS subdomain, at most 253 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectName(String);

/// Why a text is no identity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// The text is no run id.
    #[error("invalid run id {0:?}: expected 1 to 63 letters, digits, '-' or '_'")]
    RunId(String),
    /// The text is no ConfigMap name.
    #[error("invalid cache name {0:?}: expected a ConfigMap name, lower-case letters, digits, '-' or '.', at most 253")]
    CacheName(String),
    /// The text is no Kubernetes object name.
    #[error(
        "invalid name {0:?}: expected lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit, at most 253"
    )]
    ObjectName(String),
}

impl CommandError for IdentityError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Number of random characters in a generated cache name.
pub(crate) const CACHE_SUFFIX_LENGTH: usize = 6;

impl CacheName {
    /// The name for a new cache, `runnable-` and six characters of `[a-z0-9]`, drawn by the caller from a CSPRNG.
    pub fn generated(suffix: [u8; CACHE_SUFFIX_LENGTH]) -> Self {
        Self(format!(
            "runnable-{}",
            suffix.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()])).iter().collect::<String>()
        ))
    }
}

/// Number of characters that the API server adds to a `generateName`.
pub(crate) const NAME_SUFFIX_LENGTH: usize = 5;
/// The characters of them (apimachinery, pkg/util/rand).
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest prefix that the API server keeps of a `generateName`.
const LONGEST_PREFIX: usize = 58;

impl ObjectName {
    /// The name that a `generateName` becomes, with the characters that these bytes stand for.
    pub(crate) fn generated(prefix: &str, suffix: [u8; NAME_SUFFIX_LENGTH]) -> Result<Self, IdentityError> {
        let prefix = &prefix[..prefix.floor_char_boundary(LONGEST_PREFIX)];
        let suffix = suffix.map(|byte| char::from(NAME_ALPHABET[usize::from(byte) % NAME_ALPHABET.len()]));
        format!("{prefix}{}", suffix.iter().collect::<String>()).parse()
    }

    /// Whether the name is one that a `generateName` becomes.
    pub(crate) fn is_generated(name: &str, prefix: &str) -> bool {
        let suffix = name.strip_prefix(&prefix[..prefix.floor_char_boundary(LONGEST_PREFIX)]);
        suffix.is_some_and(|suffix| {
            suffix.len() == NAME_SUFFIX_LENGTH && suffix.bytes().all(|byte| NAME_ALPHABET.contains(&byte))
        })
    }
}

/// The characters of generated names; 36 of them.
pub(crate) const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether the text is a DNS label, as the name of a container is.
pub(crate) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_part(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.iter().all(inner) && edge(bytes.first()) && edge(bytes.last())
}

fn is_run_id(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

macro_rules! identity {
    ($type:ident, $valid:expr, $error:path) => {
        impl $type {
            /// The text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = IdentityError;
            fn from_str(text: &str) -> Result<Self, IdentityError> {
                if $valid(text) { Ok(Self(text.to_owned())) } else { Err($error(text.to_owned())) }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

impl RunId {
    /// The id as the value of a label; none for one that begins or ends with another sign than a letter or digit.
    pub(crate) fn as_label(&self) -> Option<&str> {
        let bytes = self.0.as_bytes();
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        (is_edge(bytes.first()) && is_edge(bytes.last())).then_some(&self.0)
    }
}

identity!(RunId, is_run_id, IdentityError::RunId);
identity!(CacheName, is_dns_subdomain, IdentityError::CacheName);
identity!(ObjectName, is_dns_subdomain, IdentityError::ObjectName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_keeps_to_its_grammar() {
        for legal in ["a", "my-pipeline-run-001", "A_b-9", &"x".repeat(63)] {
            assert_eq!(legal.parse::<RunId>().map(|id| id.to_string()), Ok(legal.to_owned()));
        }
        for illegal in ["", "a b", "a.b", "a/b", "ü", "{{workflow.uid}}", &"x".repeat(64)] {
            assert!(illegal.parse::<RunId>().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_run_id_is_a_label_where_kubernetes_allows_it() {
        let as_label = |id: &str| id.parse::<RunId>().is_ok_and(|id| id.as_label() == Some(id.as_str()));
        assert!(as_label("a") && as_label("A_b-9") && as_label(&"x".repeat(63)));
        assert!(["-a", "a-", "_", "a_"].iter().all(|id| !as_label(id)));
    }

    #[test]
    fn a_generated_cache_name_has_the_promised_form() {
        let name = CacheName::generated([0, 25, 26, 35, 36, 255]);
        assert_eq!(name.as_str(), "runnable-az09ad");
        assert!(name.as_str().parse::<CacheName>().is_ok());
    }

    #[test]
    fn an_object_name_is_a_dns_subdomain() {
        for legal in ["a", "a-b.c-9", &"x".repeat(253)] {
            assert!(legal.parse::<ObjectName>().is_ok(), "{legal:?}");
        }
        for illegal in ["", "-a", "a-", "a..b", "A", "a_b", "../x", &"x".repeat(254)] {
            assert!(illegal.parse::<ObjectName>().is_err(), "{illegal:?}");
        }
    }
}
