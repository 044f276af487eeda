//! Values of the Secrets beside a run. Where one appears in what a node took and gave, a reference is written down.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::resolved::Data;
use crate::argo::Workflow;
use crate::argo::status::Outputs;
use crate::mask::SHORTEST;

/// The fields of a node, and of a status, that may hold what a task wrote.
const FIELDS: [&str; 3] = ["inputs", "outputs", "message"];

/// The values, and what stands for them.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    finder: Option<AhoCorasick>,
    references: Vec<String>,
}

impl Secrets {
    /// The values of these Secrets, whole and line by line.
    pub(crate) fn new(secrets: &BTreeMap<String, Data>) -> Self {
        let mut values: BTreeMap<&str, String> = BTreeMap::new();
        for (name, data) in secrets {
            for (key, value) in data {
                for part in std::iter::once(value.as_str()).chain(value.lines().map(str::trim)) {
                    if part.len() >= SHORTEST {
                        values.entry(part).or_insert_with(|| format!("secret {name}/{key}"));
                    }
                }
            }
        }
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values.keys());
        Self { finder: finder.ok().filter(|_| !values.is_empty()), references: values.into_values().collect() }
    }

    /// Whether there is nothing to hide.
    pub(crate) fn is_empty(&self) -> bool {
        self.finder.is_none()
    }

    /// Whether outputs hold a value.
    pub(crate) fn are_in(&self, outputs: Option<&Outputs>) -> bool {
        let Some(finder) = &self.finder else { return false };
        let outputs = serde_json::to_value(outputs).unwrap_or_default();
        any(&outputs, &|text| finder.is_match(text))
    }

    /// Puts references in the place of values in nodes.
    pub(crate) fn hide_in_nodes(&self, nodes: &mut Value) {
        let Some(finder) = &self.finder else { return };
        let members = match nodes {
            Value::Array(nodes) => nodes.iter_mut().collect(),
            Value::Object(nodes) => nodes.values_mut().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        for node in members {
            self.hide_in(node, finder);
        }
    }

    /// The same in one node.
    pub(super) fn hide_in_node(&self, node: &mut Value) {
        if let Some(finder) = &self.finder {
            self.hide_in(node, finder);
        }
    }

    /// The same in a whole Workflow object.
    pub(crate) fn hide_in_workflow(&self, workflow: &mut Value) {
        let Some(finder) = &self.finder else { return };
        let workflow = Workflow::view_mut(workflow);
        if let Some(status) = workflow.status_mut() {
            self.hide_in(status, finder);
        }
        if let Some(nodes) = workflow.nodes_mut() {
            self.hide_in_nodes(nodes);
        }
    }

    /// The same in each text.
    pub(crate) fn hide_in_all(&self, value: &mut Value) {
        if let Some(finder) = &self.finder {
            self.replace(value, finder);
        }
    }

    fn hide_in(&self, object: &mut Value, finder: &AhoCorasick) {
        for field in FIELDS {
            if let Some(value) = object.get_mut(field) {
                self.replace(value, finder);
            }
        }
    }

    fn replace(&self, value: &mut Value, finder: &AhoCorasick) {
        each(value, &|text| {
            if finder.is_match(text.as_str()) {
                *text = finder.replace_all(text, &self.references);
            }
        });
    }
}

fn any(value: &Value, wanted: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => wanted(text),
        Value::Array(members) => members.iter().any(|member| any(member, wanted)),
        Value::Object(members) => members.values().any(|member| any(member, wanted)),
        _ => false,
    }
}

fn each(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(members) => members.iter_mut().for_each(|member| each(member, change)),
        Value::Object(members) => members.values_mut().for_each(|member| each(member, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        let data = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Secrets::new(&BTreeMap::from([
            ("db".to_owned(), data(&[("password", "hunter2"), ("pin", "123")])),
            ("key".to_owned(), data(&[("pem", "BEGIN\nabcdef\nEND")])),
        ]))
    }

    #[test]
    fn a_reference_stands_where_a_value_stood() {
        let node = json!({
            "id": "hunter2", "message": "no hunter2", "inputs": {"parameters": [{"name": "a", "value": "x=hunter2;123"}]},
            "outputs": {"result": "abcdef"},
        });
        let mut workflow = json!({"status": {"outputs": {"result": "hunter2"}, "nodes": {"n": node}}});
        secrets().hide_in_workflow(&mut workflow);
        let node = &workflow["status"]["nodes"]["n"];
        assert_eq!(node["message"], "no secret db/password");
        assert_eq!(node["inputs"]["parameters"][0]["value"], "x=secret db/password;123");
        assert_eq!(node["outputs"]["result"], "secret key/pem");
        assert_eq!(node["id"], "hunter2", "names lead to files");
        assert_eq!(workflow["status"]["outputs"]["result"], "secret db/password");
    }

    #[test]
    fn outputs_with_a_value_are_known() {
        let outputs = |result: &str| Outputs { result: Some(result.to_owned()), ..Outputs::default() };
        assert!(secrets().are_in(Some(&outputs("it is hunter2"))));
        assert!(!secrets().are_in(Some(&outputs("it is 123"))));
        assert!(!secrets().are_in(None) && !Secrets::default().are_in(Some(&outputs("hunter2"))));
    }
}
