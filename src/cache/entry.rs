//! An entry of a cache, whichever store holds it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::key::CacheKey;
use super::manifest::Manifest;
use crate::prepare::KeyParts;

/// A node that succeeded, and what it gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is found by.
    pub(crate) key: String,
    /// Whether it can be used.
    pub(crate) state: State,
    /// The id of the node; empty when it is not known.
    pub(crate) node_id: String,
    /// What the store itself tells of the node; a ConfigMap tells nothing.
    pub(crate) maker: Option<Maker>,
    /// The node's outputs as Argo writes them; null when it gave none.
    pub(crate) outputs: Value,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
    /// When it was used last; its making counts.
    pub(crate) last_hit: Option<Timestamp>,
    /// What it takes of the store: bytes of its value, or of its manifest and artifacts.
    pub(crate) bytes: u64,
    /// Artifacts that are kept beside it, in a store that keeps them.
    pub(crate) kept: Vec<String>,
}

/// Whether an entry can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It can.
    Whole,
    /// It is `null` or empty: never a hit.
    Null,
    /// It names no node: never a hit.
    NoNode,
    /// Another version of this tool wrote it, which alone can use it.
    OtherVersion,
    /// It is no entry, for this reason; in a ConfigMap the node that asks for it ends in Error.
    Malformed(String),
}

/// The node that made an entry, as a manifest tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maker {
    /// The node's full name.
    pub(crate) node_name: String,
    /// The template it called.
    pub(crate) template: String,
    /// Its run's id.
    pub(crate) run_id: String,
    /// The uid of its workflow.
    pub(crate) workflow_uid: String,
    /// Whether its containers ran in their images on a machine.
    pub(crate) in_images: bool,
}

/// What a value of a ConfigMap says.
#[derive(Default)]
struct Written {
    node_id: String,
    outputs: Value,
    created: Option<Timestamp>,
    last_hit: Option<Timestamp>,
}

impl Entry {
    /// Reads a value of a ConfigMap's data as the controller does.
    pub(crate) fn written(key: &str, text: &str) -> Self {
        let read = match serde_json::from_str(text) {
            _ if text.is_empty() => Err(State::Null),
            Ok(Value::Null) => Err(State::Null),
            Ok(Value::Object(fields)) => Written::read(fields).map_err(State::Malformed),
            Ok(_) => Err(State::Malformed("expected an object".to_owned())),
            Err(error) => Err(State::Malformed(error.to_string())),
        };
        let (state, written) = match read {
            Ok(written) => (written.state(), written),
            Err(state) => (state, Written::default()),
        };
        Self {
            key: key.to_owned(),
            state,
            node_id: written.node_id,
            maker: None,
            outputs: written.outputs,
            created: written.created,
            last_hit: written.last_hit.max(written.created),
            bytes: text.len() as u64,
            kept: Vec::new(),
        }
    }

    /// The entry of a manifest that was used last at `last_hit` and takes `bytes`, not counting the blobs that it names.
    pub(crate) fn kept(manifest: Manifest, last_hit: Option<Timestamp>, bytes: u64) -> Self {
        let blobs: u64 = manifest.artifacts.iter().filter_map(|artifact| Some(artifact.blob.as_ref()?.size)).sum();
        let outputs = manifest.outputs.and_then(|outputs| serde_json::to_value(outputs).ok());
        Self {
            key: manifest.key,
            state: if manifest.node_id.is_empty() { State::NoNode } else { State::Whole },
            node_id: manifest.node_id,
            maker: Some(Maker {
                node_name: manifest.node_name,
                template: manifest.template,
                run_id: manifest.run_id,
                workflow_uid: manifest.workflow_uid,
                in_images: manifest.runtime.is_some(),
            }),
            outputs: outputs.unwrap_or_default(),
            created: Some(manifest.created_at),
            last_hit: last_hit.max(Some(manifest.created_at)),
            bytes: bytes + blobs,
            kept: manifest.artifacts.into_iter().map(|artifact| artifact.name).collect(),
        }
    }

    /// An entry that is there and cannot be used.
    pub(crate) fn unusable(key: &str, state: State, bytes: u64) -> Self {
        Self { state, bytes, ..Self::written(key, "") }
    }

    /// The text of a ConfigMap's value for it, as the controller writes it.
    pub(crate) fn text(&self) -> String {
        let time = |time: Option<Timestamp>| time.map(|time| second(time).to_string());
        json!({
            "nodeID": self.node_id,
            "outputs": self.outputs,
            "creationTimestamp": time(self.created),
            "lastHitTimestamp": time(self.last_hit),
        })
        .to_string()
    }

    /// What its key tells, where prepare wrote it; the run's id, where it is known, settles what could be read in two ways.
    pub(crate) fn parts(&self) -> Option<KeyParts<'_>> {
        let known = self.maker.as_ref().and_then(|maker| KeyParts::in_run(&self.key, &maker.run_id));
        known.or_else(|| KeyParts::of(&self.key))
    }

    /// Whether its key can be looked up at all.
    pub(crate) fn is_legal(&self) -> bool {
        self.key.parse::<CacheKey>().is_ok()
    }

    /// Whether a node that asks for it can be given it.
    pub(crate) fn is_usable(&self) -> bool {
        self.state == State::Whole && self.is_legal()
    }

    /// The names of its output parameters.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        named(&self.outputs, "parameters").filter_map(|item| item["name"].as_str())
    }

    /// Its output artifacts.
    pub(crate) fn artifacts(&self) -> impl Iterator<Item = &Value> {
        named(&self.outputs, "artifacts")
    }

    /// The names of all it gives: parameters, artifacts, and `result` where it has one.
    pub(crate) fn output_names(&self) -> Vec<&str> {
        let result = self.outputs.get("result").is_some_and(Value::is_string).then_some("result");
        self.parameters().chain(self.artifacts().filter_map(|item| item["name"].as_str())).chain(result).collect()
    }
}

impl Written {
    /// Reads the fields as Go does: whatever the case of their names is, and a null as nothing.
    fn read(fields: Map<String, Value>) -> Result<Self, String> {
        let mut written = Self::default();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            match name.to_ascii_lowercase().as_str() {
                "nodeid" => text(&name, &value)?.clone_into(&mut written.node_id),
                "outputs" => written.outputs = value,
                "creationtimestamp" => written.created = Some(time(&name, &value)?),
                "lasthittimestamp" => written.last_hit = Some(time(&name, &value)?),
                _ => {}
            }
        }
        Ok(written)
    }

    fn state(&self) -> State {
        match fault(&self.outputs) {
            Some(why) => State::Malformed(why),
            None if self.node_id.is_empty() => State::NoNode,
            None => State::Whole,
        }
    }
}

fn text<'a>(field: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("{field}: expected a text"))
}

/// A time in the one form that Go reads: `T` before the time of day, and `Z` or an offset such as `+02:00` behind it.
fn time(field: &str, value: &Value) -> Result<Timestamp, String> {
    let text = text(field, value)?;
    let offset = || text.len().checked_sub(6).and_then(|at| text.get(at..));
    let is_offset = |end: &str| end.starts_with(['+', '-']) && end.as_bytes()[3] == b':';
    let strict = text.get(10..11) == Some("T") && (text.ends_with('Z') || offset().is_some_and(is_offset));
    let time = text.parse().ok().filter(|_| strict);
    time.ok_or_else(|| format!("{field}: expected a time such as 2026-11-21T08:00:00Z, not {text:?}"))
}

/// What of an entry's outputs the controller could not read.
fn fault(outputs: &Value) -> Option<String> {
    let empty = Map::new();
    let fields = match outputs {
        Value::Null => &empty,
        Value::Object(fields) => fields,
        _ => return Some("outputs: expected an object or null".to_owned()),
    };
    fields.iter().find_map(|(field, value)| match (field.as_str(), value) {
        (_, Value::Null) | ("result" | "exitCode", Value::String(_)) => None,
        ("result" | "exitCode", _) => Some(format!("outputs.{field}: expected a text")),
        ("parameters" | "artifacts", Value::Array(items)) => {
            let at = items.iter().position(|item| !item["name"].is_string())?;
            Some(format!("outputs.{field}[{at}]: expected an object with a name"))
        }
        ("parameters" | "artifacts", _) => Some(format!("outputs.{field}: expected a list")),
        _ => None,
    })
}

fn named<'a>(outputs: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    outputs.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// The controller writes no parts of seconds.
fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"nodeID":"wf-1","outputs":{"parameters":[{"name":"o","value":"v"}],"artifacts":[{"name":"a"}],"result":"r","exitCode":"0"},"creationTimestamp":"2026-11-21T08:25:14Z","lastHitTimestamp":"2026-11-21T08:25:28Z"}"#;

    #[test]
    fn what_a_controller_wrote_is_read_and_written_again_as_it_was() {
        let entry = Entry::written("a-1", TEXT);
        assert_eq!(
            (entry.state.clone(), entry.node_id.as_str(), entry.bytes),
            (State::Whole, "wf-1", TEXT.len() as u64)
        );
        assert_eq!(entry.output_names(), ["o", "a", "result"]);
        assert_eq!(entry.text(), TEXT);
    }

    #[test]
    fn what_never_hits_and_what_fails_the_node_are_told_apart() {
        for text in ["", "null"] {
            assert_eq!(Entry::written("a", text).state, State::Null, "{text:?}");
        }
        for text in ["{}", r#"{"nodeID":""}"#, r#"{"nodeID":null,"outputs":null,"creationTimestamp":null}"#] {
            assert_eq!(Entry::written("a", text).state, State::NoNode, "{text}");
        }
        for text in [
            "{",
            "[]",
            "7",
            r#""x""#,
            r#"{"nodeID":7}"#,
            r#"{"nodeID":"a","creationTimestamp":"yesterday"}"#,
            r#"{"nodeID":"a","creationTimestamp":""}"#,
            r#"{"nodeID":"a","creationTimestamp":"2026-11-21 08:00:00Z"}"#,
            r#"{"nodeID":"a","lastHitTimestamp":"2026-11-21T08:00:00[UTC]"}"#,
            r#"{"nodeID":"a","lastHitTimestamp":7}"#,
            r#"{"nodeID":"a","outputs":"x"}"#,
            r#"{"nodeID":"a","outputs":{"parameters":{}}}"#,
            r#"{"nodeID":"a","outputs":{"artifacts":[{"name":"a"},7]}}"#,
            r#"{"nodeID":"a","outputs":{"result":1}}"#,
            &TEXT[..TEXT.len() / 2],
        ] {
            assert!(matches!(Entry::written("a", text).state, State::Malformed(_)), "{text}");
        }
    }

    #[test]
    fn fields_are_read_as_go_reads_them() {
        for text in [
            r#"{"NODEID":"wf-1","Outputs":null}"#,
            r#"{"nodeID":"wf-0","nodeID":"wf-1"}"#,
            r#"{"nodeID":"wf-1","more":[1]}"#,
            r#" {"nodeID":"wf-1","creationTimestamp":"2026-11-21T10:00:00.5+02:00"} "#,
        ] {
            let entry = Entry::written("a", text);
            assert_eq!((entry.state, entry.node_id.as_str()), (State::Whole, "wf-1"), "{text}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_looked_up_is_of_no_use() {
        for key in ["a_b", "a.b", "-a", ""] {
            assert!(!Entry::written(key, TEXT).is_usable(), "{key}");
        }
        assert!(Entry::written("a-b", TEXT).is_usable());
    }
}
