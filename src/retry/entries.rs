//! What is known of the caches that the next attempt asks.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::argo::Workflow;
use crate::argo::status::{Outputs, Phase};

/// An entry that can be used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    /// When it was made; none where that is not known.
    pub created: Option<Timestamp>,
    /// What its node gave.
    pub outputs: Option<Outputs>,
}

/// The entries by cache and key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Entries(BTreeMap<(String, String), Kept>);

impl Entries {
    /// What the nodes of a run should have left, where its caches cannot be read.
    pub(crate) fn expected(live: &Workflow) -> Self {
        let nodes = live.nodes();
        let left = nodes.all.iter().filter(|node| node.phase == Phase::Succeeded).filter_map(|node| {
            let status = node.memoization_status.as_ref()?;
            // Of an entry that was found, not made, the node does not tell the age.
            let created = node.finished_at.filter(|_| !status.hit);
            let kept = Kept { created, outputs: node.outputs.clone() };
            Some(((status.cache_name.clone(), status.key.clone()), kept))
        });
        Self(left.collect())
    }

    /// The entry under a key.
    pub(super) fn get(&self, cache: &str, key: &str) -> Option<&Kept> {
        self.0.get(&(cache.to_owned(), key.to_owned()))
    }

    /// Whether there is an entry whose key begins so.
    pub(super) fn has_key_with(&self, cache: &str, beginning: &str) -> bool {
        let from = (cache.to_owned(), beginning.to_owned());
        self.0.range(from..).next().is_some_and(|((found, key), _)| found == cache && key.starts_with(beginning))
    }
}

impl FromIterator<((String, String), Kept)> for Entries {
    fn from_iter<I: IntoIterator<Item = ((String, String), Kept)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
