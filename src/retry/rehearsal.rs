//! The next attempt, rehearsed: the engine's own scheduler goes through its outline and asks for entries as the attempt
//! will; what has to run is taken for one that ends well with outputs that nobody knows yet. So the plan cannot differ
//! from what a run decides: the same code decides.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::entries::Entries;
use super::outline::{CONFIG_MAP, NO_CACHE, outline};
use crate::argo::expression::unknown::{in_text, known_beginning};
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Metadata, Workflow};
use crate::local::resolved::{Plan, TemplateScope};
use crate::local::scheduler::{Action, Event, Found, Moment, NodeIndex, Scheduler, Wanted};
use crate::prepare::Templates;

/// A node of the next attempt.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) node: Node,
    pub(super) outcome: Outcome,
    /// What decides how it ends, where that is not known.
    pub(super) ends_by: Option<By>,
}

/// What becomes of a node, before anybody asks why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its entry is there.
    Cached { created: Option<Timestamp>, max_age: Option<SignedDuration> },
    /// There is no entry that it may use.
    Missed(Missed),
    /// It asks no cache; a steps or dag template is looked into.
    NotMemoized { nested: bool },
    /// Its key, or whether it runs at all, depends on another node.
    Decided { by: By },
    /// Its condition is false, or what it depends on does not end as asked.
    Skipped,
    /// It cannot start.
    Fails,
}

/// An entry that was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) cache: String,
    pub(super) key: String,
    pub(super) nested: bool,
    /// The entry is there and too old.
    pub(super) expired: bool,
    /// The node that an input comes from whose value is not known; every entry that could be meant is missing.
    pub(super) waits_for: Option<By>,
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// A node, by its full name.
    Node(String),
    /// What a ConfigMap holds.
    ConfigMap,
}

/// Goes through the next attempt, whose entries are `entries` at `now`.
pub(super) fn rehearse(next: &Value, templates: &Templates, entries: &Entries, now: Timestamp) -> Vec<Rehearsed> {
    let mut rehearsal = Rehearsal {
        scheduler: Scheduler::new(plan(next, templates, now)),
        entries,
        now,
        outcomes: HashMap::new(),
        makers: HashMap::new(),
    };
    rehearsal.run();
    rehearsal.told()
}

fn plan(next: &Value, templates: &Templates, now: Timestamp) -> Plan {
    let mut workflow = Workflow::from(outline(next));
    // They differ in each attempt, so that no key made of them has an entry.
    if workflow.uid().is_empty() {
        workflow.set_identity("not-known-yet", &now.to_string());
    }
    let mut plan = Plan::new(workflow.into_value(), PathBuf::new(), usize::MAX);
    for document in templates.documents() {
        let name = Metadata::of(document).name().to_owned();
        let scope = match document["kind"].as_str() {
            Some("ClusterWorkflowTemplate") => TemplateScope::Cluster(name),
            _ => TemplateScope::Namespaced(name),
        };
        plan.add_templates(scope, &outline(document)["spec"]);
    }
    plan
}

struct Rehearsal<'a> {
    scheduler: Scheduler,
    entries: &'a Entries,
    now: Timestamp,
    outcomes: HashMap<NodeIndex, Outcome>,
    /// The first node that makes the entry of a key.
    makers: HashMap<(String, String), NodeIndex>,
}

impl Rehearsal<'_> {
    fn run(&mut self) {
        let mut events = VecDeque::from([Event::Start]);
        while let Some(event) = events.pop_front() {
            for action in self.scheduler.handle(Moment::begin(self.now), event) {
                if let Action::LookUp(node, wanted) = action {
                    let (outcome, found) = self.ask(node, &wanted);
                    self.outcomes.insert(node, outcome);
                    events.push_back(Event::Found(node, found));
                }
            }
        }
    }

    /// What the cache will answer.
    fn ask(&mut self, node: NodeIndex, wanted: &Wanted) -> (Outcome, Found) {
        if let Some(number) = self.scheduler.undecided(node) {
            return self.decided(number, wanted);
        }
        let runs = if wanted.nested { Found::Miss } else { Found::Assumed(node.number()) };
        if wanted.cache == NO_CACHE {
            return (Outcome::NotMemoized { nested: wanted.nested }, runs);
        }
        let unknown = in_text(&wanted.key);
        if let Some(number) = unknown
            && self.entries.has_key_with(&wanted.cache, known_beginning(&wanted.key))
        {
            return self.decided(number, wanted);
        }
        let entry = self.entries.get(&wanted.cache, &wanted.key);
        let fresh = entry.filter(|entry| is_fresh(entry.created, wanted.max_age, self.now));
        if let Some(entry) = fresh {
            let outcome = Outcome::Cached { created: entry.created, max_age: wanted.max_age };
            return (outcome, Found::Hit(entry.outputs.clone().map(Box::new)));
        }
        let expired = entry.is_some();
        let maker = *self.makers.entry((wanted.cache.clone(), wanted.key.clone())).or_insert(node);
        if maker != node {
            return self.decided(maker.number(), wanted);
        }
        let missed = Missed {
            cache: wanted.cache.clone(),
            key: wanted.key.clone(),
            nested: wanted.nested,
            expired,
            waits_for: unknown.map(|number| self.by(number)),
        };
        (Outcome::Missed(missed), runs)
    }

    /// Whether it runs depends on a node; what it calls is told too.
    fn decided(&self, number: usize, wanted: &Wanted) -> (Outcome, Found) {
        let found = if wanted.nested { Found::Undecided(number) } else { Found::Assumed(number) };
        (Outcome::Decided { by: self.by(number) }, found)
    }

    fn by(&self, number: usize) -> By {
        match self.scheduler.indices().nth(number).filter(|_| number != CONFIG_MAP) {
            Some(node) => By::Node(self.scheduler.node(node).name.clone()),
            None => By::ConfigMap,
        }
    }

    /// The nodes in the order of their beginning; groups and attempts are not told.
    fn told(mut self) -> Vec<Rehearsed> {
        let told = self.scheduler.indices().filter_map(|index| {
            let node = self.scheduler.node(index).clone();
            let inner = matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup)
                || node.node_flag.is_some_and(|flag| flag.retried);
            if inner {
                return None;
            }
            let ends_by = self.scheduler.unknown_of(index).map(|number| self.by(number));
            let outcome = match (self.outcomes.remove(&index), node.phase) {
                (Some(outcome), phase) if phase != Phase::Error => outcome,
                (_, Phase::Skipped | Phase::Omitted) => Outcome::Skipped,
                (_, Phase::Error | Phase::Failed) => Outcome::Fails,
                // The run's own entry answered, or whether it runs is not known.
                _ => Outcome::Decided { by: ends_by.clone().unwrap_or(By::ConfigMap) },
            };
            Some(Rehearsed { node, outcome, ends_by })
        });
        told.collect()
    }
}

/// Whether an entry may be used that was made then. One without a date is as old as can be, to the controller too.
fn is_fresh(created: Option<Timestamp>, max_age: Option<SignedDuration>, now: Timestamp) -> bool {
    match (created, max_age) {
        (_, None) => true,
        (Some(created), Some(max_age)) => now.duration_since(created) <= max_age,
        (None, Some(_)) => false,
    }
}
