//! Puts right in a text what is mechanical, and leaves everything else as it stands, comments too.

use serde_json::Value;

use super::finding::{Finding, Fix};
use super::keys::shared_keys;
use super::{Options, schema};
use crate::argo::document::{Document, Place};

/// A piece of the text and what stands there instead.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

/// The text with what is wanted of its documents' fields put right, and the number of changes.
pub(crate) fn fixed(
    text: &str,
    documents: &[Document],
    options: &Options,
    is_wanted: &dyn Fn(&Finding) -> bool,
) -> (String, usize) {
    let mut edits: Vec<Edit> = Vec::new();
    for document in documents {
        let found = schema::check(&document.value, document.kind, options);
        let found = found.into_iter().chain(shared_keys(&document.value, document.kind));
        for finding in found.filter(is_wanted) {
            let value = document.value.pointer(&finding.pointer).unwrap_or(&Value::Null);
            let place = document.place(&finding.pointer);
            edits.extend(place.and_then(|place| of(text, place, &finding, value)).into_iter().flatten());
        }
    }
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));

    let (mut fixed, mut made, mut before) = (text.to_owned(), 0, usize::MAX);
    for edit in edits {
        // Of changes that overlap, the others wait for the next time.
        if edit.end <= before {
            fixed.replace_range(edit.start..edit.end, &edit.text);
            before = edit.start;
            made += 1;
        }
    }
    (fixed, made)
}

/// The changes that a finding about a value asks for; none where the text is not as it is expected.
fn of(text: &str, place: Place, finding: &Finding, value: &Value) -> Option<Vec<Edit>> {
    let start = offset(text, place)?;
    let key = finding.pointer.rsplit('/').next().unwrap_or_default();
    let replace = |start: usize, end: usize, text: String| vec![Edit { start, end, text }];
    match finding.fix.as_ref()? {
        Fix::Rename(name) => {
            let (inner, _) = key_at(text, start, key)?;
            Some(replace(inner, inner + key.len(), name.clone()))
        }
        Fix::Quote => {
            let (start, end) = plain_value(text, start, key)?;
            Some(replace(start, end, format!("\"{}\"", &text[start..end])))
        }
        Fix::Unquote => {
            let (start, end) = quoted_value(text, start, key)?;
            Some(replace(start, end, text[start + 1..end - 1].to_owned()))
        }
        Fix::MakeList(name) => {
            let (inner, after) = key_at(text, start, key)?;
            let mut edits = replace(inner, inner + key.len(), (*name).to_owned());
            edits.extend(list_of(text, after, value)?);
            Some(edits)
        }
        Fix::Replace(text_instead) => {
            let (start, end) = one_line_text(text, value_at(text, start, key))?;
            Some(replace(start, end, Value::from(text_instead.as_str()).to_string()))
        }
        Fix::Add(field) => added(text, key_at(text, start, key)?.1, field),
    }
}

fn offset(text: &str, place: Place) -> Option<usize> {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut lines = text[mark..].split_inclusive('\n');
    let mut start = mark;
    for _ in 1..place.line {
        start += lines.next()?.len();
    }
    let line = lines.next()?;
    let column = place.column.checked_sub(1)? as usize;
    line.char_indices().nth(column).map(|(at, _)| start + at)
}

/// Where a key's text begins, and what follows its colon.
fn key_at(text: &str, start: usize, key: &str) -> Option<(usize, usize)> {
    let quote = text[start..].starts_with(['"', '\'']);
    let inner = start + usize::from(quote);
    let after = text[inner..].strip_prefix(key)?;
    let after = if quote { after.strip_prefix(['"', '\''])? } else { after };
    let value = after.trim_start_matches(' ').strip_prefix(':')?;
    Some((inner, text.len() - value.len()))
}

/// Where the value of a key, or of a list's item, begins on its line.
fn value_at(text: &str, start: usize, key: &str) -> usize {
    let after = key_at(text, start, key).map_or(start, |(_, after)| after);
    after + text[after..].len() - text[after..].trim_start_matches(' ').len()
}

fn plain_value(text: &str, start: usize, key: &str) -> Option<(usize, usize)> {
    let start = value_at(text, start, key);
    let is_plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '+' | '_');
    let length = text[start..].find(|one| !is_plain(one)).unwrap_or(text.len() - start);
    let rest = text[start + length..].trim_start_matches(' ');
    let ends = rest.is_empty() || rest.starts_with([',', '}', ']', '\n', '\r', '#']);
    (length > 0 && ends).then_some((start, start + length))
}

fn quoted_value(text: &str, start: usize, key: &str) -> Option<(usize, usize)> {
    let start = value_at(text, start, key);
    let quote = text[start..].chars().next().filter(|one| matches!(one, '"' | '\''))?;
    let end = start + 1 + text[start + 1..].find(quote)?;
    let inner = &text[start + 1..end];
    let is_plain = inner.parse::<i64>().is_ok() || matches!(inner, "true" | "false");
    is_plain.then_some((start, end + 1))
}

/// A text that stands on one line, without a comment behind it.
fn one_line_text(text: &str, start: usize) -> Option<(usize, usize)> {
    let line = text[start..].split(['\n', '\r']).next()?;
    let quoted = |quote: char, escape: &str| {
        let end = 1 + line[1..].find(quote)?;
        let is_whole = !line[1..end].contains(escape) && !line[end + 1..].starts_with(quote);
        is_whole.then_some(end + 1)
    };
    let length = match line.chars().next()? {
        '\'' => quoted('\'', "''")?,
        '"' => quoted('"', "\\")?,
        '|' | '>' | '&' | '*' | '!' | '{' | '[' => return None,
        _ => {
            let plain = line.split(" #").next().unwrap_or(line);
            // A plain text with a tag cannot stand in an object that is written on one line.
            let plain = if plain.contains("{{") { plain } else { plain.split([',', '}', ']']).next().unwrap_or(plain) };
            plain.trim_end().len()
        }
    };
    Some((start, start + length))
}

/// The end of a text on one line whose value is known; none where it is written in another way.
fn end_of(text: &str, start: usize, value: &str) -> Option<usize> {
    let line = text[start..].split(['\n', '\r']).next()?;
    if line.starts_with(['"', '\'']) {
        return Some(one_line_text(text, start)?.1);
    }
    let of_block = line.split(" #").next()?.trim_end();
    let of_flow = line.split([',', '}', ']']).next()?.trim_end();
    let plain = [of_block, of_flow].into_iter().find(|plain| *plain == value)?;
    Some(start + plain.len())
}

/// Makes the value behind a colon the only item of a list.
fn list_of(text: &str, after: usize, of: &Value) -> Option<Vec<Edit>> {
    let rest = &text[after..];
    let value = after + rest.len() - rest.trim_start_matches(' ').len();
    let insert = |at: usize, text: &str| Edit { start: at, end: at, text: text.to_owned() };
    if text[value..].starts_with('{') {
        let end = value + closing(&text[value..])?;
        return Some(vec![insert(value, "["), insert(end, "]")]);
    }
    if !text[value..].starts_with(['\n', '\r', '#']) {
        let end = end_of(text, value, of.as_str()?)?;
        return Some(vec![Edit { start: value, end, text: format!("[{of}]") }]);
    }
    let (first, indent) = first_child(text, after)?;
    let mut edits = vec![insert(first + indent, "- ")];
    let mut at = first + text[first..].find('\n').map_or(text.len() - first, |end| end + 1);
    for line in text[at..].split_inclusive('\n') {
        let depth = line.len() - line.trim_start_matches(' ').len();
        if !line.trim().is_empty() && depth < indent {
            break;
        }
        if !line.trim().is_empty() {
            edits.push(insert(at, "  "));
        }
        at += line.len();
    }
    Some(edits)
}

/// Adds a field to the object behind a colon, before its others.
fn added(text: &str, after: usize, field: &str) -> Option<Vec<Edit>> {
    let rest = text[after..].trim_start_matches(' ');
    let value = text.len() - rest.len();
    if let Some(inside) = rest.strip_prefix('{') {
        let comma = if inside.trim_start().starts_with('}') { "" } else { ", " };
        return Some(vec![Edit { start: value + 1, end: value + 1, text: format!("{field}{comma}") }]);
    }
    let (first, indent) = first_child(text, after)?;
    let line = format!("{:indent$}{field}\n", "");
    Some(vec![Edit { start: first, end: first, text: line }])
}

/// The first line below that holds something, and its indentation.
fn first_child(text: &str, after: usize) -> Option<(usize, usize)> {
    let mut at = after + text[after..].find('\n')? + 1;
    for line in text[at..].split_inclusive('\n') {
        let content = line.trim_start_matches(' ');
        if !content.trim().is_empty() && !content.starts_with('#') {
            return Some((at, line.len() - content.len()));
        }
        at += line.len();
    }
    None
}

/// Behind the brace that closes the one at the beginning.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, one) in text.char_indices() {
        match (quote, one) {
            (Some(open), one) if open == one => quote = None,
            (None, '"' | '\'') => quote = Some(one),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argo::document::{Source, parse};

    fn fix(body: &str) -> String {
        let head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n";
        let text = format!("{head}{body}");
        let parsed =
            parse(&Source { name: "wf.yaml".to_owned(), text: text.clone().into_bytes() }).expect("a document");
        let (fixed, _) = fixed(&text, &parsed.documents, &Options::default(), &|_| true);
        fixed.strip_prefix(head).expect("the head stays").to_owned()
    }

    #[test]
    fn a_key_that_several_templates_have_gets_the_template_and_the_call() {
        let text = "spec:\n  templates:\n  - name: a\n    memoize: {maxAge: \"\", key: k}\n  - name: b\n    memoize:\n      maxAge: \"\"\n      key: k # own\n";
        let call = r#"{{=sprig.trunc(16, sprig.sha256sum(sprig.regexReplaceAll(\"[[][0-9]+[]]\", sprig.trimPrefix(workflow.name, node.name), \"\")))}}"#;
        let expected = format!(
            "spec:\n  templates:\n  - name: a\n    memoize: {{maxAge: \"\", key: \"k-a-{call}\"}}\n  - name: b\n    memoize:\n      maxAge: \"\"\n      key: \"k-b-{call}\" # own\n"
        );
        assert_eq!(fix(text), expected);
    }

    #[test]
    fn a_misspelt_field_is_renamed_and_comments_stay() {
        let text = "spec: # what\n  entryPoint: main # why\n  templates:\n  - name: main\n    container: {image: x, \"comand\": [a]} # how\n";
        let expected = text.replace("entryPoint", "entrypoint").replace("comand", "command");
        assert_eq!(fix(text), expected);
    }

    #[test]
    fn quotes_are_set_and_taken() {
        let text = "spec:\n  parallelism: \"5\" # five\n  templates:\n  - container: {image: x, env: [{name: a, value: 1}, {name: b, value: true}], args: [1, a]}\n";
        let expected = text
            .replace("\"5\"", "5")
            .replace("value: 1", "value: \"1\"")
            .replace("true", "\"true\"")
            .replace("[1,", "[\"1\",");
        assert_eq!(fix(text), expected);
    }

    #[test]
    fn a_lock_becomes_a_list() {
        assert_eq!(
            fix("spec:\n  synchronization: {mutex: {name: a}}\n"),
            "spec:\n  synchronization: {mutexes: [{name: a}]}\n"
        );
        assert_eq!(
            fix(
                "spec:\n  synchronization:\n    semaphore:\n      # the limit\n      configMapKeyRef:\n        name: a\n        key: b\n  entrypoint: a\n"
            ),
            "spec:\n  synchronization:\n    semaphores:\n      # the limit\n      - configMapKeyRef:\n          name: a\n          key: b\n  entrypoint: a\n"
        );
    }

    #[test]
    fn a_schedule_becomes_a_list_whatever_stands_behind_it() {
        for (line, expected) in [
            ("schedule: \"0 3 * * *\"   # at three", "schedules: [\"0 3 * * *\"]   # at three"),
            ("schedule: '0 3 * * *'", "schedules: [\"0 3 * * *\"]"),
            ("schedule: 0 3 * * 1,3 # Monday and Wednesday", "schedules: [\"0 3 * * 1,3\"] # Monday and Wednesday"),
            ("{schedule: 0 3 * * 1, suspend: true}", "{schedules: [\"0 3 * * 1\"], suspend: true}"),
            ("schedule: >-\n    0 3 * * *", "schedule: >-\n    0 3 * * *"),
        ] {
            let text = |line: &str| {
                format!(
                    "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {{name: a}}\nspec:\n  {line}\n"
                )
            };
            let source = Source { name: "cron.yaml".to_owned(), text: text(line).into_bytes() };
            let parsed = parse(&source).expect("a document");
            let (fixed, _) = fixed(&text(line), &parsed.documents, &Options::default(), &|_| true);
            assert_eq!(fixed, text(expected));
        }
    }

    #[test]
    fn a_missing_age_is_added() {
        assert_eq!(
            fix(
                "spec:\n  templates:\n  - memoize:\n      key: a\n      cache: {configMap: {name: c}}\n  - memoize: {key: a, cache: {configMap: {name: c}}}\n"
            ),
            "spec:\n  templates:\n  - memoize:\n      maxAge: \"\"\n      key: a\n      cache: {configMap: {name: c}}\n  - memoize: {maxAge: \"\", key: a, cache: {configMap: {name: c}}}\n"
        );
    }
}
