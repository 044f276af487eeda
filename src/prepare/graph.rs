//! The call graph of a workflow's templates, those it refers to included, and what follows from it.
//!
//! Each template is read once. What a template is with all it calls (its closure) is computed per strongly connected
//! component, callees first, so that recursion ends and the cost stays linear.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::call_identity::count_items;
use super::catalogue::Templates;
use super::components::components;
use super::graph_builder::Built;
use super::isolation::{VOLUME, shares_tree};
use super::template_scan::{Digest, Survey};
use crate::argo::references::References;
use crate::argo::template::{Template, at, list, text};

/// A template of the graph.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) template: Template<'a>,
    pub(super) survey: Survey,
    /// Its call sites, in order.
    pub(super) edges: Vec<Edge<'a>>,
    /// A called template that is not known here, as `object/template`.
    pub(super) unknown: Option<String>,
    pub(super) digest: Digest,
}

/// A call of one template by another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<'a> {
    pub(super) to: usize,
    /// The step or task.
    pub(super) call: &'a str,
    pub(super) looped: bool,
    pub(super) handler: bool,
    /// Whether the caller reads the call's `outputs.result`.
    pub(super) result: bool,
}

/// A template with everything it calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Closure {
    pub(super) digest: Digest,
    pub(super) references: References,
    /// A called template that is not known here.
    pub(super) unknown: Option<String>,
    /// A volume claim made for each workflow that is mounted.
    pub(super) claim: Option<String>,
    /// Whether it makes an object that is deleted with the workflow.
    pub(super) owned: bool,
    /// Whether a called template exports outputs to the whole workflow.
    pub(super) exports: bool,
}

/// How often a template runs in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Runs {
    /// Not from the entrypoint.
    Never,
    /// At most once.
    Once,
    /// More than once, or nobody knows.
    Many,
}

/// The graph. The templates of the workflow itself come first, in their order.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// How many of the nodes stand in the workflow itself.
    pub(super) local: usize,
    /// Strongly connected components, callees first.
    components: Vec<Vec<usize>>,
    claims: HashSet<&'a str>,
    pod_spec_patch: &'a str,
    entrypoint: Option<usize>,
    handlers: Vec<usize>,
}

impl<'a> Graph<'a> {
    /// Reads the templates of `spec` and all that they call.
    pub(super) fn of(spec: &'a Value, known: &'a Templates, namespace: Option<&'a str>) -> Self {
        let Built { nodes, local, entrypoint, handlers } = Built::of(spec, known, namespace);
        let claims = list(spec.get("volumeClaimTemplates"))
            .iter()
            .filter_map(|claim| claim.pointer("/metadata/name").and_then(Value::as_str))
            // The files of a worktree that the pods of a run share are as little in a key as those of a claim.
            .chain(shares_tree(spec).then_some(VOLUME))
            .collect();
        let adjacency: Vec<Vec<usize>> =
            nodes.iter().map(|node| node.edges.iter().map(|edge| edge.to).collect()).collect();
        Self {
            components: components(&adjacency),
            nodes,
            local,
            claims,
            pod_spec_patch: text(spec, "podSpecPatch"),
            entrypoint,
            handlers,
        }
    }

    /// The closure of each node.
    pub(super) fn closures(&self) -> Vec<Closure> {
        let mut closures = vec![Closure::default(); self.nodes.len()];
        let mut done = vec![false; self.nodes.len()];
        for component in &self.components {
            let shared = self.component_closure(component, &closures, &done);
            let closure = |node: usize, shared: Closure| {
                let digest = Sha256::new_with_prefix(self.nodes[node].digest).chain_update(shared.digest).finalize();
                Closure { digest: digest.into(), ..shared }
            };
            let Some((&last, others)) = component.split_last() else { continue };
            for &node in others {
                closures[node] = closure(node, shared.clone());
            }
            closures[last] = closure(last, shared);
            for &node in component {
                done[node] = true;
            }
        }
        closures
    }

    fn component_closure(&self, component: &[usize], closures: &[Closure], done: &[bool]) -> Closure {
        let mut shared = Closure::default();
        let mut inside: Vec<Digest> = Vec::new();
        let mut outside: Vec<Digest> = Vec::new();
        for &member in component {
            let node = &self.nodes[member];
            inside.push(node.digest);
            shared.references.extend(&node.survey.references);
            shared.unknown = shared.unknown.take().or_else(|| node.unknown.clone());
            shared.claim = shared.claim.take().or_else(|| self.claim(node));
            shared.owned |= at(node.template.value(), &["resource", "setOwnerReference"]) == Some(&Value::Bool(true));
            for edge in &node.edges {
                shared.exports |= exports(self.nodes[edge.to].template);
                if !done[edge.to] {
                    continue;
                }
                let callee = &closures[edge.to];
                outside.push(callee.digest);
                shared.references.extend(&callee.references);
                shared.unknown = shared.unknown.take().or_else(|| callee.unknown.clone());
                shared.claim = shared.claim.take().or_else(|| callee.claim.clone());
                shared.owned |= callee.owned;
                shared.exports |= callee.exports;
            }
        }
        inside.sort_unstable();
        outside.sort_unstable();
        let hash = Sha256::new().chain_update(inside.concat()).chain_update([0]).chain_update(outside.concat());
        shared.digest = hash.finalize().into();
        shared
    }

    /// Which nodes run when something starts, changes or ends, themselves or as part of such a handler.
    pub(super) fn handled(&self) -> Vec<bool> {
        let of_calls = self.nodes.iter().flat_map(|node| &node.edges).filter(|edge| edge.handler).map(|edge| edge.to);
        let mut handled = vec![false; self.nodes.len()];
        let mut pending: Vec<usize> = self.handlers.iter().copied().chain(of_calls).collect();
        while let Some(node) = pending.pop() {
            if !std::mem::replace(&mut handled[node], true) {
                pending.extend(self.nodes[node].edges.iter().map(|edge| edge.to));
            }
        }
        handled
    }

    /// How often each node runs.
    pub(super) fn runs(&self) -> Vec<Runs> {
        let mut runs = vec![Runs::Never; self.nodes.len()];
        if let Some(entrypoint) = self.entrypoint {
            runs[entrypoint] = Runs::Once;
        }
        for component in self.components.iter().rev() {
            let recursive = component.len() > 1
                || component.iter().any(|node| self.nodes[*node].edges.iter().any(|edge| edge.to == *node));
            if recursive && component.iter().any(|node| runs[*node] > Runs::Never) {
                for &node in component {
                    runs[node] = Runs::Many;
                }
            }
            for &node in component {
                for edge in &self.nodes[node].edges {
                    runs[edge.to] = match (runs[node], runs[edge.to]) {
                        (Runs::Never, before) => before,
                        (Runs::Once, Runs::Never) if !edge.looped => Runs::Once,
                        _ => Runs::Many,
                    };
                }
            }
        }
        runs
    }

    /// How many nodes of each template a run has, each of which makes an entry: loops whose items are known here are
    /// counted, others and recursion stand for one.
    pub(super) fn entries(&self, parameters: &[Value]) -> Vec<u64> {
        let mut entries = vec![0_u64; self.nodes.len()];
        if let Some(entrypoint) = self.entrypoint {
            entries[entrypoint] = 1;
        }
        for component in self.components.iter().rev() {
            for &node in component {
                let mut items = HashMap::new();
                count_items(self.nodes[node].template.value(), parameters, 1, &mut items);
                for edge in self.nodes[node].edges.iter().filter(|edge| !edge.handler && !component.contains(&edge.to))
                {
                    let times = items.get(edge.call).copied().unwrap_or(1);
                    entries[edge.to] = entries[edge.to].saturating_add(entries[node].saturating_mul(times));
                }
            }
            let most = component.iter().map(|&node| entries[node]).max().unwrap_or_default();
            for &node in component {
                entries[node] = most;
            }
        }
        entries
    }

    /// Everything there is: the whole graph as one template would be seen that reads what any of them has left.
    pub(super) fn whole(&self) -> Closure {
        let mut whole = Closure::default();
        let mut digests: Vec<Digest> = self.nodes.iter().map(|node| node.digest).collect();
        digests.sort_unstable();
        whole.digest = Sha256::digest(digests.concat()).into();
        for node in &self.nodes {
            whole.references.extend(&node.survey.references);
            whole.unknown = whole.unknown.take().or_else(|| node.unknown.clone());
        }
        whole
    }

    /// By whom each node is called: (by readers of its result, by others). The entrypoint's result is read by nobody.
    pub(super) fn readers(&self) -> Vec<(bool, bool)> {
        let mut readers = vec![(false, false); self.nodes.len()];
        if let Some(entrypoint) = self.entrypoint {
            readers[entrypoint].1 = true;
        }
        for edge in self.nodes.iter().flat_map(|node| &node.edges) {
            readers[edge.to].0 |= edge.result;
            readers[edge.to].1 |= !edge.result;
        }
        readers
    }

    /// The first volume claim template that a template mounts; a patch that names one may mount it.
    fn claim(&self, node: &Node<'_>) -> Option<String> {
        let patches = [self.pod_spec_patch, text(node.template.value(), "podSpecPatch")];
        let mounts =
            |claim: &str| node.survey.mounts.contains(claim) || patches.iter().any(|patch| patch.contains(claim));
        self.claims.iter().filter(|claim| mounts(claim)).min().map(ToString::to_string)
    }
}

/// Whether a template exports outputs to the whole workflow.
fn exports(template: Template<'_>) -> bool {
    ["parameters", "artifacts"]
        .iter()
        .flat_map(|kind| list(at(template.value(), &["outputs", kind])))
        .any(|output| !text(output, "globalName").is_empty())
}
