//! `when`: conditions in govaluate's language, after the tags in them have been replaced.
//!
//! A word that is not quoted is a string, as Argo makes it, so that `{{x}} == yes` needs no quotes.

mod tokens;

use regex::Regex;

use super::{ExpressionError, Fault};
use tokens::{Token, tokens};

/// Whether a condition holds. An empty one does.
pub(crate) fn when(text: &str) -> Result<bool, ExpressionError> {
    if text.is_empty() {
        return Ok(true);
    }
    let syntax = |fault: Fault| fault.syntax(text);
    let tokens = tokens(text).map_err(syntax)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, end: text.len() };
    let node = parser.separated().map_err(syntax)?;
    if parser.peek().is_some() {
        return Err(parser.unexpected().syntax(text));
    }
    let value = value(&node).map_err(|fault| ExpressionError::Evaluation {
        expression: text.to_owned(),
        offset: fault.at,
        reason: fault.reason,
    })?;
    match value {
        Value::Bool(holds) => Ok(holds),
        other => Err(ExpressionError::NotBoolean { condition: text.to_owned(), value: other.describe() }),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Nil,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    fn describe(&self) -> String {
        match self {
            Self::Nil => "nothing".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("{text:?}"),
            Self::List(_) => "a list".to_owned(),
        }
    }

    fn display(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.describe(),
        }
    }
}

#[derive(Debug)]
enum Node {
    Value(Value),
    Prefix(usize, String, Box<Node>),
    Binary(usize, String, Box<Node>, Box<Node>),
    List(Vec<Node>),
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    depth: usize,
    end: usize,
}

/// Operators by how strongly they bind, the weakest first.
const LEVELS: [&[&str]; 9] = [
    &["?", ":", "??"],
    &["||"],
    &["&&"],
    &["==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in"],
    &["&", "|", "^"],
    &[">>", "<<"],
    &["+", "-"],
    &["*", "/", "%"],
    &["**"],
];

const MAX_DEPTH: usize = 100;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn unexpected(&self) -> Fault {
        let what = match self.peek() {
            None => "unexpected end of condition".to_owned(),
            Some(Token::Value(value)) => format!("unexpected {}", value.describe()),
            Some(Token::Operator(operator)) => format!("unexpected `{}`", operator.trim_start_matches("prefix")),
            Some(Token::Open) => "unexpected `(`".to_owned(),
            Some(Token::Close) => "unexpected `)`".to_owned(),
        };
        Fault::new(self.at(), what)
    }

    fn operator(&mut self, of: &[&str]) -> Option<(usize, String)> {
        let (at, Token::Operator(operator)) = self.tokens.get(self.next)? else {
            return None;
        };
        if !of.contains(&operator.as_str()) {
            return None;
        }
        self.next += 1;
        Some((*at, operator.clone()))
    }

    /// Values between commas, which may be many.
    fn separated(&mut self) -> Result<Node, Fault> {
        let first = self.level(0)?;
        let mut nodes = vec![first];
        while self.operator(&[","]).is_some() {
            nodes.push(self.level(0)?);
        }
        match nodes.len() {
            1 => nodes.pop().ok_or_else(|| self.unexpected()),
            _ => Ok(Node::List(nodes)),
        }
    }

    fn level(&mut self, level: usize) -> Result<Node, Fault> {
        match LEVELS.get(level) {
            Some(operators) => self.left_to_right(operators, |parser| parser.level(level + 1)),
            None => self.operand(),
        }
    }

    fn left_to_right(
        &mut self,
        operators: &[&str],
        operand: impl Fn(&mut Self) -> Result<Node, Fault>,
    ) -> Result<Node, Fault> {
        let mut node = operand(self)?;
        let mut length = 0;
        while let Some((at, operator)) = self.operator(operators) {
            length += 1;
            if length > MAX_DEPTH {
                return Err(Fault::new(at, "condition is too long"));
            }
            let right = operand(self)?;
            node = Node::Binary(at, operator, Box::new(node), Box::new(right));
        }
        Ok(node)
    }

    fn operand(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(self.at(), "condition is nested too deeply"));
        }
        let node = self.primary();
        self.depth -= 1;
        node
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        if let Some((at, operator)) = self.operator(&["prefix-", "prefix!", "prefix~"]) {
            let operand = self.operand()?;
            return Ok(Node::Prefix(at, operator, Box::new(operand)));
        }
        match self.peek() {
            Some(Token::Value(value)) => {
                let node = Node::Value(value.clone());
                self.next += 1;
                Ok(node)
            }
            Some(Token::Open) => {
                self.next += 1;
                let node = self.separated()?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.unexpected());
                }
                self.next += 1;
                Ok(node)
            }
            _ => Err(self.unexpected()),
        }
    }
}

fn value(node: &Node) -> Result<Value, Fault> {
    match node {
        Node::Value(value) => Ok(value.clone()),
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
        Node::Prefix(at, operator, operand) => prefix(operator, value(operand)?).map_err(|what| Fault::new(*at, what)),
        Node::Binary(at, operator, left, right) => {
            let left = value(left)?;
            if let Some(decided) = decided(operator, &left) {
                return Ok(decided);
            }
            binary(operator, left, value(right)?).map_err(|what| Fault::new(*at, what))
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
        ("prefix-", Value::Number(number)) => Ok(Value::Number(-number)),
        ("prefix!", Value::Bool(value)) => Ok(Value::Bool(!value)),
        ("prefix~", Value::Number(number)) => Ok(Value::Number(from_integer(!integer(number)))),
        (operator, operand) => {
            let operator = operator.trim_start_matches("prefix");
            Err(format!("`{operator}` does not apply to {}", operand.describe()))
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "govaluate converts the same way")]
fn integer(number: f64) -> i64 {
    number as i64
}

#[expect(clippy::cast_precision_loss, reason = "every number of a condition is a float")]
fn from_integer(number: i64) -> f64 {
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
            Text(format!("{}{}", left.display(), right.display()))
        }
        (operator, Number(left), Number(right)) => Number(arithmetic(operator, left, right)?),
        (operator, left, right) => {
            return Err(format!("`{operator}` does not apply to {} and {}", left.describe(), right.describe()));
        }
    })
}

fn matches(text: &str, pattern: &str) -> Result<bool, String> {
    let pattern = Regex::new(pattern).map_err(|error| format!("invalid pattern `{pattern}`: {error}"))?;
    Ok(pattern.is_match(text))
}

fn arithmetic(operator: &str, left: f64, right: f64) -> Result<f64, String> {
    let shift = |number: f64| u32::try_from(integer(number)).unwrap_or(u32::MAX);
    Ok(match operator {
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "**" => left.powf(right),
        "&" => from_integer(integer(left) & integer(right)),
        "|" => from_integer(integer(left) | integer(right)),
        "^" => from_integer(integer(left) ^ integer(right)),
        "<<" => from_integer(integer(left).checked_shl(shift(right)).unwrap_or(0)),
        ">>" => from_integer(integer(left).checked_shr(shift(right)).unwrap_or(0)),
        _ => return Err(format!("`{operator}` does not apply to numbers")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("foo == foo", true)]
    #[case("foo != foo", false)]
    #[case("'ref/branch/master' == \"ref/branch/master\"", true)]
    #[case("1/2 == 0.5", true)]
    #[case("a < b", true)]
    #[case("1 <= 0", false)]
    #[case("(foo == bar) || (foo == foo)", true)]
    #[case("(1 > 0) && (11 < 2)", false)]
    #[case("Error in (Failed, Error)", true)]
    #[case("!(Succeeded in (Failed, Error))", true)]
    #[case("true", true)]
    #[case("false", false)]
    #[case("!false && true == true", true)]
    #[case("10 - 5 - 3 == 2", true)]
    #[case("'abc' =~ '^a'", true)]
    #[case("-1 < 0", true)]
    #[case("[some text] == 'some text'", true)]
    fn conditions_hold_or_not(#[case] text: &str, #[case] holds: bool) {
        assert_eq!(when(text), Ok(holds));
    }

    #[rstest]
    #[case("my-value == my-value")]
    #[case("a.b == a.b")]
    #[case("a ==")]
    #[case("(a == b")]
    #[case("a == b)")]
    #[case("a b")]
    #[case("'a")]
    fn what_is_no_condition_is_refused(#[case] text: &str) {
        assert!(matches!(when(text), Err(ExpressionError::Syntax { .. } | ExpressionError::Evaluation { .. })));
    }

    #[test]
    fn a_condition_has_to_be_true_or_false() {
        let error = when("1 + 1").unwrap_err();
        assert_eq!(error.to_string(), "condition `1 + 1` yields 2, which is neither true nor false");
    }
}
