//! The entries that a run owes its cache: its process was killed after it had told that a node succeeded, and before the
//! node's entry was there. The journal tells of both, so that the next attempt can make the entries in its stead.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::made_entry::Maker;
use super::record::{Record, RecordError};
use super::scheduler::ARTIFACTS;
use crate::argo::Workflow;
use crate::argo::identity::CacheName;
use crate::argo::status::{MemoizationStatus, Node};
use crate::cache::{CacheError, CacheKey, LookUp, Store};

/// The nodes of a run that was killed whose entries are missing.
#[derive(Debug)]
pub(crate) struct Due {
    maker: Maker,
    nodes: Vec<Node>,
}

impl Due {
    /// What the run of this workflow owes; nothing while it goes on, and when it has ended by itself.
    pub(crate) fn of(record: &Record, workflow: &Workflow) -> Result<Self, RecordError> {
        let maker = Maker::of(workflow, record.directory().join(ARTIFACTS));
        if workflow.finished_at().is_some() || record.is_live() {
            return Ok(Self { maker, nodes: Vec::new() });
        }

        let mut due: BTreeMap<String, Node> = BTreeMap::new();
        record.events(|event| {
            let ids = |field: &str| texts(&event[field]).map(str::to_owned).collect::<Vec<_>>();
            let nodes = || event["nodes"].as_array().into_iter().flatten();
            for id in ids("due") {
                let node = nodes().find(|node| node["id"] == id.as_str()).map(|node| Node::read(&id, node));
                due.extend(node.map(|node| (id, node)));
            }
            for id in ids("made") {
                due.remove(&id);
            }
        })?;
        Ok(Self { maker, nodes: due.into_values().collect() })
    }

    /// The nodes, each with what tells its entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&MemoizationStatus, &Node)> {
        self.nodes.iter().filter_map(|node| Some((node.memoization_status.as_ref()?, node)))
    }

    /// Makes the entries that are wanted. One that somebody else has made meanwhile, or makes now, stays.
    pub(crate) fn make(&self, store: &Store, wanted: impl Fn(&MemoizationStatus) -> bool) -> Result<(), CacheError> {
        for (status, node) in self.entries().filter(|(status, _)| wanted(status)) {
            let names = (status.cache_name.parse::<CacheName>(), status.key.parse::<CacheKey>());
            let (Ok(cache), Ok(key)) = names else { continue };
            let prefix = store.prefix(&cache, &key);
            let Some(right) = prefix.right_now()? else { continue };
            let seen = prefix.look_up()?;
            if seen.found == LookUp::Missing {
                let created = node.finished_at.unwrap_or_else(Timestamp::now);
                self.maker.entry(node, None, created).keep(&prefix, Some(&seen))?;
            }
            drop(right);
        }
        Ok(())
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
