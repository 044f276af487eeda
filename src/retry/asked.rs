//! The nodes that run again because the user asks for them, whatever the cache holds.

use std::collections::BTreeSet;

use super::refusal::Refusal;
use super::rehearsal::Rehearsal;
use super::{Entries, Next};
use crate::argo::check::nearest_of_few;
use crate::argo::nodes::path;
use crate::argo::status::{Node, NodeType};
use crate::argo::{Nodes, Workflow};

/// What the user asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Nodes, as the user calls them.
    pub(crate) nodes: Vec<String>,
    /// Whether all that follows from them runs again too.
    pub(crate) and_after: bool,
}

/// The nodes that are asked for, by their paths ([`path`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked(BTreeSet<String>);

/// How a node stands to those that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is one of them, or within one.
    Asked,
    /// One of them is within it.
    Around,
    /// Neither.
    Apart,
}

impl Asked {
    /// The nodes of the next attempt that are meant. Those that follow are found by going through that attempt.
    pub(crate) fn new<'n>(
        wish: &Wish,
        live: impl FnOnce() -> &'n Nodes,
        next: Next<'_>,
        entries: &Entries,
        now: jiff::Timestamp,
    ) -> Result<Self, Refusal> {
        if wish.nodes.is_empty() {
            return Ok(Self::default());
        }
        let live = live();
        let mut asked = Self::default();
        for name in &wish.nodes {
            let mut found = called(name, live.workflow(), live.all.iter());
            if found.is_empty() {
                // What was never started has a place in the next attempt all the same.
                let rehearsal = Rehearsal::of(next, &asked, entries, now);
                found = called(name, Workflow::view(next.workflow).name(), rehearsal.nodes());
            }
            match found.len() {
                1 => asked.0.extend(found),
                0 => return Err(unknown(name, live)),
                _ => {
                    let (run, nodes) = (live.workflow().to_owned(), found.into_iter().collect());
                    return Err(Refusal::SeveralNodes { run, asked: name.clone(), nodes });
                }
            }
        }

        let rehearsal = Rehearsal::of(next, &asked, entries, now);
        if let Some(missing) = asked.0.iter().find(|path| !rehearsal.reaches(path)) {
            return Err(Refusal::NodeLeftOut { run: live.workflow().to_owned(), node: missing.clone() });
        }
        if wish.and_after {
            asked.0.extend(rehearsal.after_asked());
        }
        Ok(asked)
    }

    pub(super) fn one(path: &str) -> Self {
        Self([path.to_owned()].into())
    }

    /// The same for a path that costs something to make: nobody may have asked for anything.
    pub(super) fn standing_of(&self, path: impl FnOnce() -> String) -> Standing {
        if self.0.is_empty() { Standing::Apart } else { self.standing(&path()) }
    }

    pub(super) fn standing(&self, path: &str) -> Standing {
        if self.0.contains(path) || self.0.contains("") || enclosing(path).any(|outer| self.0.contains(outer)) {
            Standing::Asked
        } else if self.is_any_within(path) {
            Standing::Around
        } else {
            Standing::Apart
        }
    }

    fn is_any_within(&self, path: &str) -> bool {
        if path.is_empty() {
            return !self.0.is_empty();
        }
        INSIDE.iter().any(|inside| {
            let begin = format!("{path}{inside}");
            self.0.range(begin.clone()..).next().is_some_and(|first| first.starts_with(&begin))
        })
    }
}

/// What follows a node's path in that of a node within it.
const INSIDE: [char; 2] = ['.', '('];

/// The paths of the nodes that a node is within, but for the first one, which holds all.
fn enclosing(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices(INSIDE).map(|(end, _)| &path[..end]).filter(|outer| !outer.is_empty())
}

/// The path of a node; empty for the first one, which holds all others.
pub(super) fn path_of(workflow: &str, node: &Node) -> String {
    if node.name == workflow { String::new() } else { path(workflow, &node.name) }
}

/// The paths of the nodes that a user calls so: by id or name, else by path or display name.
fn called<'a>(asked: &str, workflow: &str, nodes: impl Iterator<Item = &'a Node>) -> BTreeSet<String> {
    let shown: Vec<(&Node, String)> =
        nodes.filter(|node| is_shown(node)).map(|node| (node, path_of(workflow, node))).collect();
    let exact = |(node, path): &&(&Node, String)| node.id == asked || node.name == asked || path == asked;
    let near = |(node, _): &&(&Node, String)| node.display_name == asked;
    let paths = |found: Vec<&(&Node, String)>| found.into_iter().map(|(_, path)| path.clone()).collect();
    let found: BTreeSet<String> = paths(shown.iter().filter(exact).collect());
    if found.is_empty() { paths(shown.iter().filter(near).collect()) } else { found }
}

/// Groups of steps and attempts have no name that anybody would call them by.
fn is_shown(node: &Node) -> bool {
    node.kind != NodeType::StepGroup && !node.node_flag.is_some_and(|flag| flag.retried)
}

fn unknown(asked: &str, live: &Nodes) -> Refusal {
    let shown = live.all.iter().filter(|node| is_shown(node));
    let nearest = nearest_of_few(asked, shown.map(|node| node.display_name.as_str())).map(str::to_owned);
    Refusal::UnknownNode { run: live.workflow().to_owned(), asked: asked.to_owned(), nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_asked_for_with_all_within_it() {
        let asked = Asked(["build.compile".to_owned(), "map".to_owned()].into());
        for (path, standing) in [
            ("", Standing::Around),
            ("build", Standing::Around),
            ("build.compile", Standing::Asked),
            ("build.compile.link", Standing::Asked),
            ("build.compiled", Standing::Apart),
            ("map(0:a)", Standing::Asked),
            ("mapped", Standing::Apart),
            ("load", Standing::Apart),
        ] {
            assert_eq!(asked.standing(path), standing, "{path}");
        }
        assert_eq!(Asked::default().standing(""), Standing::Apart);
        assert_eq!(Asked([String::new()].into()).standing("load"), Standing::Asked, "the first node holds all");
    }
}
