//! JSONPath as Argo's `jsonpath()` understands it: the dialect of one particular Go library, quirks included.

mod script;
mod selector;

use serde_json::Value;

use selector::{Bound, Name, Step};

use super::golang;
use super::operators::{Numeric, Outcome};

/// Selects from a document whose numbers are floats, as JSON read by Go is.
pub(super) fn query(path: &str, document: &Value) -> Outcome {
    let steps = selector::parse(path, 0).map_err(|what| format!("invalid path `{path}`: {what}"))?;
    apply(&steps, document, document)
}

/// Filters within filters end somewhere.
const MAX_DEPTH: usize = 16;

fn apply(steps: &[Step], root: &Value, current: &Value) -> Outcome {
    let Some((step, next)) = steps.split_first() else {
        return Ok(current.clone());
    };
    match step {
        Step::Root => apply(next, root, root),
        Step::Current => apply(next, root, current),
        Step::Key(key) => apply(next, root, field(current, key)?),
        Step::Length => apply(next, root, &length(current)?),
        Step::Index(index) => apply(next, root, element(current, *index)?),
        Step::Wildcard => Ok(each(children(current)?, next, root)),
        Step::Recursive => Ok(Value::Array(recursive(next, root, current))),
        Step::Filter(script) => {
            let kept = children(current)?.filter(|child| script.holds(root, child)).collect();
            onward(kept, next, current, root)
        }
        Step::Script(script) => match script.evaluate(root, current)? {
            Value::String(key) => apply(next, root, field(current, unquoted(&key))?),
            other => apply(next, root, element(current, whole(&other)?)?),
        },
        Step::Range { from, to, step } => {
            let kept = range(current, root, [from, to, step])?;
            onward(kept, next, root, root)
        }
        Step::Union(names) => {
            let kept = union(current, root, names)?;
            onward(kept, next, root, root)
        }
    }
}

/// What follows a selection of several: an index picks from the list, anything else is done to each of them.
fn onward(kept: Vec<&Value>, next: &[Step], list_root: &Value, root: &Value) -> Outcome {
    match next.first() {
        Some(Step::Index(_)) => {
            let list: Value = kept.into_iter().cloned().collect();
            apply(next, list_root, &list)
        }
        _ => Ok(each(kept.into_iter(), next, root)),
    }
}

/// Goes on from each value; where that fails or finds null, nothing is added.
fn each<'v>(values: impl Iterator<Item = &'v Value>, next: &[Step], root: &Value) -> Value {
    if next.is_empty() {
        return values.cloned().collect();
    }
    let found = values.filter_map(|value| apply(next, root, value).ok());
    found.filter(|value| !value.is_null()).collect()
}

fn recursive(next: &[Step], root: &Value, current: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    if current.is_null() {
        return found;
    }
    match apply(next, root, current) {
        Ok(Value::Array(values)) => found.extend(values),
        Ok(Value::Null) | Err(_) => {}
        Ok(value) => found.push(value),
    }
    for child in children(current).into_iter().flatten() {
        found.extend(recursive(next, root, child));
    }
    found
}

/// The elements of a list, or the values of a map in the order of its keys.
fn children(value: &Value) -> Result<Box<dyn Iterator<Item = &Value> + '_>, String> {
    match value {
        Value::Array(values) => Ok(Box::new(values.iter())),
        Value::Object(_) => Ok(Box::new(golang::sorted(value).into_iter().map(|(_, value)| value))),
        other => Err(unfit(other)),
    }
}

fn unfit(value: &Value) -> String {
    format!("cannot select from {}", golang::type_name(value))
}

fn field<'v>(value: &'v Value, key: &str) -> Result<&'v Value, String> {
    let map = value.as_object().ok_or_else(|| unfit(value))?;
    map.get(key).ok_or_else(|| format!("key `{key}` not found"))
}

fn element(value: &Value, index: i64) -> Result<&Value, String> {
    let values = value.as_array().ok_or_else(|| unfit(value))?;
    let position = super::evaluate::position(index, values.len());
    position.map(|position| &values[position]).ok_or_else(|| format!("index {index} is out of range"))
}

fn length(value: &Value) -> Outcome {
    match value {
        Value::Object(map) => Ok(map.get("length").cloned().unwrap_or_else(|| map.len().into())),
        Value::Array(values) => Ok(values.len().into()),
        Value::String(text) => Ok(text.len().into()),
        other => Err(unfit(other)),
    }
}

fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    inner.unwrap_or(text)
}

fn whole(value: &Value) -> Result<i64, String> {
    let number = Numeric::of(value).filter(|number| number.float().fract() == 0.0);
    let number = number.ok_or_else(|| format!("expected an integer, got {}", golang::type_name(value)))?;
    Ok(number.integer())
}

fn bound(bound: &Bound, root: &Value, current: &Value) -> Result<Option<i64>, String> {
    match bound {
        Bound::Open => Ok(None),
        Bound::At(index) => Ok(Some(*index)),
        Bound::Script(script) => whole(&script.evaluate(root, current)?).map(Some),
    }
}

fn range<'v>(current: &'v Value, root: &Value, bounds: [&Bound; 3]) -> Result<Vec<&'v Value>, String> {
    let values = current.as_array().ok_or_else(|| unfit(current))?;
    let length = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let clamped = |index: i64| if index < 0 { (length + index).max(0) } else { index.min(length) };
    let from = bound(bounds[0], root, current)?.map_or(0, clamped);
    let to = bound(bounds[1], root, current)?.map_or(length, clamped);
    let step = bound(bounds[2], root, current)?.unwrap_or(1);
    let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    if stride == 0 {
        return Err("the step of a range is zero".to_owned());
    }
    let size = |index: i64| usize::try_from(index).unwrap_or(0);
    let slice = values.get(size(from)..size(to)).unwrap_or_default();
    Ok(if step < 0 { slice.iter().rev().step_by(stride).collect() } else { slice.iter().step_by(stride).collect() })
}

fn union<'v>(current: &'v Value, root: &Value, names: &[Name]) -> Result<Vec<&'v Value>, String> {
    let mut keys = Vec::new();
    let mut indices = Vec::new();
    for name in names {
        match name {
            Name::Key(key) => keys.push(key.clone()),
            Name::Index(index) => indices.push(*index),
            Name::Script(script) => match script.evaluate(root, current)? {
                Value::String(key) => keys.push(key),
                other => indices.push(whole(&other)?),
            },
        }
    }
    match (keys.is_empty(), indices.is_empty()) {
        (false, false) => Err("a union mixes keys and indices".to_owned()),
        (false, true) => {
            let map = current.as_object().ok_or_else(|| unfit(current))?;
            Ok(keys.iter().filter_map(|key| map.get(key)).collect())
        }
        _ => {
            let values = current.as_array().ok_or_else(|| unfit(current))?;
            let position = |index: i64| super::evaluate::position(index, values.len());
            Ok(indices.into_iter().filter_map(position).map(|at| &values[at]).collect())
        }
    }
}
