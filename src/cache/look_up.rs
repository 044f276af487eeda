//! What a look at a prefix finds, read from the text of its manifest.

use std::fmt;

use super::key::CacheKey;
use super::manifest::{Manifest, is_readable};

/// What a look at a prefix finds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LookUp {
    /// A whole entry.
    Whole(Box<Manifest>),
    /// None.
    Missing,
    /// Something that is no whole entry, for this reason.
    Broken(String),
    /// An entry that another version of this tool wrote.
    OtherVersion,
}

impl LookUp {
    /// What the text of a manifest says, that was found at `place`.
    pub(super) fn read(text: &[u8], key: &CacheKey, place: impl fmt::Display) -> Self {
        let manifest: Manifest = match serde_json::from_slice(text) {
            Ok(Manifest { version, .. }) if !is_readable(u64::from(version)) => return Self::OtherVersion,
            Ok(manifest) => manifest,
            Err(_) if version(text).is_some_and(|version| !is_readable(version)) => return Self::OtherVersion,
            Err(error) => return Self::Broken(format!("{place} is no manifest: {error}")),
        };
        if manifest.key != key.as_str() {
            return Self::Broken(format!("{place} is of another key"));
        }
        Self::Whole(Box::new(manifest))
    }
}

/// The version that a document says it has.
fn version(text: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    serde_json::from_slice(text).ok().map(|Versioned { version }| version)
}
