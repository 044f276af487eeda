//! How Go writes values as text: `encoding/json` for results and `toJson`, `%v` for `string()` and concatenation.
//!
//! Templates and memo keys compare these texts, so they have to come out byte by byte as Argo's do.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// A value as `json.Marshal` writes it: sorted keys, no spaces, `<`, `>` and `&` escaped.
pub(crate) fn json(value: &Value) -> String {
    let mut text = String::new();
    Json { escape_html: true }.value(&mut text, value);
    text
}

/// The same without escaping what is special to HTML.
pub(crate) fn raw_json(value: &Value) -> String {
    let mut text = String::new();
    Json { escape_html: false }.value(&mut text, value);
    text
}

/// JSON text with `<`, `>`, `&` and the line ends that JavaScript knows as escapes, as `json.Marshal` leaves a
/// `json.RawMessage`.
pub(crate) fn escape_html(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&unicode(c)),
            _ => text.push(c),
        }
    }
    text
}

/// A value as `json.MarshalIndent` writes it with two spaces.
pub(super) fn pretty_json(value: &Value) -> String {
    let mut text = String::new();
    Json { escape_html: true }.pretty(&mut text, value, 0);
    text
}

/// A value as `fmt.Sprintf("%v")` writes it.
pub(crate) fn display(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => display_number(number),
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(display).collect();
            format!("[{}]", values.join(" "))
        }
        Value::Object(_) => {
            let pairs: Vec<String> =
                sorted(value).into_iter().map(|(key, value)| format!("{key}:{}", display(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// The name Go's reflection gives to the value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Reads JSON as `json.Unmarshal` does into `any`: every number is a float.
pub(crate) fn from_json(text: &str) -> Result<Value, String> {
    let mut value = serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    float_numbers(&mut value);
    Ok(value)
}

fn float_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(float_numbers),
        Value::Object(map) => map.values_mut().for_each(float_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The fields of an object in the order of their names.
pub(super) fn sorted(value: &Value) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = value.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}

struct Json {
    escape_html: bool,
}

impl Json {
    fn value(&self, text: &mut String, value: &Value) {
        match value {
            Value::Null => text.push_str("null"),
            Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => text.push_str(&json_number(number)),
            Value::String(string) => self.string(text, string),
            Value::Array(values) => {
                text.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    self.value(text, value);
                }
                text.push(']');
            }
            Value::Object(_) => {
                text.push('{');
                for (index, (key, value)) in sorted(value).into_iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    self.string(text, key);
                    text.push(':');
                    self.value(text, value);
                }
                text.push('}');
            }
        }
    }

    fn pretty(&self, text: &mut String, value: &Value, depth: usize) {
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        };
        match value {
            Value::Array(values) if !values.is_empty() => {
                text.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    line(text, depth + 1);
                    self.pretty(text, value, depth + 1);
                }
                line(text, depth);
                text.push(']');
            }
            Value::Object(map) if !map.is_empty() => {
                text.push('{');
                for (index, (key, value)) in sorted(value).into_iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    line(text, depth + 1);
                    self.string(text, key);
                    text.push_str(": ");
                    self.pretty(text, value, depth + 1);
                }
                line(text, depth);
                text.push('}');
            }
            _ => self.value(text, value),
        }
    }

    fn string(&self, text: &mut String, string: &str) {
        text.reserve(string.len() + 2);
        text.push('"');
        if string.bytes().all(is_plain) {
            text.push_str(string);
            text.push('"');
            return;
        }
        let mut plain = 0;
        for (at, c) in string.char_indices() {
            let Some(escape) = self.escape(c) else { continue };
            text.push_str(&string[plain..at]);
            text.push_str(&escape);
            plain = at + c.len_utf8();
        }
        text.push_str(&string[plain..]);
        text.push('"');
    }

    /// What stands for a character that does not stand for itself.
    fn escape(&self, c: char) -> Option<Cow<'static, str>> {
        Some(match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            '\u{8}' => "\\b".into(),
            '\u{c}' => "\\f".into(),
            '<' | '>' | '&' if self.escape_html => unicode(c).into(),
            '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => unicode(c).into(),
            _ => return None,
        })
    }
}

/// Whether a byte belongs to no character that is ever written as an escape.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&')
}

fn unicode(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

fn json_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return fixed(float);
    }
    // The encoder shortens a two-digit negative exponent that begins with zero.
    exponential(float).replace("e-0", "e-")
}

fn display_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let scientific = format!("{float:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(exponent) if float != 0.0 && !(-4..6).contains(&exponent) => exponential(float),
        _ => fixed(float),
    }
}

fn fixed(float: f64) -> String {
    format!("{float}")
}

/// Go writes the exponent with its sign and at least two digits.
fn exponential(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.strip_prefix('-') {
        Some(digits) => format!("{mantissa}e-{digits:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}
