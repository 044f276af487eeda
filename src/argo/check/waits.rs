//! What a task of a dag waits for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{list, text};

/// How a task waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    ForIt,
    /// For what its items did.
    ForItems,
}

/// What a task waits for. (ancestry.go, GetTaskDependencies)
pub(super) fn waits(task: &Value) -> BTreeMap<String, Waits> {
    let mut waits = BTreeMap::new();
    let depends = match text(task, "depends") {
        "" => {
            let expanded =
                list(task, "dependencies").iter().filter_map(Value::as_str).map(|name| format!("{name}.Succeeded"));
            expanded.collect::<Vec<_>>().join(" && ")
        }
        depends => depends.to_owned(),
    };
    for (name, result) in terms(&depends) {
        match result {
            Some("AnySucceeded" | "AllFailed") => {
                waits.insert(name.to_owned(), Waits::ForItems);
            }
            Some(_) => {
                waits.entry(name.to_owned()).or_insert(Waits::ForIt);
            }
            None => {
                waits.insert(name.to_owned(), Waits::ForIt);
            }
        }
    }
    waits
}

/// The tasks in a text of `depends`, each with the result of it that is asked for. (ancestry.go, taskNameRegex)
pub(super) fn terms(depends: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = depends;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(|one: char| one.is_ascii_alphanumeric())?..];
        let end = rest.find(|one: char| !one.is_ascii_alphanumeric() && one != '-').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let result = result_of(after);
        rest = result.map_or(after, |result| &after[1 + result.len()..]);
        Some((name, result))
    })
}

/// The result that follows the name of a task: a word of letters that begins with a capital.
fn result_of(after: &str) -> Option<&str> {
    let word = after.strip_prefix('.')?;
    let end = word.find(|one: char| !one.is_ascii_alphabetic()).unwrap_or(word.len());
    (end > 1 && word.starts_with(|first: char| first.is_ascii_uppercase())).then(|| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_a_task_with_or_without_a_result() {
        let found: Vec<_> = terms("a && (b-1.Succeeded || !c.AllFailed.D)|| e.f1 x.Y 2.Éa -z.").collect();
        let some = |name, result| (name, Some(result));
        let none = |name| (name, None);
        let expected = [none("a"), some("b-1", "Succeeded"), some("c", "AllFailed"), none("D"), none("e"), none("f1")];
        assert_eq!(found[..6], expected);
        assert_eq!(found[6..], [none("x"), none("Y"), none("2"), none("a"), none("z")]);
    }
}
