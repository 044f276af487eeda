//! What workflows and templates tell of the entries of caches: who made one, who asks for it, who could produce it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::entry::Entry;
use super::pattern::{Patterns, Producer, for_each_memoize};
use crate::argo::Workflow;
use crate::argo::status::{MemoizationStatus, Node, node_id};
use crate::argo::template::{list, text};
use crate::prepare::unwrapped;

/// The workflows and templates that were looked at.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    runs: Vec<Run>,
    by_name: HashMap<String, Vec<usize>>,
    /// The nodes that named an entry, by cache and key.
    asks: HashMap<String, HashMap<String, Vec<Ask>>>,
    /// What live templates can produce, by cache.
    live: HashMap<String, Patterns>,
    /// What the given documents can produce, in whichever cache.
    given: Option<Patterns>,
    /// The caches that nodes are remembered for; all, when there are none.
    about: BTreeSet<String>,
    /// Whether all workflows that could have made an entry were looked at.
    pub(crate) complete: bool,
    /// Whether templates were missed that could produce entries: nothing is orphaned then.
    pub(crate) templates_missed: bool,
    /// The uids of workflows that do not count.
    left_out: BTreeSet<String>,
}

/// A workflow.
#[derive(Debug, Clone)]
struct Run {
    name: String,
    namespace: String,
    uid: String,
    created: Option<Timestamp>,
    /// Whether it goes on.
    live: bool,
    /// The names of the caches that its templates or nodes name.
    caches: BTreeSet<String>,
}

/// A node that named an entry.
#[derive(Debug, Clone)]
struct Ask {
    run: usize,
    node_id: String,
    node_name: String,
    template: String,
    /// Artifacts of the node that were deleted since.
    deleted: Vec<String>,
}

/// The workflow and node that an entry came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Origin {
    /// The workflow's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) workflow: String,
    /// Its namespace, where it still exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    /// Whether it still exists; none where that could not be seen.
    pub(crate) exists: Option<bool>,
    /// The node's full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// The template it called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
}

impl Provenance {
    /// Those of some caches: what nodes asked others for is not remembered.
    pub(crate) fn about<'a>(caches: impl IntoIterator<Item = &'a str>) -> Self {
        Self { about: caches.into_iter().map(str::to_owned).collect(), ..Self::default() }
    }

    /// Passes over the workflows of these uids.
    pub(crate) fn leave_out(&mut self, uids: impl IntoIterator<Item = String>) {
        self.left_out.extend(uids);
    }

    /// Takes a Workflow's evidence.
    pub(crate) fn add_workflow(&mut self, workflow: &Value) {
        let workflow = &*unwrapped(workflow);
        let workflow = Workflow::view(workflow);
        if self.left_out.contains(workflow.uid()) {
            return;
        }
        let run = self.runs.len();
        let mut caches = self.add_templates_of(workflow);
        for node in workflow.nodes().all {
            if let Some(asked) = node.memoization_status.as_ref().filter(|asked| !asked.key.is_empty()) {
                caches.insert(asked.cache_name.clone());
                if !self.about.is_empty() && !self.about.contains(&asked.cache_name) {
                    continue;
                }
                let keys = self.asks.entry(asked.cache_name.clone()).or_default();
                keys.entry(asked.key.clone()).or_default().push(Ask::of(run, &node));
            }
        }
        let name = workflow.name().to_owned();
        self.by_name.entry(name.clone()).or_default().push(run);
        self.runs.push(Run {
            name,
            namespace: workflow.namespace().to_owned(),
            uid: workflow.uid().to_owned(),
            created: workflow.created_at(),
            live: !workflow.has_ended(),
            caches,
        });
    }

    fn add_templates_of(&mut self, workflow: &Workflow) -> BTreeSet<String> {
        let mut caches = self.add_templates(workflow.spec());
        for stored in ["storedTemplates", "storedWorkflowTemplateSpec"] {
            caches.extend(self.add_templates(&workflow.status()[stored]));
        }
        caches
    }

    /// Takes the templates of a live object that workflows are made from, and names their caches.
    pub(crate) fn add_templates(&mut self, spec: &Value) -> BTreeSet<String> {
        let mut caches = BTreeSet::new();
        for_each_memoize(spec, &mut |cache, key, producer| {
            caches.insert(cache.to_owned());
            self.live.entry(cache.to_owned()).or_default().add(key, producer);
        });
        caches
    }

    /// Takes a document that the user gives: from then on only what is given counts for what can be produced.
    pub(crate) fn add_given(&mut self, spec: &Value) {
        let given = self.given.get_or_insert_default();
        for_each_memoize(spec, &mut |_, key, producer| given.add(key, producer));
    }

    /// Where an entry came from, as far as anyone tells.
    pub(crate) fn origin(&self, cache: &str, entry: &Entry) -> Origin {
        if let Some(ask) = self.maker(cache, entry) {
            let run = &self.runs[ask.run];
            return Origin {
                workflow: run.name.clone(),
                namespace: Some(run.namespace.clone()).filter(|namespace| !namespace.is_empty()),
                exists: Some(true),
                node: Some(ask.node_name.clone()),
                template: Some(ask.template.clone()).filter(|template| !template.is_empty()),
            };
        }
        let told = entry.maker.as_ref();
        let workflow = self.workflow_of(entry);
        let run = self.by_name.get(&workflow).into_iter().flatten().map(|run| &self.runs[*run]).find(|run| {
            let before = run.created.zip(entry.created).is_none_or(|(run, entry)| run <= entry);
            before && told.is_none_or(|maker| maker.workflow_uid == run.uid)
        });
        let asked = self.asked(cache, &entry.key).map(|ask| &ask.template);
        let template = told.map(|maker| &maker.template).into_iter().chain(asked).find(|template| !template.is_empty());
        Origin {
            namespace: run.map(|run| run.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            exists: match run {
                Some(_) => Some(true),
                None => (self.complete && !workflow.is_empty()).then_some(false),
            },
            node: told.map(|maker| maker.node_name.clone()),
            template: template.cloned(),
            workflow,
        }
    }

    /// The templates whose nodes share the entry, when there are several.
    pub(crate) fn sharing(&self, cache: &str, key: &str) -> BTreeSet<&str> {
        let templates = self.asked(cache, key).map(|ask| ask.template.as_str()).filter(|template| !template.is_empty());
        templates.collect()
    }

    /// The names of the entry's artifacts that its node says were deleted.
    pub(crate) fn deleted(&self, cache: &str, entry: &Entry) -> Vec<String> {
        self.maker(cache, entry).map(|ask| ask.deleted.clone()).unwrap_or_default()
    }

    /// The templates that can produce the key; none when none can, and nothing when that is not known: no template is
    /// known to use the cache, or not all can be seen.
    pub(crate) fn producers<'a>(&'a self, cache: &str, key: &'a str) -> Option<Vec<&'a Producer>> {
        let live = || self.live.get(cache).filter(|_| !self.templates_missed);
        let patterns = self.given.as_ref().or_else(live)?;
        Some(patterns.producers(key).collect())
    }

    /// Whether a workflow that goes on has named the entry.
    pub(crate) fn in_use(&self, cache: &str, key: &str) -> bool {
        self.asked(cache, key).any(|ask| self.runs[ask.run].live)
    }

    /// The workflows that go on and use the cache.
    pub(crate) fn users(&self, cache: &str) -> Vec<&str> {
        self.runs.iter().filter(|run| run.live && run.caches.contains(cache)).map(|run| run.name.as_str()).collect()
    }

    /// The names of all caches that workflows and templates refer to.
    pub(crate) fn caches(&self) -> BTreeSet<&str> {
        let named = self.runs.iter().flat_map(|run| &run.caches).chain(self.live.keys());
        named.map(String::as_str).filter(|name| !name.is_empty()).collect()
    }

    fn asked<'a>(&'a self, cache: &str, key: &str) -> impl Iterator<Item = &'a Ask> {
        self.asks.get(cache).and_then(|keys| keys.get(key)).into_iter().flatten()
    }

    fn maker(&self, cache: &str, entry: &Entry) -> Option<&Ask> {
        self.asked(cache, &entry.key).find(|ask| {
            let uid = entry.maker.as_ref().map(|maker| &maker.workflow_uid);
            ask.node_id == entry.node_id && uid.is_none_or(|uid| *uid == self.runs[ask.run].uid)
        })
    }

    /// The name in the id of the node: the whole of it for a workflow's first node, else what is before the last hyphen.
    fn workflow_of(&self, entry: &Entry) -> String {
        let id = entry.node_id.as_str();
        let is_hash = |text: &str| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let Some((before, _)) = id.rsplit_once('-').filter(|(_, hash)| is_hash(hash)) else { return id.to_owned() };
        let told = entry.maker.as_ref().is_some_and(|maker| node_id(before, &maker.node_name) == id);
        let whole = !told && self.by_name.contains_key(id) && !self.by_name.contains_key(before);
        if whole { id.to_owned() } else { before.to_owned() }
    }
}

impl Ask {
    fn of(run: usize, node: &Node) -> Self {
        let artifacts = node.outputs.iter().flat_map(|outputs| &outputs.artifacts);
        let deleted = artifacts.filter(|artifact| artifact["deleted"] == true);
        Self {
            run,
            node_id: node.id.clone(),
            node_name: node.name.clone(),
            template: node.called().to_owned(),
            deleted: deleted.map(|artifact| text(artifact, "name").to_owned()).collect(),
        }
    }
}

/// The caches that a workflow's templates and nodes name.
pub(crate) fn caches_of(workflow: &Value) -> BTreeSet<String> {
    let workflow = &*unwrapped(workflow);
    let workflow = Workflow::view(workflow);
    let mut caches = Provenance::default().add_templates_of(workflow);
    for (id, node) in workflow.node_values().unwrap_or_default().iter() {
        let asked = MemoizationStatus::of_node(id, node).filter(|asked| !asked.key.is_empty());
        caches.extend(asked.map(|asked| asked.cache_name));
    }
    caches.remove("");
    caches
}

/// The entries that a workflow's nodes have named: of each the cache and the key.
pub(crate) fn keys_of(workflow: &Value) -> BTreeSet<(String, String)> {
    let asked = Workflow::view(workflow).nodes().all.into_iter().filter_map(|node| node.memoization_status);
    asked.map(|asked| (asked.cache_name, asked.key)).collect()
}

/// The parameters of a node's inputs by their names.
pub(super) fn inputs(node: &Node) -> impl Iterator<Item = (&str, &str)> {
    let parameters = list(node.inputs.as_ref().and_then(|inputs| inputs.get("parameters"))).iter();
    parameters.map(|parameter| (text(parameter, "name"), text(parameter, "value")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow(name: &str, phase: &str, nodes: &Value) -> Value {
        json!({
            "metadata": {"name": name, "namespace": "ci", "uid": format!("uid-{name}"), "creationTimestamp": "2026-11-21T08:00:00Z"},
            "spec": {"templates": [{"name": "load", "memoize": {"key": "load-01-{{x}}", "maxAge": "1h",
                "cache": {"configMap": {"name": "c"}}}}]},
            "status": {"phase": phase, "nodes": nodes},
        })
    }

    fn node(id: &str, template: &str, key: &str) -> Value {
        json!({"id": id, "name": "wf.a", "displayName": "a", "type": "Pod", "phase": "Succeeded", "templateName": template,
            "memoizationStatus": {"hit": false, "key": key, "cacheName": "c"},
            "outputs": {"artifacts": [{"name": "gone", "deleted": true}, {"name": "there"}]}})
    }

    fn entry(key: &str, id: &str) -> Entry {
        Entry::written(key, &format!(r#"{{"nodeID":"{id}","creationTimestamp":"2026-11-21T08:25:14Z"}}"#))
    }

    #[test]
    fn the_node_that_made_an_entry_is_found_by_its_id_and_key() {
        let mut provenance = Provenance { complete: true, ..Provenance::default() };
        provenance.add_workflow(&workflow("wf", "Succeeded", &json!({"wf-7": node("wf-7", "load", "load-01-r")})));
        let made = entry("load-01-r", "wf-7");
        let origin = provenance.origin("c", &made);
        assert_eq!((origin.workflow.as_str(), origin.node.as_deref(), origin.exists), ("wf", Some("wf.a"), Some(true)));
        assert_eq!(provenance.deleted("c", &made), ["gone"]);
        let other = provenance.origin("c", &entry("load-01-r", "old-7"));
        assert_eq!(
            (other.workflow.as_str(), other.exists, other.template.as_deref()),
            ("old", Some(false), Some("load"))
        );
        provenance.complete = false;
        assert_eq!(provenance.origin("c", &entry("load-01-r", "old-7")).exists, None);
    }

    #[test]
    fn a_workflow_that_was_made_after_the_entry_is_another_one() {
        let mut provenance = Provenance { complete: true, ..Provenance::default() };
        provenance.add_workflow(&workflow("wf", "Running", &json!({})));
        let mut made = entry("load-01-r", "wf-7");
        assert_eq!(provenance.origin("c", &made).exists, Some(true));
        made.created = "2026-11-21T07:00:00Z".parse().ok();
        assert_eq!(provenance.origin("c", &made).exists, Some(false));
    }

    #[test]
    fn a_name_that_ends_in_digits_is_no_hash_when_the_workflow_has_it() {
        let mut provenance = Provenance::default();
        provenance.add_workflow(&workflow("etl-20261121", "Running", &json!({})));
        assert_eq!(provenance.origin("c", &entry("k", "etl-20261121")).workflow, "etl-20261121");
        assert_eq!(provenance.origin("c", &entry("k", "etl-20261121-7")).workflow, "etl-20261121");
    }

    #[test]
    fn templates_that_share_a_key_and_runs_that_use_it_are_known() {
        let mut provenance = Provenance::default();
        let nodes = json!({"wf-1": node("wf-1", "load", "r1"), "wf-2": node("wf-2", "save", "r1")});
        provenance.add_workflow(&workflow("wf", "Running", &nodes));
        assert_eq!(provenance.sharing("c", "r1"), BTreeSet::from(["load", "save"]));
        assert!(provenance.in_use("c", "r1") && !provenance.in_use("c", "r2") && !provenance.in_use("d", "r1"));
        assert_eq!(provenance.users("c"), ["wf"]);
        let mut others = Provenance::about(["d"]);
        others.add_workflow(&workflow("wf", "Running", &nodes));
        assert!(!others.in_use("c", "r1") && others.users("c") == ["wf"]);
    }

    #[test]
    fn what_is_given_takes_the_place_of_what_is_live() {
        let mut provenance = Provenance::default();
        assert_eq!(provenance.producers("c", "load-01-r"), None);
        provenance.add_workflow(&workflow("wf", "Running", &json!({})));
        assert_eq!(provenance.producers("c", "load-01-r").map(|found| found.len()), Some(1));
        assert_eq!(provenance.producers("other", "load-01-r"), None);
        provenance.templates_missed = true;
        assert_eq!(provenance.producers("c", "load-01-r"), None, "another one may produce it");
        provenance.add_given(&json!({"templates": [{"name": "load", "memoize": {"key": "load-02-{{x}}"}}]}));
        assert_eq!(provenance.producers("c", "load-01-r").map(|found| found.len()), Some(0));
        assert_eq!(provenance.producers("other", "load-02-r").map(|found| found.len()), Some(1));
    }
}
