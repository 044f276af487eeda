//! What the operators of the expression language do with values.

use regex::Regex;
use serde_json::{Number, Value};

use super::golang;

/// The outcome of an operation; the reason of a failure names no place, the caller knows it.
pub(super) type Outcome = Result<Value, String>;

/// A number as the language distinguishes them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric {
    Integer(i64),
    Float(f64),
}

impl Numeric {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else {
            return None;
        };
        match number.as_i64() {
            Some(integer) => Some(Self::Integer(integer)),
            None => number.as_f64().map(Self::Float),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "Go converts the same way")]
    pub(super) fn integer(self) -> i64 {
        match self {
            Self::Integer(integer) => integer,
            Self::Float(float) => float as i64,
        }
    }
}

/// A float as a value; JSON has no word for those that are not finite.
pub(super) fn float(value: f64) -> Outcome {
    Number::from_f64(value).map(Value::Number).ok_or_else(|| format!("result {value} cannot be written as JSON"))
}

/// Applies a binary operator to values (the lazy ones, `and`, `or`, `??`, are not here).
pub(super) fn binary(operator: &str, left: &Value, right: &Value) -> Outcome {
    match operator {
        "==" => Ok(equal(left, right).into()),
        "!=" => Ok((!equal(left, right)).into()),
        "<" | ">" | "<=" | ">=" => compare(operator, left, right),
        "in" => contained(left, right).map(Value::from),
        "matches" | "contains" | "startsWith" | "endsWith" => text_test(operator, left, right),
        ".." => range(left, right),
        _ => arithmetic(operator, left, right),
    }
}

/// Applies `-`, `+`, `!` or `not`.
pub(super) fn unary(operator: &str, operand: &Value) -> Outcome {
    let numeric = Numeric::of(operand);
    match (operator, numeric, operand) {
        ("!" | "not", _, Value::Bool(value)) => Ok((!value).into()),
        ("-", Some(Numeric::Integer(integer)), _) => Ok(integer.wrapping_neg().into()),
        ("-", Some(Numeric::Float(value)), _) => float(-value),
        ("+", Some(_), _) => Ok(operand.clone()),
        _ => Err(format!("`{operator}` does not apply to {}", golang::type_name(operand))),
    }
}

/// Equality across integer and float, through lists and maps.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => match (Numeric::of(left), Numeric::of(right)) {
            (Some(Numeric::Integer(left)), Some(Numeric::Integer(right))) => left == right,
            #[expect(clippy::float_cmp, reason = "the language compares floats exactly")]
            (Some(left), Some(right)) => left.float() == right.float(),
            _ => false,
        },
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        _ => left == right,
    }
}

fn mismatch(operator: &str, left: &Value, right: &Value) -> String {
    let (left, right) = (golang::type_name(left), golang::type_name(right));
    format!("`{operator}` does not apply to {left} and {right}")
}

fn compare(operator: &str, left: &Value, right: &Value) -> Outcome {
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => match (Numeric::of(left), Numeric::of(right)) {
            (Some(Numeric::Integer(left)), Some(Numeric::Integer(right))) => Some(left.cmp(&right)),
            (Some(left), Some(right)) => left.float().partial_cmp(&right.float()),
            _ => None,
        },
    };
    let order = order.ok_or_else(|| mismatch(operator, left, right))?;
    Ok(Value::Bool(match operator {
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        _ => order.is_ge(),
    }))
}

fn contained(needle: &Value, haystack: &Value) -> Result<bool, String> {
    match haystack {
        Value::Null => Ok(false),
        Value::Array(values) => Ok(values.iter().any(|value| equal(value, needle))),
        Value::Object(map) => match needle {
            Value::String(key) => Ok(map.contains_key(key)),
            _ => Err(mismatch("in", needle, haystack)),
        },
        _ => Err(mismatch("in", needle, haystack)),
    }
}

fn text_test(operator: &str, left: &Value, right: &Value) -> Outcome {
    let (text, part) = match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Ok(false.into()),
        (Value::String(text), Value::String(part)) => (text, part),
        _ => return Err(mismatch(operator, left, right)),
    };
    Ok(Value::Bool(match operator {
        "contains" => text.contains(part.as_str()),
        "startsWith" => text.starts_with(part.as_str()),
        "endsWith" => text.ends_with(part.as_str()),
        _ => Regex::new(part).map_err(|error| format!("invalid pattern `{part}`: {error}"))?.is_match(text),
    }))
}

/// No list that an expression spells out needs to be longer.
const MAX_RANGE: i64 = 1_000_000;

fn range(left: &Value, right: &Value) -> Outcome {
    let (Some(Numeric::Integer(from)), Some(Numeric::Integer(to))) = (Numeric::of(left), Numeric::of(right)) else {
        return Err(mismatch("..", left, right));
    };
    if to.saturating_sub(from) >= MAX_RANGE {
        return Err(format!("range {from}..{to} is too long"));
    }
    Ok((from..=to).map(Value::from).collect())
}

fn arithmetic(operator: &str, left: &Value, right: &Value) -> Outcome {
    if let (Value::String(left), "+", Value::String(right)) = (left, operator, right) {
        return Ok(Value::String(format!("{left}{right}")));
    }
    let (Some(a), Some(b)) = (Numeric::of(left), Numeric::of(right)) else {
        return Err(mismatch(operator, left, right));
    };
    if let (Numeric::Integer(a), Numeric::Integer(b)) = (a, b) {
        match operator {
            "+" => return Ok(a.wrapping_add(b).into()),
            "-" => return Ok(a.wrapping_sub(b).into()),
            "*" => return Ok(a.wrapping_mul(b).into()),
            "%" if b == 0 => return Err("integer divide by zero".to_owned()),
            "%" => return Ok(a.wrapping_rem(b).into()),
            _ => {}
        }
    }
    let (a, b) = (a.float(), b.float());
    match operator {
        "+" => float(a + b),
        "-" => float(a - b),
        "*" => float(a * b),
        "/" => float(a / b),
        "**" | "^" => float(a.powf(b)),
        _ => Err(mismatch(operator, left, right)),
    }
}
