//! The digest of a blob's content, by which it is stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the text begins.
const PREFIX: &str = "b3:";

/// A BLAKE3 digest; as text `b3:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest(blake3::Hash);

/// The text is no digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid digest: expected b3: and 64 hexadecimal digits")]
pub(crate) struct DigestError;

impl Digest {
    /// The digest of what was hashed.
    pub(crate) fn of(hasher: &blake3::Hasher) -> Self {
        Self(hasher.finalize())
    }

    /// The path of the blob below the store, such as `blobs/b3/ab/cdef…`.
    pub(crate) fn path(self) -> String {
        let hex = self.0.to_hex();
        format!("{BLOBS}/{}/{}", &hex[..2], &hex[2..])
    }

    /// The digest of the blob at a path below the store.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let (first, rest) = path.strip_prefix(BLOBS)?.strip_prefix('/')?.split_once('/')?;
        let hex = (first.len() == 2).then(|| format!("{first}{rest}"))?;
        Some(Self(blake3::Hash::from_hex(hex).ok()?))
    }
}

/// The digests that a document names, whatever its form: what a version to come writes keeps its blobs, too.
pub(crate) fn named_in(text: &[u8]) -> impl Iterator<Item = Digest> {
    let length = PREFIX.len() + 64;
    text.windows(length).filter(|window| window.starts_with(PREFIX.as_bytes())).filter_map(|window| {
        let text = std::str::from_utf8(window).ok()?;
        text.parse().ok()
    })
}

/// The directory of the blobs, below the store.
pub(crate) const BLOBS: &str = "blobs/b3";

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", self.0.to_hex())
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix(PREFIX).ok_or(DigestError)?;
        blake3::Hash::from_hex(hex).map(Self).map_err(|_| DigestError)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_digest_of_a_document_is_found() {
        let digest = Digest::of(blake3::Hasher::new().update(b"x"));
        let text = format!("{{\"a\": \"{digest}\", \"b\": [\"b3:no\", \"{digest}\"]");
        assert_eq!(named_in(text.as_bytes()).collect::<Vec<_>>(), [digest, digest]);
        assert_eq!(named_in(b"b3:").count(), 0);
    }

    #[test]
    fn a_digest_names_a_path_and_nothing_else_does() -> Result<(), DigestError> {
        let digest = Digest::of(blake3::Hasher::new().update(b"x"));
        assert_eq!(digest.to_string().parse::<Digest>()?, digest);
        assert_eq!(Digest::at(&digest.path()), Some(digest));
        for illegal in ["", "b3:", "b3:../../etc", &digest.to_string()[..60], &digest.to_string()[3..]] {
            assert!(illegal.parse::<Digest>().is_err(), "{illegal}");
        }
        for illegal in ["", "blobs/b3/ab", "cache/x", &digest.path()[..40]] {
            assert_eq!(Digest::at(illegal), None, "{illegal}");
        }
        Ok(())
    }
}
