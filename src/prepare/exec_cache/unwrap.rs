//! Takes away what wrapping has added: a wrapped template becomes the memoized one that it was made from.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{CERTIFICATES_VARIABLE, PROGRAM, VARIABLES, VOLUME};
use crate::argo::entry_report::PARAMETER;
use crate::argo::template::{Template, field, field_mut, list, text};
use crate::argo::workflow_spec::{templates, templates_mut};

/// The document with `memoize` in the templates that were wrapped.
pub(crate) fn unwrapped(document: &Value) -> Cow<'_, Value> {
    let Some(spec) = document.get("spec").filter(|spec| templates(spec).any(is_wrapped)) else {
        return Cow::Borrowed(document);
    };
    let spec = unwrapped_spec(spec).into_owned();
    let mut document = document.clone();
    if let Some(place) = document.get_mut("spec") {
        *place = spec;
    }
    Cow::Owned(document)
}

/// The same of a spec.
pub(in crate::prepare) fn unwrapped_spec(spec: &Value) -> Cow<'_, Value> {
    if !templates(spec).any(is_wrapped) {
        return Cow::Borrowed(spec);
    }
    let mut spec = spec.clone();
    unwrap(&mut spec);
    Cow::Owned(spec)
}

/// Gives the wrapped templates of a spec their `memoize` again.
pub(in crate::prepare) fn unwrap(spec: &mut Value) {
    templates_mut(spec).for_each(unwrap_template);
}

fn is_wrapped(template: Template<'_>) -> bool {
    let words = |kind| list(field(template.value(), kind).and_then(|container| field(container, "command")));
    ["container", "script"].into_iter().any(|kind| words(kind).first().is_some_and(|word| word == PROGRAM))
}

fn unwrap_template(template: &mut Value) {
    let containers = ["container", "script"].into_iter();
    let mut memoize = None;
    for kind in containers {
        memoize = memoize.or_else(|| unwrap_container(field_mut(template, kind)?.as_object_mut()?));
    }
    let (Some(memoize), Some(fields)) = (memoize, template.as_object_mut()) else { return };
    for list in ["volumes", "initContainers"] {
        remove_from(fields, list, |item| text(item, "name") == VOLUME);
    }
    if let Some(outputs) = fields.get_mut("outputs").and_then(Value::as_object_mut) {
        remove_from(outputs, "parameters", |item| text(item, "name") == PARAMETER);
        if outputs.is_empty() {
            fields.shift_remove("outputs");
        }
    }
    fields.insert("memoize".to_owned(), memoize);
}

/// The container as it was, and its `memoize`; none where it is not wrapped.
fn unwrap_container(container: &mut Map<String, Value>) -> Option<Value> {
    let words = container.get("command")?.as_array()?;
    let said: Vec<&str> = words.iter().map(|word| word.as_str().unwrap_or_default()).collect();
    let end = said.iter().position(|word| *word == "--").filter(|_| said.starts_with(&[PROGRAM, "exec"]))?;
    let value = |flag: &str| said[..end].iter().find_map(|word| word.strip_prefix(flag)?.strip_prefix('='));
    let memoize = json!({
        "key": value("--key")?,
        "maxAge": value("--max-age").unwrap_or_default(),
        "cache": {"configMap": {"name": value("--cache")?}},
    });
    let own = words[end + 1..].to_vec();
    container.insert("command".to_owned(), Value::Array(own));
    remove_from(container, "volumeMounts", |item| text(item, "name") == VOLUME);
    remove_from(container, "env", |item| text(item, "name") == CERTIFICATES_VARIABLE);
    remove_from(container, "envFrom", |item| text(item, "prefix") == VARIABLES);
    Some(memoize)
}

/// Takes items out of a list, and the list where nothing else was in it.
fn remove_from(holder: &mut Map<String, Value>, field: &str, is_ours: impl Fn(&Value) -> bool) {
    let Some(items) = holder.get_mut(field).and_then(Value::as_array_mut) else { return };
    let before = items.len();
    items.retain(|item| !is_ours(item));
    if items.is_empty() && before > 0 {
        holder.shift_remove(field);
    }
}
