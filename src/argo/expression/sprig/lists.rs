//! Lists.

use serde_json::Value;

use super::numbers::to_integer;
use super::values::is_empty;
use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "tuple",
    "list",
    "append",
    "push",
    "mustAppend",
    "mustPush",
    "prepend",
    "mustPrepend",
    "first",
    "mustFirst",
    "rest",
    "mustRest",
    "last",
    "mustLast",
    "initial",
    "mustInitial",
    "reverse",
    "mustReverse",
    "uniq",
    "mustUniq",
    "without",
    "mustWithout",
    "has",
    "mustHas",
    "slice",
    "mustSlice",
    "concat",
    "chunk",
    "mustChunk",
    "compact",
    "mustCompact",
];

/// Calls a function of [`NAMES`]; `must` changes nothing, a failure is one either way.
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    let plain = name.strip_prefix("must").unwrap_or(name);
    match plain.to_lowercase().as_str() {
        "tuple" | "list" => Ok(arguments.0.to_vec().into()),
        "append" | "push" => {
            arguments.count(2, 2)?;
            let mut values = arguments.list(0)?.clone();
            values.push(arguments.any(1)?.clone());
            Ok(values.into())
        }
        "prepend" => {
            arguments.count(2, 2)?;
            let mut values = vec![arguments.any(1)?.clone()];
            values.extend_from_slice(arguments.list(0)?);
            Ok(values.into())
        }
        "without" => {
            let omitted = arguments.from(1);
            let kept = arguments.list(0)?.iter().filter(|value| !omitted.contains(value));
            Ok(kept.cloned().collect())
        }
        "has" => {
            arguments.count(2, 2)?;
            if arguments.any(1)?.is_null() {
                return Ok(false.into());
            }
            Ok(arguments.list(1)?.contains(arguments.any(0)?).into())
        }
        "slice" => slice(arguments),
        "concat" => {
            let lists: Result<Vec<_>, _> = (0..arguments.0.len()).map(|index| arguments.list(index)).collect();
            Ok(lists?.into_iter().flatten().cloned().collect())
        }
        "chunk" => {
            arguments.count(2, 2)?;
            let size = usize::try_from(arguments.integer(0)?).ok().filter(|size| *size > 0);
            let size = size.ok_or_else(|| "the size must be positive".to_owned())?;
            Ok(arguments.list(1)?.chunks(size).map(|chunk| Value::from(chunk.to_vec())).collect())
        }
        plain => {
            arguments.count(1, 1)?;
            Ok(one(plain, arguments.list(0)?))
        }
    }
}

fn one(name: &str, values: &[Value]) -> Value {
    match name {
        "first" => values.first().cloned().unwrap_or_default(),
        "last" => values.last().cloned().unwrap_or_default(),
        // Of an empty list these are nil, which JSON writes as null.
        "rest" => values.split_first().map_or(Value::Null, |(_, rest)| rest.to_vec().into()),
        "initial" => values.split_last().map_or(Value::Null, |(_, initial)| initial.to_vec().into()),
        "reverse" => values.iter().rev().cloned().collect(),
        "compact" => values.iter().filter(|value| !is_empty(value)).cloned().collect(),
        _ => {
            let mut unique: Vec<Value> = Vec::new();
            for value in values {
                if !unique.contains(value) {
                    unique.push(value.clone());
                }
            }
            unique.into()
        }
    }
}

fn slice(arguments: Arguments) -> Outcome {
    arguments.count(1, usize::MAX)?;
    let values = arguments.list(0)?;
    if values.is_empty() {
        return Ok(Value::Null);
    }
    let bound = |index: usize, otherwise: usize| match arguments.0.get(index) {
        None => Ok(otherwise),
        Some(value) => usize::try_from(to_integer(value)).map_err(|_| "a bound is negative".to_owned()),
    };
    let (from, to) = (bound(1, 0)?, bound(2, values.len())?);
    let slice = values.get(from..to).ok_or_else(|| format!("{from} to {to} is outside of the list"))?;
    Ok(slice.to_vec().into())
}
