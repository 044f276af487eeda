//! The language's own functions: those that take a predicate, and the way to the others.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::evaluate::{Evaluated, Evaluator, Frame, Stop};
use super::operators::{self, Numeric};
use super::syntax::Node;
use super::{Fault, golang, standard};

/// Functions whose second argument is evaluated once for each element, with the least and most arguments.
const WITH_PREDICATE: [(&str, usize, usize); 15] = [
    ("all", 2, 2),
    ("none", 2, 2),
    ("any", 2, 2),
    ("one", 2, 2),
    ("filter", 2, 2),
    ("map", 2, 2),
    ("count", 1, 2),
    ("sum", 1, 2),
    ("find", 2, 2),
    ("findIndex", 2, 2),
    ("findLast", 2, 2),
    ("findLastIndex", 2, 2),
    ("groupBy", 2, 2),
    ("sortBy", 2, 3),
    ("reduce", 2, 3),
];

/// Whether the name is one of the language's own functions.
pub(super) fn is_builtin(name: &str) -> bool {
    takes_predicate(name) || standard::NAMES.contains(&name)
}

/// Whether the function's second argument is a predicate.
pub(super) fn takes_predicate(name: &str) -> bool {
    WITH_PREDICATE.iter().any(|(known, ..)| *known == name)
}

/// The least and the most arguments such a function takes.
pub(super) fn predicate_arity(name: &str) -> (usize, usize) {
    let known = WITH_PREDICATE.iter().find(|(known, ..)| *known == name);
    known.map_or((0, usize::MAX), |(_, least, most)| (*least, *most))
}

/// Calls one of the language's own functions.
pub(super) fn call<'a>(
    evaluator: &'a Evaluator<'_>,
    at: usize,
    name: &str,
    arguments: &'a [Node],
    frame: Option<&'a Frame<'a>>,
) -> Evaluated<'a> {
    let fault = |what: String| Stop::Fault(Fault::new(at, format!("{name}: {what}")));
    if !takes_predicate(name) {
        let arguments = evaluator.values(arguments, frame)?;
        return standard::call(name, &arguments).map(Cow::Owned).map_err(fault);
    }
    let over = evaluator.value(&arguments[0], frame)?;
    let Value::Array(elements) = &*over else {
        return Err(fault(format!("expected a list, got {}", golang::type_name(&over))));
    };
    let each = Each { evaluator, elements, predicate: arguments.get(1), outer: frame };
    let value = match name {
        "sortBy" => {
            let order = arguments.get(2).map(|node| evaluator.value(node, frame)).transpose()?;
            each.sorted(order.as_deref()).map_err(|stop| named(stop, &fault))?
        }
        "reduce" => {
            let first = arguments.get(2).map(|node| evaluator.value(node, frame)).transpose()?;
            each.reduced(first.map(Cow::into_owned)).map_err(|stop| named(stop, &fault))?
        }
        "sum" => each.sum().map_err(|stop| named(stop, &fault))?,
        _ => each.tested(name)?,
    };
    Ok(Cow::Owned(value))
}

/// A failure of the function itself, or of what it evaluates.
enum Failure {
    Own(String),
    Inner(Stop),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Inner(stop)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::Own(what)
    }
}

fn named(failure: Failure, fault: &impl Fn(String) -> Stop) -> Stop {
    match failure {
        Failure::Own(what) => fault(what),
        Failure::Inner(stop) => stop,
    }
}

/// The elements of a list and what is to be evaluated for each of them.
struct Each<'e> {
    evaluator: &'e Evaluator<'e>,
    elements: &'e [Value],
    predicate: Option<&'e Node>,
    outer: Option<&'e Frame<'e>>,
}

impl Each<'_> {
    fn at(&self, index: usize, accumulated: Option<&Value>) -> Result<Value, Stop> {
        let value = &self.elements[index];
        let Some(predicate) = self.predicate else {
            return Ok(value.clone());
        };
        let frame = Frame::Element { value, index, accumulated, outer: self.outer };
        self.evaluator.value(predicate, Some(&frame)).map(Cow::into_owned)
    }

    fn holds(&self, index: usize) -> Result<bool, Stop> {
        let value = self.at(index, None)?;
        value.as_bool().ok_or_else(|| {
            let at = self.predicate.map_or(0, |node| node.at);
            let what = format!("expected a bool, got {}", golang::type_name(&value));
            Fault::new(at, what).into()
        })
    }

    fn indices(&self) -> std::ops::Range<usize> {
        0..self.elements.len()
    }

    /// The functions that ask which elements satisfy the predicate, and those that collect what it yields.
    fn tested(&self, name: &str) -> Result<Value, Stop> {
        let element = |index: Option<usize>| index.map_or(Value::Null, |index| self.elements[index].clone());
        let place = |index: Option<usize>| index.map_or(Value::Null, Value::from);
        Ok(match name {
            "all" => (self.first(self.indices(), false)?.is_none()).into(),
            "none" => (self.first(self.indices(), true)?.is_none()).into(),
            "any" => (self.first(self.indices(), true)?.is_some()).into(),
            "one" => (self.satisfying()?.len() == 1).into(),
            "count" => self.satisfying()?.len().into(),
            "filter" => self.satisfying()?.into_iter().map(|index| self.elements[index].clone()).collect(),
            "find" => element(self.first(self.indices(), true)?),
            "findIndex" => place(self.first(self.indices(), true)?),
            "findLast" => element(self.first(self.indices().rev(), true)?),
            "findLastIndex" => place(self.first(self.indices().rev(), true)?),
            "groupBy" => self.grouped()?,
            _ => Value::Array(self.indices().map(|index| self.at(index, None)).collect::<Result<_, _>>()?),
        })
    }

    fn first(&self, indices: impl Iterator<Item = usize>, wanted: bool) -> Result<Option<usize>, Stop> {
        for index in indices {
            if self.holds(index)? == wanted {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn satisfying(&self) -> Result<Vec<usize>, Stop> {
        let mut satisfying = Vec::new();
        for index in self.indices() {
            if self.holds(index)? {
                satisfying.push(index);
            }
        }
        Ok(satisfying)
    }

    fn grouped(&self) -> Result<Value, Stop> {
        let mut groups = Map::new();
        for index in self.indices() {
            let key = golang::display(&self.at(index, None)?);
            let group = groups.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(group) = group {
                group.push(self.elements[index].clone());
            }
        }
        Ok(Value::Object(groups))
    }

    fn sum(&self) -> Result<Value, Failure> {
        let mut sum = Value::from(0);
        for index in self.indices() {
            sum = operators::binary("+", &self.at(index, None)?, &sum)?;
        }
        Ok(sum)
    }

    fn reduced(&self, first: Option<Value>) -> Result<Value, Failure> {
        let mut indices = self.indices();
        let mut accumulated = if let Some(first) = first {
            first
        } else {
            let first = indices.next().ok_or_else(|| "the list is empty and there is no first value".to_owned())?;
            self.elements[first].clone()
        };
        for index in indices {
            accumulated = self.at(index, Some(&accumulated))?;
        }
        Ok(accumulated)
    }

    fn sorted(&self, order: Option<&Value>) -> Result<Value, Failure> {
        let mut keyed = Vec::new();
        for index in self.indices() {
            keyed.push((self.at(index, None)?, self.elements[index].clone()));
        }
        sort(&mut keyed, order, |(key, _)| key)?;
        Ok(keyed.into_iter().map(|(_, value)| value).collect())
    }
}

/// Sorts by keys that are all numbers or all strings; `order` is `asc` or `desc`.
pub(super) fn sort<T>(items: &mut [T], order: Option<&Value>, key: impl Fn(&T) -> &Value) -> Result<(), String> {
    let descending = match order {
        None => false,
        Some(Value::String(order)) if order == "asc" => false,
        Some(Value::String(order)) if order == "desc" => true,
        Some(other) => return Err(format!("order must be asc or desc, not {}", golang::display(other))),
    };
    let comparable = items.windows(2).all(|pair| order_of(key(&pair[0]), key(&pair[1])).is_some());
    if !comparable {
        return Err("the list mixes types that cannot be compared".to_owned());
    }
    items.sort_by(|left, right| {
        let order = order_of(key(left), key(right)).unwrap_or(Ordering::Equal);
        if descending { order.reverse() } else { order }
    });
    Ok(())
}

/// How two numbers or two strings compare.
pub(super) fn order_of(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => match (Numeric::of(left)?, Numeric::of(right)?) {
            (Numeric::Integer(left), Numeric::Integer(right)) => Some(left.cmp(&right)),
            (left, right) => left.float().partial_cmp(&right.float()),
        },
    }
}
