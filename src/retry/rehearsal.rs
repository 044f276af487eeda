//! The next attempt, rehearsed: the engine's own scheduler goes through its outline and asks for entries as the attempt
//! will; what has to run is taken for one that ends well with outputs that nobody knows yet. So the plan cannot differ
//! from what a run decides: the same code decides.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Next;
use super::asked::{Asked, Standing, path_of};
use super::entries::{Entries, EntryName};
use super::outline::{CONFIG_MAP, NO_CACHE, outline};
use crate::argo::expression::unknown::{in_text, known_beginning};
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::{Metadata, Workflow};
use crate::local::resolved::{Resolved, TemplateScope};
use crate::local::scheduler::{Action, Event, Found, KnownKeys, Moment, NodeIndex, Scheduler, Wanted};
use crate::prepare::{Templates, is_of_any_run, merged, will_name_its_call};

/// A node of the next attempt.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) node: Node,
    pub(super) outcome: Outcome,
    /// What decides how it ends, where that is not known.
    pub(super) ends_by: Option<By>,
    /// Its key as the template has it, where the run will have the same.
    pub(super) key_of_call: Option<Arc<str>>,
}

/// What becomes of a node, before anybody asks why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its entry is there.
    Cached { created: Option<Timestamp>, max_age: Option<SignedDuration>, reused: bool },
    /// There is no entry that it may use.
    Missed(Missed),
    /// The user asks for it.
    Asked,
    /// The user gives its outcome.
    Stubbed,
    /// The user asks for something within it.
    Around,
    /// It asks no cache; a steps or dag template is looked into.
    NotMemoized { nested: bool },
    /// Its key, or whether it runs at all, depends on another node.
    Decided { by: By },
    /// Its condition is false, or what it depends on does not end as asked.
    Skipped,
    /// It cannot start.
    Fails,
    /// What it asks for in the cache ends it in Error, with this message.
    Broken(String),
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

/// The next attempt, gone through to its end.
pub(super) struct Rehearsal<'a> {
    scheduler: Scheduler,
    entries: &'a Entries,
    asked: &'a Asked,
    workflow: &'a str,
    now: Timestamp,
    outcomes: HashMap<NodeIndex, Outcome>,
    /// The keys that run and rehearsal have in common, as their templates have them.
    keys_of_calls: HashMap<NodeIndex, Arc<str>>,
    /// The first node that makes the entry of a key.
    makers: HashMap<(String, String), NodeIndex>,
    /// The entries that nodes would be given which are to run.
    in_the_way: BTreeSet<EntryName>,
}

fn plan(next: &Value, templates: &Templates, now: Timestamp) -> Resolved {
    let mut workflow = Workflow::from(outline(next));
    // They differ in each attempt, so that no key made of them has an entry.
    if workflow.uid().is_empty() {
        workflow.set_identity("not-known-yet", &now.to_string());
    }
    let mut plan = Resolved::new(workflow.into_value(), PathBuf::new(), usize::MAX);
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

impl<'a> Rehearsal<'a> {
    /// Goes through the next attempt, whose entries are `entries` at `now`, without those of nodes that are `asked` for.
    pub(super) fn of(next: Next<'a>, asked: &'a Asked, entries: &'a Entries, now: Timestamp) -> Self {
        let mut plan = plan(&merged(next.workflow, next.templates), next.templates, now);
        plan.stubs = next.stubs.cloned().unwrap_or_default();
        let mut rehearsal = Self {
            scheduler: Scheduler::new(plan),
            entries,
            asked,
            workflow: Workflow::view(next.workflow).name(),
            now,
            outcomes: HashMap::new(),
            keys_of_calls: HashMap::new(),
            makers: HashMap::new(),
            in_the_way: BTreeSet::new(),
        };
        rehearsal.run();
        rehearsal
    }

    /// All nodes, groups and attempts too.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.scheduler.nodes().iter()
    }

    /// Whether there is a node of this path, or one within it.
    pub(super) fn reaches(&self, path: &str) -> bool {
        let asked = Asked::one(path);
        self.nodes().any(|node| asked.standing(&path_of(self.workflow, node)) == Standing::Asked)
    }

    /// The paths of the nodes that follow from those that are asked for.
    pub(super) fn after_asked(&self) -> BTreeSet<String> {
        let by_id: HashMap<&str, &Node> = self.nodes().map(|node| (node.id.as_str(), node)).collect();
        let is_asked = |node: &&Node| self.asked.standing(&path_of(self.workflow, node)) == Standing::Asked;
        let mut queue: Vec<&Node> = self.nodes().filter(is_asked).collect();
        let mut seen: BTreeSet<&str> = queue.iter().map(|node| node.id.as_str()).collect();
        let mut after = BTreeSet::new();
        while let Some(node) = queue.pop() {
            for child in node.children.iter().filter_map(|child| by_id.get(child.as_str())) {
                if seen.insert(&child.id) {
                    queue.push(child);
                }
            }
            if !is_unshown(node) {
                after.insert(path_of(self.workflow, node));
            }
        }
        after
    }

    /// The keys that the run need not evaluate again, none of them noted yet.
    pub(super) fn no_keys(&self) -> KnownKeys {
        self.scheduler.no_keys()
    }

    /// The entries that are to be removed, so that what is asked for runs.
    pub(super) fn in_the_way(&self) -> BTreeSet<EntryName> {
        self.in_the_way.clone()
    }

    fn run(&mut self) {
        let mut events = VecDeque::from([Event::Start]);
        while let Some(event) = events.pop_front() {
            for action in self.scheduler.handle(Moment::begin(self.now), event) {
                if let Action::LookUp(node, wanted) = action {
                    if let Some(text) = self.scheduler.key_of_call(node) {
                        self.keys_of_calls.insert(node, text);
                    }
                    let (outcome, found) = self.ask(node, &wanted);
                    self.outcomes.insert(node, outcome);
                    events.push_back(Event::Found(node, found));
                }
            }
        }
    }

    /// What the cache will answer.
    fn ask(&mut self, node: NodeIndex, wanted: &Wanted) -> (Outcome, Found) {
        let runs = if wanted.nested { Found::Miss } else { Found::Assumed(node.number()) };
        let status = self.scheduler.node(node);
        let standing = self.asked.standing_of(|| path_of(self.workflow, status));
        let outcome = match standing {
            Standing::Asked => Some(Outcome::Asked),
            Standing::Around => Some(Outcome::Around),
            Standing::Apart => None,
        };
        if outcome.is_some() {
            let call = status.name.strip_prefix(self.workflow).unwrap_or_default();
            self.in_the_way.extend(self.entries.that_may_answer(&wanted.cache, &wanted.key, call));
        }
        if let Some(number) = self.scheduler.undecided(node) {
            return self.decided(number, wanted);
        }
        if let Some(outcome) = outcome {
            self.makers.entry((wanted.cache.clone(), wanted.key.clone())).or_insert(node);
            return (outcome, runs);
        }
        if wanted.cache == NO_CACHE {
            return (Outcome::NotMemoized { nested: wanted.nested }, runs);
        }
        if let Some(message) = self.entries.fault(&wanted.cache, &wanted.key) {
            return (Outcome::Broken(message.to_owned()), Found::Assumed(node.number()));
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
            let reused = is_of_any_run(&wanted.key);
            let outcome = Outcome::Cached { created: entry.created, max_age: wanted.max_age, reused };
            return (outcome, Found::Hit(entry.outputs.clone().map(Box::new)));
        }
        let expired = entry.is_some();
        if unknown.is_none() || !will_name_its_call(known_beginning(&wanted.key)) {
            let maker = *self.makers.entry((wanted.cache.clone(), wanted.key.clone())).or_insert(node);
            if maker != node {
                return self.decided(maker.number(), wanted);
            }
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
        match self.scheduler.nodes().get(number).filter(|_| number != CONFIG_MAP) {
            Some(node) => By::Node(node.name.clone()),
            None => By::ConfigMap,
        }
    }

    /// The node that makes the entry which this one asks for.
    fn maker(&self, node: &Node) -> Option<By> {
        let status = node.memoization_status.as_ref()?;
        let maker = self.makers.get(&(status.cache_name.clone(), status.key.clone()))?;
        Some(self.by(maker.number()))
    }

    /// The nodes in the order of their beginning; groups and attempts are not told.
    pub(super) fn told(mut self) -> Vec<Rehearsed> {
        let told: Vec<_> = self.scheduler.indices().map(|index| (self.tell(index), index)).collect();
        let mut keys = self.keys_of_calls;
        let nodes = self.scheduler.into_nodes().into_iter().zip(told);
        let told = nodes.filter_map(|(node, (told, index))| {
            let (outcome, ends_by) = told?;
            Some(Rehearsed { node, outcome, ends_by, key_of_call: keys.remove(&index) })
        });
        told.collect()
    }

    /// What becomes of a node, and what decides how it ends.
    fn tell(&mut self, index: NodeIndex) -> Option<(Outcome, Option<By>)> {
        let node = self.scheduler.node(index);
        if is_unshown(node) {
            return None;
        }
        let ends_by = self.scheduler.unknown_of(index).map(|number| self.by(number));
        let is_nested = matches!(node.kind, NodeType::Steps | NodeType::Dag);
        let outcome = match (self.outcomes.remove(&index), node.phase) {
            _ if self.scheduler.stub_of(index).is_some() => Outcome::Stubbed,
            // It is not looked up where outcomes are given.
            (None, Phase::Succeeded) if is_nested && node.memoization_status.is_none() => {
                Outcome::NotMemoized { nested: true }
            }
            (Some(outcome), phase) if phase != Phase::Error => outcome,
            (_, Phase::Skipped | Phase::Omitted) => Outcome::Skipped,
            (_, Phase::Error | Phase::Failed) => Outcome::Fails,
            // Whether it runs is not known, or an entry answered that another node makes before.
            _ => Outcome::Decided { by: ends_by.clone().or_else(|| self.maker(node)).unwrap_or(By::ConfigMap) },
        };
        Some((outcome, ends_by))
    }
}

/// Groups and attempts have no line of their own.
fn is_unshown(node: &Node) -> bool {
    matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup) || node.node_flag.is_some_and(|flag| flag.retried)
}

/// Whether an entry may be used that was made then. One without a date is as old as can be, to the controller too.
fn is_fresh(created: Option<Timestamp>, max_age: Option<SignedDuration>, now: Timestamp) -> bool {
    match (created, max_age) {
        (_, None) => true,
        (Some(created), Some(max_age)) => now.duration_since(created) <= max_age,
        (None, Some(_)) => false,
    }
}
