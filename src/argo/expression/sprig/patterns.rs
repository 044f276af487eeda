//! Regular expressions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::argo::expression::arguments::Arguments;
use crate::argo::expression::budget;
use crate::argo::expression::operators::Outcome;

/// The functions of this family.
pub(super) const NAMES: &[&str] = &[
    "regexMatch",
    "mustRegexMatch",
    "regexFindAll",
    "mustRegexFindAll",
    "regexFind",
    "mustRegexFind",
    "regexReplaceAll",
    "mustRegexReplaceAll",
    "regexReplaceAllLiteral",
    "mustRegexReplaceAllLiteral",
    "regexSplit",
    "mustRegexSplit",
    "regexQuoteMeta",
];

/// Calls a function of [`NAMES`].
pub(super) fn call(name: &str, arguments: Arguments) -> Outcome {
    if name == "regexQuoteMeta" {
        arguments.count(1, 1)?;
        return Ok(quoted(arguments.text(0)?).into());
    }
    let pattern = arguments.text(0)?;
    let regex = match compiled(pattern) {
        Ok(regex) => regex,
        Err(_) if name == "regexMatch" => return Ok(false.into()),
        Err(error) => return Err(format!("invalid pattern `{pattern}`: {error}")),
    };
    let text = arguments.text(1)?;
    match name {
        "regexMatch" | "mustRegexMatch" => {
            arguments.count(2, 2)?;
            Ok(regex.is_match(text).into())
        }
        "regexFind" | "mustRegexFind" => {
            arguments.count(2, 2)?;
            Ok(regex.find(text).map_or("", |found| found.as_str()).into())
        }
        "regexFindAll" | "mustRegexFindAll" => {
            arguments.count(3, 3)?;
            let found: Vec<Value> =
                regex.find_iter(text).take(limit(arguments.integer(2)?)).map(|found| found.as_str().into()).collect();
            Ok(if found.is_empty() { Value::Null } else { found.into() })
        }
        "regexReplaceAll" | "mustRegexReplaceAll" => {
            arguments.count(3, 3)?;
            let replacement = arguments.text(2)?;
            replaced(&regex, text, replacement, |captures, to| captures.expand(replacement, to)).map(Value::from)
        }
        "regexReplaceAllLiteral" | "mustRegexReplaceAllLiteral" => {
            arguments.count(3, 3)?;
            let replacement = arguments.text(2)?;
            replaced(&regex, text, replacement, |_, to| to.push_str(replacement)).map(Value::from)
        }
        _ => {
            arguments.count(3, 3)?;
            Ok(split(&regex, text, arguments.integer(2)?))
        }
    }
}

/// So many patterns are kept; a workflow has few.
const KEPT: usize = 32;

thread_local! {
    /// Compiling a pattern costs far more than its use, and a workflow's keys all have the same one. A copy of a compiled one
    /// would begin without what the engine has found out of it.
    static COMPILED: RefCell<HashMap<String, Rc<Regex>>> = RefCell::default();
}

fn compiled(pattern: &str) -> Result<Rc<Regex>, regex::Error> {
    if let Some(regex) = COMPILED.with_borrow(|known| known.get(pattern).cloned()) {
        return Ok(regex);
    }
    let regex = Rc::new(Regex::new(&as_rust_reads(pattern))?);
    COMPILED.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(pattern.to_owned(), Rc::clone(&regex));
    });
    Ok(regex)
}

/// The text with `add` adding to it in the place of each match.
fn replaced(
    regex: &Regex,
    text: &str,
    replacement: &str,
    add: impl Fn(&Captures<'_>, &mut String),
) -> Result<String, String> {
    // A replacement may have the whole of a match in it, as often as it is long.
    budget::text(replacement.matches('$').count(), text.len())?;
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for (before, captures) in regex.captures_iter(text).enumerate() {
        budget::text(before + 1, replacement.len())?;
        let found = captures.get_match();
        replaced.push_str(&text[from..found.start()]);
        add(&captures, &mut replaced);
        from = found.end();
    }
    replaced.push_str(&text[from..]);
    Ok(replaced)
}

/// A negative count means all.
fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Splits as Go does: matches without any text between the pieces' ends yield no empty first or last piece.
fn split(regex: &Regex, text: &str, count: i64) -> Value {
    let limit = limit(count);
    if limit == 0 {
        return Value::Null;
    }
    if !regex.as_str().is_empty() && text.is_empty() {
        return Value::from(vec![""]);
    }
    let mut pieces: Vec<&str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text) {
        if pieces.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            pieces.push(&text[begin..end]);
        }
        begin = found.end();
    }
    if end != text.len() {
        pieces.push(&text[begin..]);
    }
    pieces.into()
}

fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}
/// A pattern of Go's for this machine's engine: in a class Go takes `[`, `&`, `-` and `~` for themselves where the
/// engine would read a nested class or a set operation.
fn as_rust_reads(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(next) = characters.next() {
        match next {
            '\\' => {
                text.push(next);
                text.extend(characters.next());
            }
            '[' if in_class && characters.peek() == Some(&':') => {
                // A named class such as `[:alpha:]`, up to its end.
                text.push(next);
                for inside in characters.by_ref() {
                    text.push(inside);
                    if inside == ']' {
                        break;
                    }
                }
            }
            '[' if in_class => text.push_str("\\["),
            '&' | '~' if in_class => text.extend(['\\', next]),
            '-' if in_class && characters.peek() == Some(&'-') => text.push_str("\\-"),
            '[' => {
                in_class = true;
                text.push(next);
                if characters.peek() == Some(&'^') {
                    text.extend(characters.next());
                }
                // A bracket that comes first closes nothing.
                if characters.peek() == Some(&']') {
                    characters.next();
                    text.push_str("\\]");
                }
            }
            ']' => {
                in_class = false;
                text.push(next);
            }
            other => text.push(other),
        }
    }
    text
}
