//! Facts about the languages, as Argo's own libraries answer: each line of a table is an expression and its value.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;

use super::{Scope, Unresolved, evaluate, golang, render, when};

const REFUSED: &str = "refused";

fn scope(values: &str) -> Scope {
    let values: Value = serde_json::from_str(values).unwrap_or_default();
    let mut scope = Scope::new();
    for (name, value) in values.as_object().into_iter().flatten() {
        scope.set(name.clone(), value.clone());
    }
    scope
}

/// The lines that come out otherwise, with what came out.
fn wrong(table: &str, answer: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let facts = table.lines().filter(|line| !line.starts_with("// ")).filter_map(|line| line.rsplit_once(" => "));
    let answers = facts.map(|(expression, expected)| {
        let answer = answer(expression).unwrap_or_else(|| REFUSED.to_owned());
        (answer != expected).then(|| format!("{expression} => {answer}, expected {expected}"))
    });
    answers.flatten().collect()
}

#[rstest]
#[case(include_str!("facts/language.txt"), 300)]
#[case(include_str!("facts/types.txt"), 80)]
#[case(include_str!("facts/sprig.txt"), 300)]
#[case(include_str!("facts/jsonpath.txt"), 100)]
fn expressions_have_the_values_they_have_in_argo(#[case] table: &str, #[case] least: usize) {
    let scope = scope(include_str!("facts/scope.json"));
    let answer = |expression: &str| evaluate(expression, &scope).ok().map(|value| golang::json(&value));
    assert_eq!(wrong(table, answer), Vec::<String>::new());
    assert!(table.lines().collect::<BTreeSet<_>>().len() > least);
}

#[test]
fn conditions_hold_where_they_hold_in_argo() {
    let table = include_str!("facts/conditions.txt");
    let answer = |condition: &str| when(condition).ok().map(|holds| holds.to_string());
    assert_eq!(wrong(table, answer), Vec::<String>::new());
    assert!(table.lines().count() > 100);
}

#[test]
fn conditions_that_do_not_hold_say_why_as_in_argo() {
    let facts = include_str!("facts/condition-messages.txt").lines().filter(|line| !line.starts_with("//"));
    let facts: Vec<(String, String)> = facts.map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let answer = |condition: &str| match when(condition) {
        Ok(holds) => holds.to_string(),
        Err(why) => why.to_string(),
    };
    let differ = facts.iter().filter(|(condition, expected)| answer(condition) != *expected);
    let differ: Vec<_> = differ.map(|(condition, expected)| format!("{} <> {expected}", answer(condition))).collect();
    assert_eq!(differ, Vec::<String>::new());
    assert!(facts.len() > 300);
}

#[test]
fn texts_are_rendered_as_argo_renders_them() {
    let scope = scope(include_str!("facts/templates-scope.json"));
    let mut count = 0;
    for line in include_str!("facts/templates.txt").lines().filter(|line| !line.starts_with("//")) {
        let fact: (String, Option<String>, Option<String>) = serde_json::from_str(line).unwrap_or_default();
        let rendered = |unresolved: Unresolved| render(&fact.0, &scope, unresolved).ok();
        let (kept, refused) = (rendered(Unresolved::Keep), rendered(Unresolved::Refuse));
        assert_eq!((kept, refused), (fact.1, fact.2), "{}", fact.0);
        count += 1;
    }
    assert!(count > 70);
}
