//! A template of kubectl's `-o jsonpath=`: text, paths in braces, `{range}` … `{end}`, and quoted text in braces.

use std::str::FromStr;

use serde_json::Value;

use super::path::ObjectPath;
use super::{end_of_brackets, printed};

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value(ObjectPath),
    Range(ObjectPath, Vec<Part>),
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // kubectl adds the braces that a lone path lacks (`RelaxedJSONPathExpression` in kubectl's get/customcolumn.go).
        let braced = if text.contains('{') { text.to_owned() } else { format!("{{{text}}}") };
        let mut rest = braced.as_str();
        let parts = parts(&mut rest, false)?;
        Ok(Self(parts))
    }
}

impl JsonPath {
    /// The template filled in from an object.
    pub(crate) fn text(&self, object: &Value) -> String {
        let mut text = String::new();
        fill(&self.0, object, &mut text);
        text
    }
}

fn fill(parts: &[Part], object: &Value, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Value(path) => text.push_str(&path.of(object).into_iter().map(printed).collect::<Vec<_>>().join(" ")),
            Part::Range(path, within) => path.of(object).into_iter().for_each(|item| fill(within, item, text)),
        }
    }
}

/// Reads parts up to the end, or up to `{end}` within a range.
fn parts(rest: &mut &str, in_range: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    loop {
        let Some(open) = rest.find('{') else {
            if in_range {
                return Err("{range} has no {end}".to_owned());
            }
            if !rest.is_empty() {
                parts.push(Part::Text((*rest).to_owned()));
            }
            return Ok(parts);
        };
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        let (braces, behind) =
            rest[open..].split_at(end_of_brackets(&rest[open..], ['{', '}']).ok_or("a brace has no end")?);
        let inner = &braces[1..braces.len() - 1];
        *rest = behind;
        let inner = inner.trim();
        match inner.strip_prefix("range").filter(|path| path.starts_with([' ', '.', '['])) {
            Some(path) => {
                let path = path.trim().parse()?;
                parts.push(Part::Range(path, self::parts(rest, true)?));
            }
            None if inner == "end" && in_range => return Ok(parts),
            None if inner == "end" => return Err("{end} has no {range}".to_owned()),
            None => parts.push(
                quoted(inner)
                    .map_or_else(|| Ok(Part::Value(inner.parse()?)), |text| Ok::<_, String>(Part::Text(text)))?,
            ),
        }
    }
}

/// The text in quotes, with its escapes.
fn quoted(text: &str) -> Option<String> {
    let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    let mut plain = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some(other) => plain.push(other),
                None => {}
            },
            (letter, false) => plain.push(letter),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(template: &str) -> String {
        let object = json!({"items": [{"name": "a", "n": 1}, {"name": "b", "tags": ["x", "}"]}], "kind": "List"});
        template.parse::<JsonPath>().unwrap_or_else(|error| panic!("{template}: {error}")).text(&object)
    }

    #[test]
    fn a_template_is_filled_as_kubectl_fills_it() {
        assert_eq!(text("{.kind}"), "List");
        assert_eq!(text(".items[*].name"), "a b");
        assert_eq!(text("{.items[*].n}{.gone}!"), "1!");
        assert_eq!(text(r#"{range .items[*]}{.name}{"\t"}{.tags}{"\n"}{end}done"#), "a\t\nb\t[\"x\",\"}\"]\ndone");
        assert_eq!(text(r"{range .items[*]}{'{'}{range .tags[*]}<{@}>{end}{end}"), "{{<x><}>");
    }

    #[test]
    fn a_template_that_is_none_is_refused() {
        for wrong in ["{.a", "{range .items[*]}", "{end}", "{.a[}", ""] {
            let read = wrong.parse::<JsonPath>();
            assert!(read.is_err() || wrong.is_empty(), "{wrong}: {read:?}");
        }
    }
}
