//! Memoized nodes: a node may end with the outputs of one that succeeded before it, in this run or in an earlier one.
//!
//! Entries of this run serve the keys that the user wrote, as on a controller. The keys that prepare writes are for the
//! attempts after this one: within one run they change nothing.

use super::state::NodeIndex;
use super::{Action, Scheduler};
use crate::argo::duration;
use crate::argo::model::Template;
use crate::argo::status::{MemoizationStatus, Outputs, Phase};
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
    /// The output parameters that the template declares.
    pub parameters: Vec<String>,
    /// The output artifacts that it declares and that may not be missing.
    pub artifacts: Vec<String>,
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
        let declared = &template.outputs;
        let parameters = declared.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        let artifacts = declared.artifacts.iter().filter(|artifact| !artifact.optional);
        let artifacts = artifacts.map(|artifact| artifact.name.clone()).collect();
        self.actions.push(Action::LookUp(node, Box::new(Wanted { cache, key, max_age, alone, parameters, artifacts })));
    }

    /// The entry that was asked for, or that there is none.
    pub(super) fn looked_up(&mut self, node: NodeIndex, found: Found) {
        if self.node(node).phase.is_fulfilled() {
            return;
        }
        match found {
            Found::Miss => self.run(node),
            Found::Hit(outputs) => self.hit(node, outputs.map(|outputs| *outputs)),
        }
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

impl Template {
    /// Why a controller would not look up the template's cache entry.
    pub(super) fn memoize_fault(&self) -> Option<String> {
        let memoize = self.memoize.as_ref()?;
        let mut bytes = memoize.key.bytes();
        let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !begins || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Some(format!("invalid cache key: {}", memoize.key));
        }
        let max_age = memoize.max_age.as_deref().filter(|text| !text.is_empty())?;
        duration::parse(max_age).err().map(|error| format!("invalid maxAge: {error}"))
    }
}
