//! The variables an expression may name, by dotted name and in layers.
//!
//! Argo keeps them flat and expands them to nested maps for every expression. A scope stays flat and
//! answers for the one path that is asked, so that thousands of names cost nothing until they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::stop_flag::StopFlag;
use super::syntax::Path;
use super::unknown;

/// Variables by dotted name (`inputs.parameters.x`, `steps.a.outputs.result`, `workflow.name`, `item`), layered.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    own: BTreeMap<String, Value>,
    parent: Option<Arc<Scope>>,
    /// Whether a value of this layer is unknown, so that others cost nothing.
    unknown: bool,
    stop: Option<StopFlag>,
}

/// What a dotted path means in a scope.
#[derive(Debug)]
pub(super) enum Found<'s> {
    Value(Cow<'s, Value>),
    /// Nothing stands at the first `depth` segments of the path, though something stands before them.
    Missing {
        depth: usize,
    },
    /// The segment of this depth was looked for in a value that has no fields.
    NoFields {
        depth: usize,
        value: Cow<'s, Value>,
    },
}

enum Located<'s, 'p> {
    Found(Found<'s>),
    /// Names below this one, not gathered yet.
    Tree(&'p str),
}

impl Scope {
    /// An empty scope.
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer above `parent`: what it sets hides the parent's value of the same name.
    pub(crate) fn child(parent: &Arc<Scope>) -> Self {
        Self { parent: Some(Arc::clone(parent)), ..Self::default() }
    }

    /// An empty scope whose evaluations, and those of the layers above it, end when the flag is raised.
    pub(crate) fn stopped_by(flag: &StopFlag) -> Self {
        Self { stop: Some(flag.clone()), ..Self::default() }
    }

    /// Whether evaluations are to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop_flag().is_some_and(StopFlag::is_raised)
    }

    pub(super) fn stop_flag(&self) -> Option<&StopFlag> {
        self.layers().find_map(|layer| layer.stop.as_ref())
    }

    /// Puts the layer above another parent.
    pub(crate) fn set_parent(&mut self, parent: &Arc<Scope>) {
        self.parent = Some(Arc::clone(parent));
    }

    /// Sets a variable in this layer.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        let value = value.into();
        self.unknown |= unknown::in_value(&value).is_some();
        self.own.insert(name.into(), value);
    }

    /// Takes out of this layer all variables whose names are below this one.
    pub(crate) fn clear_below(&mut self, name: &str) {
        let below: Vec<String> = self.own_below(name).map(|(name, _)| name.to_owned()).collect();
        for name in below {
            self.own.remove(&name);
        }
    }

    /// The value of exactly this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.layers().find_map(|layer| layer.own.get(name))
    }

    /// The values of this layer whose names are below this one.
    pub(crate) fn own_below(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let start = format!("{name}.");
        let from = self.own.range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded));
        let below = from.map(|(name, value)| (name.as_str(), value)).take_while(|(name, _)| name.starts_with(&start));
        below.collect::<Vec<_>>().into_iter()
    }

    /// Whether any value is unknown.
    pub(super) fn has_unknown(&self) -> bool {
        self.layers().any(|layer| layer.unknown)
    }

    /// Whether the path names a value, counting a null one.
    pub(super) fn has(&self, path: &Path) -> bool {
        matches!(self.locate(path), Located::Tree(_) | Located::Found(Found::Value(_)))
    }

    /// Whether a path may begin so.
    pub(super) fn has_root(&self, name: &str) -> bool {
        let (value, is_prefix) = self.at(name);
        !name.contains('.') && (value.is_some() || is_prefix)
    }

    /// Follows a path the way Argo's expanded map would: a name that is also a prefix of others is the map of those.
    pub(super) fn find(&self, path: &Path) -> Found<'_> {
        match self.locate(path) {
            Located::Found(found) => found,
            Located::Tree(name) => Found::Value(Cow::Owned(self.subtree(name))),
        }
    }

    fn locate<'s, 'p>(&'s self, path: &'p Path) -> Located<'s, 'p> {
        // Most paths are the whole name of a value, or of others below it; then something stands below each part of them.
        if !path.has_dotted {
            match self.at(&path.name) {
                (_, true) => return Located::Tree(&path.name),
                (Some(value), false) => return Located::Found(Found::Value(Cow::Borrowed(value))),
                (None, false) => {}
            }
        }
        let mut end = 0;
        for (index, segment) in path.segments.iter().enumerate() {
            end += usize::from(index > 0) + segment.len();
            // A dot in a name has become a level of its own.
            if segment.contains('.') {
                return Located::Found(Found::Missing { depth: index + 1 });
            }
            return Located::Found(match self.at(&path.name[..end]) {
                (_, true) => continue,
                (Some(value), false) => descend(value, &path.segments, index + 1),
                (None, false) => Found::Missing { depth: index + 1 },
            });
        }
        Located::Tree(&path.name)
    }

    /// Whether there are names below this one.
    pub(super) fn is_prefix(&self, name: &str) -> bool {
        self.at(name).1
    }

    /// The value of exactly this name, and whether there are names below it.
    fn at(&self, name: &str) -> (Option<&Value>, bool) {
        self.layers().fold((None, false), |(known, is_prefix), layer| {
            let (value, below) = layer.own_at(name);
            (known.or(value), is_prefix || below)
        })
    }

    /// The same of this layer: both stand beside each other, unless other names that begin so come between them.
    fn own_at(&self, name: &str) -> (Option<&Value>, bool) {
        if !self.may_have(name) {
            return (None, false);
        }
        let mut from = self.own.range::<str, _>((Bound::Included(name), Bound::Unbounded));
        let Some((first, value)) = from.next() else { return (None, false) };
        let Some(rest) = first.strip_prefix(name) else { return (None, false) };
        let value = rest.is_empty().then_some(value);
        let next = if value.is_some() { from.next().map(|(next, _)| next.as_str()) } else { Some(first.as_str()) };
        let below = match next.and_then(|next| next.strip_prefix(name)).and_then(|rest| rest.bytes().next()) {
            Some(b'.') => true,
            Some(b'\0'..b'.') => self.below(&format!("{name}.")).next().is_some(),
            _ => false,
        };
        (value, below)
    }

    /// Whether this layer may have a name that begins so, as far as its first and its last name tell.
    fn may_have(&self, start: &str) -> bool {
        let first =
            self.own.first_key_value().is_some_and(|(first, _)| first.as_str() <= start || first.starts_with(start));
        first && self.own.last_key_value().is_some_and(|(last, _)| last.as_str() >= start)
    }

    fn layers(&self) -> impl Iterator<Item = &Scope> {
        std::iter::successors(Some(self), |layer| layer.parent.as_deref())
    }

    /// This layer's values whose names begin with `start`.
    fn below<'s>(&'s self, start: &'s str) -> impl Iterator<Item = (&'s str, &'s Value)> + Clone {
        self.own
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .map(|(name, value)| (name.as_str(), value))
            .take_while(move |(name, _)| name.starts_with(start))
    }

    fn subtree(&self, name: &str) -> Value {
        let start = format!("{name}.");
        let mut layers = self.layers().filter(|layer| layer.may_have(&start) && layer.below(&start).next().is_some());
        let (Some(first), None) = (layers.next(), layers.next()) else { return self.tree_of_layers(&start) };
        let names = first.below(&start).map(|(full, value)| (&full[start.len()..], value));
        if names.clone().any(|(rest, _)| rest.contains('.')) {
            return self.tree_of_layers(&start);
        }
        names.map(|(rest, value)| (rest.to_owned(), value.clone())).collect()
    }

    fn tree_of_layers(&self, start: &str) -> Value {
        let mut names: BTreeMap<&str, &Value> = BTreeMap::new();
        for layer in self.layers() {
            for (full, value) in layer.below(start) {
                names.entry(&full[start.len()..]).or_insert(value);
            }
        }
        let mut tree = Map::new();
        for (rest, value) in &names {
            if !hidden_by_children(&names, rest) {
                insert(&mut tree, rest, value);
            }
        }
        Value::Object(tree)
    }
}

fn hidden_by_children(names: &BTreeMap<&str, &Value>, name: &str) -> bool {
    let start = format!("{name}.");
    names
        .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
        .next()
        .is_some_and(|(next, _)| next.starts_with(&start))
}

fn insert(tree: &mut Map<String, Value>, name: &str, value: &Value) {
    let Some((segment, rest)) = name.split_once('.') else {
        tree.insert(name.to_owned(), value.clone());
        return;
    };
    let below = tree.entry(segment).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        insert(below, rest, value);
    }
}

fn descend<'s>(value: &'s Value, path: &[String], from: usize) -> Found<'s> {
    let mut value = value;
    for (index, segment) in path.iter().enumerate().skip(from) {
        let depth = index + 1;
        match value {
            Value::Object(map) => match map.get(segment) {
                Some(next) => value = next,
                None => return Found::Missing { depth },
            },
            other => {
                let value = Cow::Borrowed(other);
                return Found::NoFields { depth, value };
            }
        }
    }
    Found::Value(Cow::Borrowed(value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn value(scope: &Scope, path: &[&str]) -> Option<Value> {
        match scope.find(&Path::new(path.iter().copied())) {
            Found::Value(value) => Some(value.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_childs_value_hides_its_parents() {
        let mut parent = Scope::new();
        parent.set("a", 1);
        parent.set("b", 2);
        let mut child = Scope::child(&Arc::new(parent));
        child.set("a", 3);
        assert_eq!(child.get("a"), Some(&json!(3)));
        assert_eq!(child.get("b"), Some(&json!(2)));
        assert_eq!(child.get("c"), None);
    }

    #[test]
    fn a_prefix_is_the_map_of_what_is_below_it_over_all_layers() {
        let mut parent = Scope::new();
        parent.set("inputs.parameters.a", "1");
        parent.set("inputs.parameters.b-c", "2");
        let mut child = Scope::child(&Arc::new(parent));
        child.set("inputs.parameters.a", "3");
        child.set("inputs.parameters.d.e", "4");
        let expected = json!({"a": "3", "b-c": "2", "d": {"e": "4"}});
        assert_eq!(value(&child, &["inputs", "parameters"]).unwrap(), expected);
        assert_eq!(value(&child, &["inputs", "parameters", "a"]), Some(json!("3")));
    }

    #[test]
    fn a_name_that_is_also_a_prefix_is_hidden_by_the_more_specific_names() {
        let mut scope = Scope::new();
        for (name, number) in [("a.b", 1), ("a.c.d", 2), ("a", 3), ("ab", 4), ("a-b", 5), ("a.c", 6)] {
            scope.set(name, number);
        }
        assert_eq!(value(&scope, &["a"]).unwrap(), json!({"b": 1, "c": {"d": 2}}));
        assert_eq!(value(&scope, &["ab"]), Some(json!(4)));
    }

    #[test]
    fn fields_of_a_structured_value_are_reached_through_its_name() {
        let mut scope = Scope::new();
        scope.set("item", json!({"name": "a", "of": {"x": null}}));
        assert_eq!(value(&scope, &["item", "name"]), Some(json!("a")));
        let path = |name: &str| Path::new(name.split('.'));
        assert!(scope.has(&path("item.of.x")));
        assert!(matches!(scope.find(&path("item.no")), Found::Missing { depth: 2 }));
        assert!(matches!(scope.find(&path("item.name.x")), Found::NoFields { depth: 3, .. }));
        assert!(matches!(scope.find(&path("other")), Found::Missing { depth: 1 }));
    }
}
