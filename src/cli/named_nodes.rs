//! The nodes that a verb's argument means.

use super::failure::Failure;
use crate::argo::status::{Node, NodeType};
use crate::backend::Snapshot;
use crate::exit::Exit;

/// The nodes of this id, name, display name or path, with those within them; without a name all.
pub(super) fn named_nodes<'a>(state: &'a Snapshot, name: Option<&str>) -> Result<Vec<&'a Node>, Failure> {
    let Some(name) = name else { return Ok(state.nodes.all.iter().collect()) };
    let named = state.nodes.called(name);
    if named.is_empty() {
        let failure = Failure::new(Exit::NotFound, format!("run {} has no node {name:?}", state.name()));
        return Err(match state.nodes.nearest(name) {
            Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
            None => failure,
        });
    }
    let is_named = |other: &Node| named.iter().any(|node| node.id == other.id);
    let is_attempt = |node: &Node| {
        state.nodes.parent(&node.id).is_some_and(|parent| parent.kind == NodeType::Retry && is_named(parent))
    };
    let within = |node: &&Node| {
        std::iter::once(*node).chain(state.nodes.owners(node)).any(|node| is_named(node) || is_attempt(node))
    };
    Ok(state.nodes.all.iter().filter(within).collect())
}
