//! What can be told of an expression's types before it is evaluated.
//!
//! Go's language is compiled: `"1" == 1` is not false but an error, be it in a branch that is never taken. Only what
//! hangs on values below the first level of the environment is left to the evaluation.

use serde_json::Value;

use super::scope::Scope;
use super::syntax::{Kind, Node};
use super::{Fault, functions};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Any,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Type {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Map,
        }
    }

    fn may_be(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "list",
            Self::Map => "map",
        }
    }
}

/// Whether an expression has an operation that may not fit its types.
pub(super) fn may_not_fit(node: &Node) -> bool {
    matches!(node.kind, Kind::Binary { .. } | Kind::Conditional { .. }) || node.children().any(may_not_fit)
}

/// Refuses operations on types that are known not to fit.
pub(super) fn check(node: &Node, scope: &Scope) -> Result<(), Fault> {
    Checker { scope, bound: Vec::new() }.node(node).map(|_| ())
}

struct Checker<'n> {
    scope: &'n Scope,
    bound: Vec<(&'n str, Type)>,
}

impl<'n> Checker<'n> {
    fn node(&mut self, node: &'n Node) -> Result<Type, Fault> {
        if let Kind::Let { name, value, body } = &node.kind {
            let value = self.node(value)?;
            self.bound.push((name, value));
            let body = self.node(body);
            self.bound.pop();
            return body;
        }
        if matches!(node.kind, Kind::Member { .. }) && node.path().is_some() {
            // Nothing is told of a name below the first level, and nothing in it can be wrong.
            return Ok(Type::Any);
        }
        let children: Result<Vec<Type>, Fault> = node.children().map(|child| self.node(child)).collect();
        let children = children?;
        Ok(match &node.kind {
            Kind::Literal(value) => Type::of(value),
            Kind::Identifier(name) => self.name(name),
            Kind::Unary { operator, .. } => match operator.as_str() {
                "-" | "+" => Type::Number,
                _ => Type::Bool,
            },
            Kind::Binary { operator, right, .. } => {
                let (left_type, right_type) = (children[0], children[1]);
                let is_listed = operator == "in" && !Self::may_be_in(left_type, right);
                if is_listed || !fits(operator, left_type, right_type) {
                    let (left, right) = (left_type.name(), right_type.name());
                    return Err(Fault::new(node.at, format!("`{operator}` does not apply to {left} and {right}")));
                }
                result(operator, left_type, right_type)
            }
            Kind::Conditional { .. } if !children[0].may_be(Type::Bool) => {
                let what = format!("expected a bool, got {}", children[0].name());
                return Err(Fault::new(node.at, what));
            }
            Kind::Conditional { .. } if children[1] == children[2] => children[1],
            Kind::Array(_) => Type::List,
            Kind::Map(_) => Type::Map,
            Kind::Builtin { name, .. } => builtin(name),
            Kind::Call { callee, .. } if callee.path().is_some_and(|path| path.name == "toJson") => Type::Text,
            Kind::Sequence(_) => children.last().copied().unwrap_or(Type::Any),
            _ => Type::Any,
        })
    }

    fn name(&self, name: &str) -> Type {
        if let Some((_, bound)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return *bound;
        }
        match self.scope.get(name) {
            _ if self.scope.is_prefix(name) => Type::Map,
            Some(value) if !functions::is_environment(name) => Type::of(value),
            _ => Type::Any,
        }
    }

    /// A list that is written out with one type has no element of another.
    fn may_be_in(needle: Type, list: &Node) -> bool {
        let Kind::Array(elements) = &list.kind else {
            return true;
        };
        let written = elements.iter().map(|element| match &element.kind {
            Kind::Literal(value) => Type::of(value),
            _ => Type::Any,
        });
        let types: Vec<Type> = written.collect();
        let one = types.first().copied().filter(|first| types.iter().all(|each| each == first));
        one.is_none_or(|one| needle.may_be(one))
    }
}

fn fits(operator: &str, left: Type, right: Type) -> bool {
    let both = |wanted: Type| left.may_be(wanted) && right.may_be(wanted);
    match operator {
        "==" | "!=" => left.may_be(right),
        "and" | "&&" | "or" | "||" => both(Type::Bool),
        "<" | ">" | "<=" | ">=" | "+" => both(Type::Number) || both(Type::Text),
        "-" | "*" | "/" | "%" | "**" | "^" | ".." => both(Type::Number),
        "contains" | "startsWith" | "endsWith" | "matches" => both(Type::Text),
        _ => true,
    }
}

fn result(operator: &str, left: Type, right: Type) -> Type {
    match operator {
        "+" if left == right => left,
        "+" | "??" => Type::Any,
        "-" | "*" | "/" | "%" | "**" | "^" => Type::Number,
        ".." => Type::List,
        _ => Type::Bool,
    }
}

fn builtin(name: &str) -> Type {
    match name {
        "all" | "any" | "one" | "none" | "hasPrefix" | "hasSuffix" => Type::Bool,
        "len" | "int" | "float" | "count" | "ceil" | "floor" | "round" | "indexOf" | "lastIndexOf" => Type::Number,
        "string" | "trim" | "trimPrefix" | "trimSuffix" | "upper" | "lower" | "replace" | "repeat" | "join"
        | "type" | "toJSON" | "toBase64" | "fromBase64" => Type::Text,
        "split" | "splitAfter" | "filter" | "map" | "keys" | "values" | "toPairs" | "sort" | "sortBy" | "reverse"
        | "concat" | "flatten" | "uniq" => Type::List,
        "groupBy" => Type::Map,
        _ => Type::Any,
    }
}
