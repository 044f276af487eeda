//! How caches and attempts differ, and why a node had no entry: in plain words.

use std::fmt::Write;

use super::{seconds, table};
use crate::cache::{Answer, Asked, CacheDifference, KeyDifference, NodeDifference, Told};
use crate::output::tree::printable;

/// How two caches differ, as diff writes it.
pub(crate) fn difference(difference: &CacheDifference) -> String {
    let mut text = String::new();
    let changed =
        difference.changed.iter().map(|changed| ('~', &changed.key, format!("  {}", changed.fields.join(", "))));
    let first = difference.only_first.iter().map(|key| ('-', key, String::new()));
    let second = difference.only_second.iter().map(|key| ('+', key, String::new()));
    let mut lines: Vec<(char, &String, String)> = first.chain(second).chain(changed).collect();
    lines.sort_by(|one, other| one.1.cmp(other.1));
    for (sign, key, what) in lines {
        let _ = writeln!(text, "{sign} {}{}", printable(key), printable(&what));
    }
    text
}

/// What the nodes of two attempts asked for.
pub(crate) fn attempts(differences: &[NodeDifference]) -> String {
    let rows = differences.iter().map(|node| {
        let name = if node.node.is_empty() { "(workflow)" } else { node.node.as_str() };
        vec![name.to_owned(), asked(node.first.as_ref()), asked(node.second.as_ref()), what(node)]
    });
    table(["NODE", "FIRST", "SECOND", "DIFFERENCE"], rows)
}

fn asked(asked: Option<&Asked>) -> String {
    match asked {
        Some(Asked { hit: true, .. }) => "cached".to_owned(),
        Some(_) => "ran".to_owned(),
        None => "-".to_owned(),
    }
}

fn what(node: &NodeDifference) -> String {
    match (&node.first, &node.second) {
        (Some(first), Some(second)) if first.cache != second.cache => {
            format!("the cache: {}, then {}", first.cache, second.cache)
        }
        (Some(_), Some(_)) => node.parts.iter().map(KeyDifference::to_string).collect::<Vec<_>>().join("; "),
        (None, _) => "only in the second".to_owned(),
        (_, None) => "only in the first".to_owned(),
    }
}

/// Why a node had, or had not, an entry.
pub(crate) fn answer(node: &str, answer: &Answer) -> String {
    let node = format!("node {}", printable(node));
    let mut text = match answer {
        Answer::NotMemoized => format!("{node} is not memoized: its template was left out, or has no memoize\n"),
        Answer::NotAsked { phase } => format!("{node} has not asked the cache: it is {phase}\n"),
        Answer::NoCache { cache, .. } => {
            format!("{node} found no cache: {cache} does not exist where it is looked for\n")
        }
        Answer::Hit { entry: Some(entry), .. } => format!("{node} was cached: {}\n", told(entry)),
        Answer::Hit { entry: None, .. } => format!("{node} was cached; the entry is gone by now\n"),
        Answer::Own { .. } => format!("{node} ran, and left the entry that the next attempt finds\n"),
        Answer::Later { entry, .. } => {
            format!("{node} was not cached, but would be now: {}\n", told(entry))
        }
        Answer::TooOld { entry, max_age, .. } => {
            format!("{node} was not cached: the entry is older than the maxAge {max_age}: {}\n", told(entry))
        }
        Answer::Unusable { .. } => {
            format!("{node} was not cached: its entry is broken (cache inspect says how, --fix removes it)\n")
        }
        Answer::Nearest { nearest, entry, parts, .. } => {
            let mut text = format!("{node} was not cached: there is no entry of its key\n");
            let _ = writeln!(text, "the nearest: {}\n  {}", told(entry), printable(nearest));
            for part in parts {
                let _ = writeln!(text, "differs in {}", printable(&part.to_string()));
            }
            text
        }
        Answer::NothingAlike { template, .. } if !template.is_empty() => {
            format!(
                "{node} was not cached: there is no entry of its key, nor any of template {}\n",
                printable(template)
            )
        }
        Answer::NothingAlike { .. } => format!("{node} was not cached: there is no entry like its key\n"),
    };
    if let Some(key) = answer.key() {
        let _ = writeln!(text, "key: {}", printable(key));
    }
    text
}

fn told(entry: &Told) -> String {
    let age = match seconds(entry.age_seconds) {
        age if age.is_empty() => String::new(),
        age => format!(" {age} ago"),
    };
    format!("made{age} by node {}", printable(entry.node.as_deref().unwrap_or(&entry.node_id)))
}
