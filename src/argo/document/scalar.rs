//! What a plain YAML scalar means: the rules of the YAML 1.1 reader that kubectl and argo are built on.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// Why a scalar has no JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoValue {
    /// Infinity or not-a-number.
    NotFinite,
    /// Its tag asks for another type.
    Mismatch,
    /// Bytes.
    Binary,
}

const CORE_TAG: &str = "tag:yaml.org,2002:";
/// The tag that makes a key a merge.
pub(super) const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

/// The types a tag can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// `!!bool`, `!!int`, `!!null`.
    Exact(&'static str),
    /// `!!float`, which takes integers too.
    Float,
}

/// The value of a scalar by its tag, or else by its spelling when it is plain. A tag that is not YAML's own makes text.
pub(super) fn tagged(text: Cow<'_, str>, plain: bool, tag: Option<&str>) -> Result<Value, NoValue> {
    match tag.map(|tag| tag.strip_prefix(CORE_TAG).unwrap_or_default()) {
        None if plain => resolve(&text),
        Some("bool") => resolve_as(Tag::Exact("bool"), &text),
        Some("int") => resolve_as(Tag::Exact("int"), &text),
        Some("null") => resolve_as(Tag::Exact("null"), &text),
        Some("float") => resolve_as(Tag::Float, &text),
        Some("binary") => Err(NoValue::Binary),
        _ => Ok(Value::String(text.into_owned())),
    }
}

/// The value of a plain scalar.
fn resolve(text: &str) -> Result<Value, NoValue> {
    match text.as_bytes().first() {
        None => Ok(Value::Null),
        Some(b'+' | b'-' | b'0'..=b'9' | b'.') => number(text),
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => Ok(word(text)),
        Some(_) => Ok(Value::String(text.to_owned())),
    }
}

/// The value of a scalar whose tag names its type.
fn resolve_as(tag: Tag, text: &str) -> Result<Value, NoValue> {
    let value = resolve(text)?;
    let fits = |value: &Value| match tag {
        Tag::Exact("bool") => value.is_boolean(),
        Tag::Exact("null") => value.is_null(),
        Tag::Exact(_) => value.is_i64() || value.is_u64(),
        Tag::Float => value.is_number(),
    };
    match value {
        value if !fits(&value) => Err(NoValue::Mismatch),
        Value::Number(number) if tag == Tag::Float => {
            number.as_f64().and_then(Number::from_f64).map(Value::Number).ok_or(NoValue::NotFinite)
        }
        value => Ok(value),
    }
}

fn word(text: &str) -> Value {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        "~" | "null" | "Null" | "NULL" => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}

fn number(text: &str) -> Result<Value, NoValue> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(NoValue::NotFinite);
    }
    let plain = if text.contains('_') { text.replace('_', "") } else { text.to_owned() };
    let fraction_first = text.starts_with('.');
    let separated = !fraction_first || !text.contains('_') || underscores_between_digits(text);
    let found = if fraction_first { None } else { integer(&plain) };
    match found.or_else(|| float(&plain).filter(|_| separated)) {
        Some(number) => Ok(Value::Number(number)),
        None => Ok(Value::String(text.to_owned())),
    }
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = digits.len() < text.len();
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b', sign @ (b'+' | b'-'), ..] if !signed => {
            let magnitude = magnitude(2, &digits[3..])?;
            return small_or_large(*sign == b'-', magnitude, false);
        }
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    small_or_large(negative, magnitude(radix, digits)?, !signed)
}

fn magnitude(radix: u32, digits: &str) -> Option<u64> {
    let legal = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    legal.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

fn small_or_large(negative: bool, magnitude: u64, large: bool) -> Option<Number> {
    match i64::try_from(magnitude) {
        Ok(value) => Some(Number::from(if negative { -value } else { value })),
        Err(_) if negative && magnitude == i64::MIN.unsigned_abs() => Some(Number::from(i64::MIN)),
        Err(_) if large => Some(Number::from(magnitude)),
        Err(_) => None,
    }
}

fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let legal_mantissa = match fraction {
        Some(fraction) if whole.is_empty() => digits(fraction),
        Some(fraction) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(whole),
    };
    let legal_exponent = exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    if !legal_mantissa || !legal_exponent {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

fn underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |index: Option<usize>| index.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    (0..bytes.len())
        .filter(|index| bytes[*index] == b'_')
        .all(|index| digit(index.checked_sub(1)) && digit(Some(index + 1)))
}

/// The string a scalar becomes where Kubernetes wants one as a key; None for null.
pub(super) fn key(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float_key),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        _ => None,
    }
}

/// Single precision with an exponent outside 1e-4 to 1e6: the spelling kubectl gives a float that stands as a key.
#[expect(clippy::cast_possible_truncation, reason = "kubectl reads such a key in single precision")]
fn float_key(number: f64) -> String {
    let number = number as f32;
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// The text Argo makes of a scalar where a parameter's value may be a string, a number or a boolean: numbers go
/// through a double and never get an exponent. None for null, lists and objects.
pub(crate) fn any_string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
