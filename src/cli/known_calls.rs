//! The calls that the document of a run tells of, and the prefixes of their manifests.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::argo::nodes::path;
use crate::argo::status::{NodeType, Phase};
use crate::argo::{Nodes, Workflow};
use crate::backend::Backend;
use crate::handle::KnownNodes;
use crate::mask::Mask;
use crate::prepare::{Templates, unwrapped};
use crate::retry::{EntryName, ExpectedCalls, expected_calls};

/// The calls of a workflow; `beside` are the documents that it was given with. Where its templates cannot be read, there may
/// be more than those.
pub(super) async fn known_calls(backend: &Backend, beside: Templates, workflow: &Workflow) -> ExpectedCalls {
    match backend.called_templates(beside, [workflow.value().clone()]).await {
        Ok(templates) => expected_calls(&unwrapped(workflow.value()), &templates, Timestamp::now()),
        Err(_) => unknown(),
    }
}

/// The calls of a workflow whose templates are not known.
pub(super) fn unknown() -> ExpectedCalls {
    ExpectedCalls { partial: true, ..ExpectedCalls::default() }
}

/// The prefixes of the calls, and of those that nodes tell of by now.
pub(super) fn prefixes(workflow: &Workflow, nodes: &Nodes, calls: &ExpectedCalls, mask: &Mask) -> KnownNodes {
    let prefix = |entry: &EntryName| format!("{}/{}", entry.cache, entry.key);
    let mut prefixes: BTreeMap<String, Option<String>> =
        calls.calls.iter().map(|call| (mask.text(&call.path), call.entry.as_ref().map(prefix))).collect();
    let is_attempt = |node: &crate::argo::status::Node| node.node_flag.is_some_and(|flag| flag.retried);
    let works = |kind| matches!(kind, NodeType::Pod | NodeType::Retry | NodeType::Http | NodeType::Plugin);
    for node in nodes.all.iter().filter(|node| works(node.kind) && !is_attempt(node)) {
        let Some(status) = node.memoization_status.as_ref().filter(|status| !status.key.is_empty()) else { continue };
        let place = prefixes.entry(mask.text(&path(workflow.name(), &node.name))).or_default();
        *place = Some(format!("{}/{}", status.cache_name, status.key));
    }
    // A run that has ended well has made all of its calls.
    let partial = calls.partial && workflow.phase() != Phase::Succeeded.as_str();
    KnownNodes { prefixes, whole: calls.whole.as_ref().map(prefix), partial }
}
