//! Nodes of the status: how they are made, named and joined to each other.

use serde_json::json;

use super::Scheduler;
use super::state::{Body, Call, Frame, Hooks, NodeIndex, Owner};
use crate::argo::status::{Node, NodeType, Phase, node_id};
use crate::local::resolved::Reference;

impl Scheduler {
    /// Makes a node for a call.
    pub(super) fn create(&mut self, call: &Call, kind: NodeType, phase: Phase) -> NodeIndex {
        let index = NodeIndex(self.nodes.len());
        let node = self.new_node(call, kind, phase);
        let attempt = matches!(call.owner, Owner::Attempt(_));
        self.frames.push(Frame {
            owner: call.owner,
            boundary: call.boundary,
            caller: call.caller.clone(),
            inner_scope: call.scope.clone(),
            template: None,
            depth: self.depth(call.boundary) + 1,
            on_exit: call.on_exit,
            continue_on: call.continue_on,
            hooks: Hooks { waiting: call.hooks.clone(), running: 0 },
            body: Body::None,
            raised: None,
            counted: call.boundary.is_some() && !attempt && kind != NodeType::StepGroup && kind != NodeType::TaskGroup,
            locks: Vec::new(),
            unknown: None,
            children: Vec::new(),
            outbound: Vec::new(),
        });
        self.nodes.push(node);
        if kind == NodeType::Pod {
            self.active_pods.insert(index);
        }
        self.changed.insert(index);
        index
    }

    fn new_node(&self, call: &Call, kind: NodeType, phase: Phase) -> Node {
        let workflow = self.plan.name();
        let boundary = call.boundary.map(|boundary| &self.nodes[boundary.0]);
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
            id: node_id(workflow, &call.name),
            display_name: boundary
                .map_or_else(|| call.name.clone(), |boundary| display_name(&boundary.name, &call.name)),
            boundary_id: boundary.map(|boundary| boundary.id.clone()),
            name: call.name.clone(),
            kind,
            template_name,
            template_ref,
            template_scope: Some(call.scope.label(workflow)),
            phase,
            message: String::new(),
            started_at: Some(self.now),
            finished_at: None,
            progress: None,
            inputs: None,
            outputs: None,
            children: Vec::new(),
            outbound_nodes: Vec::new(),
            memoization_status: None,
            node_flag: call.flag,
            synchronization_status: None,
            host_node_name: None,
        }
    }

    /// Makes a node that did not run; its owner is told.
    pub(super) fn create_not_run(&mut self, call: &Call, phase: Phase, message: &str) -> NodeIndex {
        let node = self.create(call, NodeType::Skipped, Phase::Running);
        let frame = self.frame_mut(node);
        frame.counted = false;
        frame.hooks.waiting.clear();
        self.finish(node, phase, message);
        node
    }

    /// Makes the node of a call that cannot start; its caller errors too.
    pub(super) fn create_raised(&mut self, call: &Call, why: &str) -> NodeIndex {
        let node = self.create(call, NodeType::Skipped, Phase::Running);
        self.raise(node, why);
        node
    }

    /// Joins a node below another one.
    pub(super) fn join(&mut self, parent: NodeIndex, child: NodeIndex) {
        // The last one is the usual repetition; a full search for each child of a wide fan-out would be its square.
        if self.frame(parent).children.last() != Some(&child) {
            let id = self.node(child).id.clone();
            self.node_mut(parent).children.push(id);
            self.frame_mut(parent).children.push(child);
        }
    }

    /// The nodes to which what comes after `node` is joined.
    pub(super) fn outbound(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let status = self.node(node);
        let frame = self.frame(node);
        let hit = status.memoization_status.as_ref().is_some_and(|memoization| memoization.hit);
        match (&frame.body, status.kind) {
            (Body::Items(items), _) if !items.nodes.is_empty() => {
                items.nodes.iter().flat_map(|&item| self.outbound(item)).collect()
            }
            (Body::Retry(retry), _) => retry.attempts.last().copied().into_iter().collect(),
            (_, NodeType::Steps | NodeType::Dag) if !hit => {
                frame.outbound.iter().flat_map(|&last| self.outbound(last)).collect()
            }
            (_, NodeType::Pod | NodeType::Container) => self.outbound_containers(node),
            _ => vec![node],
        }
    }

    /// The last containers of a containerSet; a pod without containers, or the last container, stands for itself.
    fn outbound_containers(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let containers = self.frame(node).children.iter().copied();
        let containers = containers.filter(|&child| self.node(child).kind == NodeType::Container);
        let outbound: Vec<_> = containers.flat_map(|child| self.outbound_containers(child)).collect();
        if outbound.is_empty() { vec![node] } else { outbound }
    }

    /// Fixes the last nodes of a steps or dag node, from those of its last children.
    pub(super) fn set_outbound(&mut self, node: NodeIndex, last: &[NodeIndex]) {
        let outbound: Vec<NodeIndex> = last.iter().flat_map(|&child| self.outbound(child)).collect();
        self.node_mut(node).outbound_nodes = outbound.iter().map(|&node| self.nodes[node.0].id.clone()).collect();
        self.frame_mut(node).outbound = outbound;
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
