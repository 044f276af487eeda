//! The nodes of running runs as far as they are shown: counted as they change, so that drawing costs the lines that are
//! drawn and not the nodes that there are.

mod drawing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tree::printable;
use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType, Phase, display_name};
use crate::mask::Mask;
use crate::report::node_state::State;

/// Durations of the attempt before, from which the time that is left is estimated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The duration of each piece of work by its path, in milliseconds.
    pub(crate) by_path: HashMap<String, i64>,
    /// The duration of the whole run, in milliseconds.
    pub(crate) run_ms: i64,
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

/// What is new of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It was not known.
    Node,
    /// It has another phase or message.
    Change,
}

/// The nodes as last told in lines, by their ids: their phases and messages. Nothing is drawn of them.
#[derive(Debug, Default)]
pub(super) struct ToldNodes(HashMap<String, (Phase, String)>);

impl ToldNodes {
    /// Takes a node over; none if nothing is new of it.
    pub(super) fn take(&mut self, node: &Node, mask: &Mask) -> Option<News> {
        let told = (node.phase, mask.text(&node.message));
        match self.0.get_mut(&node.id) {
            None => {
                self.0.insert(node.id.clone(), told);
                Some(News::Node)
            }
            Some(known) if *known == told => None,
            Some(known) => {
                *known = told;
                Some(News::Change)
            }
        }
    }

    /// Removes the nodes of a run that has ended.
    pub(super) fn forget(&mut self, ids: &HashSet<&str>) {
        self.0.retain(|id, _| !ids.contains(id.as_str()));
    }
}

impl LiveNodes {
    pub(super) fn expect(&mut self, expected: Expected) {
        self.expected_left = expected.by_path.values().sum();
        self.expected = expected;
    }

    /// Takes a node over; none if nothing is new of it.
    pub(super) fn take(&mut self, node: &Node, mask: &Mask) -> Option<News> {
        let Some(&place) = self.places.get(&node.id) else {
            self.add(node, mask);
            return Some(News::Node);
        };
        let known = &self.nodes[place];
        let lock = waiting_lock(node);
        let is_news = known.phase != node.phase || known.message != mask.text(&node.message);
        if !is_news && known.finished_at == node.finished_at && known.lock == lock {
            return None;
        }
        let state = State::of(node, false);
        self.change(place, state);
        let known = &mut self.nodes[place];
        known.message = mask.text(&node.message);
        (known.phase, known.started_at, known.finished_at) = (node.phase, node.started_at, node.finished_at);
        lock.clone_into(&mut known.lock);
        is_news.then_some(News::Change)
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
}
/// Whether a node is a piece of work, or stands for work that need not run.
fn is_counted(node: &LiveNode) -> bool {
    let is_work = matches!(node.kind, NodeType::Pod | NodeType::Suspend | NodeType::Http | NodeType::Plugin);
    is_work || node.kind == NodeType::Skipped || node.state == State::Cached
}

fn waiting_lock(node: &Node) -> &str {
    node.synchronization_status.as_ref().map_or("", |status| &status.waiting)
}
/// One change as a line: `10:00:02  Failed     w[0].load  exit code 1`.
pub(super) fn line(node: &Node, news: News, mask: &Mask, zone: &TimeZone) -> String {
    // When a node that goes on has changed is written nowhere: it is heard of at once.
    let began = node.started_at.filter(|_| news == News::Node);
    let at = node.finished_at.or(began).unwrap_or_else(Timestamp::now);
    let at = at.to_zoned(zone.clone());
    let message = if State::of(node, false) == State::Cached {
        "cached".to_owned()
    } else {
        printable(&mask.text(&node.message))
    };
    let name = printable(&mask.text(&node.name));
    let [hour, minute, second] = [at.hour(), at.minute(), at.second()];
    let phase = node.phase.as_str();
    let mut line = format!("{hour:02}:{minute:02}:{second:02}  {phase:<9}  {name}  {message}");
    line.truncate(line.trim_end().len());
    line
}

/// Whether a change of the node is worth a line.
pub(super) fn is_news(node: &Node) -> bool {
    let shown = !matches!(node.kind, NodeType::StepGroup | NodeType::TaskGroup | NodeType::Container);
    shown && (node.phase != Phase::Pending || !node.message.is_empty()) && !display_name(&node.name).is_empty()
}
