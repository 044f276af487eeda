//! The language's functions that take plain values.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::evaluate::{fetch, position};
use super::operators::{self, Numeric, Outcome};
use super::{budget, builtins, golang};

/// The names of these functions.
pub(super) const NAMES: [&str; 55] = [
    "len",
    "type",
    "abs",
    "ceil",
    "floor",
    "round",
    "int",
    "float",
    "string",
    "trim",
    "trimPrefix",
    "trimSuffix",
    "upper",
    "lower",
    "split",
    "splitAfter",
    "replace",
    "repeat",
    "join",
    "indexOf",
    "lastIndexOf",
    "hasPrefix",
    "hasSuffix",
    "max",
    "min",
    "mean",
    "median",
    "toJSON",
    "fromJSON",
    "toBase64",
    "fromBase64",
    "now",
    "duration",
    "date",
    "timezone",
    "first",
    "last",
    "get",
    "take",
    "keys",
    "values",
    "toPairs",
    "fromPairs",
    "reverse",
    "uniq",
    "concat",
    "flatten",
    "sort",
    "bitand",
    "bitor",
    "bitxor",
    "bitnand",
    "bitshl",
    "bitshr",
    "bitnot",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, values: &[Value]) -> Outcome {
    let arguments = Arguments::strict(values);
    match name {
        "len" | "type" | "abs" | "ceil" | "floor" | "round" | "int" | "float" | "string" => {
            arguments.count(1, 1)?;
            conversion(name, arguments)
        }
        "trim" | "trimPrefix" | "trimSuffix" | "upper" | "lower" | "hasPrefix" | "hasSuffix" | "indexOf"
        | "lastIndexOf" | "replace" | "repeat" => text(name, arguments),
        "split" | "splitAfter" | "join" => pieces(name, arguments),
        "toJSON" | "fromJSON" | "toBase64" | "fromBase64" => {
            arguments.count(1, 1)?;
            encoding(name, arguments)
        }
        "max" | "min" | "mean" | "median" => aggregate(name, values),
        "bitand" | "bitor" | "bitxor" | "bitnand" | "bitshl" | "bitshr" | "bitnot" => bits(name, arguments),
        "keys" | "values" | "toPairs" | "fromPairs" => {
            arguments.count(1, 1)?;
            pairs(name, arguments)
        }
        "now" | "duration" | "date" | "timezone" => Err("dates and clocks are not available here".to_owned()),
        _ => list(name, arguments),
    }
}

/// Converts to an integer as Go's `int()` of the expression language does.
pub(super) fn to_integer(value: &Value) -> Outcome {
    match (value, Numeric::of(value)) {
        (_, Some(number)) => Ok(number.integer().into()),
        (Value::String(text), _) => match text.parse::<i64>() {
            Ok(integer) => Ok(integer.into()),
            Err(_) => Err(format!("{text:?} is not an integer")),
        },
        _ => Err(format!("cannot convert {} to an integer", golang::type_name(value))),
    }
}

/// Converts to a float as `float()` does.
pub(super) fn to_float(value: &Value) -> Outcome {
    match (value, Numeric::of(value)) {
        (_, Some(number)) => operators::float(number.float()),
        (Value::String(text), _) => match text.parse::<f64>() {
            Ok(float) => operators::float(float),
            Err(_) => Err(format!("{text:?} is not a number")),
        },
        _ => Err(format!("cannot convert {} to a float", golang::type_name(value))),
    }
}

fn conversion(name: &str, arguments: Arguments) -> Outcome {
    let value = arguments.any(0)?;
    match name {
        "len" => match value {
            Value::Array(values) => Ok(values.len().into()),
            Value::Object(map) => Ok(map.len().into()),
            Value::String(text) => Ok(text.chars().count().into()),
            other => Err(format!("{} has no length", golang::type_name(other))),
        },
        "type" => Ok(type_word(value).into()),
        "int" => to_integer(value),
        "float" => to_float(value),
        "string" => Ok(golang::display(value).into()),
        "abs" => match arguments.number(0)? {
            Numeric::Integer(integer) => Ok(integer.wrapping_abs().into()),
            Numeric::Float(float) => operators::float(float.abs()),
        },
        _ => {
            let float = arguments.number(0)?.float();
            operators::float(match name {
                "ceil" => float.ceil(),
                "floor" => float.floor(),
                _ => float.round(),
            })
        }
    }
}

fn type_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "map",
    }
}

fn text(name: &str, arguments: Arguments) -> Outcome {
    let subject = arguments.text(0)?;
    let second = || if arguments.0.len() > 1 { arguments.text(1) } else { Ok(" ") };
    Ok(match name {
        "trim" if arguments.0.len() == 1 => subject.trim().into(),
        "trim" => {
            let cutset = arguments.text(1)?;
            subject.trim_matches(|c| cutset.contains(c)).into()
        }
        "trimPrefix" => subject.strip_prefix(second()?).unwrap_or(subject).into(),
        "trimSuffix" => subject.strip_suffix(second()?).unwrap_or(subject).into(),
        "upper" => subject.to_uppercase().into(),
        "lower" => subject.to_lowercase().into(),
        "hasPrefix" => subject.starts_with(arguments.text(1)?).into(),
        "hasSuffix" => subject.ends_with(arguments.text(1)?).into(),
        "indexOf" => place(subject.find(arguments.text(1)?)),
        "lastIndexOf" => place(subject.rfind(arguments.text(1)?)),
        "replace" => {
            arguments.count(3, 4)?;
            let (old, new) = (arguments.text(1)?, arguments.text(2)?);
            budget::text(subject.matches(old).count(), new.len())?;
            let limit = arguments.0.get(3).map(|_| arguments.integer(3)).transpose()?;
            match limit.and_then(|limit| usize::try_from(limit).ok()) {
                Some(limit) => subject.replacen(old, new, limit).into(),
                None => subject.replace(old, new).into(),
            }
        }
        _ => repeat(subject, arguments.integer(1)?)?,
    })
}

fn place(index: Option<usize>) -> Value {
    index.map_or(Value::from(-1), Value::from)
}

/// Repeats a text within the limit that the language sets.
pub(super) fn repeat(text: &str, count: i64) -> Outcome {
    let count = usize::try_from(count).ok().filter(|count| *count <= 1_000_000);
    let count = count.ok_or_else(|| "the count must be between 0 and 1000000".to_owned())?;
    budget::text(count, text.len())?;
    Ok(text.repeat(count).into())
}

/// Splits as Go's `strings.Split` does: an empty separator yields the characters.
pub(super) fn split(text: &str, separator: &str, limit: Option<i64>) -> Vec<String> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(limit, separator).map(str::to_owned).collect();
    }
    let mut pieces: Vec<String> = Vec::new();
    for (index, c) in text.char_indices() {
        if pieces.len() + 1 == limit {
            pieces.push(text[index..].to_owned());
            break;
        }
        pieces.push(c.to_string());
    }
    pieces
}

fn pieces(name: &str, arguments: Arguments) -> Outcome {
    if name == "join" {
        arguments.count(1, 2)?;
        let glue = if arguments.0.len() > 1 { arguments.text(1)? } else { "" };
        let texts: Option<Vec<&str>> = arguments.list(0)?.iter().map(Value::as_str).collect();
        let texts = texts.ok_or_else(|| "the list has elements that are not strings".to_owned())?;
        budget::text(texts.len(), glue.len())?;
        return Ok(texts.join(glue).into());
    }
    arguments.count(2, 3)?;
    let limit = arguments.0.get(2).map(|_| arguments.integer(2)).transpose()?;
    let separator = arguments.text(1)?;
    let mut pieces = split(arguments.text(0)?, separator, limit);
    if name == "splitAfter"
        && let Some((_, before)) = pieces.split_last_mut()
    {
        for piece in before {
            piece.push_str(separator);
        }
    }
    Ok(pieces.into())
}

fn encoding(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "toJSON" => Ok(golang::pretty_json(arguments.any(0)?).into()),
        "fromJSON" => golang::from_json(arguments.text(0)?),
        "toBase64" => Ok(STANDARD.encode(arguments.text(0)?).into()),
        _ => {
            let bytes = STANDARD.decode(arguments.text(0)?).map_err(|error| error.to_string())?;
            Ok(String::from_utf8_lossy(&bytes).into_owned().into())
        }
    }
}

fn aggregate(name: &str, values: &[Value]) -> Outcome {
    let mut numbers = Vec::new();
    flat(values, &mut numbers);
    if let Some(other) = numbers.iter().find(|value| !value.is_number()) {
        if let ([only], "max" | "min") = (values, name) {
            return Ok(only.clone());
        }
        return Err(format!("expected numbers, got {}", golang::type_name(other)));
    }
    let mut floats: Vec<f64> = numbers.iter().filter_map(|value| value.as_f64()).collect();
    match name {
        "max" => Ok(extreme(&numbers, Ordering::Greater)),
        "min" => Ok(extreme(&numbers, Ordering::Less)),
        _ if floats.is_empty() => operators::float(0.0),
        #[expect(clippy::cast_precision_loss, reason = "a list is never that long")]
        "mean" => operators::float(floats.iter().sum::<f64>() / floats.len() as f64),
        _ => {
            floats.sort_by(f64::total_cmp);
            let middle = floats.len() / 2;
            match floats.len() % 2 {
                1 => operators::float(floats[middle]),
                _ => operators::float(f64::midpoint(floats[middle - 1], floats[middle])),
            }
        }
    }
}

fn flat<'v>(values: &'v [Value], into: &mut Vec<&'v Value>) {
    for value in values {
        match value {
            Value::Array(values) => flat(values, into),
            other => into.push(other),
        }
    }
}

fn extreme(numbers: &[&Value], wanted: Ordering) -> Value {
    let mut extreme: Option<&Value> = None;
    for number in numbers {
        if extreme.is_none_or(|extreme| builtins::order_of(number, extreme) == Some(wanted)) {
            extreme = Some(number);
        }
    }
    extreme.cloned().unwrap_or_default()
}

fn bits(name: &str, arguments: Arguments) -> Outcome {
    let left = arguments.integer(0)?;
    if name == "bitnot" {
        arguments.count(1, 1)?;
        return Ok((!left).into());
    }
    arguments.count(2, 2)?;
    let right = arguments.integer(1)?;
    let shift = || u32::try_from(right).map_err(|_| format!("negative shift count {right}"));
    Ok(Value::from(match name {
        "bitand" => left & right,
        "bitor" => left | right,
        "bitxor" => left ^ right,
        "bitnand" => left & !right,
        "bitshl" => left.checked_shl(shift()?).unwrap_or(0),
        _ => left.checked_shr(shift()?).unwrap_or(if left < 0 { -1 } else { 0 }),
    }))
}

fn pairs(name: &str, arguments: Arguments) -> Outcome {
    if name == "fromPairs" {
        let mut map = Map::new();
        for pair in arguments.list(0)? {
            let Some([key, value]) = pair.as_array().map(Vec::as_slice) else {
                return Err("a pair must be a list of two elements".to_owned());
            };
            map.insert(golang::display(key), value.clone());
        }
        return Ok(Value::Object(map));
    }
    arguments.map(0)?;
    let fields = golang::sorted(arguments.any(0)?).into_iter();
    Ok(match name {
        "keys" => fields.map(|(key, _)| Value::from(key.as_str())).collect(),
        "values" => fields.map(|(_, value)| value.clone()).collect(),
        _ => fields.map(|(key, value)| Value::Array(vec![key.as_str().into(), value.clone()])).collect(),
    })
}

fn list(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "first" => Ok(element(arguments.any(0)?, 0)),
        "last" => Ok(element(arguments.any(0)?, -1)),
        "get" => {
            arguments.count(2, 2)?;
            let found = fetch(arguments.any(0)?, arguments.any(1)?);
            Ok(found.ok().flatten().cloned().unwrap_or_default())
        }
        "take" => {
            let values = arguments.list(0)?;
            let count = usize::try_from(arguments.integer(1)?).map_err(|_| "the count is negative".to_owned())?;
            Ok(values.iter().take(count).cloned().collect())
        }
        "concat" => {
            arguments.count(1, usize::MAX)?;
            let lists: Result<Vec<_>, _> = (0..arguments.0.len()).map(|index| arguments.list(index)).collect();
            Ok(lists?.into_iter().flatten().cloned().collect())
        }
        "sort" => {
            arguments.count(1, 2)?;
            let mut values = arguments.list(0)?.clone();
            builtins::sort(&mut values, arguments.0.get(1), |value| value)?;
            Ok(Value::Array(values))
        }
        "reverse" => Ok(arguments.list(0)?.iter().rev().cloned().collect()),
        "uniq" => {
            let mut unique: Vec<Value> = Vec::new();
            for value in arguments.list(0)? {
                if !unique.iter().any(|known| operators::equal(known, value)) {
                    unique.push(value.clone());
                }
            }
            Ok(Value::Array(unique))
        }
        _ => {
            let mut flattened = Vec::new();
            flat(arguments.list(0)?, &mut flattened);
            Ok(flattened.into_iter().cloned().collect())
        }
    }
}

fn element(value: &Value, index: i64) -> Value {
    let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
    position(index, values.len()).map(|index| values[index].clone()).unwrap_or_default()
}
