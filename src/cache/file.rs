//! The file by which entries are carried from one cache to another.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{Entry, Maker, State};
use super::key::CacheKey;
use super::provenance::Provenance;

/// The version of the file that this tool writes and reads.
pub(crate) const FILE_VERSION: u32 = 1;

/// The entries of a cache in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct File {
    /// What the document is.
    pub(crate) kind: Kind,
    /// [`FILE_VERSION`].
    pub(crate) version: u32,
    /// The name of the cache that they were taken from.
    pub(crate) cache: String,
    /// When they were taken.
    pub(crate) exported_at: Timestamp,
    /// The entries.
    pub(crate) entries: Vec<Record>,
}

/// The kind of document that [`File`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The entries of a cache.
    CacheEntries,
}

/// An entry in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Record {
    /// What it is found by.
    pub(crate) key: String,
    /// The id of the node that made it.
    pub(crate) node_id: String,
    /// The node's full name, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) node_name: String,
    /// The template it called, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) template: String,
    /// Its run's id, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) run_id: String,
    /// What it gave, as Argo writes it.
    #[serde(default)]
    pub(crate) outputs: Value,
    /// When it was made.
    #[serde(default)]
    pub(crate) created_at: Option<Timestamp>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// It is no JSON of the form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// Another tool wrote it.
    #[error("version {0}: this tool reads version {FILE_VERSION}")]
    Version(u64),
    /// An entry is illegal.
    #[error("entries[{at}].{field}: {why}")]
    Entry {
        /// The entry's number, from 0.
        at: usize,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl File {
    /// Reads a file; every entry of it is legal then.
    pub(crate) fn read(text: &[u8]) -> Result<Self, FileError> {
        // The version first: a newer form is no error of the user's.
        #[derive(Deserialize)]
        struct Version {
            version: Option<u64>,
        }
        if let Ok(Version { version: Some(version) }) = serde_json::from_slice(text)
            && version != u64::from(FILE_VERSION)
        {
            return Err(FileError::Version(version));
        }
        let file: Self = serde_json::from_slice(text)?;
        for (at, record) in file.entries.iter().enumerate() {
            let illegal = |field, why| FileError::Entry { at, field, why };
            record.key.parse::<CacheKey>().map_err(|error| illegal("key", error.to_string()))?;
            if let State::Malformed(why) = &record.entry(Timestamp::UNIX_EPOCH).state {
                return Err(illegal("outputs", why.clone()));
            }
            if record.node_id.is_empty() {
                return Err(illegal("nodeId", "expected the id of a node".to_owned()));
            }
        }
        Ok(file)
    }
}

impl Record {
    pub(super) fn of(entry: &Entry, cache: &str, provenance: &Provenance) -> Self {
        let origin = provenance.origin(cache, entry);
        let run_id = entry.maker.as_ref().map(|maker| maker.run_id.clone());
        Self {
            key: entry.key.clone(),
            node_id: entry.node_id.clone(),
            node_name: origin.node.unwrap_or_default(),
            template: origin.template.unwrap_or_default(),
            run_id: run_id.unwrap_or_default(),
            outputs: entry.outputs.clone(),
            created_at: entry.created,
        }
    }

    /// The entry; its writing counts as a use, as it does to the controller.
    pub(super) fn entry(&self, now: Timestamp) -> Entry {
        let mut entry = Entry::written(&self.key, "null");
        entry.node_id.clone_from(&self.node_id);
        entry.outputs = self.outputs.clone();
        entry.created = self.created_at;
        entry.last_hit = Some(now);
        let state = Entry::written(&self.key, &entry.text()).state;
        let maker = Maker {
            node_name: self.node_name.clone(),
            template: self.template.clone(),
            run_id: self.run_id.clone(),
            workflow_uid: String::new(),
            in_images: false,
        };
        Entry { state, maker: Some(maker), ..entry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let text = r#"{"kind":"CacheEntries","version":1,"cache":"c","exportedAt":"2026-11-21T08:00:00Z",
            "entries":[{"key":"a","nodeId":"n","outputs":null,"createdAt":null}]}"#;
        assert!(File::read(text.as_bytes()).is_ok());
        for (from, to, said) in [
            ("\"version\":1", "\"version\":2,\"new\":1", "version 2"),
            ("\"key\":\"a\"", "\"key\":\"../a\"", "entries[0].key"),
            ("\"nodeId\":\"n\"", "\"nodeId\":\"\"", "entries[0].nodeId"),
            ("\"outputs\":null", "\"outputs\":7", "entries[0].outputs"),
            ("\"outputs\"", "\"output\"", "unknown field `output`"),
            ("CacheEntries", "Workflow", "unknown variant"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            let error = File::read(changed.as_bytes()).map_err(|error| error.to_string()).err().unwrap_or_default();
            assert!(error.contains(said), "{error}");
        }
    }
}
