//! A graph of work: of a run, with equal work of loops folded, or of a document that has not run. Groups stand for
//! nested templates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dependencies::Dependencies;
use super::node_state::State;
use super::work::template;
use crate::argo::Nodes;
use crate::argo::nodes::path;
use crate::mask::Mask;

/// A graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// The boxes, in order of their start or declaration.
    pub(crate) boxes: Vec<GraphBox>,
    /// Arrows between boxes, by their places.
    pub(crate) arrows: BTreeSet<(usize, usize)>,
    /// The groups, each before those within it.
    pub(crate) groups: Vec<Group>,
    /// Boxes that were left out.
    pub(crate) left_out: usize,
}

/// A call of a template, or all items of a loop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GraphBox {
    /// Its name.
    pub(crate) name: String,
    /// The template.
    pub(crate) template: String,
    /// How many nodes it stands for; 0 in a document that has not run.
    pub(crate) count: usize,
    /// The nodes by state.
    pub(crate) states: BTreeMap<State, usize>,
    /// Details, such as a condition or a loop.
    pub(crate) note: String,
    /// The group that it is in.
    pub(crate) group: Option<usize>,
}

/// A nested template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its title.
    pub(crate) name: String,
    /// The group around it.
    pub(crate) within: Option<usize>,
}

impl GraphBox {
    /// The state that matters most: a failure before anything else.
    pub(crate) fn state(&self) -> Option<State> {
        self.states.keys().next().copied()
    }
}

impl Graph {
    /// The graph of a run. At most so many boxes are drawn, those with failures first.
    pub(crate) fn of_run(nodes: &Nodes, mask: &Mask, killed: bool, most: usize) -> Self {
        let order = Dependencies::of(nodes);
        let mut boxes: Vec<GraphBox> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let of_work: Vec<usize> = order
            .work
            .iter()
            .map(|node| {
                let name = without_items(&path(nodes.workflow(), &node.name));
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    let (name, template) = (mask.text(&name), mask.text(&template(node)));
                    boxes.push(GraphBox { name, template, ..GraphBox::default() });
                    boxes.len() - 1
                });
                boxes[place].count += 1;
                *boxes[place].states.entry(State::of(node, killed)).or_default() += 1;
                place
            })
            .collect();
        let mut arrows = BTreeSet::new();
        for (after, before) in of_work.iter().zip(&order.before) {
            arrows.extend(before.iter().map(|before| (of_work[*before], *after)).filter(|(from, to)| from != to));
        }
        Self { boxes, arrows, ..Self::default() }.limited(most)
    }

    /// Leaves out boxes over the limit.
    fn limited(self, most: usize) -> Self {
        if self.boxes.len() <= most {
            return self;
        }
        let mut order: Vec<usize> = (0..self.boxes.len()).collect();
        order.sort_by_key(|&place| !matches!(self.boxes[place].state(), Some(State::Failed | State::Lost)));
        let kept: BTreeSet<usize> = order.into_iter().take(most).collect();
        let places: HashMap<usize, usize> = kept.iter().copied().zip(0..).collect();
        let left_out = self.boxes.len() - kept.len();
        let boxes = self.boxes.into_iter().enumerate().filter(|(place, _)| kept.contains(place));
        let arrows = self.arrows.iter().filter_map(|(from, to)| Some((*places.get(from)?, *places.get(to)?)));
        Self { boxes: boxes.map(|(_, one)| one).collect(), arrows: arrows.collect(), groups: self.groups, left_out }
    }

    /// The column of each box: how many boxes a longest way to it has. A circle is cut where it closes.
    pub(crate) fn columns(&self) -> Vec<usize> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); self.boxes.len()];
        let mut open = vec![0_usize; self.boxes.len()];
        for &(from, to) in &self.arrows {
            after[from].push(to);
            open[to] += 1;
        }
        let mut columns = vec![0; self.boxes.len()];
        let mut ready: Vec<usize> = (0..open.len()).filter(|&place| open[place] == 0).collect();
        while let Some(next) = ready.pop() {
            for &place in &after[next] {
                columns[place] = columns[place].max(columns[next] + 1);
                open[place] -= 1;
                if open[place] == 0 {
                    ready.push(place);
                }
            }
        }
        columns
    }
}

/// A path without the items of loops and the numbers of attempts: `each.load` for `each(0:a).load(1)`.
fn without_items(path: &str) -> String {
    let mut depth = 0_usize;
    let mut name = String::with_capacity(path.len());
    for letter in path.chars() {
        match letter {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            letter if depth == 0 => name.push(letter),
            _ => {}
        }
    }
    if name.is_empty() { path.to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::argo::Workflow;

    fn graph(most: usize) -> Graph {
        let pod = |name: &str, phase: &str, children: &[&str]| {
            json!({"id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase, "templateName": "t",
                "children": children})
        };
        let nodes = [
            json!({"id": "w", "name": "w", "displayName": "w", "type": "DAG", "phase": "Failed", "children": ["w.a"]}),
            pod("w.a", "Succeeded", &["w.each(0:x(1))", "w.each(1:y)"]),
            pod("w.each(0:x(1))", "Failed", &["w.b"]),
            pod("w.each(1:y)", "Succeeded", &["w.b"]),
            pod("w.b", "Pending", &[]),
        ];
        let map: serde_json::Map<String, Value> =
            nodes.iter().map(|node| (node["name"].as_str().unwrap_or_default().to_owned(), node.clone())).collect();
        let workflow = Workflow::from(json!({"metadata": {"name": "w"}, "status": {"nodes": map}}));
        Graph::of_run(&workflow.nodes(), &Mask::default(), false, most)
    }

    #[test]
    fn items_of_a_loop_are_one_box_with_counts() {
        let graph = graph(9);
        let boxes: Vec<_> = graph.boxes.iter().map(|one| (one.name.as_str(), one.count, one.state())).collect();
        let each = ("each", 2, Some(State::Failed));
        assert!(boxes.contains(&each) && boxes.contains(&("a", 1, Some(State::Ran))), "{boxes:?}");
        let place = |name: &str| graph.boxes.iter().position(|one| one.name == name).unwrap_or(usize::MAX);
        let (a, each, b) = (place("a"), place("each"), place("b"));
        assert_eq!(graph.arrows, [(a, each), (each, b)].into());
        let columns = graph.columns();
        assert_eq!((columns[a], columns[each], columns[b]), (0, 1, 2));
    }

    #[test]
    fn a_graph_that_is_too_large_keeps_its_failures() {
        let graph = graph(1);
        assert_eq!((graph.boxes.len(), graph.boxes[0].name.as_str(), graph.left_out), (1, "each", 2));
        assert!(graph.arrows.is_empty());
    }
}
