//! Which work of a run came before which: the immediate predecessors, and the critical path through them.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::work::is_work;
use crate::argo::Nodes;
use crate::argo::status::Node;

/// The work of a run with its order. Work is known by its place in the list.
#[derive(Debug)]
pub(crate) struct Dependencies<'a> {
    /// The nodes, in order of start.
    pub(crate) work: Vec<&'a Node>,
    /// The work that each one came after, without what came before that.
    pub(crate) before: Vec<Vec<usize>>,
}

/// Work on the critical path, and how long it waited for its start after its predecessor had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Critical {
    /// The place of the work.
    pub(crate) place: usize,
    /// The pause before its start.
    pub(crate) waited: SignedDuration,
}

impl<'a> Dependencies<'a> {
    pub(crate) fn of(nodes: &'a Nodes) -> Self {
        let work: Vec<&Node> = nodes.all.iter().filter(|node| is_drawn(node)).collect();
        let places: HashMap<&str, usize> =
            work.iter().zip(0..).map(|(node, place)| (node.id.as_str(), place)).collect();
        let mut parents: HashMap<&str, Vec<&str>> = HashMap::new();
        for node in &nodes.all {
            for child in &node.children {
                parents.entry(child).or_default().push(&node.id);
            }
        }

        let before = work.iter().map(|node| predecessors(&node.id, &parents, &places)).collect();
        Self { work, before }
    }

    /// The chain of work that decided when the run ended, the first one first.
    pub(crate) fn critical_path(&self) -> Vec<Critical> {
        let ended = |place: usize| self.work[place].finished_at;
        let Some(mut place) =
            (0..self.work.len()).filter(|&place| ended(place).is_some()).max_by_key(|&place| ended(place))
        else {
            return Vec::new();
        };

        let mut path = Vec::new();
        let mut seen = HashSet::from([place]);
        loop {
            let earlier = self.before[place].iter().copied().filter(|before| !seen.contains(before));
            let previous = earlier.filter(|&before| ended(before).is_some()).max_by_key(|&before| ended(before));
            let waited = self.waited(place, previous.and_then(ended));
            path.push(Critical { place, waited });
            let Some(previous) = previous else { break };
            seen.insert(previous);
            place = previous;
        }
        path.reverse();
        path
    }

    /// The pause between the end of the predecessors and the start of the work.
    fn waited(&self, place: usize, end: Option<Timestamp>) -> SignedDuration {
        let pause = self.work[place].started_at.zip(end).map(|(start, end)| start.duration_since(end));
        pause.unwrap_or_default().max(SignedDuration::ZERO)
    }
}

/// Work, and what did not run or came from the cache as a whole.
fn is_drawn(node: &Node) -> bool {
    let is_hit = node.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
    is_work(node.kind) || node.kind == crate::argo::status::NodeType::Skipped || is_hit
}

/// The nearest work above a node, through everything that is no work.
fn predecessors(id: &str, parents: &HashMap<&str, Vec<&str>>, places: &HashMap<&str, usize>) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut queue: Vec<&str> = parents.get(id).cloned().unwrap_or_default();
    while let Some(next) = queue.pop() {
        if next == id || !seen.insert(next) {
            continue;
        }
        match places.get(next) {
            Some(&place) => found.push(place),
            None => queue.extend(parents.get(next).into_iter().flatten()),
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::Workflow;

    fn node(id: &str, kind: &str, times: (u8, u8), children: &[&str]) -> Value {
        let at = |second: u8| format!("2026-11-21T10:00:{second:02}Z");
        json!({"id": id, "name": id, "displayName": id, "type": kind, "phase": "Succeeded", "children": children,
            "startedAt": at(times.0), "finishedAt": at(times.1)})
    }

    #[test]
    fn work_follows_work_through_groups_and_the_path_through_the_latest() {
        let nodes = [
            node("w", "Steps", (0, 30), &["g0"]),
            node("g0", "StepGroup", (0, 10), &["a", "b"]),
            node("a", "Pod", (0, 10), &["g1"]),
            node("b", "Pod", (0, 4), &["g1"]),
            node("g1", "StepGroup", (10, 30), &["c"]),
            node("c", "Retry", (10, 30), &["c0", "c1"]),
            node("c0", "Pod", (12, 20), &[]),
            node("c1", "Pod", (21, 30), &[]),
        ];
        let map: serde_json::Map<String, Value> =
            nodes.iter().map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        let workflow = Workflow::from(json!({"metadata": {"name": "w"}, "status": {"nodes": map}}));
        let nodes = workflow.nodes();
        let order = Dependencies::of(&nodes);
        let names: Vec<&str> = order.work.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(names, ["a", "b", "c0", "c1"]);
        assert_eq!(order.before, [vec![], vec![], vec![0, 1], vec![0, 1]]);
        let path = order.critical_path();
        let told: Vec<(usize, i64)> = path.iter().map(|step| (step.place, step.waited.as_secs())).collect();
        assert_eq!(told, [(0, 0), (3, 11)]);
    }

    #[test]
    fn a_circle_in_a_damaged_status_ends() {
        let map = json!({"a": node("a", "Pod", (0, 1), &["b"]), "b": node("b", "Pod", (1, 2), &["a"])});
        let workflow = Workflow::from(json!({"metadata": {"name": "w"}, "status": {"nodes": map}}));
        let nodes = workflow.nodes();
        assert_eq!(Dependencies::of(&nodes).critical_path().len(), 2);
    }
}
