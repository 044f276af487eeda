//! The memoization key: unique per template, content, run, call and inputs, and the same for the same of these.
//!
//! `<template>-<content hash>-<run id>-<call hash>`, the last two evaluated when the template is called; the call hash
//! covers the call and its inputs. At most 128 + 16 + 63 + 16 characters and three hyphens: a legal key of a ConfigMap
//! whatever the names.

use std::fmt::Write as _;

use super::template_scan::Digest;
use crate::argo::references::References;

/// How many characters of a template's name stand in its key.
const NAME_LENGTH: usize = 128;
const HASH_LENGTH: usize = 16;
const RUN: &str = r#"-{{=sprig.replace("_", "-", workflow.parameters.run_id)}}"#;
const INPUTS: &str = "-{{=sprig.trunc(16, sprig.sha256sum(toJson([workflow.parameters.run_id";
/// Stands where keys of [`key`] have the run's id.
const OF_CALL: &str = "call";
const CALL: &str = "-call-{{=sprig.trunc(16, sprig.sha256sum(toJson([";
const END: &str = "])))}}";

/// Stands there where entries are of use to other runs.
const OF_ANY_RUN: &str = "reuse";
const REUSE: &str = "-reuse-{{=sprig.trunc(16, sprig.sha256sum(toJson([";

/// The parameters of a run, which differ in each attempt or stand in the key already.
pub(crate) const RUN_PARAMETERS: [&str; 3] = ["run_id", "retry_run_id", "retry_indicator"];

/// Whether a key was written by [`key`].
pub(super) fn is_ours(key: &str) -> bool {
    (key.contains(RUN) && key.contains(INPUTS)) || key.contains(REUSE)
}

/// Whether a key was written by a version of [`key`] whose keys did not name the call.
pub(crate) fn is_without_call(key: &str) -> bool {
    is_ours(key) && !key.contains("node.name") && !key.contains(REUSE)
}

/// The key of a template that is a pure function: of its content and of what it reads, whichever run and call it is.
pub(super) fn reused(name: &str, digest: &Digest, values: &[String]) -> String {
    beginning(name, digest) + REUSE + &values.join(", ") + END
}

/// Whether a key, evaluated, is of an entry that other runs may use.
pub(crate) fn is_of_any_run(key: &str) -> bool {
    KeyParts::of(key).is_some_and(|parts| parts.is_of_any_run())
}

/// Whether a key that begins so and whose hash a plan does not know names its call, so that no other call's key can be the
/// same.
pub(crate) fn will_name_its_call(beginning: &str) -> bool {
    let key = format!("{beginning}{:0HASH_LENGTH$}", 0);
    KeyParts::of(&key).is_some_and(|parts| !parts.is_of_any_run())
}

/// The key that a user wrote, made the template's and the call's own. The run's id stands in it where the user put it.
pub(super) fn extended(written: &str, name: &str, digest: &Digest, values: &[String]) -> String {
    let mut key = beginning(name, digest);
    if !written.is_empty() {
        key = format!("{written}-{key}");
    }
    key.push_str(CALL);
    key.push_str(&values.join(", "));
    key.push_str(END);
    key
}

/// What the user wrote of a key that [`extended`] made for the template of this name.
pub(super) fn written<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    let (front, values) = key.rsplit_once(CALL)?;
    let (front, _) = front.rsplit_once('-').filter(|(_, hash)| is_hash(hash) && values.ends_with(END))?;
    let written = front.strip_suffix(&sanitised(name))?;
    if written.is_empty() { Some("") } else { written.strip_suffix('-') }
}

/// What a key that [`key`] wrote tells, once it has been evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyParts<'a> {
    /// The template's name, with what no key may hold replaced.
    pub(crate) template: &'a str,
    /// The hash of the template's content and of all it calls.
    pub(crate) content: &'a str,
    /// The run's id, its `_` as `-`.
    pub(crate) run_id: &'a str,
    /// The hash of the call, its inputs and the workflow's values that the template reads.
    pub(crate) inputs: &'a str,
}

impl<'a> KeyParts<'a> {
    /// Reads a key; none where it has another form. Where a template's name or a run's id holds what looks like a hash,
    /// the first one that can be the content's is taken for it.
    pub(crate) fn of(key: &'a str) -> Option<Self> {
        let (front, inputs) = key.rsplit_once('-').filter(|(_, inputs)| is_hash(inputs))?;
        let mut begins = front.match_indices('-').map(|(at, _)| at + 1).filter(|begin| *begin > 1);
        begins.find_map(|begin| Self::split(front, begin, inputs))
    }

    /// Reads a key of a run whose id is known.
    pub(crate) fn in_run(key: &'a str, run_id: &str) -> Option<Self> {
        let (front, inputs) = key.rsplit_once('-').filter(|(_, inputs)| is_hash(inputs))?;
        let before = front.strip_suffix(&run_id.replace('_', "-"))?.strip_suffix('-')?;
        let (template, _) = before.rsplit_once('-')?;
        Self::split(front, template.len() + 1, inputs).filter(|parts| parts.run_id.len() == run_id.len())
    }

    /// Whether it is a key of the template of this name, as far as a key can tell names apart.
    pub(crate) fn is_of(&self, template: &str) -> bool {
        let name = sanitised(template);
        let behind = |written: &str| written.is_empty() || written.ends_with('-');
        self.template == name || (self.is_extended() && self.template.strip_suffix(&name).is_some_and(behind))
    }

    /// Whether it begins with what a user wrote and does without the run's id.
    pub(crate) fn is_extended(&self) -> bool {
        self.run_id == OF_CALL
    }

    /// Whether it does without the run's id and the call, so that other runs find its entry.
    pub(crate) fn is_of_any_run(&self) -> bool {
        self.run_id == OF_ANY_RUN
    }

    fn split(front: &'a str, begin: usize, inputs: &'a str) -> Option<Self> {
        let content = front.get(begin..begin + HASH_LENGTH).filter(|content| is_hash(content))?;
        let run_id = front[begin + HASH_LENGTH..].strip_prefix('-').filter(|run_id| !run_id.is_empty())?;
        Some(Self { template: &front[..begin - 1], content, run_id, inputs })
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == HASH_LENGTH && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Whether a key, evaluated in a run of this id, was written by [`key`].
pub(crate) fn is_prepared_key(key: &str, run_id: &str) -> bool {
    KeyParts::in_run(key, run_id).is_some()
}

/// The key of the template `name` whose content has this `digest`; the expressions of `values` tell its calls apart.
pub(super) fn key(name: &str, digest: &Digest, values: &[String]) -> String {
    let mut key = beginning(name, digest);
    key.push_str(RUN);
    key.push_str(INPUTS);
    for value in values {
        key.push_str(", ");
        key.push_str(value);
    }
    key.push_str(END);
    key
}

fn beginning(name: &str, digest: &Digest) -> String {
    let mut key = sanitised(name);
    let hash = digest[..HASH_LENGTH / 2].iter().fold(0_u64, |hash, &byte| hash << 8 | u64::from(byte));
    // Writing to a String cannot fail.
    let _ = write!(key, "-{hash:0HASH_LENGTH$x}");
    key
}

/// The workflow-level values of `references` as expressions, `declared` parameters standing for all of them.
/// The error is a name that cannot be written as one.
pub(super) fn values(references: &References, declared: &[&str]) -> Result<Vec<String>, String> {
    values_without(&RUN_PARAMETERS, references, declared)
}

/// The same, with the parameters of the run where they are read.
pub(super) fn all_values(references: &References, declared: &[&str]) -> Result<Vec<String>, String> {
    values_without(&[], references, declared)
}

fn values_without(left_out: &[&str], references: &References, declared: &[&str]) -> Result<Vec<String>, String> {
    let mut parameters: Vec<&str> = references.parameters.iter().map(String::as_str).collect();
    if references.all_parameters {
        parameters.extend(declared);
    }
    parameters.retain(|name| !left_out.contains(name));
    parameters.sort_unstable();
    parameters.dedup();
    let named = [
        ("parameters", parameters),
        ("labels", references.labels.iter().map(String::as_str).collect()),
        ("annotations", references.annotations.iter().map(String::as_str).collect()),
    ];
    let mut values = Vec::new();
    for (group, names) in named {
        for name in names {
            // Argo expands a dot in a name into nested objects, where a missing one fails the whole expression.
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
            if !name.bytes().all(plain) {
                return Err(format!("workflow.{group}.{name}"));
            }
            values.push(format!("workflow.{group}[\"{name}\"]"));
        }
    }
    values.extend(references.constants.iter().map(|name| format!("workflow.{name}")));
    Ok(values)
}

/// `name` with what no key may hold replaced. Names that become equal are told apart by the content hash.
fn sanitised(name: &str) -> String {
    let legal = |next: char| if next.is_ascii_alphanumeric() { next } else { '-' };
    let text: String = name.chars().map(legal).skip_while(|next| *next == '-').take(NAME_LENGTH).collect();
    if text.is_empty() { "template".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_template_its_content_the_run_and_the_inputs() {
        assert_eq!(
            key("my_step", &[0xab; 32], &["inputs.parameters".to_owned(), "workflow.parameters[\"a\"]".to_owned()]),
            "my-step-abababababababab-{{=sprig.replace(\"_\", \"-\", workflow.parameters.run_id)}}-\
             {{=sprig.trunc(16, sprig.sha256sum(toJson([workflow.parameters.run_id, inputs.parameters, \
             workflow.parameters[\"a\"]])))}}"
        );
    }

    #[test]
    fn a_key_is_known_by_its_form_when_it_has_been_evaluated() {
        let hash = "0123456789abcdef";
        assert!(is_prepared_key(&format!("load-{hash}-my-run-{hash}"), "my_run"));
        assert!(!is_prepared_key(&format!("load-{hash}-my-run-{hash}"), "other"));
        assert!(!is_prepared_key(&format!("load-my-run-{hash}"), "my-run"));
        assert!(!is_prepared_key("load-my-run", "my-run"));
    }

    #[test]
    fn the_parts_of_a_key_are_read_back() {
        let (content, inputs) = ("0123456789abcdef", "fedcba9876543210");
        for (template, run_id) in
            [("load", "r1"), ("a-b--c", "my-run-001"), (content, "r1"), ("x", "-"), ("x", content)]
        {
            let key = format!("{template}-{content}-{run_id}-{inputs}");
            let parts = KeyParts { template, content, run_id, inputs };
            assert_eq!((KeyParts::of(&key), KeyParts::in_run(&key, run_id)), (Some(parts), Some(parts)), "{key}");
        }
        let ambiguous = format!("a-{content}-{inputs}-r1-{inputs}");
        assert_eq!(KeyParts::in_run(&ambiguous, "r1").map(|parts| parts.template), Some("a-0123456789abcdef"));
        for other in
            ["", "load", "load-r1", "plain-my-run-1-2b44b65cda595508", "load-0123456789abcdef-fedcba9876543210"]
        {
            assert_eq!(KeyParts::of(other), None, "{other}");
        }
    }

    #[test]
    fn values_are_those_referred_to_without_the_runs_own() {
        let mut references = References::default();
        references.read_tags(
            "{{workflow.parameters.run_id}}{{workflow.parameters.b}}{{workflow.labels.l}}{{workflow.namespace}}",
        );
        let expected = ["workflow.parameters[\"b\"]", "workflow.labels[\"l\"]", "workflow.namespace"];
        assert_eq!(values(&references, &["a"]), Ok(expected.map(str::to_owned).to_vec()));
        references.all_parameters = true;
        assert_eq!(
            values(&references, &["a", "run_id"]).map(|values| values[0].clone()),
            Ok("workflow.parameters[\"a\"]".into())
        );
        references.read_tags("{{workflow.labels.app.io/name}}");
        assert_eq!(values(&references, &[]), Err("workflow.labels.app.io/name".to_owned()));
    }
}
