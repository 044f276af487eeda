//! Nodes that have their outcome from the user, and those that depend on one: what they give is kept in no cache. Pure.

use super::Scheduler;
use super::state::{Call, NodeIndex, Owner};
use crate::argo::status::{NodeType, OutputParameter, Phase};
use crate::local::stub::Stub;

impl Scheduler {
    /// The outcome that the user gives to a node.
    pub(super) fn stub_of(&self, node: NodeIndex) -> Option<Stub> {
        if self.plan.stubs.is_empty() {
            return None;
        }
        // Each attempt at a template ends as it is said of the template.
        let named = match self.nodes.frame(node).owner {
            Owner::Attempt(retry) => retry,
            _ => node,
        };
        let template = self.nodes[named].called();
        self.plan.stubs.of(self.plan.name(), &self.nodes[named].name, template).cloned()
    }

    /// Ends a node as the user says.
    pub(super) fn end_as_stub(&mut self, node: NodeIndex, stub: Stub) {
        let Some(template) = self.nodes.frame(node).template.clone() else { return };
        let mut outputs = stub.outputs;
        for parameter in &mut outputs.parameters {
            let declared = template.outputs.parameters.iter().find(|declared| declared.name == parameter.name);
            parameter.global_name = declared.and_then(|declared| declared.global_name.clone());
        }
        let missing = template
            .outputs
            .parameters
            .iter()
            .filter(|declared| !outputs.parameters.iter().any(|given| given.name == declared.name));
        let defaults: Vec<OutputParameter> = missing
            .filter_map(|declared| {
                let default = declared.value_from.as_ref().and_then(|source| source.default.clone())?;
                Some(OutputParameter {
                    name: declared.name.clone(),
                    value: Some(default),
                    global_name: declared.global_name.clone(),
                    value_from: None,
                })
            })
            .collect();
        outputs.parameters.extend(defaults);
        for artifact in &mut outputs.artifacts {
            let declared = template.outputs.artifacts.iter().find(|declared| artifact["name"] == *declared.name);
            if let Some(name) = declared.and_then(|declared| declared.global_name.clone()) {
                artifact["globalName"] = name.into();
            }
        }
        if self.nodes[node].kind == NodeType::Pod && outputs.exit_code.is_none() {
            outputs.exit_code = match stub.phase {
                Phase::Succeeded => Some("0".to_owned()),
                Phase::Failed => Some("1".to_owned()),
                _ => None,
            };
        }
        self.nodes.frame_mut(node).stubbed = true;
        self.nodes[node].outputs = Some(outputs);
        self.finish(node, stub.phase, &stub.message);
    }

    /// Whether what a call is given depends on a stub.
    pub(super) fn is_given_stubs(&self, call: &Call) -> bool {
        if self.plan.stubs.is_empty() {
            return false;
        }
        let of_owner = match call.owner {
            Owner::Entry => false,
            Owner::ExitHandler => self.nodes.indices().any(|node| self.nodes.frame(node).stubbed),
            Owner::Task(dag, task) => self.nodes.task_is_given_stubs(dag, task),
            Owner::Hook(hooked) => self.nodes.frame(hooked).stubbed || self.nodes.frame(hooked).given_stubs,
            Owner::Steps(whole) | Owner::Group(whole) | Owner::Item(whole) | Owner::Attempt(whole) => {
                self.nodes.frame(whole).given_stubs
            }
        };
        let of_boundary = call.boundary.is_some_and(|boundary| self.nodes.frame(boundary).given_stubs);
        of_owner || of_boundary || self.stubs_are_published
    }

    /// Tells the nodes of which this one is a part, and all that begin later where its outputs are known in the whole
    /// workflow, that it depends on a stub.
    pub(super) fn spread_stub(&mut self, node: NodeIndex) {
        let frame = self.nodes.frame_mut(node);
        frame.stubbed |= frame.given_stubs;
        if !frame.stubbed {
            return;
        }
        let mut next = Some(node);
        while let Some(node) = next {
            let frame = self.nodes.frame_mut(node);
            frame.stubbed = true;
            next = frame.owner.whole();
        }
        let outputs = self.nodes[node].outputs.as_ref();
        self.stubs_are_published |= outputs.is_some_and(|outputs| {
            outputs.parameters.iter().any(|parameter| parameter.global_name.is_some())
                || outputs.artifacts.iter().any(|artifact| artifact.get("globalName").is_some())
        });
    }
}
