//! What a part of a document says: canonical bytes for its hash, and what it refers to.
//!
//! Canonical means: fields in the order of their names, scalars as text, empty values left out (a controller writes
//! `inputs: {}` where the user wrote nothing), and nothing that prepare itself has added. So a document has the same
//! hash before and after it was prepared, as the user's file and as the object read back from a cluster.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::environment;
use super::isolation::{INIT_CONTAINER, names_tree};
use super::result_input;
use crate::argo::references::References;
use crate::argo::template::{list, text};

/// Bytes that most templates come to.
const TYPICAL_LENGTH: usize = 2048;

/// A SHA-256 hash.
pub(super) type Digest = [u8; 32];

/// What stands at a point of a document, which decides what of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A workflow's spec.
    Spec,
    /// The workflow's arguments: its parameters count by reference, not by value.
    RunArguments,
    /// One or more templates.
    Template,
    /// A container, script, or the containers of a set.
    Container,
    /// `containerSet`.
    ContainerSet,
    /// The environment of a container.
    Environment,
    /// Init containers, of which ours counts by what it checks out.
    InitContainers,
    /// `dag`.
    Dag,
    /// Steps, tasks, or lists of them.
    Call,
    /// Inputs of a template or arguments of a call.
    Inputs,
    /// Their parameters.
    Parameters,
    /// What has no bearing on the outcome: hashed, but its references do not count.
    Elsewhere,
    /// Anything else.
    Other,
}

impl Place {
    /// What stands in `field` here; none for what does not count at all.
    fn field(self, field: &str) -> Option<Self> {
        Some(match (self, field) {
            (Self::RunArguments, "parameters") | (Self::Template, "memoize") => return None,
            (Self::Spec, "templates" | "templateDefaults") | (Self::Call, "inline") => Self::Template,
            (Self::Spec, "arguments") => Self::RunArguments,
            (Self::Template, "container" | "script") | (Self::ContainerSet, "containers") => Self::Container,
            (Self::Template, "containerSet") => Self::ContainerSet,
            (Self::Template, "dag") => Self::Dag,
            (Self::Template, "steps") | (Self::Dag, "tasks") => Self::Call,
            (Self::Template, "inputs") | (Self::Call, "arguments") => Self::Inputs,
            (Self::Template, "retryStrategy" | "metrics") | (Self::Call, "hooks") | (Self::Elsewhere, _) => {
                Self::Elsewhere
            }
            (Self::Template, "initContainers") => Self::InitContainers,
            (Self::Container, "env") => Self::Environment,
            (Self::Inputs, "parameters") => Self::Parameters,
            _ => Self::Other,
        })
    }

    fn skips(self, item: &Value) -> bool {
        match self {
            Self::Environment => environment::is_ours(item),
            Self::Parameters => result_input::is_ours(item),
            _ => false,
        }
    }
}

/// The reading of one or more values.
#[derive(Debug, Clone, Default)]
pub(super) struct Survey {
    canonical: Vec<u8>,
    /// What the values refer to.
    pub(super) references: References,
    /// Steps and tasks whose `outputs.result` is read, such as `steps.a`.
    pub(super) results: BTreeSet<String>,
    /// Names of the volumes that are mounted.
    pub(super) mounts: BTreeSet<String>,
}

impl Survey {
    /// Reads one value.
    pub(super) fn of(value: &Value, place: Place) -> Self {
        let mut survey = Self { canonical: Vec::with_capacity(TYPICAL_LENGTH), ..Self::default() };
        survey.read(value, place);
        survey
    }

    /// Reads one value more.
    pub(super) fn read(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.canonical.push(b'~'),
            Value::Bool(flag) => self.scalar(if *flag { "true" } else { "false" }),
            Value::Number(number) => self.scalar(&number.to_string()),
            Value::String(text) => {
                self.scalar(text);
                self.read_text(text, place);
            }
            Value::Array(items) => {
                self.canonical.push(b'[');
                items.iter().filter(|item| !place.skips(item)).for_each(|item| self.read(item, place));
                self.canonical.push(b']');
            }
            Value::Object(fields) => self.read_object(fields, place),
        }
    }

    /// Adds what `other` has read.
    pub(super) fn extend(&mut self, other: &Self) {
        self.canonical.extend_from_slice(&other.canonical);
        self.references.extend(&other.references);
        self.results.extend(other.results.iter().cloned());
        self.mounts.extend(other.mounts.iter().cloned());
    }

    /// The hash of all that was read, in its order; the bytes are let go.
    pub(super) fn digest(&mut self) -> Digest {
        Sha256::digest(std::mem::take(&mut self.canonical)).into()
    }

    fn read_object(&mut self, fields: &Map<String, Value>, place: Place) {
        let counts = |(_, value, inner): &(&str, &Value, Place)| !is_blank(value, *inner);
        let mut counted = Vec::with_capacity(fields.len());
        // The image, the program and the rights that make a worktree do not change what is in it.
        let is_ours = place == Place::InitContainers && fields.get("name").is_some_and(|name| name == INIT_CONTAINER);
        let inner = fields.iter().filter(|(field, _)| !is_ours || *field == "env");
        let inner = inner.filter_map(|(field, value)| Some((field.as_str(), value, place.field(field)?)));
        counted.extend(inner.filter(counts));
        counted.sort_unstable_by_key(|(field, ..)| *field);
        self.canonical.push(b'{');
        for (field, value, inner) in counted {
            self.scalar(field);
            self.read(value, inner);
            if field == "volumeMounts" || field == "volumeDevices" {
                self.mounts.extend(list(Some(value)).iter().map(|mount| text(mount, "name").to_owned()));
            }
            if let ("expression" | "fromExpression", Value::String(text)) = (field, value)
                && inner != Place::Elsewhere
            {
                self.references.read_expression(text);
            }
        }
        self.canonical.push(b'}');
    }

    fn read_text(&mut self, text: &str, place: Place) {
        if place != Place::Elsewhere {
            self.references.read_tags(text);
        }
        if text.contains(".outputs.result") {
            read_results(text, &mut self.results);
        }
    }

    fn scalar(&mut self, text: &str) {
        let mut mark = [b'"'; 9];
        mark[1..].copy_from_slice(&(text.len() as u64).to_le_bytes());
        self.canonical.extend_from_slice(&mark);
        self.canonical.extend_from_slice(text.as_bytes());
    }
}

/// Finds the steps and tasks whose result `text` reads, as Argo does: `steps.a.outputs.result` and
/// `tasks['a'].outputs.result`. They are kept with what comes before their name: `steps.a`, `tasks.a`.
fn read_results(text: &str, results: &mut BTreeSet<String>) {
    for (end, _) in text.match_indices(".outputs.result") {
        let before = &text[..end];
        let quote = ['\'', '"'];
        let found = match before.strip_suffix(']').and_then(|inside| inside.strip_suffix(quote)) {
            Some(inside) => {
                inside.rsplit_once(quote).and_then(|(prefix, name)| Some((prefix.strip_suffix('[')?, name)))
            }
            None => before.rsplit_once('.'),
        };
        let Some((prefix, name)) = found else { continue };
        for group in ["steps", "tasks"].into_iter().filter(|group| prefix.ends_with(group)) {
            results.insert(format!("{group}.{name}"));
        }
    }
}

fn is_blank(value: &Value, place: Place) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || names_tree(text),
        Value::Array(items) => items.iter().all(|item| place.skips(item)),
        Value::Object(fields) => {
            fields.iter().all(|(field, value)| place.field(field).is_none_or(|inner| is_blank(value, inner)))
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(value: &Value) -> Digest {
        Survey::of(value, Place::Template).digest()
    }

    #[test]
    fn order_and_empty_fields_do_not_count() {
        let written = json!({"name": "a", "container": {"image": "x", "args": ["1", ""]}});
        let read_back = json!({"container": {"args": ["1", ""], "image": "x", "name": "", "resources": {}},
            "inputs": {}, "metadata": {}, "name": "a", "outputs": {}});
        assert_eq!(digest(&written), digest(&read_back));
        assert_ne!(digest(&written), digest(&json!({"name": "a", "container": {"image": "x", "args": ["1"]}})));
        assert_ne!(digest(&written), digest(&json!({"name": "a", "script": {"image": "x", "args": ["1", ""]}})));
    }

    #[test]
    fn neighbouring_texts_do_not_run_together() {
        assert_ne!(digest(&json!({"x": ["ab", "c"]})), digest(&json!({"x": ["a", "bc"]})));
        assert_ne!(digest(&json!({"x": [["a"], "b"]})), digest(&json!({"x": [["a", "b"]]})));
    }

    #[test]
    fn results_are_found_however_they_are_written() {
        let survey = Survey::of(
            &json!({"steps": [[{"withParam": "{{steps.gen-1.outputs.result}}",
                "when": "{{=tasks['b'].outputs.result == 'x' && steps[\"c\"].outputs.result != ''}}"}]],
                "outputs": {"parameters": [{"valueFrom": {"expression": "steps['d'].outputs.result"}}]}}),
            Place::Template,
        );
        assert_eq!(survey.results.iter().collect::<Vec<_>>(), ["steps.c", "steps.d", "steps.gen-1", "tasks.b"]);
    }

    #[test]
    fn a_retry_strategy_counts_but_its_references_do_not() {
        let mut survey =
            Survey::of(&json!({"retryStrategy": {"expression": "lastRetry.exitCode != '2'"}}), Place::Template);
        assert_eq!(survey.references, References::default());
        assert_ne!(survey.digest(), digest(&json!({})));
    }
}
