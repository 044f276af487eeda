//! Evaluates the tree of an expression against a scope.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::budget::Budget;
use super::scope::{Found, Scope};
use super::sprig::semver;
use super::syntax::{Kind, Node};
use super::{Fault, builtins, functions, golang, operators};

/// A value in the course of an evaluation.
pub(super) type Evaluated<'a> = Result<Cow<'a, Value>, Stop>;

/// Why an evaluation ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Fault(Fault),
    /// A `?.` met nil: the chain around it is nil.
    Chain,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What `#` and `let` have bound around a part of an expression.
pub(super) enum Frame<'a> {
    Variable { name: &'a str, value: &'a Value, outer: Option<&'a Frame<'a>> },
    Element { value: &'a Value, index: usize, accumulated: Option<&'a Value>, outer: Option<&'a Frame<'a>> },
}

impl<'a> Frame<'a> {
    fn outer(&self) -> Option<&'a Frame<'a>> {
        match self {
            Self::Variable { outer, .. } | Self::Element { outer, .. } => *outer,
        }
    }
}

type Frames<'a> = Option<&'a Frame<'a>>;

fn frames(innermost: Frames<'_>) -> impl Iterator<Item = &Frame<'_>> {
    std::iter::successors(innermost, |frame| frame.outer())
}

fn variable<'a>(frames_: Frames<'a>, wanted: &str) -> Option<&'a Value> {
    frames(frames_).find_map(|frame| match frame {
        Frame::Variable { name, value, .. } if *name == wanted => Some(*value),
        _ => None,
    })
}

/// Evaluates expressions in one scope.
pub(super) struct Evaluator<'s> {
    scope: &'s Scope,
    budget: Budget,
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(scope: &'s Scope) -> Self {
        Self { scope, budget: Budget::new(scope.stop_flag().cloned()) }
    }
}

impl Evaluator<'_> {
    /// Evaluates a whole expression.
    pub(super) fn run(&self, node: &Node) -> Result<Value, Fault> {
        match self.value(node, None) {
            Ok(value) => Ok(value.into_owned()),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Chain) => Ok(Value::Null),
        }
    }

    pub(super) fn value<'a>(&'a self, node: &'a Node, frame: Frames<'a>) -> Evaluated<'a> {
        self.budget.step().map_err(|what| Fault::new(node.at, what))?;
        let value = self.evaluate(node, frame)?;
        if let Cow::Owned(value) = &value {
            self.budget.pay(value).map_err(|what| Fault::new(node.at, what))?;
        }
        Ok(value)
    }

    fn evaluate<'a>(&'a self, node: &'a Node, frame: Frames<'a>) -> Evaluated<'a> {
        let at = node.at;
        match &node.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Identifier(_) => self.path(node, frame),
            Kind::Pointer(name) => pointer(at, name, frame),
            Kind::Member { object, property, optional } => {
                if node.path().is_some() {
                    return self.path(node, frame);
                }
                self.member(object, property, *optional, frame)
            }
            Kind::Slice { object, from, to } => {
                let object = self.value(object, frame)?;
                let from = self.bound(from.as_deref(), frame)?;
                let to = self.bound(to.as_deref(), frame)?;
                slice(&object, from, to).map_err(|what| Fault::new(at, what).into()).map(Cow::Owned)
            }
            Kind::Chain(inner) => match self.value(inner, frame) {
                Err(Stop::Chain) => Ok(Cow::Owned(Value::Null)),
                other => other,
            },
            Kind::Unary { operator, operand } => {
                let operand = self.value(operand, frame)?;
                done(at, operators::unary(operator, &operand))
            }
            Kind::Binary { operator, left, right } => self.binary(at, operator, left, right, frame),
            Kind::Conditional { condition, then, otherwise } => {
                let chosen = if self.truth(condition, frame)? { then } else { otherwise };
                self.value(chosen, frame)
            }
            Kind::Array(nodes) => {
                let values: Result<Vec<Value>, Stop> = self.values(nodes, frame);
                Ok(Cow::Owned(Value::Array(values?)))
            }
            Kind::Map(pairs) => self.map(pairs, frame),
            Kind::Call { callee, arguments, function: Some(function) } => {
                let arguments = self.values(arguments, frame)?;
                let named = |what| format!("{}: {what}", callee.path().map_or("", |path| &path.name));
                done(at, function.call(&arguments).map_err(named))
            }
            Kind::Call { callee, arguments, function: None } => self.method(at, callee, arguments, frame),
            Kind::Builtin { name, arguments } => builtins::call(self, at, name, arguments, frame),
            Kind::Predicate(inner) => self.value(inner, frame),
            Kind::Let { name, value, body } => {
                let value = self.value(value, frame)?;
                let inner = Frame::Variable { name, value: &value, outer: frame };
                self.value(body, Some(&inner)).map(|value| Cow::Owned(value.into_owned()))
            }
            Kind::Sequence(nodes) => {
                let mut last = Cow::Owned(Value::Null);
                for node in nodes {
                    last = self.value(node, frame)?;
                }
                Ok(last)
            }
        }
    }

    pub(super) fn values<'a>(&'a self, nodes: &'a [Node], frame: Frames<'a>) -> Result<Vec<Value>, Stop> {
        nodes.iter().map(|node| Ok(self.value(node, frame)?.into_owned())).collect()
    }

    /// The truth of a part that has to be a bool.
    pub(super) fn truth<'a>(&'a self, node: &'a Node, frame: Frames<'a>) -> Result<bool, Stop> {
        let value = self.value(node, frame)?;
        value.as_bool().ok_or_else(|| {
            let what = format!("expected a bool, got {}", golang::type_name(&value));
            Fault::new(node.at, what).into()
        })
    }

    fn binary<'a>(
        &'a self,
        at: usize,
        operator: &str,
        left: &'a Node,
        right: &'a Node,
        frame: Frames<'a>,
    ) -> Evaluated<'a> {
        match operator {
            "and" | "&&" => {
                let both = self.truth(left, frame)? && self.truth(right, frame)?;
                Ok(Cow::Owned(both.into()))
            }
            "or" | "||" => {
                let either = self.truth(left, frame)? || self.truth(right, frame)?;
                Ok(Cow::Owned(either.into()))
            }
            "??" => match self.value(left, frame)? {
                value if value.is_null() => self.value(right, frame),
                value => Ok(value),
            },
            _ => {
                let left = self.value(left, frame)?;
                let right = self.value(right, frame)?;
                done(at, operators::binary(operator, &left, &right))
            }
        }
    }

    fn map<'a>(&'a self, pairs: &'a [(Node, Node)], frame: Frames<'a>) -> Evaluated<'a> {
        let mut map = Map::new();
        for (key, value) in pairs {
            let name = match self.value(key, frame)?.into_owned() {
                Value::String(name) => name,
                other => {
                    let what = format!("a map key must be a string, not {}", golang::type_name(&other));
                    return Err(Fault::new(key.at, what).into());
                }
            };
            map.insert(name, self.value(value, frame)?.into_owned());
        }
        Ok(Cow::Owned(Value::Object(map)))
    }

    /// A dotted path, whose root is a `let` variable or a name of the scope.
    fn path<'a>(&'a self, node: &'a Node, frame: Frames<'a>) -> Evaluated<'a> {
        let Some(path) = node.path() else {
            return Err(Fault::new(node.at, "expected a name").into());
        };
        let root = path.root();
        if let Some(value) = variable(frame, root) {
            return match &node.kind {
                Kind::Member { object, property, .. } => self.member(object, property, false, frame),
                _ => Ok(Cow::Borrowed(value)),
            };
        }
        match self.scope.find(path) {
            Found::Value(value) => Ok(value),
            Found::Missing { depth: 1 } if functions::is_environment(root) => {
                let what = format!("`{}` is a function and has to be called", path.name);
                Err(Fault::new(node.at, what).into())
            }
            Found::Missing { depth: 1 } => Err(Fault::new(node.at, format!("unknown name `{root}`")).into()),
            Found::Missing { depth } if depth == path.segments.len() => Ok(Cow::Owned(Value::Null)),
            Found::Missing { depth } => {
                let (missing, next) = (path.segments[..depth].join("."), &path.segments[depth]);
                let what = format!("cannot read `{next}` of `{missing}`, which is nil");
                Err(Fault::new(node.at, what).into())
            }
            Found::NoFields { depth, value } => {
                let what = no_fields(&path.segments[depth - 1], &value);
                Err(Fault::new(node.at, what).into())
            }
        }
    }

    fn member<'a>(&'a self, object: &'a Node, property: &'a Node, optional: bool, frame: Frames<'a>) -> Evaluated<'a> {
        let at = property.at;
        let object = self.value(object, frame)?;
        if optional && object.is_null() {
            return Err(Stop::Chain);
        }
        let property = self.value(property, frame)?;
        match object {
            Cow::Borrowed(object) => {
                fetch(object, &property).map(|value| value.map_or(Cow::Owned(Value::Null), Cow::Borrowed))
            }
            Cow::Owned(object) => fetch(&object, &property).map(|value| Cow::Owned(value.cloned().unwrap_or_default())),
        }
        .map_err(|what| Fault::new(at, what).into())
    }

    fn bound<'a>(&'a self, node: Option<&'a Node>, frame: Frames<'a>) -> Result<Option<i64>, Stop> {
        let Some(node) = node else {
            return Ok(None);
        };
        let value = self.value(node, frame)?;
        let not_integer = || format!("a bound must be an integer, not {}", golang::type_name(&value));
        let number = operators::Numeric::of(&value).ok_or_else(|| Fault::new(node.at, not_integer()))?;
        Ok(Some(number.integer()))
    }

    /// A call of something that is no function of the environment: a method of a version, or nothing that there is.
    fn method<'a>(&'a self, at: usize, callee: &'a Node, arguments: &[Node], frame: Frames<'a>) -> Evaluated<'a> {
        if let Kind::Member { object, property, .. } = &callee.kind
            && arguments.is_empty()
            && let (Value::String(version), Value::String(method)) =
                (&*self.value(object, frame)?, &*self.value(property, frame)?)
            && let Some(value) = semver::method(version, method)
        {
            return Ok(Cow::Owned(value));
        }
        let name = callee.path().map_or("", |path| &path.name);
        Err(Fault::new(at, format!("unknown function `{name}`")).into())
    }
}

fn done<'a>(at: usize, outcome: operators::Outcome) -> Evaluated<'a> {
    outcome.map(Cow::Owned).map_err(|what| Fault::new(at, what).into())
}

fn pointer<'a>(at: usize, name: &str, innermost: Frames<'a>) -> Evaluated<'a> {
    let element = frames(innermost).find_map(|frame| match frame {
        Frame::Element { value, index, accumulated, .. } => Some((*value, *index, *accumulated)),
        Frame::Variable { .. } => None,
    });
    match (name, element) {
        ("", Some((value, ..))) => Ok(Cow::Borrowed(value)),
        ("index", Some((_, index, _))) => Ok(Cow::Owned(index.into())),
        ("acc", Some((.., Some(accumulated)))) => Ok(Cow::Borrowed(accumulated)),
        _ => Err(Fault::new(at, format!("`#{name}` means nothing here")).into()),
    }
}

fn no_fields(name: &str, value: &Value) -> String {
    format!("cannot read `{name}` of {}", golang::type_name(value))
}

/// Reads a field or an element; a field that is not there is `None`.
pub(super) fn fetch<'v>(object: &'v Value, property: &Value) -> Result<Option<&'v Value>, String> {
    match (object, property) {
        (Value::Object(map), Value::String(name)) => Ok(map.get(name)),
        (Value::Array(values), Value::Number(_)) => {
            let index = operators::Numeric::of(property).map_or(0, operators::Numeric::integer);
            let length = values.len();
            position(index, length)
                .map(|index| values.get(index))
                .ok_or_else(|| format!("index {index} is out of range of {length} elements"))
        }
        _ => Err(no_fields(&golang::display(property), object)),
    }
}

/// The position an index means, counted from the end if it is negative.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let signed = i64::try_from(length).ok()?;
    let index = if index < 0 { signed + index } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn slice(object: &Value, from: Option<i64>, to: Option<i64>) -> operators::Outcome {
    let limits = |length: usize| {
        let signed = i64::try_from(length).unwrap_or(i64::MAX);
        let clamp = |bound: i64| if bound < 0 { signed.saturating_add(bound).max(0) } else { bound.min(signed) };
        let to = clamp(to.unwrap_or(signed));
        let from = clamp(from.unwrap_or(0)).min(to);
        let size = |bound: i64| usize::try_from(bound).unwrap_or(0);
        size(from)..size(to)
    };
    match object {
        Value::Array(values) => Ok(Value::Array(values[limits(values.len())].to_vec())),
        Value::String(text) => {
            let bytes = &text.as_bytes()[limits(text.len())];
            Ok(String::from_utf8_lossy(bytes).into_owned().into())
        }
        other => Err(format!("cannot slice {}", golang::type_name(other))),
    }
}
