//! Cache entries of this run: a node may end with the outputs of one that succeeded before it.

use super::Scheduler;
use super::call::NodeIndex;
use crate::argo::duration;
use crate::argo::spec::{Memoize, Template};
use crate::argo::status::{MemoizationStatus, Outputs, Phase};

impl Scheduler {
    /// Ends the node with the outputs of a cache entry, or lets it run.
    pub(super) fn look_up_and_run(&mut self, node: NodeIndex) {
        let Some(template) = self.frame(node).template.clone() else { return };
        if template.memoize.as_ref().is_some_and(|memoize| self.look_up(node, memoize)) {
            return self.finish(node, Phase::Succeeded, "");
        }
        self.run(node);
    }

    /// Whether there is an entry; the node has its outputs then.
    fn look_up(&mut self, node: NodeIndex, memoize: &Memoize) -> bool {
        let cache_name = memoize.cache.as_ref().map(|cache| cache.config_map.name.clone()).unwrap_or_default();
        let max_age = memoize.max_age.as_deref().and_then(|text| duration::parse(text).ok());
        let entry = self.memory.get(&(cache_name.clone(), memoize.key.clone()));
        let fresh = entry.filter(|(at, _)| max_age.is_none_or(|max_age| self.now.duration_since(*at) <= max_age));
        let outputs = fresh.map(|(_, outputs)| outputs.clone());
        let hit = outputs.is_some();
        let status = self.node_mut(node);
        status.memoization_status = Some(MemoizationStatus { hit, key: memoize.key.clone(), cache_name });
        status.outputs = outputs.flatten();
        hit
    }

    /// Keeps what a memoized node gave, once it has succeeded.
    pub(super) fn remember(&mut self, node: NodeIndex, outputs: Option<&Outputs>) {
        let status = self.node(node);
        let Some(memoization) = &status.memoization_status else { return };
        if status.phase == Phase::Succeeded && !memoization.hit {
            let key = (memoization.cache_name.clone(), memoization.key.clone());
            self.memory.insert(key, (self.now, outputs.cloned()));
        }
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
