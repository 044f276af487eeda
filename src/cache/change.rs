//! What is changed of a cache: computed here, carried out by the store that holds it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::contents::{Cache, LABEL, LABEL_VALUE};
use super::entry::Entry;
use super::problem::{Problem, Surroundings};

/// A change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// The label of a cache is set.
    pub label: bool,
    /// Entries that go, by their keys.
    pub remove: BTreeSet<String>,
    /// Entries that are added or replaced.
    pub set: BTreeMap<String, Entry>,
}

impl Change {
    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        !self.label && self.remove.is_empty() && self.set.is_empty()
    }

    /// Fixes what can be fixed: the label, and entries that no node can use.
    pub(crate) fn fix(cache: &Cache, around: Surroundings<'_>) -> Self {
        let broken = |entry: &&Entry| {
            cache.problems_of(entry, around).iter().any(|problem| {
                matches!(
                    problem,
                    Problem::IllegalKey
                        | Problem::Null
                        | Problem::NoNode
                        | Problem::Malformed { .. }
                        | Problem::ArtifactsGone { .. }
                )
            })
        };
        let remove = cache.entries.values().filter(broken).map(|entry| entry.key.clone()).collect();
        Self { label: !cache.is_labelled(), remove, ..Self::default() }
    }

    /// The part of it that was agreed to: a change that is decided on again must not do more.
    #[must_use]
    pub(crate) fn within(mut self, agreed: &Self) -> Self {
        self.label &= agreed.label;
        self.remove.retain(|key| agreed.remove.contains(key));
        self.set.retain(|key, _| agreed.set.contains_key(key));
        self
    }

    /// The cache after it.
    #[must_use]
    pub(crate) fn after(&self, cache: &Cache) -> Cache {
        let mut after = cache.clone();
        after.entries.retain(|key, _| !self.remove.contains(key));
        let set = self.set.iter().map(|(key, entry)| (key, entry.text().len() as u64, entry.clone()));
        after.entries.extend(set.map(|(key, bytes, entry)| (key.clone(), Entry { bytes, ..entry })));
        after
    }

    /// A merge patch of the ConfigMap that holds only in the state that was read. Nothing else of it is named, so that
    /// what others have written stays.
    pub fn patch(&self, cache: &Cache) -> Value {
        let mut metadata = Map::new();
        for (field, value) in [("uid", &cache.object.uid), ("resourceVersion", &cache.object.resource_version)] {
            metadata.insert(field.to_owned(), value.as_str().into());
        }
        if self.label {
            metadata.insert("labels".to_owned(), json!({ LABEL: LABEL_VALUE }));
        }
        let removed = self.remove.iter().map(|key| (key.clone(), Value::Null));
        let set = self.set.values().map(|entry| (entry.key.clone(), entry.text().into()));
        json!({ "metadata": metadata, "data": removed.chain(set).collect::<Map<_, _>>() })
    }

    /// The ConfigMap of a cache that is not there yet.
    pub(crate) fn object(&self, name: &str, namespace: &str) -> Value {
        let data: Map<_, _> = self.set.values().map(|entry| (entry.key.clone(), entry.text().into())).collect();
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": namespace, "labels": { LABEL: LABEL_VALUE } },
            "data": data,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::cache::{Homes, Provenance};

    fn cache() -> Cache {
        let whole = r#"{"nodeID":"wf-1","outputs":null,"creationTimestamp":"2026-11-21T08:00:00Z"}"#;
        Cache::of_config_map(&json!({
            "metadata": {"name": "c", "namespace": "ci", "uid": "u", "resourceVersion": "7", "labels": {"team": "a"}},
            "data": {"a": whole, "b_c": whole, "d": "null", "e": "{"},
        }))
    }

    fn fixed(cache: &Cache) -> Change {
        let (provenance, homes) = (Provenance::default(), Homes::default());
        Change::fix(cache, Surroundings { provenance: &provenance, homes: &homes, now: Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn a_fix_names_what_it_mends_and_the_state_it_was_decided_on() {
        let patch = fixed(&cache()).patch(&cache());
        assert_eq!(
            patch,
            json!({
                "metadata": {"uid": "u", "resourceVersion": "7", "labels": {LABEL: "Cache"}},
                "data": {"b_c": null, "d": null, "e": null},
            })
        );
    }

    #[test]
    fn what_has_nothing_the_matter_is_left_as_it_is() {
        let mut sound = cache();
        sound.entries.retain(|key, _| key == "a");
        sound.object.label = Some(LABEL_VALUE.to_owned());
        assert!(fixed(&sound).is_empty());
    }

    #[test]
    fn a_change_decided_on_again_does_no_more_than_was_agreed() {
        let agreed = Change { remove: ["d".to_owned()].into(), ..Change::default() };
        let again = fixed(&cache()).within(&agreed);
        assert_eq!(again, agreed);
    }

    #[test]
    fn the_size_after_a_change_is_what_is_written() {
        let cache = cache();
        let entry = cache.entries["a"].clone();
        let change =
            Change { remove: ["d".to_owned()].into(), set: [("e".to_owned(), entry.clone())].into(), label: false };
        assert_eq!(change.after(&cache).bytes(), cache.entries["a"].bytes * 2 + entry.text().len() as u64);
    }
}
