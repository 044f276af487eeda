//! Memoized nodes: a node may end with the outputs of one that succeeded before it, in this run or in an earlier one.
//!
//! Entries of this run serve the keys that the user wrote, as on a controller. The keys that prepare writes name the
//! call, so that no node of a run asks for what another one has made: they are for the attempts after this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Call, NodeIndex, Owner};
use super::{Action, Scheduler};
use crate::argo::duration;
use crate::argo::expression::unknown;
use crate::argo::model::Template;
use crate::argo::status::{MemoizationStatus, NodeType, OutputParameter, Outputs, Phase};
use crate::argo::template::TemplateType;
use crate::prepare::is_prepared_key;

/// The entry that a node asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The cache's name.
    pub cache: String,
    /// The entry's key.
    pub key: String,
    /// How old it may be.
    pub max_age: Option<jiff::SignedDuration>,
    /// Whether others that make the same entry are waited for.
    pub alone: bool,
    /// Whether the node is of a steps or dag template, which calls others.
    pub nested: bool,
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// Nothing that counts.
    Miss,
    /// An entry, with its outputs.
    Hit(Option<Box<Outputs>>),
    /// Nothing, in a plan: the node has to run and is taken for one that ends well, with outputs that are unknown values
    /// of this number.
    Assumed(usize),
}

impl Scheduler {
    /// Ends the node with the outputs of a cache entry, or lets it run; asks for the entry where this run has none.
    pub(super) fn look_up_and_run(&mut self, node: NodeIndex) {
        let Some(template) = self.frame(node).template.clone() else { return };
        let Some(memoize) = &template.memoize else { return self.run(node) };
        let cache = memoize.cache.as_ref().map(|cache| cache.config_map.name.clone()).unwrap_or_default();
        let max_age = memoize.max_age.as_deref().and_then(|text| duration::parse(text).ok());
        let key = memoize.key.clone();
        let status = MemoizationStatus { hit: false, key: key.clone(), cache_name: cache.clone() };
        self.node_mut(node).memoization_status = Some(status);
        let own = self.memory.get(&(cache.clone(), key.clone()));
        let fresh = own.filter(|(at, _)| max_age.is_none_or(|max_age| self.now.duration_since(*at) <= max_age));
        if let Some((_, outputs)) = fresh {
            let outputs = outputs.clone();
            return self.hit(node, outputs);
        }
        // A pod waits for nothing else while it holds its entry; nested templates with one key could wait in a circle.
        let is_pod = template.template_type().is_some_and(TemplateType::is_pod);
        let alone = is_pod || self.is_prepared(&key);
        let nested = template.template_type().is_some_and(TemplateType::is_nested);
        self.actions.push(Action::LookUp(node, Box::new(Wanted { cache, key, max_age, alone, nested })));
    }

    /// The entry that was asked for, or that there is none.
    pub(super) fn looked_up(&mut self, node: NodeIndex, found: Found) {
        if self.node(node).phase.is_fulfilled() {
            return;
        }
        match found {
            Found::Miss => self.run(node),
            Found::Hit(outputs) => self.hit(node, outputs.map(|outputs| *outputs)),
            Found::Assumed(number) => self.assume(node, number),
        }
    }

    /// In a plan: a call of which nobody knows yet whether it runs, or how often.
    pub(super) fn create_undecided(&mut self, call: &Call, step: &Value, number: usize) -> NodeIndex {
        let template = call.boundary.and_then(|boundary| self.called_template(boundary, step));
        let call = Call { hooks: BTreeMap::new(), ..call.clone() };
        let node = self.create(&call, NodeType::Pod, Phase::Pending);
        let frame = self.frame_mut(node);
        frame.counted = false;
        frame.template = template.map(Arc::new);
        self.assume(node, number);
        node
    }

    /// In a plan: ends a node that has to run, with outputs that nobody knows yet.
    fn assume(&mut self, node: NodeIndex, number: usize) {
        let outputs = self.frame(node).template.as_ref().map(|template| unknown_outputs(template, number));
        self.node_mut(node).outputs = outputs;
        self.mark_unknown(node, number);
        self.finish(node, Phase::Succeeded, "");
    }

    /// How the nodes end that this one is part of is not known either.
    fn mark_unknown(&mut self, node: NodeIndex, number: usize) {
        let mut next = Some(node);
        while let Some(node) = next {
            let frame = self.frame_mut(node);
            frame.unknown.get_or_insert(number);
            next = match frame.owner {
                Owner::Steps(node)
                | Owner::Group(node)
                | Owner::Task(node, _)
                | Owner::Item(node)
                | Owner::Attempt(node) => Some(node),
                Owner::Entry | Owner::ExitHandler | Owner::Hook(_) => None,
            };
        }
    }

    /// In a plan: the number of the unknown value that the node gives.
    pub(crate) fn unknown_of(&self, node: NodeIndex) -> Option<usize> {
        self.frame(node).unknown
    }

    fn hit(&mut self, node: NodeIndex, outputs: Option<Outputs>) {
        let status = self.node_mut(node);
        status.outputs = outputs;
        if let Some(memoization) = &mut status.memoization_status {
            memoization.hit = true;
        }
        self.finish(node, Phase::Succeeded, "");
    }

    /// Keeps what a memoized node gave, once it has succeeded.
    pub(super) fn remember(&mut self, node: NodeIndex, phase: Phase, outputs: Option<&Outputs>) {
        let Some(memoization) = &self.node(node).memoization_status else { return };
        if memoization.hit {
            return;
        }
        if phase != Phase::Succeeded {
            self.actions.push(Action::Forget(node));
            return;
        }
        let (cache, key) = (memoization.cache_name.clone(), memoization.key.clone());
        if !self.is_prepared(&key) {
            self.memory.insert((cache, key), (self.now, outputs.cloned()));
        }
        self.actions.push(Action::Keep(node));
    }

    fn is_prepared(&self, key: &str) -> bool {
        let parameters = self.plan.spec.pointer("/arguments/parameters").and_then(serde_json::Value::as_array);
        let run_id = parameters.into_iter().flatten().find(|parameter| parameter["name"] == "run_id");
        run_id.and_then(|parameter| parameter["value"].as_str()).is_some_and(|run_id| is_prepared_key(key, run_id))
    }
}

/// Everything that a template declares to give, unknown.
fn unknown_outputs(template: &Template, number: usize) -> Outputs {
    let value = unknown::unknown(number);
    let parameters = template.outputs.parameters.iter().map(|parameter| OutputParameter {
        name: parameter.name.clone(),
        value: Some(value.clone()),
        global_name: parameter.global_name.clone(),
        value_from: None,
    });
    let artifacts = template.outputs.artifacts.iter().map(|artifact| {
        let mut document = json!({"name": artifact.name, "s3": {"key": value}});
        if let Some(name) = &artifact.global_name {
            document["globalName"] = name.clone().into();
        }
        document
    });
    Outputs {
        parameters: parameters.collect(),
        artifacts: artifacts.collect(),
        result: Some(value.clone()),
        exit_code: Some(value.clone()),
    }
}

impl Template {
    /// Why a controller would not look up the template's cache entry.
    pub(super) fn memoize_fault(&self) -> Option<String> {
        let memoize = self.memoize.as_ref()?;
        let mut bytes = memoize.key.bytes();
        let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_unknown = unknown::in_text(&memoize.key).is_some();
        if !is_unknown && (!begins || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            return Some(format!("invalid cache key: {}", memoize.key));
        }
        let max_age = memoize.max_age.as_deref().filter(|text| !text.is_empty())?;
        duration::parse(max_age).err().map(|error| format!("invalid maxAge: {error}"))
    }
}
