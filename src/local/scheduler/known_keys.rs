//! Keys of cache entries that were evaluated while a run was rehearsed, for the run itself: the same text gives the same key
//! where it reads the same values. A key that reads more than its own call and what stays the same in a whole run is no such
//! key, nor is one that holds an unknown value. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::argo::expression::{Scope, has_open, reads, unknown};
use crate::argo::status::{MemoizationStatus, Node};

/// The keys by the names of their nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownKeys {
    /// The values of the whole workflow that they may read.
    settled: Vec<(String, Value)>,
    calls: HashMap<String, KnownKey>,
}

/// A key, and what it was made of beside the node's name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownKey {
    /// The key as its template has it.
    text: Arc<str>,
    /// The inputs as JSON: there may be very many of them.
    inputs: String,
    key: String,
}

/// What a key may read of the whole workflow: the first of them and what is below the second.
const NAME: &str = "workflow.name";
const PARAMETERS: &str = "workflow.parameters";

/// Whether a key as its template has it reads nothing that the same call of a rehearsal may have seen otherwise.
pub(super) fn is_of_its_call(text: &str) -> bool {
    let is_below = |name: &str, root: &str| name.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    let is_known = |name: &String| {
        matches!(name.as_str(), "node.name" | NAME | PARAMETERS)
            || [PARAMETERS, "inputs.parameters"].iter().any(|root| name == root || is_below(name, root))
    };
    reads(text).is_some_and(|names| names.iter().all(is_known))
}

impl KnownKeys {
    /// No keys yet, of a workflow with these values.
    pub(super) fn of(workflow: &Scope) -> Self {
        Self { settled: settled(workflow), calls: HashMap::new() }
    }

    /// Notes the key of a rehearsed node, which its template has in this form.
    pub(crate) fn add(&mut self, node: Node, text: Arc<str>) {
        let Some(MemoizationStatus { key, .. }) = node.memoization_status else { return };
        let inputs = json(node.inputs.as_ref());
        if unknown::in_text(&key).or_else(|| unknown::in_text(&inputs)).is_none() && !has_open(&key) {
            self.calls.insert(node.name, KnownKey { text, inputs, key });
        }
    }

    #[cfg(test)]
    pub(crate) fn has(&self, node: &str) -> bool {
        self.calls.contains_key(node)
    }

    /// Whether any of them can be of use in a run with these values.
    pub(super) fn are_of(&self, workflow: &Scope) -> bool {
        !self.calls.is_empty() && self.settled == settled(workflow)
    }

    /// The key of a node whose template has this text for it and whose inputs are these.
    pub(super) fn get(&self, node: &str, text: &str, inputs: Option<&Value>) -> Option<&str> {
        let known = self.calls.get(node).filter(|known| *known.text == *text)?;
        (known.inputs == json(inputs)).then_some(&known.key)
    }
}

fn json(inputs: Option<&Value>) -> String {
    inputs.and_then(|inputs| serde_json::to_string(inputs).ok()).unwrap_or_default()
}

fn settled(workflow: &Scope) -> Vec<(String, Value)> {
    let below = workflow.own_below(PARAMETERS).map(|(name, value)| (name.to_owned(), value.clone()));
    let named = [NAME, PARAMETERS].map(|name| (name.to_owned(), workflow.get(name).cloned().unwrap_or_default()));
    named.into_iter().chain(below).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("k", true)]
    #[case("{{inputs.parameters.a}}-{{=sprig.trunc(2, toJson([inputs.parameters, node.name]))}}", true)]
    #[case("{{workflow.name}}{{=workflow.parameters['a'] + workflow.parameters.b}}{{workflow.parameters}}", true)]
    #[case("{{workflow.uid}}", false)]
    #[case("{{=workflow.labels['a']}}", false)]
    #[case("{{=workflow[inputs.parameters.a]}}", false)]
    #[case("{{=$env[inputs.parameters.a]}}", false)]
    #[case("{{=workflow.creationTimestamp.s}}", false)]
    #[case("{{pod.name}}", false)]
    #[case("{{inputs.artifacts.a.path}}", false)]
    #[case("{{inputs.parameters.{{inputs.parameters.a}}}}", false)]
    #[case("{{=inputs.parameters.a +}}", false)]
    #[case("{{open", false)]
    fn a_key_is_of_its_call_if_it_reads_nothing_else(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_of_its_call(text), expected, "{text}");
    }

    fn node(name: &str, key: &str, inputs: &Value) -> Node {
        let memoized = json!({"hit": false, "key": key, "cacheName": "c"});
        let node = json!({"id": name, "name": name, "displayName": name, "type": "Pod", "phase": "Succeeded",
            "inputs": inputs, "memoizationStatus": memoized});
        serde_json::from_value(node).unwrap_or_else(|error| panic!("{error}"))
    }

    fn workflow(name: &str) -> Scope {
        let mut scope = Scope::new();
        scope.set("workflow.name", name);
        scope.set("workflow.parameters.a", "1");
        scope
    }

    #[test]
    fn a_key_is_known_for_the_same_call_of_the_same_workflow() {
        let (text, inputs) = ("{{inputs.parameters.a}}", json!({"parameters": []}));
        let mut keys = KnownKeys::of(&workflow("w"));
        for name in ["w.a", "w.b"] {
            keys.add(node(name, "k", &inputs), text.into());
        }
        assert!(keys.are_of(&workflow("w")) && !keys.are_of(&workflow("other")));
        assert_eq!(keys.get("w.a", text, Some(&inputs)), Some("k"));
        assert_eq!(keys.get("w.b", "{{inputs.parameters.b}}", Some(&inputs)), None);
        assert_eq!(keys.get("w.a", text, Some(&json!({"parameters": [1]}))), None);
        assert_eq!(keys.get("w.a", text, None), None);
        assert_eq!(keys.get("w.c", text, Some(&inputs)), None);
    }

    #[test]
    fn what_nobody_knows_is_not_remembered() {
        let mut keys = KnownKeys::default();
        keys.add(node("w.a", &format!("k-{}", unknown::unknown(3)), &json!({})), "k".into());
        keys.add(node("w.b", "k", &json!([unknown::unknown(3)])), "k".into());
        keys.add(node("w.c", "k-{{left}}", &json!({})), "k".into());
        assert_eq!(keys, KnownKeys::default());
    }
}
