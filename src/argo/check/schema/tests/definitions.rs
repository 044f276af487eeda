//! Compares the table of types with Argo's full definitions, where `RUNNABLE_ARGO_CRDS` names their directory: each field,
//! its type, whether it is required, words and ranges. Each difference is named, or has its reason here.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::super::types::{Bound, Field, Shape, number, numbered};
use crate::argo::template::{field, list, text};

const ROOT: &str = "/spec/versions/0/schema/openAPIV3Schema";
const KINDS: [(&str, &str); 4] = [
    ("Workflow", "workflows"),
    ("WorkflowTemplate", "workflowtemplates"),
    ("ClusterWorkflowTemplate", "clusterworkflowtemplates"),
    ("CronWorkflow", "cronworkflows"),
];

/// Where the table says other things than the definitions, and why. A place is the end of a field's path.
const REASONS: [(&str, &str); 12] = [
    ("Template.metadata", "the API server checks an object's metadata by itself"),
    ("Workflow.metadata", "the same"),
    (
        "volumeClaimTemplates[].metadata",
        "Argo reads all metadata (metav1.ObjectMeta); the definitions list what users set",
    ),
    ("executorPlugins[].metadata", "the same"),
    ("spec.workflowMetadata", "the same"),
    (".status", "controllers write it, and no user's document is checked for it"),
    ("templates[].name", "its length and letters are checked with the names of calls and templates"),
    ("templateDefaults.name", "the same"),
    ("tasks[].name", "the same"),
    ("steps[][].name", "the same"),
    ("dag.tasks", "that a dag has a task is told by the check of the dag"),
    (".withItems", "the definitions leave it without a schema; Argo reads a list"),
];

/// What differs, by the path of the field.
#[derive(Default)]
struct Comparison {
    differences: BTreeSet<String>,
    /// The types that the walk is within: a template holds templates.
    within: Vec<usize>,
}

impl Comparison {
    fn tell(&mut self, path: &str, what: impl std::fmt::Display) {
        self.differences.insert(format!("{path}: {what}"));
    }

    fn value(&mut self, path: &str, shape: &Shape, schema: &Value) {
        let kind = text(schema, "type");
        let is_either = field(schema, "x-kubernetes-int-or-string") == Some(&Value::Bool(true));
        match shape {
            Shape::List(item) => match field(schema, "items") {
                Some(items) if kind == "array" => self.value(&format!("{path}[]"), item, items),
                _ => self.tell(path, format_args!("a list in the table, {kind:?} in the definitions")),
            },
            Shape::Map(item) => match field(schema, "additionalProperties") {
                Some(values) => self.value(&format!("{path}{{}}"), item, values),
                None if kind == "object" && **item == Shape::Any => {}
                None => self.tell(path, format_args!("a map in the table, {kind:?} in the definitions")),
            },
            Shape::Type(number) => self.object(path, *number, schema),
            Shape::Quantity | Shape::IntegerOrText if is_either => {}
            Shape::Any if kind.is_empty() || (kind == "object" && field(schema, "properties").is_none()) => {}
            Shape::Text | Shape::Scalar | Shape::Time if kind == "string" => {}
            Shape::Truth if kind == "boolean" => {}
            Shape::Integer if kind == "integer" && text(schema, "format") != "int32" => {}
            Shape::SmallInteger if kind == "integer" && text(schema, "format") == "int32" => {}
            Shape::Number if kind == "number" => {}
            _ => self.tell(path, format_args!("{shape:?} in the table, {kind:?} in the definitions")),
        }
    }

    fn object(&mut self, path: &str, number: usize, schema: &Value) {
        let fields = &numbered(number).fields;
        let Some(properties) = field(schema, "properties").and_then(Value::as_object) else {
            // An inline template, which the definitions leave open.
            let is_open = field(schema, "x-kubernetes-preserve-unknown-fields").is_some();
            if !is_open && !fields.is_empty() {
                self.tell(path, "an object with fields in the table, without in the definitions");
            }
            return;
        };
        if self.within.contains(&number) {
            return;
        }

        self.within.push(number);
        let required = list(field(schema, "required"));
        let of_newest = |field: &&Field| field.until.is_none();
        for known in fields.values().filter(of_newest) {
            let path = format!("{path}.{}", known.name);
            let Some(schema) = properties.get(known.name) else {
                self.tell(&path, "not in the definitions");
                continue;
            };
            if known.required != required.iter().any(|name| name == known.name) {
                self.tell(&path, format_args!("required is {} in the table", known.required));
            }
            let (ours, theirs) = (sorted(known), bound(schema));
            if ours != theirs {
                self.tell(&path, format_args!("{ours:?} in the table, {theirs:?} in the definitions"));
            }
            self.value(&path, &known.shape, schema);
        }
        for name in
            properties.keys().filter(|name| fields.get(name.as_str()).as_ref().is_none_or(|one| !of_newest(one)))
        {
            self.tell(&format!("{path}.{name}"), "not in the table");
        }
        self.within.pop();
    }
}

fn bound(schema: &Value) -> Bound {
    let words = list(field(schema, "enum")).iter().filter_map(Value::as_str);
    let words: BTreeSet<&str> = words.collect();
    if !words.is_empty() {
        return Bound::Words(words.into_iter().map(|word| &*word.to_owned().leak()).collect());
    }
    let number = |names: [&str; 3]| names.iter().find_map(|name| field(schema, name)?.as_i64());
    match (number(["minimum", "minLength", "minItems"]), number(["maximum", "maxLength", "maxItems"])) {
        (None, None) => Bound::None,
        (least, most) => Bound::Range(least, most),
    }
}

/// The same with its words in the order of their letters.
fn sorted(field: &Field) -> Bound {
    match &field.bound {
        Bound::Words(words) => {
            let mut words = words.clone();
            words.sort_unstable();
            Bound::Words(words)
        }
        other => other.clone(),
    }
}

#[test]
fn the_table_says_what_the_definitions_say() {
    let Some(directory) = std::env::var_os("RUNNABLE_ARGO_CRDS") else {
        eprintln!("not compared: RUNNABLE_ARGO_CRDS does not name the directory of Argo's full definitions");
        return;
    };
    let mut comparison = Comparison::default();
    for (kind, file) in KINDS {
        let path = Path::new(&directory).join(format!("argoproj.io_{file}.yaml"));
        let definition: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let schema = definition.pointer(ROOT).unwrap();
        comparison.object(kind, number(kind).unwrap(), schema);
    }
    let has_reason = |difference: &&String| {
        let place = difference.split(": ").next().unwrap_or_default();
        REASONS.iter().any(|(end, _)| place.ends_with(end) || place.contains(&format!("{end}.")))
    };
    let unexplained: Vec<&String> = comparison.differences.iter().filter(|one| !has_reason(one)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    for (end, why) in REASONS {
        assert!(comparison.differences.iter().any(|one| one.contains(end)), "{end} differs no more: {why}");
    }
}
