//! Which entries of a cache go.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::contents::Cache;
use super::entry::Entry;
use super::provenance::Provenance;

/// What an entry must meet to go: all of these that are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// It was made longer ago than this.
    pub(crate) older: Option<SignedDuration>,
    /// It was used last longer ago than this.
    pub(crate) unused: Option<SignedDuration>,
    /// It is not among so many that were used last.
    pub(crate) keep: Option<usize>,
    /// It is of this run.
    pub(crate) run_id: Option<String>,
    /// It is of this template.
    pub(crate) template: Option<String>,
    /// No template can produce it any more.
    pub(crate) orphaned: bool,
    /// It has one of these keys; any, when there are none.
    pub(crate) keys: BTreeSet<String>,
}

/// What becomes of the entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Prune {
    /// The keys of those that go.
    pub(crate) remove: BTreeSet<String>,
    /// The keys of those that would go, if a run that goes on did not use them.
    pub(crate) in_use: BTreeSet<String>,
}

impl Conditions {
    /// Whether nothing is asked, so that everything would go.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Decides on every entry. One whose age is not known counts as old, as it does to the controller.
    pub(crate) fn prune(&self, cache: &Cache, provenance: &Provenance, now: Timestamp) -> Prune {
        let kept = self.keep.map(|number| used_last(cache, number)).unwrap_or_default();
        let goes = |entry: &&Entry| !kept.contains(entry.key.as_str()) && self.hold_for(entry, cache, provenance, now);
        let mut prune = Prune::default();
        for entry in cache.entries.values().filter(goes) {
            let place = if provenance.in_use(&cache.name, &entry.key) { &mut prune.in_use } else { &mut prune.remove };
            place.insert(entry.key.clone());
        }
        prune
    }

    fn hold_for(&self, entry: &Entry, cache: &Cache, provenance: &Provenance, now: Timestamp) -> bool {
        let longer = |limit: Option<SignedDuration>, time: Option<Timestamp>| {
            limit.is_none_or(|limit| time.is_none_or(|time| now.duration_since(time) > limit))
        };
        let orphaned = || provenance.producers(&cache.name, &entry.key).is_some_and(|producers| producers.is_empty());
        longer(self.older, entry.created)
            && longer(self.unused, entry.last_hit)
            && self.run_id.as_ref().is_none_or(|run_id| entry.is_of_run(run_id))
            && self.template.as_ref().is_none_or(|name| is_of_template(entry, name, &cache.name, provenance))
            && (!self.orphaned || orphaned())
            && (self.keys.is_empty() || self.keys.contains(&entry.key))
    }
}

impl Entry {
    /// Whether a run of this id made it, as far as its key or its store tells.
    pub(crate) fn is_of_run(&self, run_id: &str) -> bool {
        match &self.maker {
            Some(maker) => maker.run_id == run_id,
            None => self.parts().is_some_and(|parts| parts.run_id == run_id.replace('_', "-")),
        }
    }
}

fn is_of_template(entry: &Entry, name: &str, cache: &str, provenance: &Provenance) -> bool {
    provenance.origin(cache, entry).template.as_deref() == Some(name)
        || entry.parts().is_some_and(|parts| parts.is_of(name))
}

/// The keys of so many entries that were used last.
fn used_last(cache: &Cache, number: usize) -> BTreeSet<&str> {
    let mut entries: Vec<&Entry> = cache.entries.values().collect();
    entries.sort_by(|one, other| other.last_hit.cmp(&one.last_hit).then_with(|| one.key.cmp(&other.key)));
    entries.into_iter().take(number).map(|entry| entry.key.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    const NOW: i64 = 1_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or_default()
    }

    /// A cache of entries with the seconds since their making and last use.
    fn cache(entries: &[(&str, i64, i64)]) -> Cache {
        let text = |made: i64, used: i64| {
            let time = |ago: i64| at(NOW - ago).to_string();
            json!({"nodeID": "n-1", "creationTimestamp": time(made), "lastHitTimestamp": time(used)}).to_string()
        };
        let data: Map<String, Value> =
            entries.iter().map(|(key, made, used)| ((*key).to_owned(), text(*made, *used).into())).collect();
        Cache::of_config_map(&json!({"metadata": {"name": "c"}, "data": data}))
    }

    fn pruned(conditions: &Conditions, cache: &Cache) -> Vec<String> {
        conditions.prune(cache, &Provenance::default(), at(NOW)).remove.into_iter().collect()
    }

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_entry_goes_when_it_meets_all_that_is_asked() {
        let cache = cache(&[("new", 10, 5), ("old-unused", 100, 90), ("old-used", 100, 5)]);
        let older = Conditions { older: Some(seconds(50)), ..Conditions::default() };
        assert_eq!(pruned(&older, &cache), ["old-unused", "old-used"]);
        let both = Conditions { unused: Some(seconds(50)), ..older.clone() };
        assert_eq!(pruned(&both, &cache), ["old-unused"]);
        let keep = Conditions { keep: Some(1), ..Conditions::default() };
        assert_eq!(pruned(&keep, &cache), ["old-unused", "old-used"], "of equals the first by name stays");
        assert_eq!(pruned(&Conditions { keep: Some(2), ..older }, &cache), ["old-unused"]);
    }

    #[test]
    fn an_entry_of_unknown_age_counts_as_old() {
        let data = json!({"k": r#"{"nodeID":"n"}"#});
        let cache = Cache::of_config_map(&json!({"metadata": {"name": "c"}, "data": data}));
        assert_eq!(pruned(&Conditions { older: Some(seconds(50)), ..Conditions::default() }, &cache), ["k"]);
    }

    #[test]
    fn entries_are_chosen_by_run_template_and_key() {
        let hash = "0123456789abcdef";
        let load = format!("load-it-{hash}-my-run-{hash}");
        let cache = cache(&[(&load, 1, 1), ("save", 1, 1)]);
        let run = Conditions { run_id: Some("my_run".to_owned()), ..Conditions::default() };
        assert_eq!(pruned(&run, &cache), [load.as_str()]);
        let template = Conditions { template: Some("load_it".to_owned()), ..Conditions::default() };
        assert_eq!(pruned(&template, &cache), [load]);
        let key = Conditions { keys: ["save".to_owned(), "absent".to_owned()].into(), ..Conditions::default() };
        assert_eq!(pruned(&key, &cache), ["save"]);
    }

    #[test]
    fn what_a_run_at_work_uses_stays() {
        let mut provenance = Provenance::default();
        provenance.add_workflow(&json!({
            "metadata": {"name": "wf"}, "status": {"phase": "Running", "nodes": {"wf-1": {"id": "wf-1", "name": "wf.a",
                "displayName": "a", "type": "Pod", "phase": "Succeeded",
                "memoizationStatus": {"hit": true, "key": "a", "cacheName": "c"}}}},
        }));
        let cache = cache(&[("a", 100, 100), ("b", 100, 100)]);
        let older = Conditions { older: Some(seconds(50)), ..Conditions::default() };
        let prune = older.prune(&cache, &provenance, at(NOW));
        assert_eq!((prune.remove.into_iter().collect::<Vec<_>>(), prune.in_use.len()), (vec!["b".to_owned()], 1));
    }

    proptest! {
        #[test]
        fn never_are_fewer_kept_than_was_asked_nor_a_younger_one_taken(
            ages in prop::collection::vec((0..500_i64, 0..500_i64), 0..40), keep in 0..50_usize, older in 0..500_i64,
        ) {
            let names: Vec<String> = (0..ages.len()).map(|at| format!("k{at}")).collect();
            let entries: Vec<(&str, i64, i64)> = names.iter().zip(&ages)
                .map(|(name, (made, used))| (name.as_str(), *made.max(used), *used.min(made))).collect();
            let cache = cache(&entries);
            let conditions = Conditions { keep: Some(keep), older: Some(seconds(older)), ..Conditions::default() };
            let gone = pruned(&conditions, &cache);
            prop_assert!(cache.entries.len() - gone.len() >= keep.min(cache.entries.len()));
            for (name, made, _) in entries.iter().filter(|(name, ..)| gone.iter().any(|key| key == name)) {
                prop_assert!(*made > older, "{} is {} s old", name, made);
            }
        }
    }
}
