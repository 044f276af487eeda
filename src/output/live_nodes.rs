//! The nodes of running runs as far as they are shown: counted as they change, so that drawing costs the lines that are
//! drawn and not the nodes that there are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use console::Style;
use jiff::{SignedDuration, Timestamp};

use super::tree::{Look, Row, elapsed, lines, printable};
use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType, Phase, display_name};
use crate::mask::Mask;
use crate::report::node_state::State;

/// Failed nodes take at most this part of the lines.
const FAILED_PART: usize = 3;
/// The width of the bar.
const BAR: usize = 16;

/// Durations of the attempt before, from which the time that is left is estimated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The duration of each piece of work by its path, in milliseconds.
    pub by_path: HashMap<String, i64>,
    /// The duration of the whole run, in milliseconds.
    pub run_ms: i64,
}

/// The nodes as last shown, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct LiveNodes {
    nodes: Vec<LiveNode>,
    places: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
    /// Places of work by state; attempts that were followed by another one are left out.
    by_state: BTreeMap<State, BTreeSet<usize>>,
    /// The number of nodes that have a line of their own.
    drawn: usize,
    begun: Option<Timestamp>,
    expected: Expected,
    /// What is expected of work that has not ended, in milliseconds.
    expected_left: i64,
}

#[derive(Debug)]
struct LiveNode {
    id: String,
    name: String,
    label: String,
    message: String,
    kind: NodeType,
    phase: Phase,
    state: State,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    /// The lock it waits for.
    lock: String,
    parent: Option<usize>,
    children: Vec<usize>,
    /// The work within it, and how much of it has ended.
    work: usize,
    done: usize,
}

impl LiveNodes {
    pub(super) fn expect(&mut self, expected: Expected) {
        self.expected_left = expected.by_path.values().sum();
        self.expected = expected;
    }

    /// Takes a node over; returns whether it is new or has another phase or message.
    pub(super) fn take(&mut self, node: &Node, mask: &Mask) -> bool {
        let Some(&place) = self.places.get(&node.id) else {
            self.add(node, mask);
            return true;
        };
        let known = &self.nodes[place];
        let lock = waiting_lock(node);
        let is_news = known.phase != node.phase || known.message != mask.text(&node.message);
        if !is_news && known.finished_at == node.finished_at && known.lock == lock {
            return false;
        }
        let state = State::of(node, false);
        self.change(place, state);
        let known = &mut self.nodes[place];
        known.message = mask.text(&node.message);
        (known.phase, known.started_at, known.finished_at) = (node.phase, node.started_at, node.finished_at);
        lock.clone_into(&mut known.lock);
        is_news
    }

    fn add(&mut self, node: &Node, mask: &Mask) {
        let place = self.nodes.len();
        let parent = self.parent(&node.name);
        self.nodes.push(LiveNode {
            id: node.id.clone(),
            name: node.name.clone(),
            label: printable(&mask.text(&node.display_name)),
            message: mask.text(&node.message),
            kind: node.kind,
            phase: node.phase,
            state: State::of(node, false),
            started_at: node.started_at,
            finished_at: node.finished_at,
            lock: waiting_lock(node).to_owned(),
            parent,
            children: Vec::new(),
            work: 0,
            done: 0,
        });
        self.places.insert(node.id.clone(), place);
        self.by_name.insert(node.name.clone(), place);
        self.begun = [self.begun, node.started_at].into_iter().flatten().min();
        if node.kind != NodeType::StepGroup {
            self.drawn += 1;
        }
        if let Some(parent) = parent {
            self.supersede(parent);
            self.nodes[parent].children.push(place);
        }
        if is_counted(&self.nodes[place]) {
            self.count(place, 1);
        }
    }

    /// The attempts of a retry node do not count any more when another one begins.
    fn supersede(&mut self, parent: usize) {
        if self.nodes[parent].kind != NodeType::Retry {
            return;
        }
        for earlier in self.nodes[parent].children.clone() {
            if self.by_state.values().any(|places| places.contains(&earlier)) {
                self.count(earlier, -1);
            }
        }
    }

    fn change(&mut self, place: usize, state: State) {
        let is_known = self.by_state.get(&self.nodes[place].state).is_some_and(|places| places.contains(&place));
        let was_work = is_counted(&self.nodes[place]);
        if is_known {
            self.count(place, -1);
        }
        self.nodes[place].state = state;
        // What is served from the cache as a whole becomes work by that.
        if is_known || (!was_work && is_counted(&self.nodes[place])) {
            self.count(place, 1);
        }
    }

    /// Adds work to the counts, or takes it away.
    fn count(&mut self, place: usize, change: isize) {
        let state = self.nodes[place].state;
        let places = self.by_state.entry(state).or_default();
        if change > 0 {
            places.insert(place)
        } else {
            places.remove(&place)
        };
        let is_done = !matches!(state, State::Running | State::Waiting);
        if is_done && let Some(expected) = self.expected_of(place) {
            self.expected_left -= expected * i64::try_from(change).unwrap_or(0);
        }
        let mut above = Some(place);
        while let Some(at) = above {
            let node = &mut self.nodes[at];
            node.work = node.work.saturating_add_signed(change);
            if is_done {
                node.done = node.done.saturating_add_signed(change);
            }
            above = node.parent;
        }
    }

    fn expected_of(&self, place: usize) -> Option<i64> {
        if self.expected.by_path.is_empty() {
            return None;
        }
        let name = &self.nodes[place].name;
        let root = name.find(['.', '[', '(']).map_or(name.as_str(), |end| &name[..end]);
        self.expected.by_path.get(&path(root, name)).copied()
    }

    /// The node that stands around one of this name. Step groups are not drawn.
    fn parent(&self, name: &str) -> Option<usize> {
        let mut prefix = name;
        while let Some(end) = prefix.rfind(['.', '[', '(']) {
            prefix = &prefix[..end];
            if let Some(&place) = self.by_name.get(prefix)
                && self.nodes[place].kind != NodeType::StepGroup
            {
                return Some(place);
            }
        }
        None
    }

    /// Removes the nodes of a run that has ended.
    pub(super) fn forget(&mut self, ids: &HashSet<&str>) {
        let kept: Vec<LiveNode> =
            std::mem::take(&mut self.nodes).into_iter().filter(|node| !ids.contains(node.id.as_str())).collect();
        let expected = std::mem::take(&mut self.expected);
        *self = Self::default();
        self.expect(expected);
        for mut node in kept {
            let place = self.nodes.len();
            node.parent = self.parent(&node.name);
            (node.work, node.done) = (0, 0);
            node.children.clear();
            self.places.insert(node.id.clone(), place);
            self.by_name.insert(node.name.clone(), place);
            self.begun = [self.begun, node.started_at].into_iter().flatten().min();
            self.drawn += usize::from(node.kind != NodeType::StepGroup);
            let parent = node.parent;
            self.nodes.push(node);
            if let Some(parent) = parent {
                self.supersede(parent);
                self.nodes[parent].children.push(place);
            }
            if is_counted(&self.nodes[place]) {
                self.count(place, 1);
            }
        }
    }

    /// Draws the tree within `look.lines`, and a line with the totals. Where there is no room for everything, what failed
    /// and what is at work is shown, with what is around it.
    pub(super) fn draw(&self, look: Look) -> String {
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

/// Whether a node is a piece of work, or stands for work that need not run.
fn is_counted(node: &LiveNode) -> bool {
    let is_work = matches!(node.kind, NodeType::Pod | NodeType::Suspend | NodeType::Http | NodeType::Plugin);
    is_work || node.kind == NodeType::Skipped || node.state == State::Cached
}

fn waiting_lock(node: &Node) -> &str {
    node.synchronization_status.as_ref().map_or("", |status| &status.waiting)
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

/// One change as a line: `10:00:02  Failed     w[0].load  exit code 1`.
pub(super) fn line(node: &Node, mask: &Mask) -> String {
    let at = node.finished_at.or(node.started_at).unwrap_or_else(Timestamp::now);
    let at = at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
    let message = if State::of(node, false) == State::Cached {
        "cached".to_owned()
    } else {
        printable(&mask.text(&node.message))
    };
    let name = printable(&mask.text(&node.name));
    format!("{at}  {:<9}  {name}  {message}", node.phase.as_str()).trim_end().to_owned()
}

/// Whether a change of the node is worth a line.
pub(super) fn is_news(node: &Node) -> bool {
    let shown = !matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup | NodeType::Container);
    shown && (node.phase != Phase::Pending || !node.message.is_empty()) && !display_name(&node.name).is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, kind: &str, phase: &str, more: &Value) -> Node {
        let mut value = json!({"id": name, "name": name, "displayName": display_name(name), "type": kind, "phase": phase,
            "startedAt": "1970-01-01T00:00:00Z"});
        for (field, field_value) in more.as_object().into_iter().flatten() {
            value[field] = field_value.clone();
        }
        Node::read(name, &value)
    }

    fn look(lines: usize, width: usize) -> Look {
        let now = Timestamp::from_second(12).unwrap_or(Timestamp::UNIX_EPOCH);
        Look { lines: Some(lines), width: Some(width), ..Look::plain(now) }
    }

    fn fan_out(items: usize) -> LiveNodes {
        let mut nodes = LiveNodes::default();
        let mut take = |node: &Node| nodes.take(node, &Mask::default());
        take(&node("w", "DAG", "Running", &json!({})));
        take(&node("w.each", "TaskGroup", "Running", &json!({})));
        for item in 0..items {
            let phase = match item {
                7 => "Failed",
                3 | 4 => "Running",
                item if item > items / 2 => "Pending",
                _ => "Succeeded",
            };
            take(&node(&format!("w.each({item}:x)"), "Pod", phase, &json!({})));
        }
        nodes
    }

    #[test]
    fn a_small_run_is_shown_as_a_whole() {
        let mut nodes = LiveNodes::default();
        for node in [
            node("w", "Steps", "Running", &json!({})),
            node("w[0]", "StepGroup", "Running", &json!({})),
            node("w[0].a", "Pod", "Succeeded", &json!({"finishedAt": "1970-01-01T00:00:02Z"})),
            node("w[1].b", "Pod", "Pending", &json!({"synchronizationStatus": {"waiting": "n/Mutex/m"}})),
        ] {
            assert!(nodes.take(&node, &Mask::default()), "new");
            assert!(!nodes.take(&node, &Mask::default()), "known");
        }
        assert_eq!(
            nodes.draw(look(20, 80)),
            "● w     12s  1 of 2 done\n├─ ✔ a  2.0s\n└─ ◷ b  waits for lock n/Mutex/m\n1 of 2 ████████░░░░░░░░ 1 waiting, 12s\n"
        );
    }

    #[test]
    fn what_failed_and_what_is_at_work_is_shown_of_many() {
        let drawing = fan_out(10_000).draw(look(20, 80));
        let lines: Vec<&str> = drawing.lines().collect();
        assert_eq!(lines.len(), 20, "{drawing}");
        assert!(lines[1].starts_with("└─ ● each") && lines[1].ends_with("4999 of 10000 done"), "{drawing}");
        assert!(drawing.contains("✖ each(7:x)") && drawing.contains("● each(3:x)"), "{drawing}");
        assert!(!drawing.contains('✔'), "what succeeded is folded: {drawing}");
        assert!(lines[19].starts_with("4999 of 10000 ███████░░░░░░░░░ 2 running, 4999 waiting, 1 failed"), "{drawing}");
    }

    #[test]
    fn a_drawing_fits_any_terminal() {
        for (lines, width) in [(3, 10), (5, 40), (20, 200)] {
            let drawing = fan_out(100).draw(Look { color: true, ..look(lines, width) });
            assert!(drawing.lines().count() <= lines, "{drawing}");
            assert!(drawing.lines().all(|line| console::measure_text_width(line) <= width), "{width}: {drawing}");
        }
    }

    #[test]
    fn attempts_that_were_repeated_do_not_count() {
        let mut nodes = LiveNodes::default();
        let mut take = |node: &Node| nodes.take(node, &Mask::default());
        take(&node("w", "Retry", "Running", &json!({})));
        take(&node("w(0)", "Pod", "Failed", &json!({})));
        take(&node("w(1)", "Pod", "Running", &json!({})));
        assert!(
            nodes.draw(look(20, 80)).contains("0 of 1 ░░░░░░░░░░░░░░░░ 1 running, 12s"),
            "{}",
            nodes.draw(look(20, 80))
        );
        nodes.take(&node("w(1)", "Pod", "Succeeded", &json!({})), &Mask::default());
        assert!(nodes.draw(look(20, 80)).contains("1 of 1 ████████████████"));
    }

    #[test]
    fn the_time_left_is_estimated_from_the_attempt_before() {
        let mut nodes = LiveNodes::default();
        let by_path = HashMap::from([("a".to_owned(), 10_000), ("b".to_owned(), 20_000), ("c".to_owned(), 30_000)]);
        nodes.expect(Expected { by_path, run_ms: 30_000 });
        nodes.take(&node("w", "DAG", "Running", &json!({})), &Mask::default());
        nodes.take(&node("w.a", "Pod", "Running", &json!({})), &Mask::default());
        nodes.take(&node("w.a", "Pod", "Succeeded", &json!({})), &Mask::default());
        nodes.take(&node("w.b", "Pod", "Running", &json!({})), &Mask::default());
        // 8 s of b and 30 s of c are left; the attempt before did two seconds of work in each.
        let drawing = nodes.draw(look(20, 80));
        assert!(drawing.contains("about 19s left"), "{drawing}");
    }

    #[test]
    fn a_run_that_ended_is_forgotten() {
        let mut nodes = fan_out(9);
        nodes.take(&node("v", "Pod", "Running", &json!({})), &Mask::default());
        let ids: Vec<String> = std::iter::once("w".to_owned())
            .chain(std::iter::once("w.each".to_owned()))
            .chain((0..9).map(|item| format!("w.each({item}:x)")))
            .collect();
        nodes.forget(&ids.iter().map(String::as_str).collect());
        assert_eq!(nodes.draw(look(20, 80)), "● v  12s\n0 of 1 ░░░░░░░░░░░░░░░░ 1 running, 12s\n");
    }
}
