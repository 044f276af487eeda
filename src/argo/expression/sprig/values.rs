//! Values of any type: defaults, choices, JSON, types.

use serde_json::Value;

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::golang;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "default",
    "empty",
    "coalesce",
    "all",
    "any",
    "ternary",
    "fromJson",
    "mustFromJson",
    "toJson",
    "mustToJson",
    "toPrettyJson",
    "mustToPrettyJson",
    "toRawJson",
    "mustToRawJson",
    "deepCopy",
    "mustDeepCopy",
    "deepEqual",
    "typeOf",
    "typeIs",
    "typeIsLike",
    "kindOf",
    "kindIs",
    "fail",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    let values = arguments.0;
    match name {
        "default" => {
            arguments.count(1, usize::MAX)?;
            let given = values.get(1).filter(|value| !is_empty(value));
            Ok(given.unwrap_or(&values[0]).clone())
        }
        "coalesce" => Ok(values.iter().find(|value| !is_empty(value)).cloned().unwrap_or_default()),
        "all" => Ok(values.iter().all(|value| !is_empty(value)).into()),
        "any" => Ok(values.iter().any(|value| !is_empty(value)).into()),
        "ternary" => {
            arguments.count(3, 3)?;
            let index = usize::from(!arguments.bool(2)?);
            arguments.any(index).cloned()
        }
        "deepEqual" => {
            arguments.count(2, 2)?;
            Ok((values[0] == values[1]).into())
        }
        "typeIs" | "typeIsLike" | "kindIs" => {
            arguments.count(2, 2)?;
            let value = arguments.any(1)?;
            let actual = if name == "kindIs" { kind(value) } else { golang::type_name(value) };
            Ok((arguments.text(0)? == actual).into())
        }
        _ => {
            arguments.count(1, 1)?;
            one(name, arguments)
        }
    }
}

fn one(name: &str, arguments: Arguments) -> Outcome {
    let value = arguments.any(0)?;
    match name {
        "empty" => Ok(is_empty(value).into()),
        "fromJson" => Ok(golang::from_json(arguments.text(0)?).unwrap_or_default()),
        "mustFromJson" => golang::from_json(arguments.text(0)?),
        "toJson" | "mustToJson" => Ok(golang::json(value).into()),
        "toPrettyJson" | "mustToPrettyJson" => Ok(golang::pretty_json(value).into()),
        "toRawJson" | "mustToRawJson" => Ok(golang::raw_json(value).into()),
        "typeOf" => Ok(golang::type_name(value).into()),
        "kindOf" => Ok(kind(value).into()),
        "fail" => Err(arguments.text(0)?.to_owned()),
        _ => Ok(value.clone()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "invalid",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
        other => golang::type_name(other),
    }
}

/// Whether sprig takes the value for none: nil, zero, false, or without elements.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// The text of a value.
pub(super) fn strval(value: &Value) -> String {
    golang::display(value)
}

/// The texts of a list's elements, nil left out; of anything else, its own.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter(|value| !value.is_null()).map(strval).collect(),
        Value::Null => Vec::new(),
        other => vec![strval(other)],
    }
}
