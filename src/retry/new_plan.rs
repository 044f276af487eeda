//! The plan for a new Workflow that takes from the cache what succeeded: each node of the next attempt beside the same call
//! in the last one.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Next;
use super::asked::Asked;
use super::attempt::parameter;
use super::entries::Entries;
use super::lost_state::losses;
use super::plan::{Entry, Plan, runs};
use super::reason::{Compared, Comparison, is_inner};
use super::recorded::{Recorded, is_attempt_of};
use super::refusal::Mode;
use super::rehearsal::{Outcome, Rehearsal, Rehearsed};
use super::verdict::{Verdict, Why};
use crate::argo::status::{Node, NodeType};
use crate::argo::{Nodes, Workflow};
use crate::prepare::merged;

/// An entry that expires sooner is said to.
const SOON: SignedDuration = SignedDuration::from_hours(1);

impl Plan {
    /// The plan for a new Workflow that takes from the cache what succeeded. The nodes of the live one may stand beside it, and are
    /// asked for when the attempt has been rehearsed.
    pub(crate) fn new_attempt<'n>(
        live: &Value,
        nodes: impl FnOnce() -> &'n Nodes,
        next: Next<'_>,
        asked: &Asked,
        entries: &Entries,
        now: Timestamp,
    ) -> Self {
        let merged = merged(next.workflow, next.templates);
        let rehearsal = Rehearsal::of(next, asked, entries, now);
        let nodes = nodes();
        let comparison = Comparison::new(Workflow::view(live), Workflow::view(&merged), nodes, next.notices);
        let (removes, mut keys) = (rehearsal.in_the_way(), rehearsal.no_keys());
        let rehearsed: Vec<Compared<'_>> =
            rehearsal.told().into_iter().map(|one| comparison.with_the_last(one)).collect();

        let recorded = Recorded::new(&comparison, &rehearsed);
        let mut telling =
            Telling { comparison: &comparison, recorded, now, entries: Vec::new(), cached: HashSet::new() };
        for one in &rehearsed {
            telling.tell(one);
        }

        let Telling { entries, cached, .. } = telling;
        let plan = Self::of(live, nodes, &Mode::NewAttempt, entries);
        let losses = losses((live, nodes), &Mode::NewAttempt, &[], |id| cached.contains(id));
        let attempt = Workflow::view(next.workflow).attempt();
        for Rehearsed { node, key_of_call, .. } in rehearsed.into_iter().map(|one| one.next) {
            if let Some(text) = key_of_call {
                keys.add(node, text);
            }
        }
        Self { run_id: parameter(next.workflow, "run_id"), attempt, removes, losses, keys: keys.into(), ..plan }
    }
}

/// A plan on its way.
struct Telling<'a, 'c> {
    comparison: &'a Comparison<'c>,
    recorded: Recorded<'a>,
    now: Timestamp,
    entries: Vec<Entry>,
    /// The ids of the nodes of the last attempt whose outputs come from the cache.
    cached: HashSet<&'a str>,
}

impl<'c> Telling<'_, 'c> {
    /// Tells what becomes of a node, and of those of the last attempt that go with it.
    fn tell(&mut self, one: &Compared<'c>) {
        let verdict = verdict(self.comparison, one, self.now);
        let decided = matches!(verdict, Verdict::Decided { .. });
        let items = if decided { self.recorded.items(&one.next.node) } else { Vec::new() };
        if items.is_empty() {
            self.tell_itself(one, verdict.clone());
        }
        for item in items {
            self.entries.push(Entry::of(item, verdict.clone()));
            let inside = within(self.comparison.nodes, item);
            self.entries.extend(inside.map(|node| Entry::of(node, verdict.clone())));
        }

        let Some(before) = one.before else { return };
        if !decided && !matches!(verdict, Verdict::Cached { .. }) {
            let by = one.next.ends_by.as_ref().map(|by| self.comparison.said(by));
            let later = self.recorded.later_attempts(before).into_iter();
            self.entries.extend(later.map(|node| Entry::of(node, Verdict::Decided { by: by.clone() })));
        }
        self.tell_inside(before, verdict);
    }

    /// The node itself, by its name in the last attempt.
    fn tell_itself(&mut self, one: &Compared<'c>, verdict: Verdict) {
        let node = &one.next.node;
        let suffix = node.name.strip_prefix(self.comparison.next.name()).unwrap_or(&node.name);
        self.entries.push(Entry {
            name: format!("{}{suffix}", self.comparison.nodes.workflow()),
            kind: one.before.map(|before| before.kind),
            template: node.called().to_owned(),
            verdict,
        });
    }

    /// What the last attempt had within a node, whose own entry answers for it or whose call nobody has decided on yet.
    fn tell_inside(&mut self, before: &'c Node, verdict: Verdict) {
        let inside: Vec<&Node> = match &verdict {
            Verdict::Cached { .. } => within(self.comparison.nodes, before).collect(),
            Verdict::Decided { .. } => self.recorded.left(within(self.comparison.nodes, before)),
            _ => return,
        };
        if matches!(verdict, Verdict::Cached { .. }) {
            self.cached.insert(&before.id);
            self.cached.extend(inside.iter().map(|node| node.id.as_str()));
        }
        let verdict = verdict.within(before);
        self.entries.extend(inside.into_iter().map(|node| Entry::of(node, verdict.clone())));
    }
}

/// What the next attempt makes of a node.
fn verdict<'c>(comparison: &Comparison<'c>, one: &Compared<'c>, now: Timestamp) -> Verdict {
    match &one.next.outcome {
        Outcome::Cached { created, max_age, reused } => {
            let age = created.map(|created| now.duration_since(created));
            let left = age.zip(*max_age).map(|(age, max_age)| max_age - age).filter(|left| *left < SOON);
            Verdict::Cached {
                age_seconds: age.map(|age| age.as_secs().max(0)),
                expires_in_seconds: left.map(|left| left.as_secs()),
                within: None,
                reused: *reused,
            }
        }
        Outcome::Missed(missed) => runs(comparison.missed(one, missed)),
        Outcome::Asked => runs(Why::Selected),
        Outcome::Stubbed => runs(Why::Stubbed),
        Outcome::Around => runs(Why::Within),
        Outcome::NotMemoized { nested } => runs(comparison.not_memoized(one, *nested)),
        Outcome::Decided { by } => Verdict::Decided { by: Some(comparison.said(by)) },
        Outcome::Skipped => Verdict::Skipped,
        Outcome::Fails => runs(Why::Fails { message: one.next.node.message.clone() }),
        Outcome::Broken(message) => runs(Why::Fails { message: message.clone() }),
    }
}

/// The nodes of the last attempt within one that calls others.
fn within<'a>(nodes: &'a Nodes, above: &'a Node) -> impl Iterator<Item = &'a Node> {
    let is_nested = matches!(above.kind, NodeType::Steps | NodeType::Dag | NodeType::Retry);
    // Nothing is looked through for a pod: there may be thousands.
    let candidates = if is_nested { nodes.all.as_slice() } else { &[] };
    candidates.iter().filter(move |node| {
        !is_inner(node) && nodes.owners(node).any(|owner| owner.id == above.id || is_attempt_of(nodes, owner, above))
    })
}
