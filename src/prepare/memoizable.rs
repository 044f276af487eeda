//! Whether a template is memoized, and under which key.
//!
//! A hit that should have been a miss hands a step another's outputs; a miss that could have been a hit costs time.
//! So what is not known leaves a template out. A steps or dag template that calls a suspend or a daemon is memoized
//! all the same: a hit stands for the whole of it, approval and servant included, as it succeeded in this run.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Memoize;
use super::call_identity::CallIdentity;
use super::graph::{Closure, Graph, Node, Runs};
use super::key;
use super::memoize::{Context, is_users};
use super::reason::Reason;
use super::reuse::{Impure, Reuse};
use super::stranding::stranding;
use super::template_scan::{Digest, Place, Survey};
use crate::argo::references::References;
use crate::argo::template::{Template, TemplateType, at, list, text};
use crate::argo::workflow::{CREATOR_ANNOTATION, RUN_ID_LABEL};

/// What is to be done with a template.
pub(super) struct Decision {
    /// The key, or why there is none.
    pub(super) key: Result<String, Reason>,
    /// Whether it gets the input that tells readers of its result from others.
    pub(super) mixed: bool,
    /// Its steps and tasks that pass that input.
    pub(super) readers: Vec<String>,
    /// What it reads that differs in each attempt.
    pub(super) volatile: Vec<String>,
    /// Whether its entries are of use to other runs, or why not, where the user declares it so.
    pub(super) reuse: Option<Result<(), Impure>>,
}

/// Everything a decision is made from.
pub(super) struct Plan<'a> {
    spec: &'a Value,
    graph: Graph<'a>,
    closures: Vec<Closure>,
    /// Everything there is, where a template reads artifacts.
    whole: Option<Closure>,
    handled: Vec<bool>,
    runs: Vec<Runs>,
    readers: Vec<(bool, bool)>,
    /// The expression of the call that a node stands for.
    call: String,
    /// The workflow's parameters that are the same in each attempt.
    declared: Vec<&'a str>,
    /// Those that are made of values that differ in each attempt.
    volatile_parameters: Vec<&'a str>,
    shared: bool,
    /// Whether artifacts of any template are deleted when the workflow completes.
    any_artifact_deleted: bool,
    metadata: &'a Value,
    defaults: &'a Value,
    /// The templates that the user declares pure functions, and whether other runs can find their entries.
    reuse: &'a Reuse,
    has_named_cache: bool,
    /// How many entries each template may make in a run.
    entries: Vec<u64>,
    /// Those whose entries may not fit into the cache.
    crowded: Vec<bool>,
    /// Those whose cached nodes would keep a controller from ending a dag.
    stranding: Vec<bool>,
}

impl<'a> Plan<'a> {
    /// Reads the spec.
    pub(super) fn of(spec: &'a Value, context: &'a Context<'_>) -> Self {
        let namespace = context.metadata.get("namespace").and_then(Value::as_str);
        let graph = Graph::of(spec, context.templates, namespace);
        // Reading all of it costs as much as reading all templates; only readers of artifacts need it.
        let reads_artifacts = |node: &Node<'_>| !node.template.input_artifacts().is_empty();
        let whole = graph.nodes[..graph.local].iter().any(reads_artifacts).then(|| {
            let mut whole = graph.whole();
            whole.references.all_parameters = true;
            let spec = Survey::of(spec, Place::Spec).digest();
            whole.digest = Sha256::new_with_prefix(whole.digest).chain_update(spec).finalize().into();
            whole
        });
        let (volatile_parameters, declared) =
            list(spec.pointer("/arguments/parameters")).iter().partition::<Vec<&Value>, _>(|entry| is_volatile(entry));
        let name = |entry: &'a Value| text(entry, "name");
        let mut plan = Self {
            closures: graph.closures(),
            whole,
            handled: graph.handled(),
            runs: graph.runs(),
            readers: graph.readers(),
            call: CallIdentity::of(&graph, spec, context.shared).expression(),
            declared: declared.into_iter().map(name).collect(),
            volatile_parameters: volatile_parameters.into_iter().map(name).collect(),
            shared: context.shared,
            any_artifact_deleted: graph.nodes.iter().any(|node| {
                list(at(node.template.value(), &["outputs", "artifacts"]))
                    .iter()
                    .any(|artifact| is_deleted(artifact, spec))
            }),
            metadata: context.metadata,
            defaults: spec.get("templateDefaults").unwrap_or(&Value::Null),
            reuse: &context.options.reuse,
            has_named_cache: context.has_named_cache,
            entries: graph.entries(list(spec.pointer("/arguments/parameters"))),
            crowded: vec![false; graph.local],
            stranding: vec![false; graph.local],
            spec,
            graph,
        };
        if context.options.is_for_controller() {
            let mut stranding = stranding(&plan.graph, plan.spec);
            for (node, strands) in stranding.iter_mut().enumerate() {
                *strands &= plan.is_in_config_map(node, context.pods);
            }
            plan.stranding = stranding;
        }
        if let Some(room) = context.options.room.filter(|_| context.options.memoize != Memoize::All) {
            plan.crowded = plan.crowded(room, context.pods);
        }
        plan
    }

    /// The templates whose entries the room does not take any more: those that need most of it.
    fn crowded(&self, room: u64, pods: bool) -> Vec<bool> {
        let need = |node: usize| self.entries[node].saturating_mul(entry_size(self.graph.nodes[node].template));
        let mut memoized: Vec<usize> = (0..self.graph.local).filter(|&node| self.reason(node).is_none()).collect();
        memoized.retain(|&node| self.is_in_config_map(node, pods));
        memoized.sort_by_key(|&node| need(node));

        let (mut crowded, mut taken) = (vec![false; self.graph.local], 0_u64);
        for node in memoized {
            taken = taken.saturating_add(need(node));
            crowded[node] = taken > room;
        }
        crowded
    }

    /// Whether a controller looks up the entries of a template. Where pods do it themselves, that is one whose work is in no
    /// container of its own.
    fn is_in_config_map(&self, node: usize, pods: bool) -> bool {
        let of_pods =
            |kind: TemplateType| kind.is_nested() || matches!(kind, TemplateType::Container | TemplateType::Script);
        !pods || !self.graph.nodes[node].template.template_type().is_some_and(of_pods)
    }

    /// The decision for each template of the spec, in their order.
    pub(super) fn decisions(&self) -> Vec<Decision> {
        let keys: Vec<(Result<String, Reason>, bool)> = (0..self.graph.local)
            .map(|node| {
                let mixed = self.is_mixed(node);
                let key = self.key(node, mixed);
                let mixed = mixed && key.is_ok();
                (key, mixed)
            })
            .collect();
        let mixed: Vec<bool> = keys.iter().map(|(_, mixed)| *mixed).collect();
        let to_mixed = |to: usize| mixed.get(to).copied().unwrap_or(false);
        let decide = |(node, (key, mixed)): (usize, (Result<String, Reason>, bool))| {
            let edges = self.graph.nodes[node].edges.iter().filter(|edge| edge.result && to_mixed(edge.to));
            let readers = edges.map(|edge| edge.call.to_owned()).collect();
            let reuse = self.reuse(node).filter(|_| key.is_ok());
            Decision { key, mixed, readers, volatile: self.volatile(node), reuse }
        };
        keys.into_iter().enumerate().map(decide).collect()
    }

    fn is_mixed(&self, node: usize) -> bool {
        let nested = self.graph.nodes[node].template.template_type().is_none_or(TemplateType::is_nested);
        !nested && self.readers[node] == (true, true) && self.reason(node).is_none()
    }

    fn key(&self, node: usize, mixed: bool) -> Result<String, Reason> {
        if let Some(reason) = self.reason(node) {
            return Err(reason);
        }
        let Node { template, survey, .. } = &self.graph.nodes[node];
        if mixed && survey.references.all_inputs {
            return Err(Reason::MixedResult);
        }
        if self.reuse(node) == Some(Ok(())) {
            let (digest, values) = self.content(node, mixed, key::all_values)?;
            return Ok(key::reused(template.name(), &digest, &values));
        }
        let (digest, mut values) = self.content(node, mixed, key::values)?;
        values.extend((!self.keeps_key_without_call(node)).then(|| self.call.clone()));
        Ok(key::key(template.name(), &digest, &values))
    }

    /// The key that the user wrote for a template, with what makes it this template's and its call's own.
    pub(super) fn extended_key(&self, node: usize, written: &str) -> String {
        let name = self.graph.nodes[node].template.name();
        // What cannot stand in a key cannot stand in the user's either.
        let (digest, mut values) =
            self.content(node, false, key::values).unwrap_or_else(|_| (self.closures[node].digest, Vec::new()));
        values.push(self.call.clone());
        key::extended(written, name, &digest, &values)
    }

    /// The hash of the template with all that it calls, and the inputs and values that it reads, as expressions.
    fn content(
        &self,
        node: usize,
        mixed: bool,
        read: fn(&References, &[&str]) -> Result<Vec<String>, String>,
    ) -> Result<(Digest, Vec<String>), Reason> {
        let Node { template, .. } = &self.graph.nodes[node];
        let closure = &self.closures[node];
        let (is_read, _) = self.readers[node];
        let mut hash = Sha256::new_with_prefix(closure.digest).chain_update([u8::from(is_read), u8::from(mixed)]);
        let mut references = closure.references.clone();
        if let Some(whole) = self.whole.as_ref().filter(|_| !template.input_artifacts().is_empty()) {
            hash.update(whole.digest);
            references.extend(&whole.references);
        }
        for (all, field) in [(references.all_labels, "labels"), (references.all_annotations, "annotations")] {
            if all {
                hash.update(Survey::of(&self.own_metadata(field), Place::Other).digest());
            }
        }
        references.parameters.retain(|name| !self.volatile_parameters.contains(&name.as_str()));
        let values = read(&references, &self.declared).map_err(|name| Reason::Unkeyable { name })?;
        let has_inputs =
            mixed || !template.input_parameters().is_empty() || self.defaults.pointer("/inputs/parameters").is_some();
        let inputs = has_inputs.then(|| "inputs.parameters".to_owned());
        Ok((hash.finalize().into(), inputs.into_iter().chain(values).collect()))
    }

    /// Whether other runs may use the entries of a template; none where nobody declares it a pure function.
    fn reuse(&self, node: usize) -> Option<Result<(), Impure>> {
        let Node { template, .. } = &self.graph.nodes[node];
        if !self.reuse.declares(*template) {
            return None;
        }
        // What is written in the template itself is part of its content.
        let is_raw = |artifact: &Value| artifact.get("raw").is_some_and(Value::is_object);
        let references = &self.closures[node].references;
        let parameters = self.volatile_parameters.iter().filter(|name| references.parameters.contains(**name));
        let parameters = parameters.map(|name| format!("workflow.parameters.{name}"));
        let values: Vec<String> = references.volatile.iter().cloned().chain(parameters).collect();
        Some(if !self.has_named_cache {
            Err(Impure::NoCache)
        } else if !template.input_artifacts().iter().all(is_raw) {
            Err(Impure::Artifacts)
        } else if !values.is_empty() {
            Err(Impure::Volatile { values })
        } else {
            Ok(())
        })
    }

    /// Whether the entry that an older version of this tool made is still right: its key does not name the call, and
    /// there is one call at most.
    fn keeps_key_without_call(&self, node: usize) -> bool {
        let memoize = self.graph.nodes[node].template.value().get("memoize");
        let is_older = memoize.is_some_and(|memoize| key::is_without_call(text(memoize, "key")));
        is_older && !self.shared && self.runs[node] < Runs::Many
    }

    /// Why a template is not memoized, as far as that does not depend on its callers reading its result.
    fn reason(&self, node: usize) -> Option<Reason> {
        let Node { template, survey, .. } = &self.graph.nodes[node];
        let closure = &self.closures[node];
        let artifacts = !template.input_artifacts().is_empty();
        let Some(kind) = template.template_type() else { return Some(Reason::UnknownType) };
        if kind == TemplateType::Suspend {
            return Some(Reason::Suspend);
        }
        if template.is_daemon() || self.defaults.get("daemon").and_then(Value::as_bool).unwrap_or(false) {
            return Some(Reason::Daemon);
        }
        if is_users(template.value()) || is_users(self.defaults) {
            return Some(Reason::UserMemoized);
        }
        if self.handled[node] {
            return Some(Reason::Handler);
        }
        if let Some(volume) = closure.claim.clone() {
            return Some(Reason::VolumeClaim { volume });
        }
        if closure.owned {
            return Some(Reason::Owned);
        }
        let of_whole = || self.whole.as_ref().filter(|_| artifacts).and_then(|whole| whole.unknown.as_ref());
        let unknown = closure.unknown.as_ref().or_else(of_whole);
        if let Some(name) = unknown.cloned() {
            return Some(Reason::UnknownTemplate { name });
        }
        if closure.references.global_outputs {
            return Some(Reason::GlobalOutputs);
        }
        if closure.exports {
            return Some(Reason::Exports);
        }
        if survey.references.call_site {
            return Some(Reason::CallSite);
        }
        if closure.references.computed {
            return Some(Reason::Unkeyable { name: "a variable of a computed name".to_owned() });
        }
        if self.loses_artifacts(*template) {
            return Some(Reason::ArtifactsDeleted);
        }
        if self.stranding[node] {
            return Some(Reason::RetriedTask);
        }
        if self.crowded[node] {
            return Some(Reason::Entries { count: self.entries[node] });
        }
        (artifacts && self.shared).then_some(Reason::Artifacts)
    }

    /// Whether artifacts that the template puts out are deleted when the workflow completes. Those of a nested template
    /// come from what it calls.
    fn loses_artifacts(&self, template: Template<'_>) -> bool {
        match list(at(template.value(), &["outputs", "artifacts"])) {
            [] => false,
            _ if template.template_type().is_some_and(TemplateType::is_nested) => self.any_artifact_deleted,
            own => own.iter().any(|artifact| is_deleted(artifact, self.spec)),
        }
    }

    fn volatile(&self, node: usize) -> Vec<String> {
        let references = &self.graph.nodes[node].survey.references;
        let wholes = [
            (references.all_parameters, "workflow.parameters"),
            (references.all_labels, "workflow.labels"),
            (references.all_annotations, "workflow.annotations"),
        ];
        let wholes = wholes.into_iter().filter(|(all, _)| *all).map(|(_, name)| name.to_owned());
        let parameters = self.volatile_parameters.iter().filter(|name| references.parameters.contains(**name));
        let parameters = parameters.map(|name| format!("workflow.parameters.{name}"));
        references.volatile.iter().cloned().chain(wholes).chain(parameters).collect()
    }

    /// The labels or annotations that the user gave, without those that Argo sets and those that mark an attempt.
    fn own_metadata(&self, field: &str) -> Value {
        let given = [self.metadata.get(field), self.spec.pointer(&format!("/workflowMetadata/{field}"))];
        let own = |name: &String| {
            !name.starts_with("workflows.argoproj.io/") && ![RUN_ID_LABEL, CREATOR_ANNOTATION].contains(&name.as_str())
        };
        let fields = given.into_iter().flatten().filter_map(Value::as_object).flatten();
        Value::Object(fields.filter(|(name, _)| own(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// How many bytes an entry of a template takes, its key included, where its outputs are of the usual size.
fn entry_size(template: Template<'_>) -> u64 {
    const KEY: u64 = 64;
    const FIELDS: u64 = 200;
    const OUTPUT: u64 = 100;
    const ARTIFACT: u64 = 300;
    let count = |path: &[&str]| list(at(template.value(), path)).len() as u64;
    let outputs = OUTPUT * count(&["outputs", "parameters"]) + ARTIFACT * count(&["outputs", "artifacts"]);
    KEY + FIELDS + template.name().len() as u64 + outputs
}

/// Whether a workflow's parameter is made of values that differ in each attempt.
fn is_volatile(parameter: &Value) -> bool {
    let mut references = References::default();
    references.read_tags(text(parameter, "value"));
    !references.volatile.is_empty()
}

/// Whether an output artifact is deleted when the workflow completes: by its own strategy, else by the spec's.
fn is_deleted(artifact: &Value, spec: &Value) -> bool {
    let strategy =
        |holder| at(holder, &["artifactGC", "strategy"]).and_then(Value::as_str).filter(|text| !text.is_empty());
    strategy(artifact).or_else(|| strategy(spec)) == Some("OnWorkflowCompletion")
}
