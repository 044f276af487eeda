//! Memoized nodes: a node may end with the outputs of one that succeeded before it, in this run or in an earlier one.
//!
//! Entries of this run serve the keys that the user wrote, as on a controller. The keys that prepare writes name the
//! call, so that no node of a run asks for what another one has made: they are for the attempts after this one.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::state::{Call, NodeIndex};
use super::{Action, Scheduler};
use crate::argo::duration;
use crate::argo::expression::unknown;
use crate::argo::model::{Container, Memoize, Template};
use crate::argo::status::{MemoizationStatus, NodeType, OutputParameter, Outputs, Phase};
use crate::argo::template::TemplateType;
use crate::local::resolved::Resolved;
use crate::local::runtime::{Pull, Wanted as ImageWanted};
use crate::prepare::{is_of_any_run, is_prepared_key};

/// The entry that a node asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The cache's name.
    pub(crate) cache: String,
    /// The entry's key.
    pub(crate) key: String,
    /// How old it may be.
    pub(crate) max_age: Option<jiff::SignedDuration>,
    /// Whether others that make the same entry are waited for.
    pub(crate) alone: bool,
    /// Whether the node is of a steps or dag template, which calls others.
    pub(crate) nested: bool,
    /// The output parameters that the template declares.
    pub(crate) parameters: Vec<String>,
    /// The output artifacts that it declares and that may not be missing.
    pub(crate) artifacts: Vec<String>,
    /// The images of its containers, where these run in them.
    pub(crate) images: Vec<ImageWanted>,
}

impl Wanted {
    /// The first declared output that an entry does not have: another program may have written the entry, or half of it
    /// was removed.
    pub(in crate::local) fn missing(
        &self,
        outputs: Option<&Outputs>,
        has_artifact: impl Fn(&str) -> bool,
    ) -> Option<&str> {
        let has =
            |name: &str| outputs.is_some_and(|outputs| outputs.parameters.iter().any(|output| output.name == name));
        let parameter = self.parameters.iter().find(|name| !has(name));
        parameter.or_else(|| self.artifacts.iter().find(|name| !has_artifact(name))).map(String::as_str)
    }
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// Nothing that counts.
    Miss,
    /// An entry, with its outputs.
    Hit(Option<Box<Outputs>>),
    /// The store cannot be asked, so that nobody knows whether there is an entry.
    Failed(String),
    /// Nothing, in a plan: the node has to run and is taken for one that ends well, with outputs that are unknown values
    /// of this number.
    Assumed(usize),
    /// In a plan: nobody knows whether there is an entry for this steps or dag template. What it calls is looked into, and
    /// its outputs are unknown values of this number.
    Undecided(usize),
}

/// What the nodes of this run have made, for those after them.
#[derive(Debug)]
pub(super) struct Memory {
    entries: HashMap<(String, String), Entry>,
    run_id: Option<String>,
}

#[derive(Debug)]
struct Entry {
    at: SignedDuration,
    outputs: Option<Outputs>,
    stubbed: bool,
}

impl Memory {
    pub(super) fn new(plan: &Resolved) -> Self {
        let parameters = plan.spec.pointer("/arguments/parameters").and_then(Value::as_array);
        let run_id = parameters.into_iter().flatten().find(|parameter| parameter["name"] == "run_id");
        let run_id = run_id.and_then(|parameter| parameter["value"].as_str()).map(str::to_owned);
        Self { entries: HashMap::new(), run_id }
    }

    /// An entry that is not too old.
    fn get(&self, cache: &str, key: &str, max_age: Option<SignedDuration>, now: SignedDuration) -> Option<&Entry> {
        let entry = self.entries.get(&(cache.to_owned(), key.to_owned()))?;
        max_age.is_none_or(|max_age| now - entry.at <= max_age).then_some(entry)
    }

    /// Keeps an entry for the nodes of this run that may ask for it.
    fn keep(&mut self, status: &MemoizationStatus, entry: impl FnOnce() -> Entry) {
        // In a plan, what is not memoized asks in a cache without a name, and no call answers for another. Nor are keys known
        // to be the same that hold the same unknown value: others may be part of it.
        let is_known = !status.cache_name.is_empty() && unknown::in_text(&status.key).is_none();
        if is_known && !self.is_prepared(&status.key) {
            self.entries.insert((status.cache_name.clone(), status.key.clone()), entry());
        }
    }

    fn is_prepared(&self, key: &str) -> bool {
        self.run_id.as_ref().is_some_and(|run_id| is_prepared_key(key, run_id))
    }
}

impl Scheduler {
    /// Ends the node with the outputs of a cache entry, or lets it run; asks for the entry where this run has none.
    pub(super) fn look_up_and_run(&mut self, node: NodeIndex) {
        let Some(template) = self.nodes.frame(node).template.clone() else { return };
        let Some(memoize) = template.memoize.as_ref().filter(|_| !self.is_stubbed_within(node, &template)) else {
            return self.run(node);
        };
        let cache = memoize.cache.as_ref().map(|cache| cache.config_map.name.clone()).unwrap_or_default();
        let max_age = memoize.max_age.as_deref().and_then(|text| duration::parse(text).ok());
        let filled = self.nodes.frame(node).filled.as_ref();
        let key = filled.and_then(|filled| filled.key()).unwrap_or(&memoize.key).to_owned();
        let status = MemoizationStatus { hit: false, key: key.clone(), cache_name: cache.clone() };
        self.nodes[node].memoization_status = Some(status);
        if let Some(entry) = self.memory.get(&cache, &key, max_age, self.now.elapsed) {
            let (outputs, stubbed) = (entry.outputs.clone(), entry.stubbed);
            self.nodes.frame_mut(node).stubbed = stubbed;
            return self.hit(node, outputs);
        }

        // A pod waits for nothing else while it holds its entry; nested templates with one key could wait in a circle.
        let is_pod = template.template_type().is_some_and(TemplateType::is_pod);
        let alone = is_pod || self.memory.is_prepared(&key);
        let declared = &template.outputs;
        let parameters = declared.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let artifacts = declared.artifacts.iter().filter(|artifact| !artifact.optional);
        let artifacts = artifacts.map(|artifact| artifact.name.clone()).collect();
        let nested = template.template_type().is_some_and(TemplateType::is_nested);
        let images = self.images_of(&template);
        let wanted = Wanted { cache, key, max_age, alone, nested, parameters, artifacts, images };
        self.actions.push(Action::LookUp(node, Box::new(wanted)));
    }

    /// The entry that was asked for, or that there is none.
    pub(super) fn looked_up(&mut self, node: NodeIndex, found: Found) {
        if self.nodes[node].phase.is_fulfilled() {
            return;
        }
        match found {
            Found::Miss => self.run(node),
            Found::Hit(outputs) => {
                let outputs = outputs.map(|outputs| self.as_recorded(node, *outputs));
                self.hit(node, outputs);
            }
            Found::Failed(why) => self.finish(node, Phase::Error, &why),
            Found::Assumed(number) => self.assume(node, number),
            Found::Undecided(number) => {
                self.nodes.frame_mut(node).undecided = Some(number);
                self.mark_unknown(node, number);
                self.run(node);
            }
        }
    }

    /// The outputs of an entry as the node itself would have them: Argo records a result where a caller refers to it, `exec`
    /// in a pod keeps it always. A key that prepare has written is never that of both, so that nothing else is left out.
    fn as_recorded(&self, node: NodeIndex, mut outputs: Outputs) -> Outputs {
        let frame = self.nodes.frame(node);
        let key = self.nodes[node].memoization_status.as_ref().map_or("", |status| status.key.as_str());
        let is_ours = self.memory.is_prepared(key) || is_of_any_run(key);
        if is_ours && !self.scopes.asks_for_result(frame.boundary, frame.caller.step()) {
            outputs.result = None;
        }
        outputs
    }

    /// In a plan: a call of which nobody knows yet whether it runs, or how often.
    pub(super) fn create_undecided(&mut self, call: &Call, step: &Value, number: usize) -> NodeIndex {
        let template = call.boundary.and_then(|boundary| self.called_template(boundary, step));
        let node = self.create(call, NodeType::Pod, Phase::Pending);
        let frame = self.nodes.frame_mut(node);
        frame.counted = false;
        frame.undecided = Some(number);
        frame.template = template.map(Arc::new);
        self.assume(node, number);
        node
    }

    /// In a plan: the outputs of a node as nobody knows them yet.
    pub(super) fn unknown_outputs(&self, node: NodeIndex, number: usize) -> Option<Outputs> {
        self.nodes.frame(node).template.as_ref().map(|template| unknown_outputs(template, number))
    }

    /// In a plan: ends a node that has to run, with outputs that nobody knows yet.
    pub(super) fn assume(&mut self, node: NodeIndex, number: usize) {
        self.nodes[node].outputs = self.unknown_outputs(node, number);
        self.mark_unknown(node, number);
        self.finish(node, Phase::Succeeded, "");
    }

    /// How the nodes end that this one is part of is not known either.
    fn mark_unknown(&mut self, node: NodeIndex, number: usize) {
        let mut next = Some(node);
        while let Some(node) = next {
            let frame = self.nodes.frame_mut(node);
            frame.unknown.get_or_insert(number);
            next = frame.owner.whole();
        }
    }

    /// In a plan: the number of the unknown value that decides whether the node runs, for one that it is part of may
    /// have an entry.
    pub(crate) fn undecided(&self, node: NodeIndex) -> Option<usize> {
        let above =
            std::iter::successors(self.nodes.frame(node).owner.whole(), |&above| self.nodes.frame(above).owner.whole());
        above.into_iter().find_map(|above| self.nodes.frame(above).undecided)
    }

    /// In a plan: the number of the unknown value that the node gives.
    pub(crate) fn unknown_of(&self, node: NodeIndex) -> Option<usize> {
        self.nodes.frame(node).unknown
    }

    fn hit(&mut self, node: NodeIndex, outputs: Option<Outputs>) {
        let status = &mut self.nodes[node];
        status.outputs = outputs;
        if let Some(memoization) = &mut status.memoization_status {
            memoization.hit = true;
        }
        self.finish(node, Phase::Succeeded, "");
    }

    /// Keeps what a memoized node gave, once it has succeeded; Argo keeps nothing of a pause. (operator.go, podReconciliation;
    /// steps.go, executeSteps; dag.go, executeDAG; taskset.go, reconcileTaskSet)
    pub(super) fn remember(&mut self, node: NodeIndex, phase: Phase) {
        let status = &self.nodes[node];
        let Some(memoization) = status.memoization_status.as_ref().filter(|memoization| !memoization.hit) else {
            return;
        };
        let template = self.nodes.frame(node).template.as_ref();
        let is_pause = template.is_some_and(|template| template.template_type() == Some(TemplateType::Suspend));
        if phase == Phase::Succeeded && !is_pause {
            let (at, stubbed) = (self.now.elapsed, self.nodes.frame(node).stubbed);
            let images = template.map(|template| self.images_of(template)).unwrap_or_default();
            self.memory.keep(memoization, || Entry { at, outputs: status.outputs.clone(), stubbed });
            self.actions.push(if stubbed { Action::LeaveOut(node) } else { Action::Keep(node, images) });
        } else {
            self.actions.push(Action::Forget(node));
        }
    }

    /// The images of a template's own containers, where these run in them.
    fn images_of(&self, template: &Template) -> Vec<ImageWanted> {
        if !self.plan.in_images {
            return Vec::new();
        }
        let main = template.container.iter().chain(&template.script);
        let containers = main.chain(&template.init_containers).chain(&template.sidecars);
        let image = |container: &Container| ImageWanted {
            image: container.image.clone(),
            pull: Pull::read(&container.image_pull_policy),
        };
        containers.map(image).collect()
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

impl Memoize {
    /// Why a controller would not look up the cache entry; its key as it is in this call.
    pub(super) fn fault(&self, key: Option<&str>) -> Option<String> {
        let key = key.unwrap_or(&self.key);
        let mut bytes = key.bytes();
        let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_unknown = unknown::in_text(key).is_some();
        if !is_unknown && (!begins || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')) {
            return Some(format!("invalid cache key: {key}"));
        }
        let max_age = self.max_age.as_deref().filter(|text| !text.is_empty())?;
        duration::parse(max_age).err().map(|error| format!("invalid maxAge: {error}"))
    }
}
