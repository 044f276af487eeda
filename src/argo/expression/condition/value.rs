//! Values of conditions, and what operators make of them. (govaluate, evaluationStage.go and stagePlanner.go)

use regex::Regex;
use serde_json::Number;

use super::parser::Node;
use crate::argo::expression::golang;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// How Go prints it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Nil => "<nil>".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => match Number::from_f64(*number) {
                Some(number) => golang::display(&number.into()),
                None if number.is_nan() => "NaN".to_owned(),
                None => if *number > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
            },
            Self::Text(text) => text.clone(),
            Self::List(values) => format!("[{}]", values.iter().map(Self::shown).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// What a tree is worth.
pub(super) fn value(node: &Node) -> Result<Value, String> {
    match node {
        Node::Value(value) => Ok(value.clone()),
        Node::Missing(name) => Err(format!("No parameter '{name}' found.")),
        Node::List(nodes) => {
            let mut values = match nodes.first().map(value).transpose()? {
                Some(Value::List(values)) => values,
                first => first.into_iter().collect(),
            };
            for node in nodes.iter().skip(1) {
                values.push(value(node)?);
            }
            Ok(Value::List(values))
        }
        Node::Prefix(operator, operand) => prefix(operator, value(operand)?),
        Node::Binary(operator, left, right) => {
            let left = value(left)?;
            match decided(operator, &left) {
                Some(decided) => Ok(decided),
                None => binary(operator, left, value(right)?),
            }
        }
    }
}

fn decided(operator: &str, left: &Value) -> Option<Value> {
    match (operator, left) {
        ("&&", Value::Bool(false)) => Some(Value::Bool(false)),
        ("||", Value::Bool(true)) => Some(Value::Bool(true)),
        ("?", Value::Bool(false)) => Some(Value::Nil),
        (":" | "??", value) if *value != Value::Nil => Some(value.clone()),
        _ => None,
    }
}

fn prefix(operator: &str, operand: Value) -> Result<Value, String> {
    match (operator, operand) {
        ("-", Value::Number(number)) => Ok(Value::Number(-number)),
        ("!", Value::Bool(value)) => Ok(Value::Bool(!value)),
        ("~", Value::Number(number)) => Ok(Value::Number(from_integer(!integer(number)))),
        (operator, operand) => Err(format!("Value '{}' cannot be used with the prefix '{operator}'", operand.shown())),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "govaluate converts the same way")]
fn integer(number: f64) -> i64 {
    number as i64
}

#[expect(clippy::cast_precision_loss, reason = "every number of a condition is a float")]
pub(super) fn from_integer(number: i64) -> f64 {
    number as f64
}

fn binary(operator: &str, left: Value, right: Value) -> Result<Value, String> {
    use Value::{Bool, List, Number, Text};
    Ok(match (operator, left, right) {
        ("==", left, right) => Bool(left == right),
        ("!=", left, right) => Bool(left != right),
        (">", Number(left), Number(right)) => Bool(left > right),
        (">=", Number(left), Number(right)) => Bool(left >= right),
        ("<", Number(left), Number(right)) => Bool(left < right),
        ("<=", Number(left), Number(right)) => Bool(left <= right),
        (">", Text(left), Text(right)) => Bool(left > right),
        (">=", Text(left), Text(right)) => Bool(left >= right),
        ("<", Text(left), Text(right)) => Bool(left < right),
        ("<=", Text(left), Text(right)) => Bool(left <= right),
        ("=~", Text(text), Text(pattern)) => Bool(matches(&text, &pattern)?),
        ("!~", Text(text), Text(pattern)) => Bool(!matches(&text, &pattern)?),
        ("in", left, List(values)) => Bool(values.contains(&left)),
        ("&&" | "||", Bool(_), Bool(right)) => Bool(right),
        ("?", Bool(true), right) | (":" | "??", _, right) => right,
        ("+", Number(left), Number(right)) => Number(left + right),
        ("+", left @ Text(_), right) | ("+", left, right @ Text(_)) => {
            Text(format!("{}{}", left.shown(), right.shown()))
        }
        (operator, Number(left), Number(right)) if is_modifier(operator) => Number(arithmetic(operator, left, right)),
        (operator, left, right) => return Err(unfit(operator, &left, &right)),
    })
}

fn matches(text: &str, pattern: &str) -> Result<bool, String> {
    let pattern = Regex::new(pattern).map_err(|error| format!("invalid pattern `{pattern}`: {error}"))?;
    Ok(pattern.is_match(text))
}

fn is_modifier(operator: &str) -> bool {
    ["+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>"].contains(&operator)
}

fn arithmetic(operator: &str, left: f64, right: f64) -> f64 {
    let shift = |number: f64| u32::try_from(integer(number)).unwrap_or(u32::MAX);
    match operator {
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "**" => left.powf(right),
        "&" => from_integer(integer(left) & integer(right)),
        "|" => from_integer(integer(left) | integer(right)),
        "^" => from_integer(integer(left) ^ integer(right)),
        "<<" => from_integer(integer(left).checked_shl(shift(right)).unwrap_or(0)),
        _ => from_integer(integer(left).checked_shr(shift(right)).unwrap_or(0)),
    }
}

/// Why an operator does not take these values. (findTypeChecks: of some operators the left value is named whichever is wrong)
fn unfit(operator: &str, left: &Value, right: &Value) -> String {
    let is_number = |value: &Value| matches!(value, Value::Number(_));
    let is_bool = |value: &Value| matches!(value, Value::Bool(_));
    let is_text = |value: &Value| matches!(value, Value::Text(_));
    let (value, of, wanted) = match operator {
        "&&" | "||" => (if is_bool(left) { right } else { left }, "logical operator", "a bool"),
        "?" | ":" | "??" => (left, "ternary operator", "a bool"),
        "+" => (left, "modifier", "a number"),
        "=~" | "!~" => (if is_text(left) { right } else { left }, "comparator", "a number"),
        "in" => (right, "comparator", "a number"),
        ">" | ">=" | "<" | "<=" => (left, "comparator", "a number"),
        _ => (if is_number(left) { right } else { left }, "modifier", "a number"),
    };
    format!("Value '{}' cannot be used with the {of} '{operator}', it is not {wanted}", value.shown())
}
