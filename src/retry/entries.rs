//! What is known of the caches that the next attempt asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::argo::Nodes;
use crate::argo::expression::unknown::{in_text, known_beginning};
use crate::argo::status::{Outputs, Phase, node_id};

/// An entry that can be used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    /// When it was made; none where that is not known.
    pub(crate) created: Option<Timestamp>,
    /// What its node gave.
    pub(crate) outputs: Option<Outputs>,
    /// The id of the node that made it.
    pub(crate) node_id: String,
}

/// What an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct EntryName {
    /// The cache.
    pub(crate) cache: String,
    /// The key in it.
    pub(crate) key: String,
}

/// The entries by cache and key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Entries {
    kept: BTreeMap<String, BTreeMap<String, Kept>>,
    /// What a controller says to a node that asks for an entry and ends in Error.
    faults: BTreeMap<String, BTreeMap<String, String>>,
    /// The same for every key of a cache.
    of_caches: BTreeMap<String, String>,
}

impl Entries {
    /// What the nodes of a run should have left, where its caches cannot be read.
    pub(crate) fn expected(nodes: &Nodes) -> Self {
        let left = nodes.all.iter().filter(|node| node.phase == Phase::Succeeded).filter_map(|node| {
            let status = node.memoization_status.as_ref()?;
            // Of an entry that was found, not made, the node does not tell the age.
            let created = node.finished_at.filter(|_| !status.hit);
            let kept = Kept { created, outputs: node.outputs.clone(), node_id: node.id.clone() };
            Some(((status.cache_name.clone(), status.key.clone()), kept))
        });
        left.collect()
    }

    /// Notes an entry that will be there, unless there is one already.
    pub(crate) fn expect(&mut self, cache: &str, key: &str, kept: Kept) {
        self.kept.entry(cache.to_owned()).or_default().entry(key.to_owned()).or_insert(kept);
    }

    /// Notes that a node which asks for the entry ends in Error; without a key, one that asks for any.
    pub(crate) fn add_fault(&mut self, cache: &str, key: Option<&str>, message: String) {
        match key {
            Some(key) => self.faults.entry(cache.to_owned()).or_default().insert(key.to_owned(), message),
            None => self.of_caches.insert(cache.to_owned(), message),
        };
    }

    /// With what message a node ends that asks for the entry.
    pub(super) fn fault(&self, cache: &str, key: &str) -> Option<&str> {
        let own = || self.faults.get(cache)?.get(key);
        self.of_caches.get(cache).or_else(own).map(String::as_str)
    }

    /// The entry under a key.
    pub(super) fn get(&self, cache: &str, key: &str) -> Option<&Kept> {
        self.kept.get(cache)?.get(key)
    }

    /// Whether there is an entry whose key begins so.
    pub(super) fn has_key_with(&self, cache: &str, beginning: &str) -> bool {
        self.beginning_with(cache, beginning).next().is_some()
    }

    /// The entries that may answer a call, whose node's name is `call` behind that of its workflow. Where the key is not
    /// known to its end, they are those that the same call made in an attempt.
    pub(super) fn that_may_answer(&self, cache: &str, key: &str, call: &str) -> Vec<EntryName> {
        let named = |key: &str| EntryName { cache: cache.to_owned(), key: key.to_owned() };
        if in_text(key).is_none() {
            return self.get(cache, key).map(|_| named(key)).into_iter().collect();
        }
        let candidates = self.beginning_with(cache, known_beginning(key));
        candidates.filter(|(_, kept)| is_made_by(&kept.node_id, call)).map(|(key, _)| named(key)).collect()
    }

    fn beginning_with<'a>(&'a self, cache: &str, beginning: &str) -> impl Iterator<Item = (&'a str, &'a Kept)> {
        let beginning = beginning.to_owned();
        let from = self.kept.get(cache).map(|kept| kept.range(beginning.clone()..));
        let range = from.into_iter().flatten().take_while(move |(key, _)| key.starts_with(&beginning));
        range.map(|(key, kept)| (key.as_str(), kept))
    }
}

/// Whether the node of an id was this call, in whichever workflow: the id tells the workflow's name.
fn is_made_by(id: &str, call: &str) -> bool {
    id.rsplit_once('-').is_some_and(|(workflow, _)| node_id(workflow, &format!("{workflow}{call}")) == id)
}

impl FromIterator<((String, String), Kept)> for Entries {
    fn from_iter<I: IntoIterator<Item = ((String, String), Kept)>>(entries: I) -> Self {
        let mut all = Self::default();
        for ((cache, key), kept) in entries {
            all.kept.entry(cache).or_default().insert(key, kept);
        }
        all
    }
}
