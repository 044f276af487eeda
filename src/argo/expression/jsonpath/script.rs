//! The expressions in a path's filters and scripts.
//!
//! The library takes a text apart at the first operator it finds, from the loosest to the tightest, and compares
//! strings with their quotes on. Both shows in results, so it is done the same way here.

use regex::Regex;
use serde_json::Value;

use super::selector::{self, Step};
use super::{MAX_DEPTH, apply, unquoted};
use crate::argo::expression::golang;
use crate::argo::expression::operators::{self, Outcome};

const OPERATORS: [&str; 18] =
    ["||", "&&", "==", "!=", "<=", ">=", "<", ">", "=~", "!", "+", "-", "**", "*", "/", "%", "not in", "in"];

/// A parsed expression.
#[derive(Debug)]
pub(super) enum Script {
    /// What is not an operation: a number, a truth value, a quoted string or a bare word.
    Text(String),
    Json(Value),
    Path(Vec<Step>),
    Operation {
        operator: &'static str,
        left: Box<Script>,
        right: Box<Script>,
    },
}

impl Script {
    pub(super) fn parse(text: &str, depth: usize) -> Result<Self, String> {
        Self::within(text, 0, depth)
    }

    /// Parses with the operators from this one on; the looser ones have been looked for.
    fn within(text: &str, first: usize, depth: usize) -> Result<Self, String> {
        if depth > MAX_DEPTH {
            return Err("filters are nested too deeply".to_owned());
        }
        let text = text.trim();
        if let Some(inner) = text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            return Self::within(inner, 0, depth + 1);
        }
        for (index, operator) in OPERATORS.iter().enumerate().skip(first) {
            let Some(at) = find(text, operator) else {
                continue;
            };
            let (left, right) = (text[..at].trim(), text[at + operator.len()..].trim());
            if right.is_empty() || (left.is_empty() != (*operator == "!")) {
                continue;
            }
            return Ok(Self::Operation {
                operator,
                left: Box::new(Self::within(left, index, depth)?),
                right: Box::new(Self::within(right, index, depth + 1)?),
            });
        }
        if text.starts_with(['@', '$']) {
            return selector::parse(text, depth + 1).map(Self::Path);
        }
        Ok(Self::literal(text))
    }

    fn literal(text: &str) -> Self {
        let is_json = (text.starts_with('[') && text.ends_with(']')) || (text.starts_with('{') && text.ends_with('}'));
        match golang::from_json(text) {
            Ok(value) if is_json => Self::Json(value),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// Whether an element passes the filter; an expression that fails lets nothing pass.
    pub(super) fn holds(&self, root: &Value, current: &Value) -> bool {
        match self.evaluate(root, current) {
            Err(_) | Ok(Value::Null) => false,
            Ok(Value::Bool(value)) => value,
            Ok(Value::Number(number)) => number.as_f64() != Some(0.0),
            Ok(Value::String(text)) => !bare(&text).is_empty(),
            Ok(Value::Array(values)) => !values.is_empty(),
            Ok(Value::Object(map)) => !map.is_empty(),
        }
    }

    /// The value of the expression; a literal alone becomes a number or a truth value if it looks like one.
    pub(super) fn evaluate(&self, root: &Value, current: &Value) -> Outcome {
        let Self::Text(text) = self else {
            return self.operand(root, current);
        };
        if matches!(text.as_str(), "nil" | "null") {
            return Ok(Value::Null);
        }
        let value = Value::String(text.clone());
        match (number(&value), boolean(&value)) {
            (Ok(number), _) => operators::float(number),
            (_, Ok(value)) => Ok(value.into()),
            _ => Ok(value),
        }
    }

    fn operand(&self, root: &Value, current: &Value) -> Outcome {
        match self {
            Self::Text(text) if matches!(text.as_str(), "nil" | "null") => Ok(Value::Null),
            Self::Text(text) => Ok(Value::String(text.clone())),
            Self::Json(value) => Ok(value.clone()),
            Self::Path(steps) => Ok(match apply(steps, root, current)? {
                Value::String(text) => Value::String(format!("'{}'", unquoted(&text))),
                other => other,
            }),
            Self::Operation { operator, left, right } => {
                let right = right.operand(root, current);
                if *operator == "!" {
                    return Ok((!boolean(&right?)?).into());
                }
                operate(operator, &left.operand(root, current)?, &right?)
            }
        }
    }
}

/// The first place where the operator stands outside of quotes and brackets.
fn find(text: &str, operator: &str) -> Option<usize> {
    let (mut open, mut quote) = (0_i32, None);
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => continue,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => open += 1,
            (None, ')' | ']') => open -= 1,
            _ => {}
        }
        if quote.is_none() && open <= 0 && text[index..].starts_with(operator) {
            return Some(index);
        }
    }
    None
}

fn operate(operator: &str, left: &Value, right: &Value) -> Outcome {
    Ok(match operator {
        "||" => {
            let (left, right) = (boolean(left)?, boolean(right)?);
            (left || right).into()
        }
        "&&" => {
            let (left, right) = (boolean(left)?, boolean(right)?);
            (left && right).into()
        }
        "==" => equal(left, right).into(),
        "!=" => (!equal(left, right)).into(),
        "<=" => (number(left)? <= number(right)?).into(),
        ">=" => (number(left)? >= number(right)?).into(),
        "<" => (number(left)? < number(right)?).into(),
        ">" => (number(left)? > number(right)?).into(),
        "=~" => matches(left, right)?.into(),
        "in" => contained(left, right)?.into(),
        "not in" => (!contained(left, right)?).into(),
        _ => return arithmetic(operator, number(left)?, number(right)?),
    })
}

fn arithmetic(operator: &str, left: f64, right: f64) -> Outcome {
    operators::float(match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "**" => left.powf(right),
        _ if left.fract() != 0.0 || right.fract() != 0.0 || right == 0.0 => {
            return Err("`%` takes integers".to_owned());
        }
        _ => left % right,
    })
}

fn number(value: &Value) -> Result<f64, String> {
    let text = golang::display(value);
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn boolean(value: &Value) -> Result<bool, String> {
    if value.is_null() {
        return Ok(false);
    }
    match golang::display(value).as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(format!("`{other}` is not a truth value")),
    }
}

/// The text that is compared: double quotes count as single ones.
fn text(value: &Value) -> String {
    let text = golang::display(value);
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inner) => format!("'{inner}'"),
        None => text,
    }
}

fn bare(text: &str) -> &str {
    let double = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    double.unwrap_or_else(|| unquoted(text))
}

fn equal(left: &Value, right: &Value) -> bool {
    match (number(left), number(right)) {
        #[expect(clippy::float_cmp, reason = "the library compares floats exactly")]
        (Ok(left), Ok(right)) => left == right,
        _ => text(left) == text(right),
    }
}

fn matches(subject: &Value, pattern: &Value) -> Result<bool, String> {
    let (subject, pattern) = (text(subject), text(pattern));
    let pattern = unquoted(&pattern);
    let pattern = Regex::new(pattern).map_err(|error| format!("invalid pattern `{pattern}`: {error}"))?;
    Ok(pattern.is_match(unquoted(&subject)))
}

fn contained(needle: &Value, haystack: &Value) -> Result<bool, String> {
    let values: Vec<&Value> = match haystack {
        Value::Array(values) => values.iter().collect(),
        Value::Object(map) => map.values().collect(),
        other => return Err(format!("`{}` is not a collection", golang::display(other))),
    };
    if let Ok(number) = number(needle) {
        return Ok(values.iter().any(|value| value.as_f64() == Some(number)));
    }
    let needle = text(needle);
    Ok(values.iter().any(|value| value.as_str() == Some(needle.as_str())))
}
