//! How two caches differ, and how two attempts do in what they ask the cache for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::contents::Cache;
use super::entry::{Entry, State};
use super::key_difference::{KeyDifference, Side, parts};
use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::argo::template::{list, text};

/// How two caches differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheDifference {
    /// Keys that only the first has.
    pub(crate) only_first: Vec<String>,
    /// Keys that only the second has.
    pub(crate) only_second: Vec<String>,
    /// Keys of both, whose entries differ.
    pub(crate) changed: Vec<Changed>,
    /// How many entries are the same in both.
    pub(crate) same: usize,
}

/// Two entries of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changed {
    /// Their key.
    pub(crate) key: String,
    /// What differs: `node`, `created`, `state`, or outputs such as `parameters.o`.
    pub(crate) fields: Vec<String>,
}

impl CacheDifference {
    /// Compares two caches key by key.
    pub(crate) fn of(first: &Cache, second: &Cache) -> Self {
        let mut difference = Self::default();
        for entry in first.entries.values() {
            match second.entries.get(&entry.key) {
                None => difference.only_first.push(entry.key.clone()),
                Some(other) => match fields(entry, other) {
                    fields if fields.is_empty() => difference.same += 1,
                    fields => difference.changed.push(Changed { key: entry.key.clone(), fields }),
                },
            }
        }
        let new = second.entries.keys().filter(|key| !first.entries.contains_key(*key));
        difference.only_second.extend(new.cloned());
        difference
    }
}

fn fields(first: &Entry, second: &Entry) -> Vec<String> {
    let mut fields = Vec::new();
    let state = |entry: &Entry| matches!(entry.state, State::Whole);
    let checks = [
        ("state", state(first) != state(second)),
        ("node", first.node_id != second.node_id),
        ("created", first.created.map(Timestamp::as_second) != second.created.map(Timestamp::as_second)),
    ];
    fields.extend(checks.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field.to_owned()));
    let (first, second) = (outputs(first), outputs(second));
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    fields.extend(names.into_iter().filter(|name| first.get(*name) != second.get(*name)).cloned());
    fields
}

/// The outputs by names such as `parameters.o` and `result`.
fn outputs(entry: &Entry) -> BTreeMap<String, &Value> {
    let mut outputs = BTreeMap::new();
    for group in ["parameters", "artifacts"] {
        for item in list(entry.outputs.get(group)) {
            outputs.insert(format!("{group}.{}", text(item, "name")), item);
        }
    }
    for field in ["result", "exitCode"] {
        if let Some(value) = entry.outputs.get(field).filter(|value| !value.is_null()) {
            outputs.insert(field.to_owned(), value);
        }
    }
    outputs
}

/// A node of two attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeDifference {
    /// The node's name below its workflow; empty for the first node.
    pub(crate) node: String,
    /// What it asked for in the first attempt; none when it did not.
    pub(crate) first: Option<Asked>,
    /// What it asked for in the second.
    pub(crate) second: Option<Asked>,
    /// How the key of the second differs from that of the first.
    pub(crate) parts: Vec<KeyDifference>,
}

/// What a node asked a cache for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    /// The cache.
    pub(crate) cache: String,
    /// The key.
    pub(crate) key: String,
    /// Whether the entry was there.
    pub(crate) hit: bool,
}

/// Compares what the nodes of two attempts asked for.
pub(crate) fn attempts(first: &Value, second: &Value) -> Vec<NodeDifference> {
    let (before, after) = (Workflow::view(first).nodes().all, Workflow::view(second).nodes().all);
    let (before, after) = (by_name(first, &before), by_name(second, &after));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let difference = |name: &str| {
        let (one, other) = (before.get(name).copied(), after.get(name).copied());
        let parts = match (side(second, other), side(first, one)) {
            (Some(ours), Some(theirs)) => parts(ours, theirs),
            _ => Vec::new(),
        };
        NodeDifference { node: name.to_owned(), first: asked(one), second: asked(other), parts }
    };
    names.into_iter().map(difference).collect()
}

/// The memoized nodes by their names below the workflow.
fn by_name<'a>(workflow: &Value, nodes: &'a [Node]) -> BTreeMap<&'a str, &'a Node> {
    let root = Workflow::view(workflow).name();
    let memoized = nodes.iter().filter(|node| node.memoization_status.is_some());
    memoized.map(|node| (below(root, &node.name), node)).collect()
}

/// A node's name below its workflow.
pub(super) fn below<'a>(workflow: &str, name: &'a str) -> &'a str {
    let rest = name.strip_prefix(workflow).unwrap_or(name);
    rest.strip_prefix('.').unwrap_or(rest)
}

fn side<'a>(workflow: &'a Value, node: Option<&'a Node>) -> Option<Side<'a>> {
    let key = &node?.memoization_status.as_ref()?.key;
    Some(Side { key, run_id: Workflow::view(workflow).run_id(), node, workflow: Some(workflow) })
}

fn asked(node: Option<&Node>) -> Option<Asked> {
    let status = node?.memoization_status.as_ref()?;
    Some(Asked { cache: status.cache_name.clone(), key: status.key.clone(), hit: status.hit })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cache(data: &Value) -> Cache {
        Cache::of_config_map(&json!({"metadata": {"name": "c"}, "data": data}))
    }

    #[test]
    fn caches_differ_in_keys_and_in_what_stands_under_them() {
        let text = |id: &str, value: &str| {
            format!(
                r#"{{"nodeID":"{id}","outputs":{{"parameters":[{{"name":"o","value":"{value}"}}],"exitCode":"0"}}}}"#
            )
        };
        let first = cache(&json!({"a": text("n", "1"), "b": text("n", "1"), "c": text("n", "1"), "d": "null"}));
        let second =
            cache(&json!({"b": text("n", "1"), "c": text("m", "2"), "d": text("n", "1"), "e": text("n", "1")}));
        let difference = CacheDifference::of(&first, &second);
        assert_eq!(
            (difference.only_first.clone(), difference.only_second.clone()),
            (vec!["a".to_owned()], vec!["e".to_owned()])
        );
        let changed: Vec<(&str, String)> =
            difference.changed.iter().map(|changed| (changed.key.as_str(), changed.fields.join(" "))).collect();
        assert_eq!(
            changed,
            [("c", "node parameters.o".to_owned()), ("d", "state node exitCode parameters.o".to_owned())]
        );
        assert_eq!(difference.same, 1);
        let same = first.entries.len();
        assert_eq!(CacheDifference::of(&first, &first), CacheDifference { same, ..CacheDifference::default() });
    }

    #[test]
    fn attempts_differ_in_the_keys_of_their_nodes() {
        let (a, b) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
        let attempt = |name: &str, content: &str, hit: bool| {
            let node = json!({"id": "n", "name": format!("{name}.load"), "displayName": "load", "type": "Pod", "phase": "Succeeded",
                "memoizationStatus": {"hit": hit, "key": format!("load-{content}-r1-{a}"), "cacheName": "c"}});
            let plain = json!({"id": "m", "name": name, "displayName": name, "type": "DAG", "phase": "Succeeded"});
            json!({"metadata": {"name": name}, "status": {"nodes": {"n": node, "m": plain}}})
        };
        let same = attempts(&attempt("x-1", a, false), &attempt("x-2", a, true));
        assert_eq!((same.len(), same[0].node.as_str(), same[0].parts.len()), (1, "load", 0));
        assert!(same[0].second.as_ref().is_some_and(|asked| asked.hit));
        let edited = attempts(&attempt("x-1", a, false), &attempt("x-2", b, false));
        assert_eq!(edited[0].parts, [KeyDifference::Content { fields: Vec::new() }]);
        let absent = attempts(&json!({}), &attempt("x-2", b, false));
        assert_eq!((absent[0].first.as_ref(), absent[0].parts.len()), (None, 0));
    }
}
