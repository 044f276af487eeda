//! The same Workflow with the nodes that run again taken out of its status: what `argo retry` does.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::memoized::whole_seconds;
use super::refusal::Refusal;
use super::resubmit::override_parameters;
use crate::argo::node_selector::NodeSelector;
use crate::argo::status::{Node, NodeType, Phase, node_id, pod_name};
use crate::argo::template::text;
use crate::argo::{Nodes, Workflow};

/// The changes of a retry in place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InPlace {
    /// The workflow to put in the place of the live one; it keeps its resourceVersion.
    pub(crate) workflow: Value,
    /// The pods to delete, so that the nodes of their names run again.
    pub(crate) pods: Vec<String>,
    /// The nodes that were taken out.
    pub(crate) removed: BTreeSet<String>,
    /// The nodes that are set back to Running.
    pub(crate) reset: BTreeSet<String>,
}

/// Formulates the retry. With a selector, nodes that succeeded run again where it matches them.
pub(crate) fn in_place(
    live: &Value,
    restart: Option<&NodeSelector>,
    parameters: &[(String, String)],
    now: Timestamp,
) -> Result<InPlace, Refusal> {
    let nodes = Workflow::view(live).nodes();
    let mut cut = Cut { nodes: &nodes, removed: BTreeSet::new(), reset: BTreeSet::new() };
    let again = again(&nodes, restart);
    // What stands above takes what is below with it, so it goes first.
    for node in nodes.in_order() {
        if again.contains(node.id.as_str()) && !cut.removed.contains(node.id.as_str()) {
            cut.take_out(node)?;
        }
    }
    if !parameters.is_empty() {
        cut.take_out_expanded();
    }

    let exit = nodes.all.iter().filter(|node| nodes.is_on_exit(node)).map(|node| node.id.as_str());
    let exit: BTreeSet<&str> = exit.collect();
    let pods = pods(live, &nodes, cut.removed.iter().chain(&exit).copied());
    let Cut { mut removed, mut reset, .. } = cut;
    reset.retain(|id| !removed.contains(id));
    let workflow = changed(live, &Gone { removed: &removed, exit: &exit }, &reset, parameters, now);
    removed.extend(&exit);
    let owned = |ids: BTreeSet<&str>| ids.into_iter().map(str::to_owned).collect();
    Ok(InPlace { workflow, pods, removed: owned(removed), reset: owned(reset) })
}

/// The nodes that run again: what failed without anything after it having succeeded, and what was selected. Argo's own retry
/// leaves out a suspend node that was refused, so that the workflow fails again at once.
fn again<'a>(nodes: &'a Nodes, restart: Option<&NodeSelector>) -> BTreeSet<&'a str> {
    let selected = nodes.all.iter().filter(|node| restart.is_some_and(|selector| selector.matches(node)));
    let selected: BTreeSet<&str> = selected.map(|node| node.id.as_str()).collect();
    let failed = nodes.all.iter().filter(|node| {
        let works = matches!(
            node.kind,
            NodeType::Container | NodeType::Pod | NodeType::Http | NodeType::Plugin | NodeType::Suspend
        );
        let is_attempt = node.node_flag.is_some_and(|flag| flag.retried);
        let judged = if is_attempt { retry_node(nodes, node) } else { node };
        node.phase.is_unsuccessful() && works && !leads_to_success(nodes, judged, &selected)
    });
    failed.map(|node| node.id.as_str()).chain(selected.iter().copied()).collect()
}

/// The Retry node whose attempt this is.
fn retry_node<'a>(nodes: &'a Nodes, attempt: &'a Node) -> &'a Node {
    let holds = |node: &Node| node.children.contains(&attempt.id);
    nodes.all.iter().find(|node| node.kind == NodeType::Retry && holds(node)).unwrap_or(attempt)
}

/// Whether anything after the node succeeded and is not among the nodes that run again.
pub(super) fn leads_to_success(nodes: &Nodes, node: &Node, again: &BTreeSet<&str>) -> bool {
    let below = nodes.below(node).into_iter();
    below.filter(|below| !again.contains(below.id.as_str())).any(|below| below.phase == Phase::Succeeded)
}

/// What is taken out and what is set back, while it is found (`FormulateRetryWorkflow` in workflow/util/util.go, v4.1.2).
struct Cut<'a> {
    nodes: &'a Nodes,
    removed: BTreeSet<&'a str>,
    reset: BTreeSet<&'a str>,
}

impl<'a> Cut<'a> {
    fn remove(&mut self, node: &'a Node) {
        self.removed.insert(&node.id);
        self.removed.extend(self.nodes.below(node).into_iter().map(|below| below.id.as_str()));
    }

    /// Takes out the node and all after it, and sets back what it is part of.
    fn take_out(&mut self, start: &'a Node) -> Result<(), Refusal> {
        self.remove(start);
        let mut next = Some(start);
        while let Some(node) = next {
            next = match node.kind {
                NodeType::Dag | NodeType::TaskGroup | NodeType::StepGroup | NodeType::Steps => {
                    // The first node has nothing above it that could be set back.
                    if node.id != start.id {
                        self.reset.insert(&node.id);
                    }
                    self.set_back_boundaries(node)?
                }
                NodeType::Container => {
                    let pod = self.ancestor(node, |node| node.kind == NodeType::Pod)?;
                    self.remove(pod);
                    Some(pod)
                }
                kind => {
                    if kind == NodeType::Retry && node.phase.is_unsuccessful() {
                        self.reset.insert(&node.id);
                    }
                    self.nodes.parent(&node.id)
                }
            };
        }
        Ok(())
    }

    /// Sets back the groups and boundaries round a group; gives what stands above the outermost.
    fn set_back_boundaries(&mut self, group: &'a Node) -> Result<Option<&'a Node>, Refusal> {
        let mut node = group;
        loop {
            if let Some(parent) = self.nodes.parent(&node.id)
                && parent.kind == NodeType::Retry
            {
                self.reset.insert(&parent.id);
                node = parent;
            }
            if let Some(parent) = self.nodes.parent(&node.id)
                && matches!(parent.kind, NodeType::StepGroup | NodeType::TaskGroup)
            {
                self.reset.insert(&parent.id);
            }
            let Some(boundary) = node.boundary_id.as_deref().filter(|boundary| !boundary.is_empty()) else {
                return Ok(self.nodes.parent(&node.id));
            };
            let above = self.ancestor(node, |node| node.id == boundary)?;
            if above.id == node.id {
                return Ok(None);
            }
            self.reset.insert(&above.id);
            node = above;
        }
    }

    /// The nearest node that fits, from the node itself upwards.
    fn ancestor(&self, from: &'a Node, fits: impl Fn(&Node) -> bool) -> Result<&'a Node, Refusal> {
        let mut node = from;
        let mut seen = BTreeSet::new();
        while seen.insert(&node.id) {
            if fits(node) {
                return Ok(node);
            }
            let Some(parent) = self.nodes.parent(&node.id) else { break };
            node = parent;
        }
        Err(Refusal::Broken { name: self.nodes.workflow().to_owned(), node: from.id.clone() })
    }

    /// Takes out what was expanded in groups that are set back: with other parameters it is expanded again.
    fn take_out_expanded(&mut self) {
        let is_group = |node: &&Node| matches!(node.kind, NodeType::TaskGroup | NodeType::StepGroup);
        let stays = self.reset.iter().filter(|id| !self.removed.contains(*id));
        let groups: Vec<&Node> = stays.filter_map(|id| self.nodes.get(id)).filter(is_group).collect();
        for group in groups {
            self.removed.extend(self.nodes.below(group).into_iter().map(|below| below.id.as_str()));
        }
    }
}

fn pods<'a>(live: &Value, nodes: &Nodes, ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let format = Workflow::view(live).annotation("workflows.argoproj.io/pod-name-format");
    let named = ids.filter_map(|id| nodes.get(id)).filter(|node| node.kind == NodeType::Pod).map(|node| match format {
        Some("v1") => node_id(nodes.workflow(), &node.name),
        _ => pod_name(nodes.workflow(), node.called(), &node.name),
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The nodes that are not in the new status.
struct Gone<'n, 'a> {
    removed: &'n BTreeSet<&'a str>,
    exit: &'n BTreeSet<&'a str>,
}

fn changed(
    live: &Value,
    gone: &Gone<'_, '_>,
    reset: &BTreeSet<&str>,
    parameters: &[(String, String)],
    now: Timestamp,
) -> Value {
    let mut workflow = Workflow::from(live.clone());
    let now = whole_seconds(now);
    workflow.begin_again(&now);
    override_parameters(&mut workflow, parameters);
    let nodes = Workflow::view(live).node_values().unwrap_or_default();
    let kept = nodes.iter().filter(|(id, _)| !gone.removed.contains(id.as_str()) && !gone.exit.contains(id.as_str()));
    let kept = kept.map(|(id, node)| {
        let mut node = node.clone();
        if reset.contains(id.as_str()) {
            set_back(&mut node, &now);
        }
        for field in ["children", "outboundNodes"] {
            if let Some(ids) = node.get_mut(field).and_then(Value::as_array_mut) {
                ids.retain(|id| id.as_str().is_some_and(|id| !gone.removed.contains(id)));
            }
        }
        (id.to_owned(), node)
    });
    workflow.set_nodes(kept.collect());
    workflow.into_value()
}

fn set_back(node: &mut Value, now: &str) {
    if text(node, "phase") != "Skipped" {
        node["phase"] = "Running".into();
    }
    node["startedAt"] = now.into();
    if let Some(fields) = node.as_object_mut() {
        fields.shift_remove("message");
        fields.shift_remove("finishedAt");
        // Its output would be saved under the key of the inputs that it had.
        fields.shift_remove("memoizationStatus");
    }
}
