//! The plan of a retry: what becomes of each node, and what is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::attempt::parameter;
use super::entries::EntryName;
use super::in_place::InPlace;
use super::lost_state::{LostState, losses};
use super::reason::{is_inner, unfinished};
use super::refusal::Mode;
use super::verdict::{Verdict, Why};
use crate::argo::call::{CallSite, Target};
use crate::argo::identity::RunId;
use crate::argo::status::{Node, NodeType, Phase};
use crate::argo::template::Template;
use crate::argo::{Nodes, Workflow};
use crate::local::scheduler::KnownKeys;
use crate::local::stub::Stubs;
use crate::prepare::{Notice, Templates};

/// What a retry will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// The workflow that is retried.
    pub(crate) workflow: String,
    /// `new`, `memoized` or `in-place`.
    pub(crate) mode: &'static str,
    /// The run's id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_id: Option<String>,
    /// The number of the attempt that is made; in place it stays.
    pub(crate) attempt: u32,
    /// The nodes, each before those after it.
    pub(crate) nodes: Vec<Entry>,
    /// What is lost.
    pub(crate) losses: Vec<LostState>,
    /// The entries that are removed, so that what is asked for runs again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) removes: BTreeSet<EntryName>,
    /// The keys that the attempt need not evaluate again.
    #[serde(skip)]
    pub(crate) keys: Arc<KnownKeys>,
    /// Whether nodes may be missing from the plan, because the live status is not whole.
    pub(crate) partial: bool,
}

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The node's name.
    pub(crate) name: String,
    /// Its type; none when it never started.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<NodeType>,
    /// The template it calls.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) template: String,
    /// What becomes of it.
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
}

impl Entry {
    pub(super) fn of(node: &Node, verdict: Verdict) -> Self {
        Self { name: node.name.clone(), kind: Some(node.kind), template: node.called().to_owned(), verdict }
    }
}

/// The next attempt, before it is created.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next<'a> {
    /// The document.
    pub(crate) workflow: &'a Value,
    /// The objects that it may refer to.
    pub(crate) templates: &'a Templates,
    /// What prepare said of it.
    pub(crate) notices: &'a [Notice],
    /// Outcomes of nodes that do not run.
    pub(crate) stubs: Option<&'a Stubs>,
}

impl Plan {
    /// The plan for a new Workflow, where nobody asks what becomes of each node, nor has asked for one.
    /// [`Plan::new_attempt`] tells of each.
    pub(crate) fn without_nodes(live: &Value, next: Next<'_>) -> Self {
        let plan = Self::of(live, &Workflow::view(live).nodes(), &Mode::NewAttempt, Vec::new());
        let attempt = Workflow::view(next.workflow).attempt();
        Self { run_id: parameter(next.workflow, "run_id"), attempt, ..plan }
    }

    /// The plan for the memoized workflow `next`.
    pub(crate) fn memoized(live: &Value, next: &Value) -> Self {
        let nodes = Workflow::view(live).nodes();
        let verdicts = nodes.all.iter().map(|node| (node.id.as_str(), carried(&nodes, node)));
        let attempt = if Workflow::view(next).run_id().is_some() { Workflow::view(next).attempt() } else { 2 };
        Self { attempt, ..Self::carried(live, &Mode::Memoized, next, &verdicts.collect(), &[]) }
    }

    /// The plan for a retry in place.
    pub(crate) fn in_place(live: &Value, mode: &Mode, change: &InPlace) -> Self {
        let nodes = Workflow::view(live).nodes();
        let selector = if let Mode::InPlace(Some(selector)) = mode { Some(selector) } else { None };
        let verdicts = nodes.all.iter().map(|node| {
            let verdict = if nodes.is_on_exit(node) {
                runs(Why::Handler)
            } else if change.reset.contains(&node.id) {
                runs(Why::Within)
            } else if !change.removed.contains(&node.id) {
                Verdict::CarriedOver
            } else if selector.is_some_and(|selector| selector.matches(node)) {
                runs(Why::Selected)
            } else {
                runs(left_undone(node).unwrap_or(Why::After))
            };
            (node.id.as_str(), verdict)
        });
        let verdicts = verdicts.collect();

        // The controller looks for the entry of a node that it makes again (operator.go, executeTemplate, v4.1.2): what is to
        // run although it has succeeded must not be answered.
        let again = nodes.all.iter().filter(|node| node.phase == Phase::Succeeded && change.removed.contains(&node.id));
        let removes = again
            .filter_map(|node| node.memoization_status.as_ref())
            .map(|status| EntryName { cache: status.cache_name.clone(), key: status.key.clone() });
        Self { removes: removes.collect(), ..Self::carried(live, mode, &change.workflow, &verdicts, &change.pods) }
    }

    /// Whether anything runs.
    pub(crate) fn runs(&self) -> usize {
        self.nodes.iter().filter(|entry| entry.verdict.runs()).count()
    }

    /// How many nodes are not run again.
    pub(crate) fn taken_over(&self) -> usize {
        let is_taken = |entry: &&Entry| matches!(entry.verdict, Verdict::Cached { .. } | Verdict::CarriedOver);
        self.nodes.iter().filter(is_taken).count()
    }

    /// Whether anything runs but what runs in each attempt.
    pub(crate) fn has_work(&self) -> bool {
        self.nodes.iter().any(|entry| match &entry.verdict {
            Verdict::Runs { why } => !matches!(why, Why::Handler | Why::Within),
            Verdict::Decided { .. } => true,
            Verdict::Cached { .. } | Verdict::CarriedOver | Verdict::Skipped => false,
        })
    }

    /// The plan of a mode that carries the status over.
    fn carried(live: &Value, mode: &Mode, next: &Value, verdicts: &BTreeMap<&str, Verdict>, pods: &[String]) -> Self {
        let stays = |id: &str| verdicts.get(id).is_some_and(|verdict| *verdict == Verdict::CarriedOver);
        let nodes = Workflow::view(live).nodes();
        let plan = Self::of(live, &nodes, mode, entries(&nodes, next, verdicts));
        Self { losses: losses((live, &nodes), mode, pods, stays), ..plan }
    }

    /// Without what is lost.
    pub(super) fn of(live: &Value, nodes: &Nodes, mode: &Mode, entries: Vec<Entry>) -> Self {
        Self {
            workflow: nodes.workflow().to_owned(),
            mode: match mode {
                Mode::NewAttempt => "new",
                Mode::Memoized => "memoized",
                Mode::InPlace(_) => "in-place",
            },
            run_id: parameter(live, "run_id").filter(|id| id.parse::<RunId>().is_ok()),
            attempt: Workflow::view(live).attempt(),
            nodes: entries,
            losses: Vec::new(),
            removes: BTreeSet::new(),
            keys: Arc::default(),
            partial: nodes.partial.is_some(),
        }
    }
}

/// The nodes that a reader knows from the document, and behind those within each what never started in it.
fn entries(nodes: &Nodes, next: &Value, verdicts: &BTreeMap<&str, Verdict>) -> Vec<Entry> {
    let mut order = nodes.in_order();
    let seen: BTreeSet<&str> = order.iter().map(|node| node.id.as_str()).collect();
    order.extend(nodes.all.iter().filter(|node| !seen.contains(node.id.as_str())));
    let (mut entries, mut left) = (Vec::new(), Vec::new());
    for node in order {
        let Some(verdict) = verdicts.get(node.id.as_str()) else { continue };
        if !is_inner(node) {
            entries.push(Entry::of(node, verdict.clone()));
        }
        if verdict.runs() {
            left.push((node, never_started(nodes, next, node)));
        }
    }
    // What is within comes later in the order, and is put in first.
    for (node, missing) in left.into_iter().rev() {
        let is_within = |entry: &Entry| entry.name == node.name || is_below(&entry.name, &node.name);
        let behind = entries.iter().rposition(is_within).map_or(entries.len(), |last| last + 1);
        entries.splice(behind..behind, missing);
    }
    entries
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with(['.', '[', '(']))
}

fn never_started(nodes: &Nodes, next: &Value, boundary: &Node) -> Vec<Entry> {
    if !matches!(boundary.kind, NodeType::Steps | NodeType::Dag) {
        return Vec::new();
    }
    let name = &boundary.name;
    let below = |node: &Node| {
        let below = node.name.strip_prefix(name.as_str()).unwrap_or_default().to_owned();
        below.split_once('(').map(|(call, _)| call.to_owned()).unwrap_or(below)
    };
    let inside = nodes.all.iter().filter(|node| node.boundary_id.as_ref() == Some(&boundary.id));
    let started: BTreeSet<String> = inside.map(below).collect();
    let template = Workflow::view(next).template(boundary.called());
    let sites = template.into_iter().flat_map(Template::sites).filter(|site| !started.contains(&site.node_suffix()));
    sites
        .map(|site| Entry {
            name: format!("{name}{}", site.node_suffix()),
            kind: None,
            template: called(site).to_owned(),
            verdict: runs(Why::NeverStarted),
        })
        .collect()
}

fn called(site: CallSite<'_>) -> &str {
    match site.target() {
        Some(Target::Local(name)) => name,
        Some(Target::Reference(reference)) => reference.template,
        Some(Target::Inline(_)) | None => "",
    }
}

pub(super) fn runs(why: Why) -> Verdict {
    Verdict::Runs { why }
}

fn carried(nodes: &Nodes, node: &Node) -> Verdict {
    match node.kind {
        _ if nodes.is_on_exit(node) => runs(Why::Handler),
        NodeType::Pod if !node.phase.is_unsuccessful() => Verdict::CarriedOver,
        NodeType::Skipped if node.phase == Phase::Skipped => Verdict::Decided { by: None },
        NodeType::Steps | NodeType::Dag | NodeType::StepGroup | NodeType::TaskGroup | NodeType::Retry => {
            runs(Why::Within)
        }
        _ => runs(left_undone(node).unwrap_or(Why::NotMemoized { because: None })),
    }
}

/// Why a node that ended was not done. One that was skipped had nothing to do.
fn left_undone(node: &Node) -> Option<Why> {
    unfinished(node).filter(|_| node.phase != Phase::Skipped)
}
