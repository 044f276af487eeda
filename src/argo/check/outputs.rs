//! Outputs: their names, and where their values come from. (validateOutputs, validateOutputParameter)

use serde_json::Value;

use super::checker::{At, Checker};
use super::finding::Rule;
use super::names::Names;
use super::read::{get, items, scalar, text};
use super::template::is_leaf;
use crate::argo::expression::{Content, tags};

/// Where an output parameter's value may come from.
const SOURCES: [&str; 5] = ["path", "jqFilter", "jsonPath", "parameter", "expression"];

impl Checker<'_> {
    pub(super) fn outputs(&mut self, template: &Value, kind: &str, at: &At, names: &Names) {
        let Some(outputs) = get(template, "outputs") else { return };
        let at = at.field("outputs");
        let (parameters, artifacts) = (items(outputs, &["parameters"]), items(outputs, &["artifacts"]));
        self.parameter_names(parameters, &at.field("parameters"));
        self.parameter_names(artifacts, &at.field("artifacts"));
        self.resolve(outputs, &at, names, &|_| false);
        for (index, artifact) in artifacts.iter().enumerate() {
            let at = at.field("artifacts").index(index);
            if is_leaf(kind) {
                self.clean_path(artifact, &at);
            } else if !text(artifact, "path").is_empty() {
                let message = format!("a {kind} template has no files: `path` is for templates with a container");
                self.error(Rule::Artifact, &at.field("path"), message);
            }
            self.global_name(artifact, &at);
        }
        for (index, parameter) in parameters.iter().enumerate() {
            let at = at.field("parameters").index(index);
            self.output_parameter(parameter, kind, &at);
            self.global_name(parameter, &at);
        }
    }

    fn global_name(&mut self, output: &Value, at: &At) {
        let name = text(output, "globalName");
        if !name.is_empty() && !has_parameter(name) {
            self.parameter_name(name, &at.field("globalName"));
        }
    }

    fn output_parameter(&mut self, parameter: &Value, kind: &str, at: &At) {
        let name = text(parameter, "name");
        let (value, from) = (scalar(parameter, "value"), get(parameter, "valueFrom"));
        let from = match (value, from) {
            (Some(_), Some(_)) => {
                return self.error(Rule::Output, &at.field("valueFrom"), "`value` and `valueFrom` exclude each other");
            }
            (Some(_), None) => return,
            (None, None) => {
                return self.error(Rule::Output, at, format!("output `{name}` has neither `valueFrom` nor `value`"));
            }
            (None, Some(from)) => from,
        };
        let has = |source: &&str| !text(from, source).is_empty();
        let supplied = get(from, "supplied").is_some();
        let given: Vec<&str> =
            SOURCES.into_iter().filter(|source| has(source)).chain(supplied.then_some("supplied")).collect();
        let at = at.field("valueFrom");
        if let [first, second, ..] = given.as_slice() {
            self.error(Rule::Output, &at.field(second), format!("`{first}` and `{second}` exclude each other"));
        }
        let needed: &[&str] = match kind {
            "container" | "containerSet" | "script" => &["path"],
            "resource" => &["jqFilter", "jsonPath"],
            "dag" | "steps" => &["parameter", "expression"],
            _ if given.is_empty() => &["path", "jqFilter", "jsonPath", "parameter", "expression", "supplied"],
            _ => return,
        };
        if !needed.iter().any(has) {
            let needed: Vec<String> = needed.iter().map(|source| format!("`{source}`")).collect();
            let message = format!("output `{name}` of a {kind} template needs {}", needed.join(" or "));
            self.error(Rule::Output, &at, message);
        }
    }
}

/// Whether a text has a tag that names a variable. (isParameter)
pub(super) fn has_parameter(text: &str) -> bool {
    let is_path = |name: &str| {
        let mut parts = name.split('.');
        let legal = |part: &str, underscore: bool| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || underscore && byte == b'_')
        };
        parts.next().is_some_and(|first| legal(first, false)) && parts.all(|part| legal(part, true))
    };
    tags(text)
        .any(|tag| matches!(tag.content, Content::Simple(name) if is_path(name) && tag.span.len() == name.len() + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_names_a_variable_is_told_from_other_braces() {
        assert!(has_parameter("a-{{inputs.parameters.x_y}}") && has_parameter("{{item}}"));
        for text in ["{{=a}}", "{{ item }}", "{{a_b}}", "plain", "{{}}", "{{.Values}}"] {
            assert!(!has_parameter(text), "{text}");
        }
    }
}
