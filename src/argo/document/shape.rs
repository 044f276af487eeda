//! The types of the fields this product reads, checked once when a document is read.
//!
//! What a document must look like is the table in `fields`; here is the walk. A field the table does not know is never
//! an error, only a misspelling is worth a warning.

use serde_json::Value;

use super::error::understood;
use super::fields::{ROOTS, TEMPLATE};
use super::place::{join, shortened};
use super::{Document, Kind, Problem};
use crate::argo::identity::ObjectName;

/// The most problems that are collected of one document, and the most unknown keys that are looked at.
const MAX_PROBLEMS: usize = 200;
/// The longest name Argo accepts for a workflow or a template: it becomes a label.
const MAX_ARGO_NAME: usize = 63;
/// The longest name of a CronWorkflow: a time is appended to it.
const MAX_CRON_NAME: usize = 52;

/// What a field may hold. Null stands for an absent field everywhere.
#[derive(Debug)]
pub(super) enum Shape {
    Any,
    Text,
    Truth,
    Integer,
    IntegerOrText,
    /// What Kubernetes calls a quantity.
    NumberOrText,
    /// What Argo reads as text whichever scalar it is.
    Scalar,
    List(&'static Shape),
    Map(&'static Shape),
    Object(&'static [Field]),
    /// A list of parallel steps, which newcomers write as one step.
    Parallel(&'static [Field]),
    /// A template in a step: the one place where the table refers to itself.
    Inline,
}

/// A field's name and what it may hold.
pub(super) type Field = (&'static str, Shape);

/// What was found in one document.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

/// Checks the types of a document's fields and its names.
pub(super) fn check(document: &Document) -> Problems {
    let mut walk = Walk { document, path: Vec::new(), findings: Problems::default(), compared: 0 };
    if let Some((_, fields)) = ROOTS.iter().find(|(kind, _)| *kind == document.kind) {
        walk.object(&document.value, fields);
    }
    walk.names();
    walk.findings
}

/// The kind of a document, or the field that is wrong and why.
pub(super) fn kind(value: &Value) -> Result<Kind, (String, String)> {
    let whole = |message: String| (String::new(), message);
    if !value.is_object() {
        return Err(whole(format!("expected an object, found {}", found(value))));
    }
    let kind = match value.get("kind") {
        None | Some(Value::Null) => Err(whole(format!("no `kind`, expected {}", understood()))),
        Some(Value::String(text)) => Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ("/kind".to_owned(), format!("expected {}, found `{}`", understood(), shortened(text)))),
        Some(other) => Err(("/kind".to_owned(), format!("expected a string, found {}", found(other)))),
    }?;
    let expected = kind.api_version();
    match value.get("apiVersion") {
        None | Some(Value::Null) => Err(whole(format!("no `apiVersion`, expected `{expected}`"))),
        Some(Value::String(text)) if text == expected => Ok(kind),
        Some(Value::String(text)) => Err((
            "/apiVersion".to_owned(),
            format!("expected `{expected}` for a {}, found `{}`", kind.as_str(), shortened(text)),
        )),
        Some(other) => Err(("/apiVersion".to_owned(), format!("expected a string, found {}", found(other)))),
    }
}

/// The type of a value, for a message.
pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Shape {
    fn expected(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Text => "a string",
            Self::Truth => "true or false",
            Self::Integer => "an integer",
            Self::IntegerOrText => "an integer or a string",
            Self::NumberOrText => "a number or a string",
            Self::Scalar => "a string, a number or a boolean",
            Self::List(_) => "a list",
            Self::Parallel(_) => "a list of steps",
            Self::Map(_) | Self::Object(_) | Self::Inline => "an object",
        }
    }

    fn admits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Text => value.is_string(),
            Self::Truth => value.is_boolean(),
            Self::Integer => is_integer(value),
            Self::IntegerOrText => is_integer(value) || value.is_string(),
            Self::NumberOrText => value.is_number() || value.is_string(),
            Self::Scalar => value.is_number() || value.is_string() || value.is_boolean(),
            Self::List(_) | Self::Parallel(_) => value.is_array(),
            Self::Map(_) | Self::Object(_) | Self::Inline => value.is_object(),
        }
    }

    fn hint(&self, value: &Value) -> Option<&'static str> {
        match (self, value) {
            (Self::Text, Value::Bool(_) | Value::Number(_)) => Some("put it in quotes"),
            (Self::Integer | Self::Truth, Value::String(_)) => Some("write it without quotes"),
            (Self::Scalar, Value::Array(_) | Value::Object(_)) => Some("write it as JSON text in quotes"),
            (Self::Parallel(_), Value::Object(_)) => Some("begin a group of steps with `- -`"),
            (Self::List(_), Value::Object(_)) => Some("begin each item with `- `"),
            _ => None,
        }
    }
}

/// Kubectl writes 5.0 as 5.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

#[derive(Clone, Copy)]
enum Segment<'document> {
    Key(&'document str),
    Index(usize),
}

struct Walk<'document> {
    document: &'document Document,
    path: Vec<Segment<'document>>,
    findings: Problems,
    /// Unknown keys that were compared with known ones.
    compared: usize,
}

impl<'document> Walk<'document> {
    fn value(&mut self, value: &'document Value, shape: &Shape) {
        if !shape.admits(value) {
            let message = format!("expected {}, found {}", shape.expected(), found(value));
            let pointer = self.pointer();
            return self.problem(&pointer, message, shape.hint(value));
        }
        match (shape, value) {
            (Shape::Object(fields), _) => self.object(value, fields),
            (Shape::Inline, _) => self.object(value, TEMPLATE),
            (Shape::Parallel(fields), Value::Array(items)) => self.items(items, &Shape::Object(fields)),
            (Shape::List(item), Value::Array(items)) => self.items(items, item),
            (Shape::Map(shape), Value::Object(map)) => {
                for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                    self.below(Segment::Key(key), value, shape);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, value: &'document Value, fields: &[Field]) {
        let Some(map) = value.as_object() else { return };
        for (key, value) in map {
            match fields.iter().find(|(name, _)| name == key) {
                Some(_) if value.is_null() => {}
                Some((_, shape)) => self.below(Segment::Key(key), value, shape),
                None => {
                    let absent = fields.iter().map(|(name, _)| *name).filter(|name| !map.contains_key(*name));
                    self.unknown(key, absent);
                }
            }
        }
    }

    /// An empty item of a list of objects is a mistake; Argo would read a template without a name.
    fn items(&mut self, items: &'document [Value], shape: &Shape) {
        let may_be_null = matches!(shape, Shape::Any | Shape::Text | Shape::Scalar);
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !(may_be_null && item.is_null())) {
            self.below(Segment::Index(index), item, shape);
        }
    }

    fn below(&mut self, segment: Segment<'document>, value: &'document Value, shape: &Shape) {
        self.path.push(segment);
        self.value(value, shape);
        self.path.pop();
    }

    fn unknown(&mut self, key: &'document str, known: impl Iterator<Item = &'static str>) {
        self.compared += 1;
        if self.compared <= MAX_PROBLEMS
            && let Some(name) = nearest(key, known)
        {
            let pointer = join(&self.pointer(), key);
            let warning = self.document.problem(&pointer, "unknown field").with_hint(format!("did you mean `{name}`?"));
            self.findings.warnings.push(warning);
        }
    }

    fn names(&mut self) {
        let longest = match self.document.kind {
            Kind::ConfigMap | Kind::Secret => 253,
            Kind::CronWorkflow => MAX_CRON_NAME,
            _ => MAX_ARGO_NAME,
        };
        let expected = "lower-case letters, digits, '-' or '.', beginning and ending with a letter or digit";
        if let Some(name) = self.document.name() {
            if name.parse::<ObjectName>().is_err() {
                self.problem(
                    "/metadata/name",
                    format!("`{}` is no legal name, expected {expected}", shortened(name)),
                    None,
                );
            } else if name.len() > longest {
                let message = format!("the name has {} characters, at most {longest} are allowed", name.len());
                self.problem("/metadata/name", message, None);
            }
        }
        if let Some(prefix) = self.document.generate_name()
            && (prefix.len() >= longest || format!("{prefix}x").parse::<ObjectName>().is_err())
        {
            let message = format!(
                "`{}` begins no legal name, expected {expected}, less than {longest} characters",
                shortened(prefix)
            );
            self.problem("/metadata/generateName", message, None);
        }
        if let Some(namespace) = self.document.namespace()
            && (namespace.len() > 63 || namespace.contains('.') || namespace.parse::<ObjectName>().is_err())
        {
            let message =
                format!("`{}` is no legal namespace, expected lower-case letters, digits or '-'", shortened(namespace));
            self.problem("/metadata/namespace", message, None);
        }
    }

    fn problem(&mut self, pointer: &str, message: String, hint: Option<&'static str>) {
        if self.findings.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let problem = self.document.problem(pointer, message);
        self.findings.problems.push(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }

    fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Key(key) => join(&pointer, key),
            Segment::Index(index) => join(&pointer, &index.to_string()),
        })
    }
}

/// The known name a key is probably a misspelling of.
fn nearest(key: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let allowed = match key.len() {
        0..=3 => 0,
        4..=7 => 1,
        8..=64 => 2,
        _ => return None,
    };
    known
        .filter(|name| name.len().abs_diff(key.len()) <= allowed)
        .map(|name| (distance(&name.to_ascii_lowercase(), &key.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut over: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, one) in left.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(one != other);
            let mut fewest = replaced.min(above[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *one == right[column - 1] && left[row - 1] == *other {
                fewest = fewest.min(over[column - 1] + 1);
            }
            next.push(fewest);
        }
        over = std::mem::replace(&mut above, next);
    }
    above[right.len()]
}
