//! Keys of `memoize` that several templates of one workflow have, tags included, in one cache: whichever template ends
//! first hands its outputs to the others.

use std::collections::HashMap;

use serde_json::Value;

use super::call::Target;
use super::template::{at, field, text};
use super::workflow_spec::templates;

/// A key in a cache.
pub(crate) type KeyInCache = (String, String);

/// The `memoize` of a template: its own, or that of the spec's `templateDefaults`.
pub(crate) fn memoize_of<'a>(template: &'a Value, spec: &'a Value) -> Option<&'a Value> {
    let own = field(template, "memoize").filter(|memoize| memoize.is_object());
    own.or_else(|| at(spec, &["templateDefaults", "memoize"]).filter(|memoize| memoize.is_object()))
}

/// The name of the cache that a `memoize` names, if it does.
pub(crate) fn cache_of(memoize: &Value) -> Option<&str> {
    at(memoize, &["cache", "configMap", "name"]).and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// The key of a `memoize` in its cache; one that names none has the workflow's.
pub(crate) fn key_in_cache(memoize: &Value, cache: &str) -> KeyInCache {
    (cache_of(memoize).unwrap_or(cache).to_owned(), text(memoize, "key").to_owned())
}

/// The keys that several templates have. `written` gives a key as the user wrote it for the template of a name.
pub(crate) fn shared_keys(
    spec: &Value,
    cache: &str,
    written: impl Fn(&str, KeyInCache) -> Option<KeyInCache>,
) -> Vec<KeyInCache> {
    let mut counts: HashMap<KeyInCache, usize> = HashMap::new();
    let mut count = |name: &str, template: &Value| {
        let key = memoize_of(template, spec).map(|memoize| key_in_cache(memoize, cache));
        if let Some(key) = key.filter(|(_, key)| !key.is_empty()).and_then(|key| written(name, key)) {
            *counts.entry(key).or_default() += 1;
        }
    };
    for template in templates(spec) {
        count(template.name(), template.value());
        for call in template.calls() {
            if let Target::Inline(inline) = call.target {
                count("", inline.value());
            }
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}
