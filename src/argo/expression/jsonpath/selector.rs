//! Reads a JSONPath into its steps.

use super::MAX_DEPTH;
use super::script::Script;

/// One step of a path.
#[derive(Debug)]
pub(super) enum Step {
    Root,
    Current,
    Key(String),
    Length,
    Wildcard,
    Recursive,
    Index(i64),
    Range { from: Bound, to: Bound, step: Bound },
    Union(Vec<Name>),
    Filter(Script),
    Script(Script),
}

/// A bound of a range.
#[derive(Debug)]
pub(super) enum Bound {
    Open,
    At(i64),
    Script(Script),
}

/// A member of a union.
#[derive(Debug)]
pub(super) enum Name {
    Key(String),
    Index(i64),
    Script(Script),
}

/// Parses a path that begins with `$` or `@`.
pub(super) fn parse(path: &str, depth: usize) -> Result<Vec<Step>, String> {
    if depth > MAX_DEPTH {
        return Err("filters are nested too deeply".to_owned());
    }
    let first = match path.as_bytes().first() {
        Some(b'$') => Step::Root,
        Some(b'@') => Step::Current,
        _ => return Err("a path begins with `$` or `@`".to_owned()),
    };
    let mut steps = vec![first];
    let mut rest = &path[1..];
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        return Err(format!("expected `.` or `[` before `{rest}`"));
    }
    while !rest.is_empty() {
        rest = step(rest, depth, &mut steps)?;
    }
    Ok(steps)
}

fn step<'p>(rest: &'p str, depth: usize, steps: &mut Vec<Step>) -> Result<&'p str, String> {
    let rest = match rest.strip_prefix("..") {
        Some(after) => {
            steps.push(Step::Recursive);
            after
        }
        None => rest.strip_prefix('.').unwrap_or(rest),
    };
    if rest.starts_with('[') {
        let end = closing(rest).ok_or_else(|| format!("bracket is not closed in `{rest}`"))?;
        steps.push(subscript(rest[1..end].trim(), depth)?);
        return Ok(&rest[end + 1..]);
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    steps.push(match rest[..end].trim() {
        "" => return Err("a name is missing".to_owned()),
        "*" => Step::Wildcard,
        "length" => Step::Length,
        key => Step::Key(key.to_owned()),
    });
    Ok(&rest[end..])
}

/// The bracket that closes the one at the beginning, quotes and inner brackets left out.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => open += 1,
            (None, ']' | ')') => {
                open = open.checked_sub(1)?;
                if open == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

fn subscript(inner: &str, depth: usize) -> Result<Step, String> {
    let script = |text: &str| Script::parse(text, depth + 1);
    if inner.is_empty() {
        return Err("empty brackets".to_owned());
    }
    if inner == "*" {
        return Ok(Step::Wildcard);
    }
    if let Some(filter) = inner.strip_prefix('?') {
        let filter =
            within(filter.trim(), "(", ")").ok_or_else(|| format!("a filter is written `?(…)`, not `{inner}`"))?;
        if filter.is_empty() {
            return Err("empty filter".to_owned());
        }
        return Ok(Step::Filter(script(filter)?));
    }
    let ranges = split(inner, ':');
    if ranges.len() > 1 {
        return range(&ranges, script);
    }
    let names = split(inner, ',');
    if names.len() > 1 {
        let names = names.into_iter().map(|name| union_name(name.trim(), script));
        return Ok(Step::Union(names.collect::<Result<_, _>>()?));
    }
    if let Some(key) = quoted(inner) {
        return Ok(Step::Key(key));
    }
    if let Some(text) = within(inner, "(", ")") {
        return Ok(Step::Script(script(text)?));
    }
    let index = inner.parse().map_err(|_| format!("`{inner}` is neither an index nor a quoted key"))?;
    Ok(Step::Index(index))
}

fn within<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    Some(text.strip_prefix(open)?.strip_suffix(close)?.trim())
}

fn quoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace(&format!("\\{quote}"), &quote.to_string()))
}

/// Splits at a separator that stands neither in quotes nor in brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut open, mut quote) = (0, 0_i32, None);
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[') => open += 1,
            (None, ')' | ']') => open -= 1,
            (None, c) if c == separator && open == 0 => {
                pieces.push(&text[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn range(bounds: &[&str], script: impl Fn(&str) -> Result<Script, String>) -> Result<Step, String> {
    let bound = |index: usize| match bounds.get(index).map(|bound| bound.trim()) {
        None | Some("") => Ok(Bound::Open),
        Some(text) => match within(text, "(", ")") {
            Some(text) => script(text).map(Bound::Script),
            None => text.parse().map(Bound::At).map_err(|_| format!("`{text}` is not a bound of a range")),
        },
    };
    if bounds.len() > 3 {
        return Err("a range has at most three bounds".to_owned());
    }
    let (from, to, step) = (bound(0)?, bound(1)?, bound(2)?);
    Ok(Step::Range { from, to, step })
}

fn union_name(name: &str, script: impl Fn(&str) -> Result<Script, String>) -> Result<Name, String> {
    if let Some(key) = quoted(name) {
        return Ok(Name::Key(key));
    }
    if let Some(text) = within(name, "(", ")") {
        return script(text).map(Name::Script);
    }
    let index = name.parse().map_err(|_| format!("`{name}` is neither an index nor a quoted key"))?;
    Ok(Name::Index(index))
}
