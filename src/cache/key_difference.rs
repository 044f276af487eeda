//! Why two keys are not one: the parts in which the nodes differ that have them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::provenance::inputs;
use crate::argo::Workflow;
use crate::argo::status::Node;
use crate::argo::template::{Template, text};
use crate::mask::shown;
use crate::prepare::{KeyParts, RUN_PARAMETERS};

/// A node with its key, and what is left of its workflow.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side<'a> {
    /// The key.
    pub(crate) key: &'a str,
    /// The run's id, where it is known.
    pub(crate) run_id: Option<&'a str>,
    /// The node, where its workflow still exists.
    pub(crate) node: Option<&'a Node>,
    /// The workflow, where it still exists.
    pub(crate) workflow: Option<&'a Value>,
}

/// A part in which a key differs from another; `ours` is that of the node that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "part", rename_all = "camelCase")]
pub(crate) enum KeyDifference {
    /// The template.
    Template {
        /// Its name in our key.
        ours: String,
        /// Its name in the other.
        theirs: String,
    },
    /// The content of the template or of what it calls.
    Content {
        /// The fields that were edited, such as `container.image`; empty when the other template is gone.
        fields: Vec<String>,
    },
    /// The run.
    RunId {
        /// The id in our key.
        ours: String,
        /// The id in the other.
        theirs: String,
    },
    /// The inputs, or workflow-level values that the template reads.
    Inputs {
        /// What has another value; empty when the other node is gone.
        changed: Vec<Input>,
    },
    /// A key that prepare did not write: it has no parts that could be told apart.
    Text,
}

/// An input with another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    /// Its name; of a workflow's parameter with `workflow.parameters.` before it.
    pub(crate) name: String,
    /// The value that our key has; masked when it looks like a secret's.
    pub(crate) ours: String,
    /// The value that the other has.
    pub(crate) theirs: String,
}

impl<'a> Side<'a> {
    fn parts(&self) -> Option<KeyParts<'a>> {
        self.run_id.and_then(|run_id| KeyParts::in_run(self.key, run_id)).or_else(|| KeyParts::of(self.key))
    }

    fn template(&self) -> Option<&'a Value> {
        let name = self.node?.called();
        self.templates().find(|template| text(template, "name") == name)
    }

    fn templates(&self) -> impl Iterator<Item = &'a Value> {
        self.workflow.into_iter().flat_map(|workflow| Workflow::view(workflow).templates()).map(Template::value)
    }
}

/// The parts in which the keys differ; none when they are the same.
pub(crate) fn parts(ours: Side<'_>, theirs: Side<'_>) -> Vec<KeyDifference> {
    if ours.key == theirs.key {
        return Vec::new();
    }
    let (Some(mine), Some(other)) = (ours.parts(), theirs.parts()) else { return vec![KeyDifference::Text] };
    let mut parts = Vec::new();
    if mine.template != other.template {
        parts.push(KeyDifference::Template { ours: mine.template.to_owned(), theirs: other.template.to_owned() });
    }
    if mine.content != other.content {
        parts.push(KeyDifference::Content { fields: edited(ours, theirs) });
    }
    if mine.run_id != other.run_id {
        parts.push(KeyDifference::RunId { ours: mine.run_id.to_owned(), theirs: other.run_id.to_owned() });
    }
    let changed = changed(ours, theirs);
    // The hash of the inputs covers the run's id, too.
    if mine.inputs != other.inputs && (mine.run_id == other.run_id || !changed.is_empty()) {
        parts.push(KeyDifference::Inputs { changed });
    }
    parts
}

/// The fields of the template that differ; where none does, the templates that do, of which it calls one.
fn edited(ours: Side<'_>, theirs: Side<'_>) -> Vec<String> {
    let (Some(mine), Some(other)) = (ours.template(), theirs.template()) else { return Vec::new() };
    let mut fields = Vec::new();
    differing("", mine, other, &mut fields);
    if !fields.is_empty() {
        return fields;
    }
    let all: Vec<&Value> = theirs.templates().collect();
    let differs = |template: &&Value| {
        let same = all.iter().find(|other| text(other, "name") == text(template, "name"));
        let mut fields = Vec::new();
        same.inspect(|other| differing("", template, other, &mut fields));
        same.is_none() || !fields.is_empty()
    };
    ours.templates().filter(differs).map(|template| format!("template {}", text(template, "name"))).collect()
}

/// The paths of the fields with other values, without what prepare adds.
fn differing(path: &str, mine: &Value, other: &Value, found: &mut Vec<String>) {
    match (mine, other) {
        (Value::Object(fields), Value::Object(others)) => {
            let names: BTreeSet<&String> = fields.keys().chain(others.keys()).collect();
            for name in names.into_iter().filter(|name| !(path.is_empty() && *name == "memoize")) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                differing(&below, &of(fields), &of(others), found);
            }
        }
        _ if mine == other || (is_blank(mine) && is_blank(other)) => {}
        _ => found.push(path.to_owned()),
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_blank),
        _ => false,
    }
}

/// The inputs of the nodes that differ, and the parameters of the workflows that the template's key names.
pub(super) fn changed(ours: Side<'_>, theirs: Side<'_>) -> Vec<Input> {
    let (Some(mine), Some(other)) = (ours.node, theirs.node) else { return Vec::new() };
    let key = ours.template().and_then(|template| template.pointer("/memoize/key")).and_then(Value::as_str);
    let counts = |name: &str| {
        let named = format!("workflow.parameters[\"{name}\"]");
        !RUN_PARAMETERS.contains(&name) && key.is_some_and(|key| key.contains(&named))
    };
    let own = differences("", inputs(mine).map(borrowed), inputs(other).map(borrowed));
    let workflow = differences(
        "workflow.parameters.",
        parameters(ours).filter(|(name, _)| counts(name)),
        parameters(theirs).filter(|(name, _)| counts(name)),
    );
    own.into_iter().chain(workflow).collect()
}

fn parameters(side: Side<'_>) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let declared = side.workflow.map(|workflow| Workflow::view(workflow).parameters()).unwrap_or_default();
    declared.into_iter().map(|parameter| (parameter.name, parameter.value.unwrap_or_default()))
}

fn borrowed<'a>((name, value): (&'a str, &'a str)) -> (&'a str, Cow<'a, str>) {
    (name, Cow::Borrowed(value))
}

/// What has another value, or is there on one side only.
fn differences<'a>(
    prefix: &str,
    ours: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
    theirs: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
) -> Vec<Input> {
    let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = (ours.collect(), theirs.collect());
    let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
    let value = |side: &BTreeMap<&str, Cow<'_, str>>, name| side.get(name).map(|value| shown(name, value).to_owned());
    names
        .into_iter()
        .filter(|name| ours.get(name) != theirs.get(name))
        .map(|name| Input {
            name: format!("{prefix}{name}"),
            ours: value(&ours, name).unwrap_or_default(),
            theirs: value(&theirs, name).unwrap_or_default(),
        })
        .collect()
}

impl fmt::Display for KeyDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template { ours, theirs } => write!(formatter, "the template: {theirs} there, {ours} here"),
            Self::Content { fields } if fields.is_empty() => {
                formatter.write_str("the content of the template, or of one that it calls, was edited since")
            }
            Self::Content { fields } => write!(formatter, "the template's content was edited: {}", fields.join(", ")),
            Self::RunId { ours, theirs } => write!(formatter, "the run id: {theirs} there, {ours} here"),
            Self::Inputs { changed } if changed.is_empty() => {
                formatter.write_str("the inputs, or workflow values that the template reads, have other values")
            }
            Self::Inputs { changed } => {
                let list: Vec<String> = changed.iter().map(Input::to_string).collect();
                write!(formatter, "the inputs: {}", list.join(", "))
            }
            Self::Text => formatter.write_str("the text of the key, which submit did not write"),
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} is {:?} there, {:?} here", self.name, brief(&self.theirs), brief(&self.ours))
    }
}

/// The beginning of a long value.
fn brief(value: &str) -> String {
    const LONGEST: usize = 60;
    let mut text: String = value.chars().take(LONGEST).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbb";

    fn key(template: &str, content: &str, run_id: &str, inputs: &str) -> String {
        format!("{template}-{content}-{run_id}-{inputs}")
    }

    fn said(ours: Side<'_>, theirs: Side<'_>) -> Vec<String> {
        parts(ours, theirs).iter().map(ToString::to_string).collect()
    }

    fn keys(ours: &str, theirs: &str) -> Vec<String> {
        said(Side { key: ours, ..Side::default() }, Side { key: theirs, ..Side::default() })
    }

    #[test]
    fn the_part_that_differs_is_named() {
        let ours = key("load", A, "r1", A);
        assert_eq!(keys(&ours, &ours), [""; 0]);
        assert_eq!(
            keys(&ours, &key("load", B, "r1", A)),
            ["the content of the template, or of one that it calls, was edited since"]
        );
        assert_eq!(keys(&ours, &key("load", A, "r2", B)), ["the run id: r2 there, r1 here"]);
        assert_eq!(
            keys(&ours, &key("load", A, "r1", B)),
            ["the inputs, or workflow values that the template reads, have other values"]
        );
        assert_eq!(keys(&ours, &key("save", A, "r1", A)), ["the template: save there, load here"]);
        assert_eq!(keys("mine", "other"), ["the text of the key, which submit did not write"]);
    }

    fn workflow(image: &str, date: &str) -> Value {
        json!({"spec": {
            "arguments": {"parameters": [{"name": "date", "value": date}, {"name": "unread", "value": date}, {"name": "run_id", "value": date}]},
            "templates": [
                {"name": "load", "container": {"image": image, "args": []}, "inputs": {},
                    "memoize": {"key": format!("load-{{{{=toJson(workflow.parameters[\"date\"])}}}}-{image}")}},
                {"name": "leaf", "container": {"image": "busybox"}},
            ],
        }})
    }

    fn node(value: &str) -> Node {
        let node = json!({"id": "n", "name": "wf.a", "displayName": "a", "type": "Pod", "phase": "Failed", "templateName": "load",
            "inputs": {"parameters": [{"name": "m", "value": value}, {"name": "token", "value": value}]}});
        serde_json::from_value(node).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_was_edited_and_what_has_another_value_is_named_without_secrets() {
        let (ours, theirs) = (key("load", A, "r1", A), key("load", B, "r1", B));
        let (old, new) = (workflow("a:1", "today"), workflow("a:2", "tomorrow"));
        let (before, after) = (node("one"), node("two"));
        let side = |key, workflow, node| Side { key, run_id: Some("r1"), node: Some(node), workflow: Some(workflow) };
        assert_eq!(
            said(side(&ours, &new, &after), side(&theirs, &old, &before)),
            [
                "the template's content was edited: container.image",
                "the inputs: m is \"one\" there, \"two\" here, token is \"***\" there, \"***\" here, \
                 workflow.parameters.date is \"today\" there, \"tomorrow\" here",
            ]
        );
    }

    #[test]
    fn a_template_that_is_called_and_was_edited_is_named() {
        let (ours, theirs) = (key("load", A, "r1", A), key("load", B, "r1", A));
        let (mut old, new) = (workflow("a:1", "today"), workflow("a:1", "today"));
        old["spec"]["templates"][1]["container"]["image"] = "busybox:2".into();
        let node = node("one");
        let side = |key, workflow| Side { key, run_id: Some("r1"), node: Some(&node), workflow: Some(workflow) };
        assert_eq!(said(side(&ours, &new), side(&theirs, &old)), ["the template's content was edited: template leaf"]);
    }
}
