//! The drawing of the nodes: a tree within the lines that there are, and a line with the totals.

use std::collections::{BTreeSet, HashSet};

use console::Style;
use jiff::{SignedDuration, Timestamp};

use super::{LiveNode, LiveNodes, is_counted};
use crate::argo::status::{NodeType, Phase};
use crate::output::tree::{Look, Row, elapsed, lines, printable};
use crate::report::node_state::State;

/// Failed nodes take at most this part of the lines.
const FAILED_PART: usize = 3;
/// The width of the bar.
const BAR: usize = 16;

impl LiveNodes {
    /// Draws the tree within `look.lines`, and a line with the totals. Where there is no room for everything, what failed
    /// and what is at work is shown, with what is around it.
    pub(in crate::output) fn draw(&self, look: Look) -> String {
        if self.nodes.is_empty() {
            return String::new();
        }
        let room = look.lines.unwrap_or(usize::MAX).saturating_sub(1).max(1);
        let shown = if self.drawn <= room { None } else { Some(self.interesting(room)) };
        let mut rows = Vec::new();
        for root in (0..self.nodes.len()).filter(|&place| self.nodes[place].parent.is_none()) {
            self.push(&mut rows, root, "", "", (shown.as_ref(), look));
            if rows.len() >= room {
                break;
            }
        }
        rows.truncate(room);
        let total = self.total(look);
        let total = look.width.map_or(total.clone(), |width| console::truncate_str(&total, width, "…").into_owned());
        format!("{}{total}\n", lines(&rows, look))
    }

    /// The places of at most so many nodes: what failed, what is at work, what waits, each with what is around it.
    fn interesting(&self, room: usize) -> HashSet<usize> {
        let of = |state: State| self.by_state.get(&state).into_iter().flatten().copied();
        let failed = of(State::Failed).take(room / FAILED_PART);
        let waits = of(State::Waiting).filter(|&place| !self.nodes[place].lock.is_empty());
        let mut shown = HashSet::new();
        for place in failed.chain(of(State::Running)).chain(waits).chain(of(State::Waiting)) {
            let around = std::iter::successors(Some(place), |&at| self.nodes[at].parent);
            let new: Vec<usize> = around.take_while(|at| !shown.contains(at)).collect();
            if shown.len() + new.len() > room {
                // There may be room for one that stands in a node that is shown already.
                if shown.len() >= room {
                    break;
                }
                continue;
            }
            shown.extend(new);
        }
        if shown.is_empty() && !self.nodes.is_empty() {
            shown.insert(0);
        }
        shown
    }

    fn push(&self, rows: &mut Vec<Row>, place: usize, lead: &str, indent: &str, with: (Option<&HashSet<usize>>, Look)) {
        let (shown, look) = with;
        let is_shown = |place: &usize| shown.is_none_or(|shown| shown.contains(place)) && self.has_line(*place);
        if !is_shown(&place) {
            return;
        }
        let node = &self.nodes[place];
        rows.push(Row {
            lead: lead.to_owned(),
            sign: sign(node, look.color),
            label: node.label.clone(),
            detail: self.detail(place, look.now),
        });
        // A wide fan-out is looked through only as far as lines are drawn.
        let children: Vec<usize> = match shown {
            Some(shown) if node.children.len() > shown.len() => {
                let mut of_node: Vec<usize> =
                    shown.iter().copied().filter(|&child| self.nodes[child].parent == Some(place)).collect();
                of_node.sort_unstable();
                of_node.into_iter().filter(|child| self.has_line(*child)).collect()
            }
            _ => node.children.iter().copied().filter(is_shown).collect(),
        };
        for (at, child) in children.iter().enumerate() {
            let last = at + 1 == children.len();
            let (branch, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.push(rows, *child, &format!("{indent}{branch}"), &format!("{indent}{next}"), with);
        }
    }

    fn has_line(&self, place: usize) -> bool {
        self.nodes[place].kind != NodeType::StepGroup
    }

    fn detail(&self, place: usize, now: Timestamp) -> String {
        let node = &self.nodes[place];
        let mut parts = Vec::new();
        if node.state == State::Cached {
            parts.push("cached".to_owned());
        } else if matches!(node.state, State::Skipped) || node.phase.is_unsuccessful() {
            parts.push(node.phase.as_str().to_owned());
        }
        if !matches!(node.state, State::Cached | State::Skipped | State::Waiting) {
            let end = node.finished_at.unwrap_or(now);
            parts.extend(node.started_at.map(|start| elapsed(end.duration_since(start))));
        }
        let is_leaf = is_counted(node);
        if !is_leaf && node.work > 1 && node.done < node.work {
            parts.push(format!("{} of {} done", node.done, node.work));
        }
        if node.kind == NodeType::Suspend && node.state == State::Running {
            parts.push("waits for resume".to_owned());
        }
        if !node.lock.is_empty() && !node.phase.is_fulfilled() {
            parts.push(format!("waits for lock {}", printable(&node.lock)));
        } else if !node.message.is_empty() {
            parts.push(printable(&node.message));
        }
        parts.join("  ")
    }

    /// `12 of 41 ███▌       8 running, 20 waiting, 1 failed, 3 cached, 1m02s, about 40s left`.
    fn total(&self, look: Look) -> String {
        let count = |state: State| self.by_state.get(&state).map_or(0, BTreeSet::len);
        let known: usize = self.by_state.values().map(BTreeSet::len).sum();
        let done = known - count(State::Running) - count(State::Waiting);
        let left = self.left(look.now);
        let total: i64 = self.expected.by_path.values().sum();
        let part = match left {
            Some((left, _)) if total > 0 => 1000 - usize::try_from(left.clamp(0, total) * 1000 / total).unwrap_or(0),
            _ => done * 1000 / known.max(1),
        };
        let filled = part * BAR / 1000;
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
        let bar = Style::new().cyan().force_styling(look.color).apply_to(bar);

        let states = [State::Running, State::Waiting, State::Failed, State::Cached, State::Skipped];
        let counts = states.into_iter().filter(|state| count(*state) > 0);
        let mut facts: Vec<String> = counts.map(|state| format!("{} {}", count(state), state.word())).collect();
        facts.extend(self.begun.map(|begun| elapsed(look.now.duration_since(begun))));
        if let Some((_, wall)) = left.filter(|(left, _)| *left > 0) {
            facts.push(format!("about {} left", elapsed(SignedDuration::from_millis(wall))));
        }
        format!("{done} of {known} {bar} {}", facts.join(", "))
    }

    /// The work that is left and how long it may take, in milliseconds, by the durations of the attempt before: the work
    /// of a run takes its time at the same rate as then.
    fn left(&self, now: Timestamp) -> Option<(i64, i64)> {
        let total: i64 = self.expected.by_path.values().sum();
        if total <= 0 {
            return None;
        }
        let running = self.by_state.get(&State::Running).into_iter().flatten();
        let passed = running.filter_map(|&place| {
            let since = now.duration_since(self.nodes[place].started_at?);
            Some(i64::try_from(since.as_millis()).unwrap_or(0).clamp(0, self.expected_of(place)?))
        });
        let left = (self.expected_left - passed.sum::<i64>()).max(0);
        let wall = i128::from(left) * i128::from(self.expected.run_ms) / i128::from(total);
        Some((left, i64::try_from(wall).unwrap_or(i64::MAX)))
    }
}

fn sign(node: &LiveNode, color: bool) -> String {
    let style = match node.state {
        State::Ran | State::Cached => Style::new().green(),
        State::Failed | State::Lost => Style::new().red(),
        State::Running => Style::new().cyan(),
        State::Waiting => Style::new().yellow(),
        State::Skipped => Style::new().dim(),
    };
    let sign = if node.phase == Phase::Error { "⚠" } else { node.state.sign() };
    style.force_styling(color).apply_to(sign).to_string()
}
