//! How caches and attempts differ, and why a node had no entry: in plain words.

use std::fmt::Write;

use super::seconds;
use crate::cache::{Answer, Asked, Before, CacheDifference, Explained, Gone, KeyDifference, NodeDifference, Told};
use crate::output::table::Table;
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
pub(crate) fn attempts(differences: &[NodeDifference], width: Option<usize>) -> String {
    let mut table = Table::new(["NODE", "FIRST", "SECOND", "DIFFERENCE"]);
    for node in differences {
        let name = if node.node.is_empty() { "(workflow)" } else { node.node.as_str() };
        table.row([name, asked(node.first.as_ref()), asked(node.second.as_ref()), &what(node)]);
    }
    table.text(width)
}

fn asked(asked: Option<&Asked>) -> &'static str {
    match asked {
        Some(Asked { hit: true, .. }) => "cached",
        Some(_) => "ran",
        None => "-",
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

/// The nodes of a run beside the attempt before it; without one it is the first.
pub(crate) fn run_table(differences: &[NodeDifference], has_before: bool, width: Option<usize>) -> String {
    let mut table = Table::new(["NODE", "BEFORE", "NOW", "DIFFERENCE"]);
    for node in differences.iter().filter(|node| node.second.is_some()) {
        let name = if node.node.is_empty() { "(workflow)" } else { node.node.as_str() };
        let why = match &node.first {
            None if has_before => "was not reached, or not memoized".to_owned(),
            None => "first attempt, or the one before is gone".to_owned(),
            Some(_) => what(node),
        };
        table.row([name, asked(node.first.as_ref()), asked(node.second.as_ref()), &why]);
    }
    table.text(width)
}

/// Why a node had, or had not, an entry, and what differs from the attempt before.
pub(crate) fn explanation(node: &str, explained: &Explained) -> String {
    let mut text = answer(node, &explained.answer);
    if let Some(because) = &explained.because {
        let _ = writeln!(text, "why: {}", printable(because));
    }
    match &explained.before {
        Some(before) => text + &of_before(before),
        None if explained.attempt < 2 => text + "this is the first attempt of its run\n",
        None => text + "the attempt before is not there any more\n",
    }
}

fn of_before(before: &Before) -> String {
    let mut text = format!("attempt before: {}\n", printable(&before.workflow));
    let Some(node) = &before.node else { return text + "  this call was not reached in it\n" };
    let how = match node.hit {
        Some(true) => ", cached",
        Some(false) => ", ran",
        None => ", not memoized",
    };
    let _ = writeln!(text, "  node {} {}{how}", printable(&node.name), node.phase);
    if node.phase != "Succeeded" {
        let _ = writeln!(text, "  what does not succeed leaves no entry");
    }
    for edited in &before.edited {
        let _ = writeln!(text, "  template {} was edited:", printable(&edited.template));
        for line in &edited.lines {
            let _ = writeln!(text, "    {}", printable(line));
        }
    }
    for input in &before.inputs {
        let _ = writeln!(
            text,
            "  {}: {:?} then, {:?} now",
            printable(&input.name),
            printable(&input.theirs),
            printable(&input.ours)
        );
    }
    if before.edited.is_empty() && before.inputs.is_empty() && node.same_key {
        let _ = writeln!(text, "  template, inputs and key are the same");
    }
    match node.entry {
        Some(Gone::Expired) => text += "  the entry that it left was too old by then\n",
        Some(Gone::Removed) => text += "  the entry that it left had been deleted, or removed so that this one runs\n",
        None => {}
    }
    text
}

/// Why a node had, or had not, an entry.
fn answer(node: &str, answer: &Answer) -> String {
    let node = format!("node {}", printable(node));
    let mut text = match answer {
        Answer::NotMemoized => format!("{node} is not memoized: its template was left out, or has no memoize\n"),
        Answer::NotAsked { phase } => format!("{node} has not asked the cache: it is {phase}\n"),
        Answer::NoCache { cache, .. } => {
            format!("{node} found no cache: {cache} does not exist where it is looked for\n")
        }
        Answer::Hit { entry: Some(entry), .. } => {
            let reused = if answer.is_of_any_run() {
                "  its key is of content and inputs alone: any run may use it (--reuse)\n"
            } else {
                ""
            };
            format!("{node} was cached: {}\n{reused}", told(entry))
        }
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
