//! Carrying entries from one cache to another: what goes into a file, and what comes out of it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::change::Change;
use super::contents::{Cache, LIMIT, Place};
use super::entry::Entry;
use super::file::{FILE_VERSION, File, Kind, Record};
use super::provenance::Provenance;

/// Why an entry is not carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "camelCase")]
pub(crate) enum LeftOut {
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
pub(crate) type LeftOuts = BTreeMap<String, LeftOut>;

/// The entries do not fit into a ConfigMap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entries come to {bytes} bytes, and a ConfigMap holds {LIMIT}")]
pub(crate) struct Overfull {
    /// What they would come to.
    pub(crate) bytes: u64,
}

impl File {
    /// The entries of a cache that can be carried over, and those that cannot.
    pub(crate) fn export(cache: &Cache, provenance: &Provenance, now: Timestamp) -> (Self, LeftOuts) {
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
                file.entries.push(Record::of(entry, &cache.name, provenance));
            }
        }
        (file, left_out)
    }

    /// What carrying the entries into a cache changes of it. One that is not older there stays, unless `overwrite`.
    pub(crate) fn import(&self, into: &Cache, overwrite: bool, now: Timestamp) -> Result<(Change, LeftOuts), Overfull> {
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
        let bytes = change.after(into).bytes();
        match into.limit() {
            Some(limit) if bytes > limit && !change.set.is_empty() => Err(Overfull { bytes }),
            _ => Ok((change, left_out)),
        }
    }
}

impl Entry {
    /// Whether both say that the same node gave the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let second = |entry: &Self| entry.created.map(Timestamp::as_second);
        self.node_id == other.node_id && self.outputs == other.outputs && second(self) == second(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

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
        File::export(cache, &Provenance::default(), Timestamp::UNIX_EPOCH)
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
        let read = File::read(&serde_json::to_vec(&file)?)?;
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
}
