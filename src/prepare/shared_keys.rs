//! Keys of the user's that several templates have, tags included: each is made its template's and its call's own, or one
//! template would hand its outputs to another.

use serde_json::Value;

use super::key;
use super::memoizable::Plan;
use super::memoize::is_users;
use super::warnings::Notice;
use crate::argo::call::for_each_inline_mut;
use crate::argo::identity::CacheName;
use crate::argo::shared_keys::{KeyInCache, key_in_cache, memoize_of, shared_keys};
use crate::argo::template::text;
use crate::argo::workflow_spec::{templates, templates_mut};

/// The keys that are to be written.
pub(super) struct Extended {
    /// By the template's place: what the user wrote, and what is written.
    keys: Vec<Option<(String, String)>>,
    shared: Vec<KeyInCache>,
    cache: String,
}

impl Extended {
    /// Finds them.
    pub(super) fn of(spec: &Value, cache: &CacheName, plan: &Plan<'_>) -> Self {
        let cache = cache.to_string();
        let shared = shared_keys(spec, &cache, |name, (cache, key)| {
            let written = key::written(&key, name).map(str::to_owned);
            (!key::is_ours(&key)).then(|| (cache, written.unwrap_or(key)))
        });
        let keys = templates(spec).enumerate().map(|(place, template)| {
            let memoize = memoize_of(template.value(), spec)?;
            let (cache, key) = key_in_cache(memoize, &cache);
            let before = key::written(&key, template.name());
            let written = before.unwrap_or(&key).to_owned();
            let is_shared = before.is_some() || shared.contains(&(cache, written.clone()));
            is_shared.then(|| (plan.extended_key(place, &written), written)).map(|(key, written)| (written, key))
        });
        Self { keys: keys.collect(), shared, cache }
    }

    /// Writes them, with a notice for each that is new. Inline templates have no call that their tags could name, and lose
    /// a key that others have.
    pub(super) fn write(self, spec: &mut Value, notices: &mut Vec<Notice>) {
        let defaults = spec.pointer("/templateDefaults/memoize").cloned();
        let is_shared = |memoize: &Value| self.shared.contains(&key_in_cache(memoize, &self.cache));
        for (template, extended) in templates_mut(spec).zip(self.keys) {
            for_each_inline_mut(template, &mut |inline| {
                if is_users(inline) && inline.get("memoize").is_some_and(is_shared) {
                    inline.as_object_mut().map(|fields| fields.shift_remove("memoize"));
                }
            });
            let Some((written, key)) = extended else { continue };
            let name = text(template, "name").to_owned();
            let Some(fields) = template.as_object_mut() else { continue };
            let memoize = fields.entry("memoize").or_insert(Value::Null);
            if !memoize.is_object() {
                *memoize = defaults.clone().unwrap_or_default();
            }
            if text(memoize, "key") != key {
                notices.push(Notice::KeyExtended { template: name, key: written });
            }
            memoize["key"] = key.into();
        }
        if defaults.as_ref().is_some_and(is_shared)
            && let Some(defaults) = spec.get_mut("templateDefaults").and_then(Value::as_object_mut)
        {
            defaults.shift_remove("memoize");
        }
    }
}
