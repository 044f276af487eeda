//! Values that tags name, and the texts, lists and conditions that are made with them.

use serde_json::{Value, json};

use super::dice::Dice;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Number,
    List,
    Objects,
}

/// A variable that can be read at a place.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

impl Known {
    pub(crate) fn new(name: impl Into<String>, shape: Shape) -> Self {
        Self { name: name.into(), shape }
    }

    fn tag(&self) -> String {
        format!("{{{{{}}}}}", self.name)
    }

    /// The variable in an expression.
    fn term(&self) -> String {
        let mut parts = self.name.split('.');
        let mut term = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            term = if plain { format!("{term}.{part}") } else { format!("{term}['{part}']") };
        }
        term
    }
}

pub(crate) fn literal(dice: &mut Dice, shape: Shape) -> String {
    let literals: &[&str] = match shape {
        Shape::Text => {
            &["x", "hello", "a b", "", "null", "true", "x-1", "it's", "\"q\"", "<&>", "a,b", "{x}", "ü", " s "]
        }
        Shape::Number => &["0", "1", "3", "10", "-2", "2.5", "1e3", "007", "3.10"],
        Shape::List => {
            &["[]", "[\"a\",\"b\"]", "[1,2]", "[\"x\", 1, true, null]", "[1.0, 2.50, 1e3]", "[[1,2],[3]]", "[\"<a>\"]"]
        }
        Shape::Objects => {
            &["[{\"k\":\"x\",\"n\":1},{\"k\":\"y\",\"n\":2}]", "[{\"k\":\"a b\"}]", "[{\"k\":null,\"n\":[1]}]"]
        }
    };
    dice.of(literals).to_owned()
}

fn with_shape(known: &[Known], shape: Shape) -> Vec<Known> {
    known.iter().filter(|known| known.shape == shape).cloned().collect()
}

/// A text, mostly with values in it.
pub(crate) fn text(dice: &mut Dice, known: &[Known]) -> String {
    let Some(one) = dice.any(known).filter(|_| dice.chance(80)) else {
        let shape = dice.of(&[Shape::Text, Shape::Text, Shape::Number, Shape::List]);
        return literal(dice, shape);
    };
    match dice.below(10) {
        0..=4 => one.tag(),
        5 => format!("p-{}", one.tag()),
        6 => {
            let other = dice.of(known);
            format!("{} {}", one.tag(), other.tag())
        }
        _ => format!("{{{{={}}}}}", expression(dice, &one, known)),
    }
}

fn expression(dice: &mut Dice, one: &Known, known: &[Known]) -> String {
    let term = one.term();
    let other = dice.of(known).term();
    let forms = match one.shape {
        Shape::Text => vec![
            format!("{term} + '!'"),
            format!("sprig.upper({term})"),
            format!("{term} == 'x' ? 'yes' : {other}"),
            format!("sprig.trunc(2, {term})"),
            format!("len({term})"),
            format!("{term} in ['x', 'hello']"),
            format!("{term} matches '^h'"),
            format!("toJson({term})"),
            format!("string({term})"),
            format!("sprig.default('d', {term})"),
        ],
        Shape::Number => vec![
            format!("asInt({term}) + 1"),
            format!("asFloat({term}) * 2"),
            format!("asFloat({term}) > 1"),
            format!("sprig.atoi({term})"),
            format!("int({term}) % 3"),
            term,
        ],
        Shape::List => vec![
            format!("jsonpath({term}, '$[0]')"),
            format!("len(sprig.fromJson({term}))"),
            format!("toJson(sprig.fromJson({term}))"),
            format!("sprig.join('-', sprig.fromJson({term}))"),
            format!("{term} | fromJSON() | first()"),
        ],
        Shape::Objects => vec![
            format!("jsonpath({term}, '$[0].k')"),
            format!("toJson(map(sprig.fromJson({term}), {{#.k}}))"),
            format!("toJson(filter(sprig.fromJson({term}), {{#.k == 'x'}}))"),
            format!("sprig.fromJson({term})[0].n"),
        ],
    };
    dice.of(&forms)
}

/// What a loop goes over, as fields of a call, and what its items are called.
pub(crate) fn loop_of(dice: &mut Dice, known: &[Known], call: &mut Value) -> Vec<Known> {
    let item = |shape| vec![Known::new("item", shape)];
    let keys = || vec![Known::new("item.k", Shape::Text), Known::new("item.n", Shape::Number)];
    match dice.below(6) {
        0 => {
            call["withItems"] = dice.of(&[
                json!(["a", "b"]),
                json!([1, 2.5, true]),
                json!(["x", ["y", 1], {"f": "z"}]),
                json!([1.0, 1e3, -0.5, "3.10"]),
                json!(["it's", "{{workflow.parameters.t}}", null]),
            ]);
            item(Shape::Text)
        }
        1 => {
            call["withItems"] =
                dice.of(&[json!([{"k": "x", "n": 1}, {"k": "y", "n": 2.0}]), json!([{"k": "a b", "n": "7"}])]);
            keys()
        }
        2 => {
            call["withSequence"] = dice.of(&[
                json!({"count": 2}),
                json!({"count": "{{workflow.parameters.n}}"}),
                json!({"start": 3, "end": "1"}),
                json!({"start": "5", "end": 7, "format": "t%02d"}),
                json!({"count": 2, "start": "10", "format": "%x-%%"}),
                json!({"count": 0}),
                json!({"end": 1}),
                json!({"start": -1, "end": "1", "format": "%+d|%3d|%-3d|%03d"}),
                json!({"start": "64", "end": 66, "format": "%c %q %U %#x %o %b"}),
            ]);
            item(Shape::Number)
        }
        3 => {
            let list = dice.any(&with_shape(known, Shape::Objects));
            call["withParam"] = list.map_or_else(|| literal(dice, Shape::Objects), |list| list.tag()).into();
            keys()
        }
        _ => {
            let list = dice.any(&with_shape(known, Shape::List));
            call["withParam"] = match list {
                Some(list) if dice.chance(85) => list.tag(),
                Some(list) => format!("{{{{=toJson({})}}}}", list.term()),
                None => literal(dice, Shape::List),
            }
            .into();
            item(Shape::Text)
        }
    }
}

/// A condition of `when`.
pub(crate) fn condition(dice: &mut Dice, known: &[Known]) -> String {
    let Some(one) = dice.any(known).filter(|_| dice.chance(90)) else {
        return dice.of(&["true", "false", "1 > 2", "a == a", "'a b' == 'a b'", "1 == 1.0", "x", "!false"]).to_owned();
    };
    let tag = one.tag();
    let word = dice.of(&["x", "hello", "1", "'x'", "Succeeded"]);
    let forms = match one.shape {
        Shape::Number => vec![
            format!("{tag} > 1"),
            format!("{tag} <= 3 && {tag} != 0"),
            format!("{tag} == 1 || {tag} == 10"),
            format!("{{{{=asFloat({}) > 1}}}}", one.term()),
            format!("{tag} in (1, 3)"),
        ],
        _ => vec![
            format!("{tag} == {word}"),
            format!("'{tag}' == {word}"),
            format!("{tag} != {word}"),
            format!("\"{tag}\" =~ \"^[a-h]\""),
            format!("{{{{={} == 'x'}}}}", one.term()),
            format!("{{{{={} != ''}}}} && {tag} != x", one.term()),
            format!("'{tag}' in ('x', 'hello')"),
        ],
    };
    dice.of(&forms)
}
