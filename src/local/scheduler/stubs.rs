//! Nodes that have their outcome from the user, and those that depend on one: what they give is kept in no cache. Pure.

use std::collections::HashSet;

use serde_json::Value;

use super::Scheduler;
use super::arguments::view;
use super::state::{Call, NodeIndex, Owner};
use crate::argo::model::{Step, Template};
use crate::argo::status::{NodeType, OutputParameter, Phase};
use crate::local::resolved::{Reference, TemplateScope};
use crate::local::stub::Stub;

impl Scheduler {
    /// The outcome that the user gives to a node.
    pub(crate) fn stub_of(&self, node: NodeIndex) -> Option<Stub> {
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

    /// Whether the user gives the outcome of a node or of one that it calls: an entry of the whole would hide it.
    pub(super) fn is_stubbed_within(&self, node: NodeIndex, template: &Template) -> bool {
        let stubs = &self.plan.stubs;
        if stubs.is_empty() {
            return false;
        }
        if self.stub_of(node).is_some() {
            return true;
        }
        let mut seen: HashSet<(TemplateScope, String)> = HashSet::new();
        let mut rest = with_scope(calls(template), &self.nodes.frame(node).inner_scope);
        while let Some((scope, call)) = rest.pop() {
            let step: Step = view(&call).unwrap_or_default();
            let Ok((scope, called)) = self.plan.resolve(&Reference::from(&step), &scope) else { continue };
            let name = called["name"].as_str().unwrap_or_default().to_owned();
            if stubs.has_template(&name) || stubs.may_have_node(&step.name) {
                return true;
            }
            if (name.is_empty() || seen.insert((scope.clone(), name)))
                && let Ok(called) = view::<Template>(&called)
            {
                rest.extend(with_scope(calls(&called), &scope));
            }
        }
        false
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

/// The steps or tasks of a template.
fn calls(template: &Template) -> Vec<Value> {
    let of_group = |group: &Value| group.as_array().cloned().unwrap_or_else(|| vec![group.clone()]);
    let steps = template.steps.iter().flatten().flat_map(of_group);
    steps.chain(template.dag.iter().flat_map(|dag| dag.tasks.clone())).collect()
}

fn with_scope(calls: Vec<Value>, scope: &TemplateScope) -> Vec<(TemplateScope, Value)> {
    calls.into_iter().map(|call| (scope.clone(), call)).collect()
}
