//! Which variables an expression mentions, and which of them a scope lacks.

use serde_json::Value;

use super::functions::Function;
use super::parsed::parsed;
use super::scope::{Found, Scope};
use super::syntax::{Kind, Node, Path};
use super::tag::{Content, Tag, tags};
use super::{Fault, functions, parser, unknown};

/// Variables that Argo sets late and that an expression may seem to do without, so that it waits for them.
const LATE: [&str; 8] = [
    "item",
    "retries",
    "lastRetry.exitCode",
    "lastRetry.status",
    "lastRetry.duration",
    "lastRetry.message",
    "workflow.status",
    "workflow.failures",
];

/// The dotted names of the variables that an expression mentions: `a.b`, `a['b-c'].d` as `a.b-c.d`.
///
/// A name that is only known in the course of the evaluation (`a[b]`) yields what comes before it (`a`). An expression
/// that cannot be parsed mentions nothing.
pub(crate) fn references(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(node) = parser::parse(expression) {
        mentioned(&node, &mut Vec::new(), &mut |path| {
            if !functions::is_environment(path[0]) {
                add(&mut names, path.join("."));
            }
        });
    }
    names
}

/// Whether each tag of a text needs a variable below this name, so that none has a value in a scope without any. A text of tags
/// within others is not looked through.
pub(crate) fn needs(text: &str, root: &str) -> bool {
    let is_below = |name: &str| name.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    let needs = |tag: Tag<'_>| match tag.content {
        Content::Simple(name) => is_below(name),
        Content::Expression(text) => {
            parsed(text).is_ok_and(|parsed| parsed.roots.iter().any(|known| known.name == root))
        }
    };
    text.matches("{{").count() == tags(text).count() && tags(text).all(needs)
}

/// The variables that the tags of a text read; none where these are not known before it is evaluated, or cannot be.
pub(crate) fn reads(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut count = 0;
    for tag in tags(text) {
        count += 1;
        match tag.content {
            Content::Simple(name) => add(&mut names, name.to_owned()),
            Content::Expression(expression) => {
                parser::parse(expression).ok().filter(|_| !expression.contains("$env"))?;
                for name in references(expression) {
                    add(&mut names, name);
                }
            }
        }
    }
    (text.matches("{{").count() == count).then_some(names)
}

/// The unknown value that an expression would read: what it gives is unknown too.
pub(super) fn reads_unknown(node: &Node, scope: &Scope) -> Option<Value> {
    if !scope.has_unknown() {
        return None;
    }
    let mut number = None;
    mentioned(node, &mut Vec::new(), &mut |path| {
        if let Found::Value(value) | Found::NoFields { value, .. } = scope.find(&Path::new(path.iter().copied())) {
            number = number.or(unknown::in_value(&value));
        }
    });
    number.map(|number| unknown::unknown(number).into())
}

fn add(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}

fn mentioned<'n>(node: &'n Node, bound: &mut Vec<&'n str>, found: &mut dyn FnMut(&[&str])) {
    if let Some(path) = loose_path(node) {
        if !bound.contains(&path[0]) {
            found(&path);
        }
        return;
    }
    let is_let = if let Kind::Let { name, .. } = &node.kind { Some(name) } else { None };
    for (index, child) in node.children().enumerate() {
        match is_let {
            Some(name) if index == 1 => {
                bound.push(name);
                mentioned(child, bound, found);
                bound.pop();
            }
            _ => mentioned(child, bound, found),
        }
    }
}

/// The path that the node spells, `?.` counted as `.`.
fn loose_path(node: &Node) -> Option<Vec<&str>> {
    match &node.kind {
        Kind::Identifier(name) if name == "$env" => None,
        Kind::Identifier(name) => Some(vec![name]),
        Kind::Chain(inner) => loose_path(inner),
        Kind::Member { object, property, .. } => {
            let Kind::Literal(Value::String(name)) = &property.kind else {
                return None;
            };
            let mut path = match &object.kind {
                Kind::Identifier(root) if root == "$env" => Vec::new(),
                _ => loose_path(object)?,
            };
            path.push(name);
            Some(path)
        }
        _ => None,
    }
}

/// The variables that the expression needs and the scope lacks.
///
/// What stands left of `??`, and what `?.` guards, may be missing; the first name of it may not.
pub(super) fn missing(node: &Node, scope: &Scope) -> Vec<String> {
    let mut missing = Vec::new();
    needed(node, false, &mut Vec::new(), &mut |path| {
        let is_function = functions::is_environment(&path.name) || Function::named(&path.segments).is_some();
        if !is_function && !scope.has(path) {
            add(&mut missing, path.name.clone());
        }
    });
    missing
}

/// Whether a variable is missing that Argo sets late.
pub(super) fn waits(node: &Node, scope: &Scope) -> bool {
    needs_late(node, |path| !scope.has(path))
}

/// Whether the expression needs a variable that Argo sets late.
pub(super) fn may_wait(node: &Node) -> bool {
    needs_late(node, |_| true)
}

fn needs_late(node: &Node, counts: impl Fn(&Path) -> bool) -> bool {
    let mut waits = false;
    needed(node, false, &mut Vec::new(), &mut |path| {
        waits = waits || (!path.has_dotted && LATE.contains(&path.name.as_str()) && counts(path));
    });
    waits
}

/// Visits every path that has to exist, the shorter before the longer ones.
fn needed<'n>(node: &'n Node, guarded: bool, bound: &mut Vec<&'n str>, found: &mut dyn FnMut(&Path)) {
    match &node.kind {
        Kind::Let { name, value, body } => {
            needed(value, guarded, bound, found);
            bound.push(name);
            needed(body, guarded, bound, found);
            bound.pop();
            return;
        }
        Kind::Binary { operator, left, right } if operator == "??" => {
            needed(left, true, bound, found);
            needed(right, guarded, bound, found);
            return;
        }
        Kind::Member { object, optional: true, .. } if matches!(object.kind, Kind::Member { .. }) => {
            let own = node.children().nth(1);
            for child in object.children().chain(own) {
                needed(child, guarded, bound, found);
            }
            return;
        }
        _ => {}
    }
    for child in node.children() {
        needed(child, guarded, bound, found);
    }
    let counts = match &node.kind {
        Kind::Identifier(name) => name != "$env",
        Kind::Member { .. } => !guarded,
        _ => false,
    };
    if let Some(path) = node.path().filter(|path| counts && !bound.contains(&path.root())) {
        found(path);
    }
}

/// A name that an expression takes from its scope, and the byte where it stands first.
#[derive(Debug)]
pub(super) struct Root {
    at: usize,
    name: String,
}

/// The names that an expression takes from its scope, in their order.
pub(super) fn roots(node: &Node) -> Vec<Root> {
    let mut roots = Vec::new();
    add_roots(node, &mut Vec::new(), &mut roots);
    roots
}

fn add_roots<'n>(node: &'n Node, bound: &mut Vec<&'n str>, roots: &mut Vec<Root>) {
    if let Kind::Identifier(name) = &node.kind {
        let is_own = name == "$env" || bound.contains(&name.as_str()) || functions::is_environment(name);
        if !is_own && roots.iter().all(|root| root.name != *name) {
            roots.push(Root { at: node.at, name: name.clone() });
        }
        return;
    }
    if let Kind::Let { name, value, body } = &node.kind {
        add_roots(value, bound, roots);
        bound.push(name);
        add_roots(body, bound, roots);
        bound.pop();
        return;
    }
    node.children().for_each(|child| add_roots(child, bound, roots));
}

/// Refuses an expression that names something which is neither a variable nor a function, even where it would not be
/// evaluated; the language is compiled against its environment.
pub(super) fn check_names(roots: &[Root], scope: &Scope) -> Result<(), Fault> {
    let unknown = roots.iter().find(|root| !scope.has_root(&root.name));
    unknown.map_or(Ok(()), |Root { at, name }| Err(Fault::new(*at, format!("unknown name `{name}`"))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("workflow.parameters.x", &["workflow.parameters.x"])]
    #[case("a['b-c'].d + a['b-c'].d", &["a.b-c.d"])]
    #[case("steps[x].outputs.result", &["steps", "x"])]
    #[case("steps['a'].outputs['parameters']['p'][0].q", &["steps.a.outputs.parameters.p"])]
    #[case("item?.key ?? tasks.a?.b.c", &["item.key", "tasks.a.b.c"])]
    #[case("sprig.upper(a.b) + toJson(c) | trim()", &["a.b", "c"])]
    #[case("map(inputs.parameters, {# + .x + y.z})", &["inputs.parameters", "y.z"])]
    #[case("let a = b.c; a.d + e", &["b.c", "e"])]
    #[case("'steps.a' + \"b\" // c.d", &[])]
    #[case("$env['a.b'] + $env.c", &["a.b", "c"])]
    #[case("a +", &[])]
    fn the_mentioned_variables_are_named(#[case] expression: &str, #[case] expected: &[&str]) {
        assert_eq!(references(expression), expected);
    }

    #[rstest]
    #[case("item.requiredKey", &["item", "item.requiredKey"])]
    #[case("item.optionalKey ?? 'fallback'", &["item"])]
    #[case("item['optionalKey'] ?? ''", &["item"])]
    #[case("item?.optionalKey", &["item"])]
    #[case("item.a?.b", &["item"])]
    #[case("item.requiredKey + (item.optionalKey ?? 'x')", &["item", "item.requiredKey"])]
    #[case("tasks.a.outputs.result ?? 'default'", &["tasks"])]
    #[case("foo + bar", &["foo", "bar"])]
    #[case("sprig.int(retries + 1) * 64", &["retries"])]
    #[case("let x = 1; x + y", &["y"])]
    fn what_is_guarded_need_not_exist(#[case] expression: &str, #[case] expected: &[&str]) {
        let node = parser::parse(expression).unwrap();
        assert_eq!(BTreeSet::from_iter(missing(&node, &Scope::new())), strings(expected));
    }

    fn strings(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_null_value_is_not_missing() {
        let mut scope = Scope::new();
        scope.set("tasks.a.out", Value::Null);
        scope.set("item", json!({"x": 1}));
        let node = parser::parse("tasks.a.out + item.x + item.y").unwrap();
        assert_eq!(missing(&node, &scope), ["item.y"]);
    }

    #[test]
    fn an_unknown_name_is_refused_where_it_is_not_reached() {
        let node = parser::parse("true || nosuch.a").unwrap();
        let fault = check_names(&roots(&node), &Scope::new()).unwrap_err();
        assert_eq!((fault.at, fault.reason.as_str()), (8, "unknown name `nosuch`"));
    }
}
