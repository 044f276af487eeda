//! The entries that a run owes its cache: its process was killed after it had told that a node succeeded, and before the
//! node's entry was there. The journal tells of both, so that the next attempt can make the entries in its stead.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::made_entry::Maker;
use super::record::{Record, RecordError};
use super::scheduler::ARTIFACTS;
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::argo::status::{MemoizationStatus, Node};
use crate::cache::{CacheError, CacheKey, LookUp, Store, UsedRuntime};

/// A node whose entry is now made, as the journal tells it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DueLine<'a> {
    pub(super) id: Cow<'a, str>,
    /// What ran its containers in their images, if they have not been programs of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime: Option<UsedRuntime>,
}

/// The entries of a run that was killed which are missing.
#[derive(Debug)]
pub(crate) struct Due {
    maker: Maker,
    entries: Vec<DueEntry>,
}

/// An entry that is missing.
#[derive(Debug)]
pub(crate) struct DueEntry {
    /// The node that makes it.
    pub(crate) node: Node,
    runtime: Option<UsedRuntime>,
}

impl DueEntry {
    /// Whether containers made it in their images.
    pub(crate) fn is_in_images(&self) -> bool {
        self.runtime.is_some()
    }
}

impl Due {
    /// What the run of this workflow owes; nothing while it goes on, and when it has ended by itself.
    pub(crate) fn of(record: &Record, workflow: &Workflow) -> Result<Self, RecordError> {
        let maker = Maker::of(workflow, record.directory().join(ARTIFACTS));
        if workflow.finished_at().is_some() || record.is_live() {
            return Ok(Self { maker, entries: Vec::new() });
        }

        let mut due: BTreeMap<String, DueEntry> = BTreeMap::new();
        record.events(|event| {
            let lines = list(&event["due"]).filter_map(|line| DueLine::deserialize(line).ok());
            for DueLine { id, runtime } in lines {
                let node = list(&event["nodes"]).find(|node| node["id"] == *id);
                let entry = node.map(|node| DueEntry { node: Node::read(&id, node), runtime });
                due.extend(entry.map(|entry| (id.into_owned(), entry)));
            }
            for id in list(&event["made"]).filter_map(Value::as_str) {
                due.remove(id);
            }
        })?;
        Ok(Self { maker, entries: due.into_values().collect() })
    }

    /// The entries, each with what it is found by.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&MemoizationStatus, &DueEntry)> {
        self.entries.iter().filter_map(|entry| Some((entry.node.memoization_status.as_ref()?, entry)))
    }

    /// Makes the entries that are wanted. One that somebody else has made meanwhile, or makes now, stays.
    pub(crate) fn make(&self, store: &Store, wanted: impl Fn(&MemoizationStatus) -> bool) -> Result<(), CacheError> {
        for (status, DueEntry { node, runtime }) in self.entries().filter(|(status, _)| wanted(status)) {
            let names = (status.cache_name.parse::<CacheName>(), status.key.parse::<CacheKey>());
            let (Ok(cache), Ok(key)) = names else { continue };
            let prefix = store.prefix(&cache, &key);
            let Some(right) = prefix.right_now()? else { continue };
            let seen = prefix.look_up()?;
            if seen.found == LookUp::Missing {
                let created = node.finished_at.unwrap_or_else(Timestamp::now);
                self.maker.entry(node, runtime.clone(), created).keep(&prefix, Some(&seen))?;
            }
            drop(right);
        }
        Ok(())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
