//! Carrying entries from one cache to another, by a file.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use super::contents::{Cache, LIMIT, Place};
use super::entry::{Entry, Maker, State};
use super::key::CacheKey;
use super::witness::Witnesses;

/// The version of the file that this tool writes and reads.
pub const FILE_VERSION: u32 = 1;

/// The entries of a cache in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// What the document is.
    pub kind: Kind,
    /// [`FILE_VERSION`].
    pub version: u32,
    /// The name of the cache that they were taken from.
    pub cache: String,
    /// When they were taken.
    pub exported_at: Timestamp,
    /// The entries.
    pub entries: Vec<Record>,
}

/// The kind of document that [`File`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The entries of a cache.
    CacheEntries,
}

/// An entry in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// What it is found by.
    pub key: String,
    /// The id of the node that made it.
    pub node_id: String,
    /// The node's full name, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_name: String,
    /// The template it called, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Its run's id, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_id: String,
    /// What it gave, as Argo writes it.
    #[serde(default)]
    pub outputs: Value,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// Why an entry is not carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub enum LeftOut {
    /// No node could use it.
    Unusable,
    /// It has artifacts that only its store holds.
    KeptArtifacts {
        /// Their names.
        names: Vec<String>,
    },
    /// It has artifacts in the object store of a cluster.
    RemoteArtifacts {
        /// Their names.
        names: Vec<String>,
    },
    /// The same one is there already.
    Same,
    /// One that is not older is there already.
    Newer,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable => formatter.write_str("no node could use it"),
            Self::KeptArtifacts { names } => {
                write!(formatter, "its artifacts are kept in its store and fit no file: {}", names.join(", "))
            }
            Self::RemoteArtifacts { names } => {
                write!(formatter, "its artifacts are in the cluster's object store: {}", names.join(", "))
            }
            Self::Same => formatter.write_str("it is there already"),
            Self::Newer => formatter.write_str("the one that is there is not older (--overwrite replaces it)"),
        }
    }
}

/// Entries that are not carried over, by their keys.
pub type LeftOuts = BTreeMap<String, LeftOut>;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
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

/// The entries do not fit into a ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entries come to {bytes} bytes, and a ConfigMap holds {LIMIT}")]
pub struct Overfull {
    /// What they would come to.
    pub bytes: u64,
}

impl File {
    /// The entries of a cache that can be carried over, and those that cannot.
    pub fn export(cache: &Cache, witnesses: &Witnesses, now: Timestamp) -> (Self, LeftOuts) {
        let mut file = Self {
            kind: Kind::CacheEntries,
            version: FILE_VERSION,
            cache: cache.name.clone(),
            exported_at: now,
            entries: Vec::new(),
        };
        let mut left_out = LeftOuts::new();
        for entry in cache.entries.values() {
            if !entry.is_usable() {
                left_out.insert(entry.key.clone(), LeftOut::Unusable);
            } else if !entry.kept.is_empty() {
                left_out.insert(entry.key.clone(), LeftOut::KeptArtifacts { names: entry.kept.clone() });
            } else {
                file.entries.push(Record::of(entry, &cache.name, witnesses));
            }
        }
        (file, left_out)
    }

    /// Reads a file; every entry of it is legal then.
    pub fn read(text: &[u8]) -> Result<Self, FileError> {
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

    /// What carrying the entries into a cache changes of it. One that is not older there stays, unless `overwrite`.
    pub fn import(&self, into: &Cache, overwrite: bool, now: Timestamp) -> Result<(Change, LeftOuts), Overfull> {
        let mut change = Change { label: !into.is_labelled(), ..Change::default() };
        let mut left_out = LeftOuts::new();
        let is_store = matches!(into.place, Place::Store { .. });
        for record in &self.entries {
            let entry = record.entry(now);
            let there = into.entries.get(&record.key).filter(|there| there.is_usable());
            let remote: Vec<String> =
                entry.artifacts().filter_map(|artifact| artifact["name"].as_str().map(str::to_owned)).collect();
            let reason = match there {
                _ if is_store && !remote.is_empty() => Some(LeftOut::RemoteArtifacts { names: remote }),
                Some(there) if there.is_same(&entry) => Some(LeftOut::Same),
                Some(there) if !overwrite && there.created >= entry.created => Some(LeftOut::Newer),
                _ => None,
            };
            match reason {
                Some(reason) => drop(left_out.insert(record.key.clone(), reason)),
                None => drop(change.set.insert(record.key.clone(), entry)),
            }
        }
        let bytes = change.bytes_after(into);
        match into.limit() {
            Some(limit) if bytes > limit && !change.set.is_empty() => Err(Overfull { bytes }),
            _ => Ok((change, left_out)),
        }
    }
}

impl Record {
    fn of(entry: &Entry, cache: &str, witnesses: &Witnesses) -> Self {
        let origin = witnesses.origin(cache, entry);
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
    fn entry(&self, now: Timestamp) -> Entry {
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
        };
        Entry { state, maker: Some(maker), ..entry }
    }
}

impl Entry {
    /// Whether both say that the same node gave the same.
    pub fn is_same(&self, other: &Self) -> bool {
        let second = |entry: &Self| entry.created.map(Timestamp::as_second);
        self.node_id == other.node_id && self.outputs == other.outputs && second(self) == second(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn text(id: &str, second: i64, outputs: &Value) -> String {
        let created = Timestamp::from_second(second).unwrap_or_default().to_string();
        json!({"nodeID": id, "outputs": outputs, "creationTimestamp": created, "lastHitTimestamp": created}).to_string()
    }

    fn cache(entries: &[(&str, String)]) -> Cache {
        let data: Map<_, _> = entries.iter().map(|(key, text)| ((*key).to_owned(), text.clone().into())).collect();
        Cache::of_config_map(
            &json!({"metadata": {"name": "c", "labels": {super::super::LABEL: "Cache"}}, "data": data}),
        )
    }

    fn export(cache: &Cache) -> (File, LeftOuts) {
        File::export(cache, &Witnesses::default(), Timestamp::UNIX_EPOCH)
    }

    fn written(file: &File) -> Vec<u8> {
        serde_json::to_vec(file).unwrap_or_default()
    }

    #[test]
    fn entries_survive_their_file() -> Result<(), Box<dyn std::error::Error>> {
        let from = cache(&[
            ("a", text("n-1", 7, &json!({"result": "r"}))),
            ("b_c", text("n-2", 7, &Value::Null)),
            ("d", "{".into()),
        ]);
        let (file, left_out) = export(&from);
        assert_eq!(left_out.keys().collect::<Vec<_>>(), ["b_c", "d"]);
        let read = File::read(&written(&file))?;
        assert_eq!(read, file);
        let (change, _) = read.import(&cache(&[]), false, Timestamp::UNIX_EPOCH)?;
        assert!(change.set["a"].is_same(&from.entries["a"]) && change.set.len() == 1);
        Ok(())
    }

    #[test]
    fn what_is_not_older_there_stays_unless_asked() -> Result<(), Box<dyn std::error::Error>> {
        let (file, _) = export(&cache(&[
            ("absent", text("n", 7, &Value::Null)),
            ("broken", text("n", 7, &Value::Null)),
            ("newer", text("n", 7, &Value::Null)),
            ("older", text("n", 7, &Value::Null)),
            ("same", text("n", 7, &Value::Null)),
        ]));
        let into = cache(&[
            ("broken", "null".to_owned()),
            ("newer", text("m", 8, &Value::Null)),
            ("older", text("m", 6, &Value::Null)),
            ("same", text("n", 7, &Value::Null)),
        ]);
        let set = |overwrite| {
            file.import(&into, overwrite, Timestamp::UNIX_EPOCH)
                .map(|(change, _)| change.set.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(set(false)?, ["absent", "broken", "older"]);
        assert_eq!(set(true)?, ["absent", "broken", "newer", "older"]);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused_as_a_whole() {
        let large = json!({"result": "x".repeat(600_000)});
        let (file, _) = export(&cache(&[("a", text("n", 7, &large)), ("b", text("n", 7, &large))]));
        let refused = file.import(&cache(&[]), false, Timestamp::UNIX_EPOCH);
        assert!(refused.is_err_and(|overfull| overfull.bytes > 1_200_000));
    }

    #[test]
    fn artifacts_of_the_cluster_do_not_come_to_this_machine() {
        let outputs = json!({"artifacts": [{"name": "data", "s3": {"key": "x"}}]});
        let (file, _) = export(&cache(&[("a", text("n", 7, &outputs))]));
        let store = Cache { place: Place::Store { path: "/s".into() }, ..cache(&[]) };
        let (change, left_out) = file.import(&store, false, Timestamp::UNIX_EPOCH).unwrap_or_default();
        assert!(change.is_empty());
        assert_eq!(left_out["a"], LeftOut::RemoteArtifacts { names: vec!["data".to_owned()] });
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let (file, _) = export(&cache(&[("a", text("n", 7, &Value::Null))]));
        let text = String::from_utf8(written(&file)).unwrap_or_default();
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
