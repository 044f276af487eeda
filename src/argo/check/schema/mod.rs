//! What Argo's definitions say of a document: fields, their types, what is required, words and ranges.
//!
//! Types and unknown fields are what `argo submit --strict` refuses (workflow/common/parse.go, toWorkflowTypeJSON);
//! required fields, words and ranges are those of the definitions (pkg/apis/workflow/v1alpha1/workflow_types.go, the
//! kubebuilder markers), which a cluster has since Argo 4.0.

mod metadata;
mod types;

use hashbrown::HashSet;
use serde_json::{Map, Value};

use self::types::{Bound, Field, Shape, Type};
use super::finding::{Finding, Fix, MOST, Rule, has_room};
use super::nearest::nearest;
use super::version::Version;
use super::{Options, Severity};
use crate::argo::document::{Kind, any_string, found, join};

/// Types whose names are patterns in the definitions.
const NAMED: [&str; 4] = ["Template", "WorkflowStep", "DAGTask", "Parameter"];
/// Lists whose items differ in these fields, each with the value that stands for none (x-kubernetes-list-map-keys).
const UNIQUE: [(&str, &[(&str, &str)]); 5] = [
    ("env", &[("name", "")]),
    ("ports", &[("containerPort", ""), ("protocol", "TCP")]),
    ("claims", &[("name", "")]),
    ("volumeDevices", &[("devicePath", "")]),
    ("volumeMounts", &[("mountPath", "")]),
];

/// Checks a document's fields.
pub(super) fn check(document: &Value, kind: Kind, options: &Options) -> Vec<Finding> {
    let mut walk = Walk { options, path: Vec::new(), findings: Vec::new(), compared: 0 };
    if let Some(root) = types::named(kind.as_str()) {
        walk.object(document, root);
    }
    walk.findings.extend(metadata::check(document, kind));
    walk.findings
}

#[derive(Clone, Copy)]
enum Segment<'document> {
    Key(&'document str),
    Index(usize),
}

struct Walk<'document> {
    options: &'document Options,
    path: Vec<Segment<'document>>,
    findings: Vec<Finding>,
    /// Unknown keys that were compared with known ones.
    compared: usize,
}

impl<'document> Walk<'document> {
    fn value(&mut self, value: &'document Value, shape: &Shape) {
        if !shape.admits(value) {
            let message = format!("expected {}, found {}", shape.expected(value), found(value));
            return self.problem(Rule::Type, Severity::Error, message, shape.hint(value), shape.fix(value));
        }
        self.not_from_kubectl(value, shape);
        match (shape, value) {
            (Shape::Type(number), _) => self.object(value, types::numbered(*number)),
            (Shape::List(item), Value::Array(items)) => self.items(items, item),
            (Shape::Map(shape), Value::Object(map)) => {
                for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                    self.below(Segment::Key(key), value, shape);
                }
            }
            (Shape::Quantity, Value::String(text)) if !is_quantity(text) => {
                let message = format!("expected a quantity such as 500m or 1Gi, found `{text}`");
                let hint = text.contains("{{").then_some("Argo replaces no tag here: set it by `podSpecPatch`");
                self.problem(Rule::Type, Severity::Error, message, hint, None);
            }
            _ => {}
        }
    }

    /// Argo makes a text of what the definitions have as one, and `submit` does. Kubectl does not.
    fn not_from_kubectl(&mut self, value: &Value, shape: &Shape) {
        let is_refused = match shape {
            Shape::Scalar => value.is_number() || value.is_boolean(),
            Shape::Quantity => value.is_number() && !is_integer(value),
            _ => false,
        };
        if is_refused && !self.options.completes && self.options.definitions_count() {
            let text = any_text(value);
            let message =
                format!("{} that Argo reads as the text `{text}`, and that clusters refuse from kubectl", found(value));
            self.problem(Rule::Type, Severity::Warning, message, Some("put it in quotes"), Some(Fix::Replace(text)));
        }
    }

    /// The definitions take no tag in a name, though Argo would replace it.
    fn tag_in_name(&mut self, field: &Field, value: &Value, of: &'static Type) {
        let is_name = field.name == "name" && value.as_str().is_some_and(|name| name.contains("{{"));
        let is_of = |name: &&str| types::named(name).is_some_and(|named| std::ptr::eq(named, of));
        if is_name && self.options.definitions_count() && NAMED.iter().any(is_of) {
            let message = "a name has no tags: clusters refuse it".to_owned();
            self.problem(Rule::Limit, Severity::Error, message, None, None);
        }
    }

    fn object(&mut self, value: &'document Value, of: &'static Type) {
        let Some(map) = value.as_object() else { return };
        for (key, value) in map {
            match of.fields.get(key.as_str()) {
                None => self.unknown(key, value, map, of),
                Some(_) if value.is_null() => {}
                Some(field) => {
                    self.path.push(Segment::Key(key));
                    self.version(field);
                    self.value(value, &field.shape);
                    self.bound(value, &field.bound);
                    self.tag_in_name(field, value, of);
                    self.path.pop();
                }
            }
        }
        self.required(map, of);
    }

    /// A list's null is read as an empty text; an empty item of a list of objects is a mistake, for Argo would read a
    /// template without a name.
    fn items(&mut self, items: &'document [Value], shape: &Shape) {
        let may_be_null = matches!(shape, Shape::Any | Shape::Text | Shape::Scalar);
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !(may_be_null && item.is_null())) {
            self.below(Segment::Index(index), item, shape);
        }
        if let (Some(Segment::Key(list)), Shape::Type(_)) = (self.path.last(), shape)
            && let Some((_, keys)) = UNIQUE.iter().find(|(unique, _)| unique == list)
        {
            self.unique(items, keys);
        }
    }

    fn unique(&mut self, items: &'document [Value], keys: &[(&'static str, &str)]) {
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let part = |(key, default): &(&str, &str)| item.get(*key).map_or_else(|| (*default).into(), any_text);
            let parts: Vec<String> = keys.iter().map(part).collect();
            if !seen.insert(parts.clone()) {
                self.path.extend([Segment::Index(index), Segment::Key(keys[0].0)]);
                let message = format!("`{}` stands twice in this list", parts[0]);
                self.problem(Rule::Limit, self.of_definitions(), message, None, None);
                self.path.truncate(self.path.len() - 2);
            }
        }
    }

    fn below(&mut self, segment: Segment<'document>, value: &'document Value, shape: &Shape) {
        self.path.push(segment);
        self.value(value, shape);
        self.path.pop();
    }

    fn unknown(&mut self, key: &'document str, value: &Value, map: &Map<String, Value>, of: &'static Type) {
        // Kubernetes drops a null of a field that it does not know.
        if value.is_null() || !self.options.strict && self.compared >= MOST {
            return;
        }
        self.compared += 1;
        let absent = of.fields.keys().copied().filter(|name| !map.contains_key(*name));
        let name = nearest(key, absent);
        let near = name.map(|name| format!("did you mean `{name}`?"));
        let fix = name.map(|name| Fix::Rename(name.to_owned()));
        // Argo looks at the fields of a step and at none below. (workflow_types.go, ParallelSteps.UnmarshalJSON)
        let strict = self.options.strict && self.ends_at_step() != Some(false);
        let severity = if strict { Severity::Error } else { Severity::Warning };
        if self.options.strict || near.is_some() {
            self.path.push(Segment::Key(key));
            self.problem(Rule::UnknownField, severity, "unknown field".to_owned(), near.as_deref(), fix);
            self.path.pop();
        }
    }

    fn version(&mut self, field: &Field) {
        let assumed = self.options.version.unwrap_or(Version::LATEST);
        if field.is_of(assumed) {
            return;
        }
        let severity = if self.options.version.is_some() { Severity::Error } else { Severity::Warning };
        let message = match (field.since, field.until) {
            (Some(since), _) => format!("Argo has this field since {since}, not in {assumed}"),
            (_, Some(until)) => format!("Argo {until} was the last to have this field, {assumed} has not"),
            (None, None) => return,
        };
        let hint = match field.name {
            "mutex" => Some("write `mutexes: [{…}]`"),
            "semaphore" => Some("write `semaphores: [{…}]`"),
            "schedule" => Some("write `schedules: [\"…\"]`"),
            "podPriority" | "priority" => Some("use podPriorityClassName, or priorityClassName in a template"),
            _ => None,
        };
        let fix = match field.name {
            "mutex" => Some(Fix::MakeList("mutexes")),
            "semaphore" => Some(Fix::MakeList("semaphores")),
            "schedule" => Some(Fix::MakeList("schedules")),
            _ => None,
        };
        self.problem(Rule::Version, severity, message, hint, fix);
    }

    fn bound(&mut self, value: &Value, bound: &Bound) {
        let message = match (bound, value) {
            (Bound::None, _) | (_, Value::Null) => return,
            (Bound::Words(words), Value::String(text)) if words.contains(&text.as_str()) => return,
            // A tag may become one of the words, where only Argo looks.
            (Bound::Words(_), Value::String(text)) if text.contains("{{") => {
                if self.options.definitions_count() {
                    let message = "no tag may stand for the words of this field: clusters refuse it".to_owned();
                    self.problem(Rule::Enum, Severity::Error, message, None, None);
                }
                return;
            }
            (Bound::Words(words), Value::String(text)) => {
                let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
                let near = nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
                let message = format!("expected one of {}, found `{text}`", words.join(", "));
                return self.problem(Rule::Enum, Severity::Error, message, near.as_deref(), None);
            }
            (Bound::Range(least, most), _) => {
                let (size, what) = match value {
                    Value::Array(items) => (i64::try_from(items.len()).ok(), " items"),
                    Value::String(text) => (i64::try_from(text.chars().count()).ok(), " characters"),
                    number => (number.as_i64(), ""),
                };
                let Some(size) = size else { return };
                if least.is_none_or(|least| least <= size) && most.is_none_or(|most| size <= most) {
                    return;
                }
                let expected = match (least, most) {
                    (Some(least), Some(most)) => format!("{least} to {most}"),
                    (Some(least), None) => format!("at least {least}"),
                    (None, most) => format!("at most {}", most.unwrap_or_default()),
                };
                format!("expected {expected}{what}, found {size}")
            }
            (Bound::Words(_), _) => return,
        };
        self.problem(Rule::Limit, self.of_definitions(), message, None, None);
    }

    fn required(&mut self, map: &Map<String, Value>, of: &'static Type) {
        let absent = |field: &&Field| map.get(field.name).is_none_or(Value::is_null);
        let mut missing: Vec<&Field> = of.fields.values().filter(|field| field.required).filter(absent).collect();
        missing.sort_by_key(|field| field.name);
        for field in missing {
            if self.options.completes && matches!(field.name, "maxAge" | "cache" | "metadata") {
                continue;
            }
            let message = format!("`{}` is required", field.name);
            let fix = (field.name == "maxAge").then_some(Fix::Add("maxAge: \"\""));
            self.problem(Rule::Required, self.of_definitions(), message, None, fix);
        }
    }

    /// Clusters before 4.0, and those with minimal definitions, take documents that break the full ones.
    fn of_definitions(&self) -> Severity {
        if self.options.definitions_count() { Severity::Error } else { Severity::Warning }
    }

    fn problem(&mut self, rule: Rule, severity: Severity, message: String, hint: Option<&str>, fix: Option<Fix>) {
        if has_room(&self.findings, severity) {
            let finding = Finding::new(rule, severity, self.pointer(), message).with_fix(fix);
            self.findings.push(match hint {
                Some(hint) => finding.with_hint(hint),
                None => finding,
            });
        }
    }

    /// Whether the path ends at a step; none where no step is above it.
    fn ends_at_step(&self) -> Option<bool> {
        let is_step =
            |part: &[Segment<'_>]| matches!(part, [Segment::Key("steps"), Segment::Index(_), Segment::Index(_)]);
        let step = self.path.windows(3).position(is_step)?;
        Some(self.path.len() == step + 3)
    }

    fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Key(key) => join(&pointer, key),
            Segment::Index(index) => join(&pointer, &index.to_string()),
        })
    }
}

impl Shape {
    fn expected(&self, value: &Value) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Text => "a string",
            Self::Time => "a time",
            Self::Truth => "true or false",
            Self::SmallInteger | Self::IntegerOrText if is_integer(value) => "an integer of 32 bits",
            Self::Integer | Self::SmallInteger => "an integer",
            Self::Number => "a number",
            Self::IntegerOrText => "an integer or a string",
            Self::Quantity => "a number or a string",
            Self::Scalar => "a string, a number or a boolean",
            Self::List(_) if self.is_group() => "a list of steps",
            Self::List(_) => "a list",
            Self::Map(_) | Self::Type(_) => "an object",
        }
    }

    fn admits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Text | Self::Time => value.is_string(),
            Self::Truth => value.is_boolean(),
            Self::Integer => is_integer(value),
            Self::SmallInteger => is_small_integer(value),
            Self::Number => value.is_number(),
            Self::IntegerOrText => is_small_integer(value) || value.is_string(),
            Self::Quantity => value.is_number() || value.is_string(),
            Self::Scalar => value.is_number() || value.is_string() || value.is_boolean(),
            Self::List(_) => value.is_array(),
            Self::Map(_) | Self::Type(_) => value.is_object(),
        }
    }

    fn hint(&self, value: &Value) -> Option<&'static str> {
        match (self, value) {
            (Self::Text, Value::Bool(_) | Value::Number(_)) => Some("put it in quotes"),
            (Self::Integer | Self::SmallInteger | Self::Truth | Self::Number, Value::String(_)) => {
                Some("write it without quotes")
            }
            (Self::Scalar, Value::Array(_) | Value::Object(_)) => Some("write it as JSON text in quotes"),
            // Only steps are lists of lists.
            (Self::List(item), Value::Object(_)) if matches!(**item, Self::Type(_)) && self.is_group() => {
                Some("begin a group of steps with `- -`")
            }
            (Self::List(_), Value::Object(_)) => Some("begin each item with `- `"),
            _ => None,
        }
    }

    fn fix(&self, value: &Value) -> Option<Fix> {
        match (self, value) {
            (Self::Text, Value::Bool(_) | Value::Number(_)) => Some(Fix::Quote),
            (Self::Integer | Self::SmallInteger | Self::Truth | Self::Number, Value::String(_)) => Some(Fix::Unquote),
            _ => None,
        }
    }

    fn is_group(&self) -> bool {
        let step = types::named("WorkflowStep");
        matches!(self, Self::List(item) if matches!(**item, Self::Type(number) if step.is_some_and(|step| std::ptr::eq(step, types::numbered(number)))))
    }
}

fn any_text(value: &Value) -> String {
    any_string(value).unwrap_or_default()
}

/// Kubectl writes 5.0 as 5.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// (k8s.io/apimachinery/pkg/util/intstr, IntOrString)
fn is_small_integer(value: &Value) -> bool {
    let limits = f64::from(i32::MIN)..=f64::from(i32::MAX);
    is_integer(value) && value.as_f64().is_some_and(|number| limits.contains(&number))
}

/// A decimal number with one of Kubernetes' suffixes or an exponent. (k8s.io/apimachinery/pkg/api/resource, ParseQuantity)
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(digits);
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit()) && number.matches('.').count() <= 1;
    let exponent =
        suffix.strip_prefix(['e', 'E']).map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let is_exponent =
        exponent.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    is_number && (is_exponent || suffixes.contains(&suffix))
}

#[cfg(test)]
mod tests;
