//! Arithmetic on whatever can be read as a number.

use serde_json::Value;

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::golang;
use crate::argo::expression::operators::{self, Numeric, Outcome};

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "atoi",
    "int",
    "int64",
    "float64",
    "toDecimal",
    "seq",
    "until",
    "untilStep",
    "add1",
    "add",
    "sub",
    "div",
    "mod",
    "mul",
    "add1f",
    "addf",
    "subf",
    "divf",
    "mulf",
    "biggest",
    "max",
    "min",
    "maxf",
    "minf",
    "ceil",
    "floor",
    "round",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    match name {
        "atoi" | "int" | "int64" | "float64" | "toDecimal" | "ceil" | "floor" => {
            arguments.count(1, 1)?;
            convert(name, arguments)
        }
        "seq" => seq(arguments),
        "until" => {
            arguments.count(1, 1)?;
            let count = arguments.integer(0)?;
            Ok(steps(0, count, if count < 0 { -1 } else { 1 })?.into())
        }
        "untilStep" => {
            arguments.count(3, 3)?;
            let step = arguments.integer(2)?;
            Ok(steps(arguments.integer(0)?, arguments.integer(1)?, step)?.into())
        }
        "add1f" | "addf" | "subf" | "divf" | "mulf" | "maxf" | "minf" => floats(name, arguments),
        "round" => round(arguments),
        _ => integers(name, arguments),
    }
}

/// Reads a value as an integer: zero if it is none.
pub(super) fn to_integer(value: &Value) -> i64 {
    match value {
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => parse_integer(without_zero_decimals(text)).unwrap_or(0),
        other => Numeric::of(other).map_or(0, Numeric::integer),
    }
}

fn to_float(value: &Value) -> f64 {
    match value {
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => text.parse().unwrap_or(0.0),
        other => Numeric::of(other).map_or(0.0, Numeric::float),
    }
}

/// `3.00` is read as `3`.
fn without_zero_decimals(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}

/// Reads an integer with the prefixes of Go's literals.
fn parse_integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text),
    };
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let lower = digits.to_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // An underscore may stand between digits.
    if digits.starts_with('_') && radix == 10 || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).ok()
}

fn convert(name: &str, arguments: Arguments) -> Outcome {
    let value = arguments.any(0)?;
    match name {
        "atoi" => Ok(arguments.text(0)?.parse::<i64>().unwrap_or(0).into()),
        "toDecimal" => Ok(i64::from_str_radix(&golang::display(value), 8).unwrap_or(0).into()),
        "int" | "int64" => Ok(to_integer(value).into()),
        "ceil" => operators::float(to_float(value).ceil()),
        "floor" => operators::float(to_float(value).floor()),
        _ => operators::float(to_float(value)),
    }
}

fn integers(name: &str, arguments: Arguments) -> Outcome {
    let numbers: Vec<i64> = arguments.0.iter().map(to_integer).collect();
    match name {
        "add1" => arguments.count(1, 1)?,
        "sub" | "div" | "mod" => arguments.count(2, 2)?,
        "add" => {}
        _ => arguments.count(1, usize::MAX)?,
    }
    let sum = |numbers: &[i64]| numbers.iter().copied().fold(0_i64, i64::wrapping_add);
    Ok(Value::from(match (name, numbers.as_slice()) {
        ("add", numbers) => sum(numbers),
        ("add1", numbers) => sum(numbers).wrapping_add(1),
        ("div" | "mod", [_, 0]) => return Err("integer divide by zero".to_owned()),
        ("sub", [left, right]) => left.wrapping_sub(*right),
        ("div", [left, right]) => left.wrapping_div(*right),
        ("mod", [left, right]) => left.wrapping_rem(*right),
        ("mul", numbers) => numbers.iter().copied().fold(1_i64, i64::wrapping_mul),
        ("min", numbers) => numbers.iter().copied().min().unwrap_or(0),
        (_, numbers) => numbers.iter().copied().max().unwrap_or(0),
    }))
}

fn floats(name: &str, arguments: Arguments) -> Outcome {
    let numbers: Vec<f64> = arguments.0.iter().map(to_float).collect();
    let Some((first, rest)) = numbers.split_first() else {
        return match name {
            "addf" => operators::float(0.0),
            _ => Err("expected at least 1 argument, got 0".to_owned()),
        };
    };
    let rest = rest.iter().copied();
    operators::float(match name {
        "add1f" => decimal(first + 1.0),
        "addf" => decimal(rest.fold(*first, |sum, number| sum + number)),
        "subf" => decimal(rest.fold(*first, |left, right| left - right)),
        "mulf" => decimal(rest.fold(*first, |left, right| left * right)),
        "divf" => decimal(rest.fold(*first, |left, right| left / right)),
        "maxf" => rest.fold(*first, f64::max),
        _ => rest.fold(*first, f64::min),
    })
}

/// sprig adds and multiplies decimals, which have none of the errors of binary fractions; fifteen digits show none.
fn decimal(number: f64) -> f64 {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    // A rounding that saves but a digit has cut a true fraction.
    let is_shorter = format!("{rounded}").len() + 2 < format!("{number}").len();
    if is_shorter { rounded } else { number }
}

fn round(arguments: Arguments) -> Outcome {
    arguments.count(2, 3)?;
    let value = to_float(arguments.any(0)?);
    let places = i32::try_from(arguments.integer(1)?).map_err(|_| "too many places".to_owned())?;
    let round_on = if arguments.0.len() > 2 { arguments.number(2)?.float() } else { 0.5 };
    let power = 10_f64.powi(places);
    let digits = power * value;
    let rounded = if digits.fract() >= round_on { digits.ceil() } else { digits.floor() };
    operators::float(rounded / power)
}

/// The longest list that is spelled out.
const MAX_STEPS: usize = 1_000_000;

fn steps(start: i64, end: i64, step: i64) -> Result<Vec<i64>, String> {
    let mut numbers = Vec::new();
    let mut number = start;
    let is_down = end < start;
    if step == 0 || is_down != (step < 0) {
        return Ok(numbers);
    }
    while if is_down { number > end } else { number < end } {
        numbers.push(number);
        if numbers.len() > MAX_STEPS {
            return Err(format!("{start} to {end} is too long"));
        }
        number = number.saturating_add(step);
    }
    Ok(numbers)
}

fn seq(arguments: Arguments) -> Outcome {
    let given: Result<Vec<i64>, String> = (0..arguments.0.len()).map(|index| arguments.integer(index)).collect();
    let direction = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let numbers = match *given?.as_slice() {
        [end] => steps(1, end.saturating_add(direction(1, end)), direction(1, end))?,
        [start, end] => steps(start, end.saturating_add(direction(start, end)), direction(start, end))?,
        [start, step, end] if end >= start || step <= 0 => {
            steps(start, end.saturating_add(direction(start, end)), step)?
        }
        _ => Vec::new(),
    };
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Ok(texts.join(" ").into())
}
