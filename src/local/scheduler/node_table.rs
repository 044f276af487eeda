//! The nodes of a run: their statuses as the controller would write them, how they are named and joined to each other, and
//! what the scheduler knows of each beside its status. Pure.

use std::ops::{Index, IndexMut};

use serde_json::json;

use super::hooks::Hooks;
use super::moment::Moment;
use super::state::{Body, Call, Frame, NodeIndex, Owner};
use crate::argo::status::{Node, NodeType, Phase, node_id};
use crate::local::resolved::Reference;

/// The nodes in the order of their creation. Changing one by its index marks it for the journal.
#[derive(Debug)]
pub(super) struct NodeTable {
    workflow: String,
    statuses: Vec<Node>,
    frames: Vec<Frame>,
    /// Those that changed since they were last asked for, each once.
    changed: Vec<NodeIndex>,
    is_changed: Vec<bool>,
}

impl Index<NodeIndex> for NodeTable {
    type Output = Node;

    fn index(&self, index: NodeIndex) -> &Node {
        &self.statuses[index.0]
    }
}

impl IndexMut<NodeIndex> for NodeTable {
    fn index_mut(&mut self, index: NodeIndex) -> &mut Node {
        if !std::mem::replace(&mut self.is_changed[index.0], true) {
            self.changed.push(index);
        }
        &mut self.statuses[index.0]
    }
}

impl NodeTable {
    pub(super) fn new(workflow: &str) -> Self {
        Self {
            workflow: workflow.to_owned(),
            statuses: Vec::new(),
            frames: Vec::new(),
            changed: Vec::new(),
            is_changed: Vec::new(),
        }
    }

    pub(super) fn statuses(&self) -> &[Node] {
        &self.statuses
    }

    /// Gives the nodes away: nothing of the run is asked any more.
    pub(super) fn take_statuses(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.statuses)
    }

    pub(super) fn indices(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.statuses.len()).map(NodeIndex)
    }

    /// The nodes that changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<NodeIndex> {
        let mut changed = std::mem::take(&mut self.changed);
        for node in &changed {
            self.is_changed[node.0] = false;
        }
        changed.sort_unstable();
        changed
    }

    pub(super) fn frame(&self, node: NodeIndex) -> &Frame {
        &self.frames[node.0]
    }

    pub(super) fn frame_mut(&mut self, node: NodeIndex) -> &mut Frame {
        &mut self.frames[node.0]
    }

    pub(super) fn set(&mut self, node: NodeIndex, phase: Phase, message: &str) {
        let status = &mut self[node];
        status.phase = phase;
        message.clone_into(&mut status.message);
    }

    /// Makes a node for a call.
    pub(super) fn create(&mut self, call: &Call, kind: NodeType, phase: Phase, now: Moment) -> NodeIndex {
        let index = NodeIndex(self.statuses.len());
        let status = self.new_status(call, kind, phase, now);
        let attempt = matches!(call.owner, Owner::Attempt(_));
        self.frames.push(Frame {
            owner: call.owner,
            boundary: call.boundary,
            caller: call.caller.clone(),
            inner_scope: call.scope.clone(),
            template: None,
            filled: None,
            depth: self.depth(call.boundary) + 1,
            began: now.elapsed,
            ended: now.elapsed,
            on_exit: call.on_exit,
            continue_on: call.continue_on,
            hooks: Hooks::new(call.hooks.clone()),
            body: Body::None,
            raised: None,
            broken_off: None,
            is_settling: false,
            told: false,
            counted: call.boundary.is_some() && !attempt && kind != NodeType::StepGroup && kind != NodeType::TaskGroup,
            locks: Vec::new(),
            unknown: None,
            undecided: None,
            given_stubs: false,
            stubbed: false,
            children: Vec::new(),
            outbound: Vec::new(),
        });
        self.statuses.push(status);
        self.changed.push(index);
        self.is_changed.push(true);
        index
    }

    fn new_status(&self, call: &Call, kind: NodeType, phase: Phase, now: Moment) -> Node {
        let boundary = call.boundary.map(|boundary| &self[boundary]);
        let (template_name, template_ref) = match &call.reference {
            Reference::Name(name) => (Some(name.clone()).filter(|name| !name.is_empty()), None),
            Reference::Inline(_) => (None, None),
            Reference::Object(object) => {
                let mut reference = json!({"name": object.name, "template": object.template});
                if object.cluster_scope {
                    reference["clusterScope"] = true.into();
                }
                (None, Some(reference))
            }
        };
        Node {
            id: node_id(&self.workflow, &call.name),
            display_name: boundary
                .map_or_else(|| call.name.clone(), |boundary| display_name(&boundary.name, &call.name)),
            boundary_id: boundary.map(|boundary| boundary.id.clone()),
            name: call.name.clone(),
            kind,
            template_name,
            template_ref,
            template_scope: Some(call.scope.label(&self.workflow)),
            phase,
            message: String::new(),
            started_at: Some(now.wall),
            finished_at: None,
            progress: None,
            inputs: None,
            outputs: None,
            children: Vec::new(),
            outbound_nodes: Vec::new(),
            memoization_status: None,
            node_flag: call.flag,
            synchronization_status: None,
            daemoned: None,
            pod_ip: None,
            host_node_name: None,
        }
    }

    pub(super) fn depth(&self, boundary: Option<NodeIndex>) -> usize {
        boundary.map_or(0, |boundary| self.frame(boundary).depth)
    }

    /// Joins a node below another one.
    pub(super) fn join(&mut self, parent: NodeIndex, child: NodeIndex) {
        // The last one is the usual repetition; a full search for each child of a wide fan-out would be its square.
        if self.frame(parent).children.last() != Some(&child) {
            let id = self[child].id.clone();
            self[parent].children.push(id);
            self.frame_mut(parent).children.push(child);
        }
    }

    /// The nodes to which what comes after `node` is joined; hooks are children like others.
    /// (workflow/controller/operator.go, getOutboundNodes)
    pub(super) fn outbound(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let status = &self[node];
        let frame = self.frame(node);
        let hit = status.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
        match status.kind {
            NodeType::TaskGroup if !frame.children.is_empty() => {
                frame.children.iter().flat_map(|&child| self.outbound(child)).collect()
            }
            NodeType::Retry => frame.children.last().copied().into_iter().collect(),
            NodeType::Steps | NodeType::Dag if !hit => {
                frame.outbound.iter().flat_map(|&last| self.outbound(last)).collect()
            }
            NodeType::Pod | NodeType::Container => self.outbound_containers(node),
            _ => vec![node],
        }
    }

    /// The last containers of a containerSet, and its hooks; a pod without containers, or the last container, stands for
    /// itself.
    fn outbound_containers(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let (containers, rest): (Vec<NodeIndex>, Vec<NodeIndex>) =
            self.frame(node).children.iter().copied().partition(|&child| self[child].kind == NodeType::Container);
        if containers.is_empty() {
            return vec![node];
        }
        let hooks = rest.into_iter().filter(|&child| self.is_hook(child)).flat_map(|hook| self.outbound(hook));
        containers.into_iter().flat_map(|child| self.outbound_containers(child)).chain(hooks).collect()
    }

    /// The nodes that follow `node` on the way through a dag. A Retry node stands for its attempts.
    /// (workflow/controller/operator.go, getRetryNodeChildrenIds)
    pub(super) fn followers(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let children = &self.frame(node).children;
        if self[node].kind != NodeType::Retry {
            return children.clone();
        }
        let of_child = |&child: &NodeIndex| {
            if self.is_hook(child) { vec![child] } else { self.frame(child).children.clone() }
        };
        children.iter().rev().flat_map(of_child).collect()
    }

    /// Whether a hook of the node has ended later than the node.
    pub(super) fn is_held_up(&self, node: NodeIndex) -> bool {
        let frame = self.frame(node);
        frame.children.iter().any(|&child| self.is_hook(child) && self.frame(child).ended > frame.ended)
    }

    /// The hooks of a node that have begun.
    pub(super) fn hooks_of(&self, node: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        self.frame(node).children.iter().copied().filter(|&child| self.is_hook(child))
    }

    fn is_hook(&self, node: NodeIndex) -> bool {
        self[node].node_flag.is_some_and(|flag| flag.hooked)
    }

    /// Fixes the last nodes of a steps or dag node, from those of its last children.
    pub(super) fn set_outbound(&mut self, node: NodeIndex, last: &[NodeIndex]) {
        let outbound: Vec<NodeIndex> = last.iter().flat_map(|&child| self.outbound(child)).collect();
        self[node].outbound_nodes = outbound.iter().map(|&node| self[node].id.clone()).collect();
        self.frame_mut(node).outbound = outbound;
    }

    /// The nodes of a task group's items.
    pub(super) fn items(&self, group: NodeIndex) -> &[NodeIndex] {
        match &self.frame(group).body {
            Body::Items(items) => items.nodes(),
            _ => &[],
        }
    }
}

/// A node's name below its boundary: `[0].a` and `.a` are shown as `a`, a step group as `[0]`.
fn display_name(boundary: &str, name: &str) -> String {
    let below = name.strip_prefix(boundary).unwrap_or(name);
    let after_group = below
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]."))
        .filter(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    match (after_group, below.strip_prefix('.')) {
        (Some((_, step)), _) => step.to_owned(),
        (None, Some(task)) => task.to_owned(),
        (None, None) => below.to_owned(),
    }
}
