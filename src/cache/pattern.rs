//! The keys that a template can produce: what stands outside the tags of its `memoize.key`.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::argo::template::text;

/// A template that memoizes, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Producer {
    /// The template's name; empty for an inline one.
    pub(crate) template: String,
    /// Its `maxAge`; empty when it has none.
    pub(crate) max_age: String,
}

/// Templates by the keys that they can produce.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    /// By what a key begins with, up to its first tag.
    by_beginning: HashMap<String, BTreeSet<Pattern>>,
    /// The lengths of the beginnings.
    lengths: BTreeSet<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    /// The texts after the first tag, each before the next; none when the key has no tag.
    rest: Vec<String>,
    producer: Producer,
}

impl Patterns {
    pub(super) fn add(&mut self, key: &str, producer: Producer) {
        let mut texts = literals(key).into_iter();
        let beginning = texts.next().unwrap_or_default();
        self.lengths.insert(beginning.len());
        self.by_beginning.entry(beginning).or_default().insert(Pattern { rest: texts.collect(), producer });
    }

    /// The templates that can produce the key.
    pub(super) fn producers<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Producer> {
        let beginnings = self.lengths.iter().filter_map(|length| key.split_at_checked(*length));
        beginnings.flat_map(|(beginning, rest)| {
            let patterns = self.by_beginning.get(beginning).into_iter().flatten();
            patterns.filter(move |pattern| fits(&pattern.rest, rest)).map(|pattern| &pattern.producer)
        })
    }
}

/// Whether `text` is the literals in their order, each with anything before it, the last at the end.
fn fits(literals: &[String], text: &str) -> bool {
    let Some((last, inner)) = literals.split_last() else { return text.is_empty() };
    let mut rest = text;
    for literal in inner {
        let Some(at) = rest.find(literal.as_str()) else { return false };
        rest = &rest[at + literal.len()..];
    }
    rest.ends_with(last.as_str())
}

/// The text outside the tags: before the first, between them, after the last.
fn literals(key: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut rest = key;
    while let Some((before, after)) = rest.split_once("{{") {
        literals.push(before.to_owned());
        rest = after.split_once("}}").map_or("", |(_, next)| next);
    }
    literals.push(rest.to_owned());
    literals
}

/// Gives every memoize below a spec, inline ones too: the cache's name, the key and the producer.
pub(super) fn for_each_memoize(spec: &Value, visit: &mut impl FnMut(&str, &str, Producer)) {
    match spec {
        Value::Object(fields) => {
            if let Some(memoize) = fields.get("memoize").filter(|memoize| memoize.is_object()) {
                let cache = memoize.pointer("/cache/configMap/name").and_then(Value::as_str).unwrap_or_default();
                let producer =
                    Producer { template: text(spec, "name").to_owned(), max_age: text(memoize, "maxAge").to_owned() };
                visit(cache, text(memoize, "key"), producer);
            }
            fields.values().for_each(|value| for_each_memoize(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| for_each_memoize(item, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn producers(keys: &[&str], key: &str) -> Vec<String> {
        let mut patterns = Patterns::default();
        for pattern in keys {
            patterns.add(pattern, Producer { template: (*pattern).to_owned(), max_age: String::new() });
        }
        patterns.producers(key).map(|producer| producer.template.clone()).collect()
    }

    #[test]
    fn a_key_is_produced_by_the_template_whose_texts_it_has() {
        let keys = ["load-01-{{=x}}-{{=y}}", "load-02-{{=x}}-{{=y}}", "{{workflow.parameters.run_id}}", "fixed"];
        assert_eq!(producers(&keys[..2], "load-01-r1-ab"), ["load-01-{{=x}}-{{=y}}"]);
        assert_eq!(producers(&keys[..2], "load-03-r1-ab"), [""; 0]);
        assert_eq!(producers(&keys, "fixed"), ["{{workflow.parameters.run_id}}", "fixed"]);
        assert_eq!(producers(&keys[3..], "fixed-1"), [""; 0]);
        assert_eq!(producers(&["a-{{x}}-z"], "a-z"), [""; 0], "the texts do not overlap");
        assert_eq!(producers(&["ä-{{x}}"], "a"), [""; 0]);
    }

    proptest! {
        /// What a template gives whatever stands in its tags is known as its own.
        #[test]
        fn no_key_that_can_be_produced_is_missed(parts in prop::collection::vec(("[a-z-]{0,4}", "[a-z-]{0,4}"), 1..4)) {
            let pattern: Vec<_> = parts.iter().flat_map(|(literal, _)| [literal.as_str(), "{{x}}"]).collect();
            let key: Vec<_> = parts.iter().flat_map(|(literal, value)| [literal.as_str(), value]).collect();
            prop_assert_eq!(producers(&[&pattern.concat()], &key.concat()).len(), 1);
        }
    }
}
