//! A path into an object, as kubectl writes it: `.metadata.labels.app\.kubernetes\.io/name`, `.status.nodes[*].phase`,
//! `..name`, with or without the first dot and braces.

use std::fmt::Write;
use std::str::FromStr;

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;

use super::end_of_brackets;

/// A path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObjectPath(JpQuery);

impl FromStr for ObjectPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text).trim();
        let standard = standard(inner)?;
        parse_json_path(&standard)
            .map(Self)
            .map_err(|_| format!("expected a path such as .metadata.name, got {text:?}"))
    }
}

impl ObjectPath {
    /// The values at the path, in order.
    pub(crate) fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let found = js_path_process(&self.0, value).unwrap_or_default();
        found.into_iter().map(jsonpath_rust::query::QueryRef::val).collect()
    }
}

/// The same path by RFC 9535: names are quoted, what is in brackets stays.
fn standard(text: &str) -> Result<String, String> {
    let text = text.strip_prefix(['$', '@']).unwrap_or(text);
    let mut path = String::from("$");
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match first {
            '[' => {
                let end =
                    end_of_brackets(rest, ['[', ']']).ok_or_else(|| format!("a bracket of {text:?} has no end"))?;
                path.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            '.' if rest.starts_with("..") => {
                path.push_str("..");
                rest = &rest[2..];
                if rest.starts_with('[') {
                    continue;
                }
                rest = name(rest, &mut path);
            }
            '.' if rest.len() == 1 => rest = "",
            '.' => rest = name(&rest[1..], &mut path),
            _ => rest = name(rest, &mut path),
        }
    }
    Ok(path)
}

/// Appends the name at the beginning of a text; returns the text behind it. A backslash keeps the next letter.
fn name<'a>(text: &'a str, path: &mut String) -> &'a str {
    let mut name = String::new();
    let mut letters = text.char_indices();
    let mut end = text.len();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '.' | '[' => {
                end = at;
                break;
            }
            '\\' => name.extend(letters.next().map(|(_, letter)| letter)),
            letter => name.push(letter),
        }
    }
    if name == "*" {
        path.push_str("[*]");
    } else if !name.is_empty() {
        let _ = write!(path, "['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"));
    }
    &text[end..]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_reaches_what_kubectl_reaches() {
        let object = json!({
            "metadata": {"name": "w", "labels": {"app.kubernetes.io/name": "etl", "a b": "c"}},
            "status": {"nodes": {"a": {"phase": "Failed", "n": 1}, "b": {"phase": "Succeeded", "n": 2}}},
            "items": [{"name": "x", "ready": true}, {"name": "y"}],
        });
        for (path, expected) in [
            (".metadata.name", json!(["w"])),
            ("{.metadata.name}", json!(["w"])),
            ("metadata.name", json!(["w"])),
            ("$.metadata.name", json!(["w"])),
            (r".metadata.labels.app\.kubernetes\.io/name", json!(["etl"])),
            (".metadata.labels['a b']", json!(["c"])),
            (".status.nodes.*.phase", json!(["Failed", "Succeeded"])),
            (".status.nodes[*].phase", json!(["Failed", "Succeeded"])),
            (".items[0].name", json!(["x"])),
            (".items[-1:].name", json!(["y"])),
            (".items[0:2].name", json!(["x", "y"])),
            (r#".items[?(@.name=="y")].name"#, json!(["y"])),
            (r#".status.nodes[?(@.phase!="Succeeded")].n"#, json!([1])),
            ("..phase", json!(["Failed", "Succeeded"])),
            (".gone.name", json!([])),
        ] {
            let path: ObjectPath = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(json!(path.of(&object)), expected, "{path:?}");
        }
        for wrong in [".items[", ".items[?(@.x", ".items[(]"] {
            assert!(wrong.parse::<ObjectPath>().is_err(), "{wrong}");
        }
    }
}
