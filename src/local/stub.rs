//! Stubs: outcomes that the user gives to nodes, which then do not run. So a pipeline can be tried whose parts need a
//! cluster. Plain data; how a node comes to its stub is the scheduler's.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::argo::model::any_string;
use crate::argo::nodes::path;
use crate::argo::status::{OutputParameter, Outputs, Phase};

/// Why a stub makes no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("stub {name:?}: {why}")]
pub(crate) struct StubError {
    name: String,
    why: String,
}

/// The outcomes of nodes, by what the user calls them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stubs(Vec<Stub>);

/// The outcome of the nodes of a template, or of one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stub {
    /// A template, or the path of a node: `deploy`, `build.push`.
    pub(crate) name: String,
    /// How the node ends.
    pub(crate) phase: Phase,
    /// Why.
    #[serde(default)]
    pub(crate) message: String,
    /// What it gives.
    #[serde(default)]
    pub(crate) outputs: Outputs,
}

impl Stubs {
    /// Adds the outcome in a document: `phase`, `message` and `outputs`, all of which may be left out.
    pub(crate) fn add(&mut self, name: &str, document: &Value) -> Result<(), StubError> {
        let refuse = |why: String| StubError { name: name.to_owned(), why };
        if self.0.iter().any(|stub| stub.name == name) {
            return Err(refuse("it is given twice".to_owned()));
        }
        self.0.push(Stub::read(name, document).map_err(refuse)?);
        Ok(())
    }

    /// These, and those of an earlier run under other names.
    pub(crate) fn over(mut self, earlier: Self) -> Self {
        let kept: Vec<Stub> = earlier.0.into_iter().filter(|stub| !self.has_template(&stub.name)).collect();
        self.0.extend(kept);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the stubs are called.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|stub| stub.name.as_str())
    }

    /// Whether all nodes of a template have one.
    pub(crate) fn has_template(&self, name: &str) -> bool {
        self.names().any(|stub| stub == name)
    }

    /// Whether a node of this name, as its caller calls it, may have one.
    pub(crate) fn may_have_node(&self, call: &str) -> bool {
        self.names().any(|stub| last_part(stub) == call)
    }

    /// The stub of a node: of its path, else of its template. The path of a loop stands for all of its items.
    pub(crate) fn of(&self, workflow: &str, node: &str, template: &str) -> Option<&Stub> {
        let own = path(workflow, node);
        let named = |name: &str| self.0.iter().find(|stub| stub.name == name);
        named(&own).or_else(|| named(without_item(&own))).or_else(|| named(template))
    }
}

/// The path of a loop to which an item belongs.
fn without_item(path: &str) -> &str {
    let item = path.ends_with(')').then(|| path.rfind('(')).flatten();
    item.map_or(path, |at| &path[..at])
}

/// The name of the last step or task of a path.
pub(super) fn last_part(path: &str) -> &str {
    let whole = path.split('(').next().unwrap_or_default();
    whole.rsplit('.').next().unwrap_or_default()
}

impl Stub {
    fn read(name: &str, document: &Value) -> Result<Self, String> {
        let empty = Map::new();
        let fields = match document {
            Value::Null => &empty,
            Value::Object(fields) => fields,
            _ => return Err("expected a map of phase, message and outputs".to_owned()),
        };
        known(fields, &["phase", "message", "outputs"])?;
        let phase = match fields.get("phase").map(|phase| phase.as_str().unwrap_or_default()) {
            None | Some("Succeeded") => Phase::Succeeded,
            Some("Failed") => Phase::Failed,
            Some("Error") => Phase::Error,
            Some(_) => return Err("phase: expected Succeeded, Failed or Error".to_owned()),
        };
        let message = fields.get("message").map(text).transpose()?.unwrap_or_default();
        let outputs = fields.get("outputs").map(outputs).transpose()?.unwrap_or_default();
        Ok(Self { name: name.to_owned(), phase, message, outputs })
    }
}

fn outputs(value: &Value) -> Result<Outputs, String> {
    let fields = value.as_object().ok_or("outputs: expected a map")?;
    known(fields, &["parameters", "artifacts", "result", "exitCode"]).map_err(|why| format!("outputs: {why}"))?;
    let field = |name: &str| fields.get(name).map(text).transpose();
    Ok(Outputs {
        parameters: fields.get("parameters").map(parameters).transpose()?.unwrap_or_default(),
        artifacts: fields.get("artifacts").map(artifacts).transpose()?.unwrap_or_default(),
        result: field("result")?,
        exit_code: field("exitCode")?,
    })
}

/// Output parameters: a map of values by name, or a list as in a node's status.
fn parameters(value: &Value) -> Result<Vec<OutputParameter>, String> {
    let parameter = |name: &str, value: &Value| {
        Ok(OutputParameter { name: name.to_owned(), value: Some(text(value)?), ..OutputParameter::default() })
    };
    match value {
        Value::Object(values) => values.iter().map(|(name, value)| parameter(name, value)).collect(),
        Value::Array(list) => list.iter().map(|entry| parameter(name_of(entry)?, &entry["value"])).collect(),
        _ => Err("outputs.parameters: expected a map, or a list of names and values".to_owned()),
    }
}

/// Output artifacts, whose content stands in the document.
fn artifacts(value: &Value) -> Result<Vec<Value>, String> {
    let list = value.as_array().ok_or("outputs.artifacts: expected a list")?;
    let artifact = |entry: &Value| {
        let data = entry.pointer("/raw/data").and_then(Value::as_str);
        let data = data.ok_or_else(|| format!("outputs.artifacts: expected raw.data in {entry}"))?;
        Ok(serde_json::json!({"name": name_of(entry)?, "raw": {"data": data}}))
    };
    list.iter().map(artifact).collect()
}

fn name_of(entry: &Value) -> Result<&str, String> {
    let name = entry["name"].as_str().filter(|name| !name.is_empty());
    name.ok_or_else(|| format!("outputs: expected a name in {entry}"))
}

fn known(fields: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match fields.keys().find(|field| !names.contains(&field.as_str())) {
        Some(field) => Err(format!("unknown field {field:?}: expected {}", names.join(", "))),
        None => Ok(()),
    }
}

/// A scalar as its text, a list or map as JSON.
fn text(value: &Value) -> Result<String, String> {
    if value.is_null() { Err("expected a value, not null".to_owned()) } else { Ok(any_string(value)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stubs(name: &str, document: &Value) -> Result<Stubs, StubError> {
        let mut stubs = Stubs::default();
        stubs.add(name, document)?;
        Ok(stubs)
    }

    #[test]
    fn an_outcome_is_read_in_both_forms() -> Result<(), StubError> {
        let short = json!({"outputs": {"parameters": {"url": "http://x", "count": 3}, "result": [1]}});
        let long = json!({
            "phase": "Succeeded",
            "outputs": {"parameters": [{"name": "url", "value": "http://x"}, {"name": "count", "value": 3}], "result": "[1]"},
        });
        assert_eq!(stubs("deploy", &short)?, stubs("deploy", &long)?);
        let stubs = stubs("deploy", &Value::Null)?;
        assert_eq!(stubs.of("w", "w[0].a", "deploy").map(|stub| stub.phase), Some(Phase::Succeeded));
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (document, why) in [
            (json!([]), "expected a map of phase, message and outputs"),
            (json!({"phase": "Skipped"}), "phase: expected Succeeded, Failed or Error"),
            (json!({"output": {}}), "unknown field \"output\": expected phase, message, outputs"),
            (
                json!({"outputs": {"artifacts": [{"name": "a"}]}}),
                "outputs.artifacts: expected raw.data in {\"name\":\"a\"}",
            ),
            (json!({"outputs": {"parameters": [{"value": 1}]}}), "outputs: expected a name in {\"value\":1}"),
        ] {
            let refused = stubs("deploy", &document).map_err(|error| error.to_string());
            assert_eq!(refused, Err(format!("stub \"deploy\": {why}")));
        }
    }

    #[test]
    fn a_path_counts_before_a_template_and_a_loop_stands_for_its_items() -> Result<(), StubError> {
        let mut stubs = stubs("deploy", &json!({"message": "template"}))?;
        stubs.add("prod.push", &json!({"message": "path"}))?;
        let message = |node: &str| stubs.of("w", node, "deploy").map(|stub| stub.message.as_str());
        assert_eq!(message("w[0].test[0].push"), Some("template"));
        assert_eq!(message("w[1].prod[0].push"), Some("path"));
        assert_eq!(message("w[1].prod[0].push(1:b)"), Some("path"));
        assert!(stubs.may_have_node("push") && !stubs.may_have_node("prod"));
        assert!(stubs.add("deploy", &Value::Null).is_err());
        Ok(())
    }
}
