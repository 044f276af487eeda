//! Why a node was, or was not, given a cache entry.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::before::Before;
use super::contents::Cache;
use super::entry::Entry;
use super::key_difference::{KeyDifference, Side, parts};
use crate::argo::Workflow;
use crate::argo::duration;
use crate::argo::status::{Node, Phase};
use crate::argo::template::Template;
use crate::prepare::{KeyParts, is_of_any_run};

/// The question: a node of a workflow, and the cache that it names, as far as that is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// The node's workflow.
    pub(crate) workflow: &'a Value,
    /// The node.
    pub(crate) node: &'a Node,
    /// The cache that it asked.
    pub(crate) cache: Option<&'a Cache>,
    /// The present.
    pub(crate) now: Timestamp,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Answer {
    /// Its template is not memoized.
    NotMemoized,
    /// It has not come to ask the cache.
    NotAsked {
        /// Its phase.
        phase: &'static str,
    },
    /// There is no such cache.
    NoCache {
        /// The cache.
        cache: String,
        /// The key that it asked for.
        key: String,
    },
    /// It was given the entry.
    Hit {
        /// The key.
        key: String,
        /// The entry, where it is still there.
        entry: Option<Told>,
    },
    /// It ran, and what is there now is what it left.
    Own {
        /// The key.
        key: String,
        /// The entry.
        entry: Told,
    },
    /// An entry is there now, which was not when it asked.
    Later {
        /// The key.
        key: String,
        /// The entry.
        entry: Told,
    },
    /// The entry is older than its template allows.
    TooOld {
        /// The key.
        key: String,
        /// The entry.
        entry: Told,
        /// The template's `maxAge`.
        max_age: String,
    },
    /// The entry is there, and no node can use it.
    Unusable {
        /// The key.
        key: String,
    },
    /// There is no entry of its key; this one is the nearest.
    Nearest {
        /// The key that it asked for.
        key: String,
        /// The key of the nearest entry.
        nearest: String,
        /// The nearest entry.
        entry: Told,
        /// In what the keys differ.
        parts: Vec<KeyDifference>,
    },
    /// There is no entry that is like it.
    NothingAlike {
        /// The key that it asked for.
        key: String,
        /// The template.
        template: String,
    },
}

/// The answer with what the attempt before tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explained {
    /// The answer.
    #[serde(flatten)]
    pub(crate) answer: Answer,
    /// Why the template is not memoized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    /// The number of the attempt.
    pub(crate) attempt: u32,
    /// The same call in the attempt before; none in a first attempt, or where that one is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Before>,
}

impl Answer {
    /// Whether other runs may use the entry that was asked for.
    pub(crate) fn is_of_any_run(&self) -> bool {
        self.key().is_some_and(is_of_any_run)
    }

    /// The key that the node asked for, when it did.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::NotMemoized | Self::NotAsked { .. } => None,
            Self::NoCache { key, .. }
            | Self::Hit { key, .. }
            | Self::Own { key, .. }
            | Self::Later { key, .. }
            | Self::TooOld { key, .. }
            | Self::Unusable { key }
            | Self::Nearest { key, .. }
            | Self::NothingAlike { key, .. } => Some(key),
        }
    }
}

/// What is told of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    /// The id of the node that made it.
    pub(crate) node_id: String,
    /// The node's name, where its workflow still exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// Its age in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_seconds: Option<i64>,
}

impl<'a> Question<'a> {
    /// The entry that is nearest to what the node asked for, when its own key has none: of its template, and then the
    /// most parts in common, and then the latest.
    pub(crate) fn nearest(&self) -> Option<&'a Entry> {
        let key = &self.node.memoization_status.as_ref()?.key;
        let entries = &self.cache?.entries;
        if entries.contains_key(key) {
            return None;
        }
        let run_id = run_id(self.workflow);
        let mine = run_id.and_then(|run_id| KeyParts::in_run(key, run_id)).or_else(|| KeyParts::of(key));
        let likeness = |entry: &Entry| match (mine, entry.parts()) {
            (Some(mine), Some(other)) if mine.template == other.template => {
                let same = [mine.content == other.content, mine.run_id == other.run_id, mine.inputs == other.inputs];
                1 + same.into_iter().filter(|same| *same).count()
            }
            (None, None) => common(key, &entry.key),
            _ => 0,
        };
        let alike = entries.values().filter(|entry| entry.is_usable()).map(|entry| (likeness(entry), entry));
        let best = alike.filter(|(likeness, _)| *likeness > 0);
        best.max_by_key(|(likeness, entry)| (*likeness, entry.created, Reverse(&entry.key))).map(|(_, entry)| entry)
    }

    /// The answer; `origin` is the workflow that the nearest entry came from, where it still exists.
    pub(crate) fn answer(&self, origin: Option<&Value>) -> Answer {
        let Some(status) = &self.node.memoization_status else { return self.without_key() };
        let key = status.key.clone();
        let Some(cache) = self.cache else { return Answer::NoCache { cache: status.cache_name.clone(), key } };
        let entry = cache.entries.get(&key);
        if status.hit {
            return Answer::Hit { key, entry: entry.map(|entry| self.told(entry, None)) };
        }
        match entry {
            Some(entry) if !entry.is_usable() => Answer::Unusable { key },
            Some(entry) => self.present(key, entry),
            None => self.absent(key, origin),
        }
    }

    fn without_key(&self) -> Answer {
        let memoized = self.template().is_some_and(|template| template.get("memoize").is_some_and(Value::is_object));
        let waits = matches!(self.node.phase, Phase::Pending | Phase::Omitted | Phase::Skipped);
        if memoized && waits { Answer::NotAsked { phase: self.node.phase.as_str() } } else { Answer::NotMemoized }
    }

    fn present(&self, key: String, entry: &Entry) -> Answer {
        let told = self.told(entry, None);
        if entry.node_id == self.node.id {
            return Answer::Own { key, entry: told };
        }
        let max_age = self.template().and_then(|template| template.pointer("/memoize/maxAge")).and_then(Value::as_str);
        let limit = max_age.and_then(|text| duration::parse(text).ok());
        let asked = self.node.started_at.unwrap_or(self.now);
        let age = entry.created.map_or(SignedDuration::MAX, |created| asked.duration_since(created));
        match limit.zip(max_age) {
            Some((limit, max_age)) if age > limit => Answer::TooOld { key, entry: told, max_age: max_age.to_owned() },
            _ => Answer::Later { key, entry: told },
        }
    }

    fn absent(&self, key: String, origin: Option<&Value>) -> Answer {
        let Some(nearest) = self.nearest() else {
            return Answer::NothingAlike { key, template: self.node.called().to_owned() };
        };
        let nodes = origin.map(|workflow| Workflow::view(workflow).nodes().all).unwrap_or_default();
        let maker = nodes.iter().find(|node| node.id == nearest.node_id);
        let ours =
            Side { key: &key, run_id: run_id(self.workflow), node: Some(self.node), workflow: Some(self.workflow) };
        let told_run_id = nearest.maker.as_ref().map(|maker| maker.run_id.as_str());
        let theirs = Side {
            key: &nearest.key,
            run_id: told_run_id.or_else(|| origin.filter(|_| maker.is_some()).and_then(run_id)),
            node: maker,
            workflow: origin.filter(|_| maker.is_some()),
        };
        let parts = parts(ours, theirs);
        Answer::Nearest { key, nearest: nearest.key.clone(), entry: self.told(nearest, maker), parts }
    }

    fn told(&self, entry: &Entry, maker: Option<&Node>) -> Told {
        let known = entry.maker.as_ref().map(|maker| maker.node_name.clone());
        Told {
            node_id: entry.node_id.clone(),
            node: maker.map(|node| node.name.clone()).or(known),
            age_seconds: entry.created.map(|created| self.now.duration_since(created).as_secs().max(0)),
        }
    }

    fn template(&self) -> Option<&'a Value> {
        let name = self.node.called();
        Workflow::view(self.workflow).template(name).map(Template::value)
    }
}

/// How many characters two keys begin with alike.
fn common(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

fn run_id(workflow: &Value) -> Option<&str> {
    Workflow::view(workflow).run_id()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbb";

    fn cache(entries: &[(&str, &str, &str)]) -> Cache {
        let text = |id: &str, created: &str| format!(r#"{{"nodeID":"{id}","creationTimestamp":"{created}"}}"#);
        let data: serde_json::Map<_, _> =
            entries.iter().map(|(key, id, created)| ((*key).to_owned(), text(id, created).into())).collect();
        Cache::of_config_map(&json!({"metadata": {"name": "c"}, "data": data}))
    }

    fn node(key: &str, hit: bool) -> Node {
        let node = json!({"id": "wf-1", "name": "wf.a", "displayName": "a", "type": "Pod", "phase": "Failed",
            "templateName": "load", "startedAt": "2026-11-21T10:00:00Z",
            "memoizationStatus": {"hit": hit, "key": key, "cacheName": "c"}});
        serde_json::from_value(node).unwrap_or_else(|error| panic!("{error}"))
    }

    fn workflow(max_age: &str) -> Value {
        json!({"spec": {
            "arguments": {"parameters": [{"name": "run_id", "value": "r1"}]},
            "templates": [{"name": "load", "memoize": {"key": "k", "maxAge": max_age}}, {"name": "plain"}],
        }})
    }

    fn answer(node: &Node, cache: Option<&Cache>) -> Answer {
        let now = "2026-11-21T12:00:00Z".parse().unwrap_or_default();
        Question { workflow: &workflow("1h"), node, cache, now }.answer(None)
    }

    #[test]
    fn an_entry_of_the_key_explains_itself() {
        let key = format!("load-{A}-r1-{A}");
        let at = |id, created| cache(&[(&key, id, created)]);
        let young = at("other-1", "2026-11-21T09:30:00Z");
        assert!(matches!(answer(&node(&key, true), Some(&young)), Answer::Hit { entry: Some(_), .. }));
        assert!(matches!(answer(&node(&key, false), Some(&young)), Answer::Later { .. }));
        assert!(matches!(answer(&node(&key, false), Some(&at("wf-1", "2026-11-21T10:30:00Z"))), Answer::Own { .. }));
        let old = at("other-1", "2026-11-21T08:30:00Z");
        assert!(matches!(answer(&node(&key, false), Some(&old)), Answer::TooOld { max_age, .. } if max_age == "1h"));
        let nobodys = at("", "2026-11-21T09:30:00Z");
        assert!(matches!(answer(&node(&key, false), Some(&nobodys)), Answer::Unusable { .. }));
        assert!(matches!(answer(&node(&key, false), None), Answer::NoCache { .. }));
    }

    #[test]
    fn without_one_the_nearest_is_compared() {
        let asked = node(&format!("load-{A}-r1-{A}"), false);
        let (edited, elsewhere) = (format!("load-{B}-r1-{A}"), format!("load-{B}-r2-{B}"));
        let cache = cache(&[
            (&edited, "old-1", "2026-11-21T08:00:00Z"),
            (&elsewhere, "old-2", "2026-11-21T09:00:00Z"),
            (&format!("save-{A}-r1-{A}"), "old-3", "2026-11-21T09:00:00Z"),
        ]);
        let Answer::Nearest { nearest, parts, .. } = answer(&asked, Some(&cache)) else { panic!("no nearest") };
        assert_eq!((nearest, parts), (edited, vec![KeyDifference::Content { fields: Vec::new() }]));
        let other = node(&format!("other-{A}-r1-{A}"), false);
        assert!(matches!(answer(&other, Some(&cache)), Answer::NothingAlike { template, .. } if template == "load"));
    }

    #[test]
    fn keys_of_the_users_own_are_near_when_they_begin_alike() {
        let cache =
            cache(&[("daily-load-1", "a-1", "2026-11-21T08:00:00Z"), ("weekly", "a-2", "2026-11-21T09:00:00Z")]);
        let Answer::Nearest { nearest, parts, .. } = answer(&node("daily-load-2", false), Some(&cache)) else {
            panic!("no nearest")
        };
        assert_eq!((nearest.as_str(), parts), ("daily-load-1", vec![KeyDifference::Text]));
    }

    #[test]
    fn a_node_that_has_asked_nothing_is_told_apart() {
        let mut silent = node("k", false);
        silent.memoization_status = None;
        assert_eq!(answer(&silent, None), Answer::NotMemoized);
        silent.phase = Phase::Omitted;
        assert_eq!(answer(&silent, None), Answer::NotAsked { phase: "Omitted" });
        silent.template_name = Some("plain".to_owned());
        assert_eq!(answer(&silent, None), Answer::NotMemoized);
    }
}
