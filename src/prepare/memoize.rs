//! Writes `memoize` into the templates of a spec, all with the same cache, and corrects what the user wrote.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::catalogue::Templates;
use super::copied;
use super::exec_cache::unwrapped_spec;
use super::key;
use super::memoizable::{Decision, Plan};
use super::reason::Reason;
use super::result_input;
use super::shared_keys::Extended;
use super::warnings::Notice;
use super::{Memoize, Options, PrepareError};
use crate::argo::call::{for_each_call_mut, for_each_inline_mut};
use crate::argo::identity::CacheName;
use crate::argo::shared_keys::cache_of;
use crate::argo::template::Template;
use crate::argo::template::{field, text};
use crate::argo::workflow_spec::{templates, templates_mut};

/// The document round the templates.
pub(super) struct Context<'a> {
    pub(super) templates: &'a Templates,
    pub(super) options: &'a Options,
    /// The document's metadata.
    pub(super) metadata: &'a Value,
    /// Whether the user or the document names the cache, so that other runs find it.
    pub(super) has_named_cache: bool,
    /// Whether the templates can also be called from documents that are not known.
    pub(super) shared: bool,
    /// Whether pods look up their entries themselves: only entries of templates without a container are in the ConfigMap.
    pub(super) pods: bool,
}

/// Memoizes the templates of `spec` and gives the name of the cache when one is used.
pub(super) fn apply(
    spec: &mut Value,
    context: &Context<'_>,
    notices: &mut Vec<Notice>,
) -> Result<Option<CacheName>, PrepareError> {
    if context.options.memoize == Memoize::Off {
        templates_mut(spec).for_each(remove);
        refuse_without_cache(spec)?;
        return Ok(None);
    }
    let cache = cache_name(spec, context.options, notices);
    let namespace = context.metadata.get("namespace").and_then(Value::as_str);
    let referenced = copied::left_alone(spec, context.templates, namespace).into_iter();
    let left_alone = |template| Notice::NotMemoized { template, reason: Reason::Referenced };
    notices.extend(referenced.map(left_alone));
    let plan = Plan::of(spec, context);
    let decisions = plan.decisions();
    let extended = (context.options.memoize != Memoize::Keep).then(|| Extended::of(spec, &cache, &plan));
    complete(spec, &cache, notices);
    if let Some(extended) = extended {
        extended.write(spec, notices);
    }
    warn_of_shared_keys(spec, notices);
    let max_age = context.options.max_age.as_ref().map_or("", |age| age.as_str());
    // Made once and cloned, as the environment is.
    let blank = json!({"key": "", "maxAge": max_age, "cache": {"configMap": {"name": cache.as_str()}}});
    for (template, decision) in templates_mut(spec).zip(decisions) {
        decision.pass_result_input(template);
        list_inline(template, notices);
        decision.write(template, blank.clone(), notices);
    }
    Ok(uses(spec, &cache).then_some(cache))
}

/// Tells of the inline templates, whose tags the calling template would replace with its own inputs.
fn list_inline(template: &mut Value, notices: &mut Vec<Notice>) {
    let name = text(template, "name").to_owned();
    for_each_inline_mut(template, &mut |inline| {
        let reason = if is_users(inline) { Reason::UserMemoized } else { Reason::Inline };
        notices.push(Notice::NotMemoized { template: name.clone(), reason });
    });
}

/// The cache that the document names, else the one that was asked for, else the generated one.
fn cache_name(spec: &Value, options: &Options, notices: &mut Vec<Notice>) -> CacheName {
    let named = existing_cache(spec);
    if let (Some(asked), Some(kept)) = (&options.cache_name, &named)
        && asked != kept
    {
        notices.push(Notice::CacheNameKept { asked: asked.to_string(), kept: kept.to_string() });
    }
    named.or_else(|| options.cache_name.clone()).unwrap_or_else(|| options.generated_cache_name.clone())
}

/// The cache that a spec names: that of a memoize prepare has written, else the first.
pub(crate) fn existing_cache(spec: &Value) -> Option<CacheName> {
    let spec = &*unwrapped_spec(spec);
    let defaults = spec.get("templateDefaults").into_iter();
    let memoized = || {
        let templates = templates(spec).map(Template::value);
        templates.chain(defaults.clone()).filter_map(|holder| holder.get("memoize"))
    };
    let name = |memoize: &Value| cache_of(memoize).and_then(|name| name.parse().ok());
    memoized().filter(|memoize| key::is_ours(text(memoize, "key"))).find_map(name).or_else(|| memoized().find_map(name))
}

fn uses(spec: &Value, cache: &CacheName) -> bool {
    let holders = templates(spec).map(Template::value).chain(spec.get("templateDefaults"));
    holders.filter_map(|holder| holder.get("memoize")).any(|memoize| cache_of(memoize) == Some(cache.as_str()))
}

/// Whether a template has a `memoize` that prepare did not write.
pub(super) fn is_users(template: &Value) -> bool {
    field(template, "memoize").is_some_and(|memoize| memoize.is_object() && !key::is_ours(text(memoize, "key")))
}

/// Whether a template has a `memoize` that prepare has written.
pub(super) fn is_ours(template: &Value) -> bool {
    field(template, "memoize").is_some_and(|memoize| key::is_ours(text(memoize, "key")))
}

impl Decision {
    fn pass_result_input(&self, template: &mut Value) {
        if !self.readers.is_empty() {
            for_each_call_mut(template, &mut |call| {
                if self.readers.iter().any(|reader| reader == text(call, "name")) {
                    result_input::pass(call);
                }
            });
        }
    }

    /// Writes the memoize, its key put into the blank one, or takes away one of ours that no longer holds, and tells so.
    fn write(self, template: &mut Value, mut blank: Value, notices: &mut Vec<Notice>) {
        let name = || text(template, "name").to_owned();
        match self.key {
            Ok(key) => {
                if self.mixed {
                    notices.push(Notice::ResultInput { template: name() });
                }
                match self.reuse {
                    Some(Ok(())) => notices.push(Notice::Reused { template: name() }),
                    Some(Err(why)) => notices.push(Notice::NotReused { template: name(), why }),
                    None => {}
                }
                if !self.volatile.is_empty() {
                    notices.push(Notice::DiffersEachAttempt { template: name(), values: self.volatile });
                }
                if self.mixed {
                    result_input::declare(template);
                }
                let Some(fields) = template.as_object_mut() else { return };
                let before = fields.get("memoize").map(|memoize| text(memoize, "maxAge")).unwrap_or_default();
                if text(&blank, "maxAge").is_empty() && !before.is_empty() {
                    blank["maxAge"] = before.into();
                }
                blank["key"] = key.into();
                fields.insert("memoize".to_owned(), blank);
            }
            Err(reason) => {
                notices.push(Notice::NotMemoized { template: name(), reason });
                remove(template);
            }
        }
    }
}

/// Takes away a memoize that prepare has written.
fn remove(template: &mut Value) {
    if is_ours(template)
        && let Some(fields) = template.as_object_mut()
    {
        fields.shift_remove("memoize");
    }
}

/// Visits every memoize of the spec that the user wrote, with the name of its template.
fn for_each_users(spec: &mut Value, visit: &mut impl FnMut(&str, &mut Map<String, Value>)) {
    let mut correct = |name: &str, template: &mut Value| {
        if is_users(template)
            && let Some(memoize) = template.get_mut("memoize").and_then(Value::as_object_mut)
        {
            visit(name, memoize);
        }
    };
    if let Some(defaults) = spec.get_mut("templateDefaults") {
        correct("templateDefaults", defaults);
    }
    for template in templates_mut(spec) {
        let name = text(template, "name").to_owned();
        correct(&name, template);
        for_each_inline_mut(template, &mut |inline| correct(&name, inline));
    }
}

fn lacks_cache(memoize: &Map<String, Value>) -> bool {
    let name = memoize.get("cache").and_then(|cache| cache.pointer("/configMap/name")).and_then(Value::as_str);
    name.is_none_or(str::is_empty)
}

/// Adds what a memoize of the user's lacks: without a cache the controller crashes, without maxAge the CRD refuses it.
fn complete(spec: &mut Value, cache: &CacheName, notices: &mut Vec<Notice>) {
    for_each_users(spec, &mut |template, memoize| {
        if lacks_cache(memoize) {
            memoize.insert("cache".to_owned(), json!({"configMap": {"name": cache.as_str()}}));
            notices.push(Notice::CacheAdded { template: template.to_owned() });
        }
        if memoize.get("maxAge").is_none_or(Value::is_null) {
            memoize.insert("maxAge".to_owned(), json!(""));
        }
    });
}

fn refuse_without_cache(spec: &mut Value) -> Result<(), PrepareError> {
    let mut refused = None;
    for_each_users(spec, &mut |template, memoize| {
        if lacks_cache(memoize) {
            refused.get_or_insert_with(|| template.to_owned());
        }
    });
    refused.map_or(Ok(()), |template| Err(PrepareError::MemoizeWithoutCache { template }))
}

/// Warns of the user's keys that have no text of their own, or the same as another's in the same cache.
fn warn_of_shared_keys(spec: &mut Value, notices: &mut Vec<Notice>) {
    let mut keys: Vec<(String, String, (String, String))> = Vec::new();
    for_each_users(spec, &mut |template, memoize| {
        let memoize = Value::Object(memoize.clone());
        let key = text(&memoize, "key");
        let identity = (cache_of(&memoize).unwrap_or_default().to_owned(), literal(key));
        keys.push((template.to_owned(), key.to_owned(), identity));
    });
    let mut count: HashMap<&(String, String), usize> = HashMap::new();
    for (_, _, identity) in &keys {
        *count.entry(identity).or_default() += 1;
    }
    for (template, key, identity) in &keys {
        let bare = !identity.1.contains(|next: char| next.is_ascii_alphanumeric());
        if bare || template == "templateDefaults" || count.get(identity).is_some_and(|count| *count > 1) {
            notices.push(Notice::SharedKey { template: template.clone(), key: key.clone() });
        }
    }
}

/// The text of a key outside its tags.
fn literal(key: &str) -> String {
    let mut literal = String::new();
    let mut rest = key;
    while let Some((before, after)) = rest.split_once("{{") {
        literal.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, next)| next);
    }
    literal + rest
}
