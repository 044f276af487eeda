//! Maps.

use serde_json::{Map, Value};

use super::values::{is_empty, strval};
use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::golang;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "dict",
    "get",
    "set",
    "unset",
    "hasKey",
    "pluck",
    "keys",
    "pick",
    "omit",
    "merge",
    "mergeOverwrite",
    "mustMerge",
    "mustMergeOverwrite",
    "values",
    "dig",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "dict" => Ok(dict(arguments.0)),
        "get" => {
            arguments.count(2, 2)?;
            let value = arguments.map(0)?.get(arguments.text(1)?);
            Ok(value.cloned().unwrap_or_else(|| "".into()))
        }
        "hasKey" => {
            arguments.count(2, 2)?;
            Ok(arguments.map(0)?.contains_key(arguments.text(1)?).into())
        }
        "set" => {
            arguments.count(3, 3)?;
            let mut map = arguments.map(0)?.clone();
            map.insert(arguments.text(1)?.to_owned(), arguments.any(2)?.clone());
            Ok(map.into())
        }
        "unset" => {
            arguments.count(2, 2)?;
            let mut map = arguments.map(0)?.clone();
            map.remove(arguments.text(1)?);
            Ok(map.into())
        }
        "pluck" => {
            let key = arguments.text(0)?;
            let maps = maps(arguments, 1)?;
            Ok(maps.into_iter().filter_map(|map| map.get(key)).cloned().collect())
        }
        "keys" => {
            maps(arguments, 0)?;
            let keys = arguments.0.iter().flat_map(golang::sorted).map(|(key, _)| key.clone());
            Ok(keys.collect())
        }
        "values" => {
            arguments.count(1, 1)?;
            arguments.map(0)?;
            let values = golang::sorted(arguments.any(0)?).into_iter();
            Ok(values.map(|(_, value)| value.clone()).collect())
        }
        "pick" | "omit" => selection(name == "pick", arguments),
        "dig" => dig(arguments),
        _ => {
            let mut merged = arguments.map(0)?.clone();
            for map in maps(arguments, 1)? {
                merge(&mut merged, map, name.ends_with("Overwrite"));
            }
            Ok(merged.into())
        }
    }
}

fn maps(arguments: Arguments<'_>, from: usize) -> Result<Vec<&Map<String, Value>>, String> {
    (from..arguments.0.len()).map(|index| arguments.map(index)).collect()
}

fn dict(values: &[Value]) -> Value {
    let pairs = values.chunks(2);
    let pairs = pairs.map(|pair| (strval(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| "".into())));
    Value::Object(pairs.collect())
}

fn selection(wanted: bool, arguments: Arguments) -> Outcome {
    let keys: Result<Vec<&str>, String> = (1..arguments.0.len()).map(|index| arguments.text(index)).collect();
    let keys = keys?;
    let fields = arguments.map(0)?.iter().filter(|(key, _)| keys.contains(&key.as_str()) == wanted);
    let fields: Map<String, Value> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(fields.into())
}

/// Adds what is missing, or with `overwrite` what is not empty, going down into maps that both have.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, overwrite: bool) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from, overwrite),
            (Some(present), _) if is_empty(present) || (overwrite && !is_empty(value)) => *present = value.clone(),
            (Some(_), _) => {}
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Follows keys down through maps; the last two arguments are the default and the map.
fn dig(arguments: Arguments) -> Outcome {
    arguments.count(3, usize::MAX)?;
    let count = arguments.0.len() - 2;
    let mut map = arguments.map(count + 1)?;
    for index in 0..count {
        let Some(value) = map.get(arguments.text(index)?) else {
            return arguments.any(count).cloned();
        };
        if index + 1 == count {
            return Ok(value.clone());
        }
        let nested = || format!("`{}` is not a map", arguments.text(index).unwrap_or_default());
        map = value.as_object().ok_or_else(nested)?;
    }
    arguments.any(count).cloned()
}
