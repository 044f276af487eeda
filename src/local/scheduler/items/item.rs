//! An item of a loop. Argo keeps its JSON as it was written (pkg/apis/workflow/v1alpha1/item.go, v4.1.2), so that
//! `3.10` stays `3.10`; what a program gets, and what a node is called, follows from that text. Pure.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::argo::expression::{gojson, golang};

/// An item: compact JSON, its numbers and escapes as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Item(String);

/// What an item is to Argo. Null is a list, because Go reads it as an empty one.
pub(super) enum Shape {
    /// A number or a boolean.
    Scalar,
    Text(String),
    List(Vec<Item>),
    /// In the order of the keys; of two equal keys the last one counts.
    Map(Vec<(String, Item)>),
}

impl Item {
    /// An item of a document, whose numbers have become Go's on their way through YAML.
    pub(super) fn of(value: &Value) -> Self {
        Self(golang::raw_json(value))
    }

    /// An item that is a text.
    pub(super) fn text_of(text: &str) -> Self {
        Self::of(&Value::String(text.to_owned()))
    }

    /// The items of a JSON list; none of null.
    pub(super) fn list(text: &str) -> Result<Vec<Self>, String> {
        match Self::parse(text)?.0 {
            json if json == "null" => Ok(Vec::new()),
            json if json.starts_with('[') => Ok(elements(&json).map(|item| Self(item.to_owned())).collect()),
            json => Err(gojson::not_a_list(&json, "v1alpha1.Item")),
        }
    }

    /// An item of its JSON alone.
    pub(in super::super) fn parse(text: &str) -> Result<Self, String> {
        if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
            return Err(gojson::fault(text).unwrap_or_else(|| error.to_string()));
        }
        Ok(Self(compact(text)))
    }

    pub(super) fn shape(&self) -> Shape {
        match self.0.as_bytes().first() {
            Some(b'"') => Shape::Text(serde_json::from_str(&self.0).unwrap_or_default()),
            Some(b'[') => Shape::List(elements(&self.0).map(|item| Self(item.to_owned())).collect()),
            Some(b'n') => Shape::List(Vec::new()),
            Some(b'{') => Shape::Map(self.fields()),
            _ => Shape::Scalar,
        }
    }

    fn fields(&self) -> Vec<(String, Self)> {
        let fields = elements(&self.0).filter_map(|field| {
            let (key, value) = field.split_at(end_of_text(field));
            Some((serde_json::from_str(key).ok()?, Self(value.strip_prefix(':')?.to_owned())))
        });
        fields.collect::<std::collections::BTreeMap<_, _>>().into_iter().collect()
    }

    /// The JSON that it was written with.
    pub(in super::super) fn text(&self) -> &str {
        &self.0
    }

    /// The item as JSON, as Go marshals it.
    pub(super) fn json(&self) -> String {
        match self.shape() {
            Shape::Map(fields) => {
                let field = |(key, value): &(String, Self)| {
                    format!("{}:{}", golang::escape_html(&Self::text_of(key).0), golang::escape_html(&value.0))
                };
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
            _ => golang::escape_html(&self.0),
        }
    }

    /// The item as Go prints it: JSON, a text without its quotes but with its escapes.
    pub(super) fn printed(&self) -> String {
        let text = self.0.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&self.0);
        text.replace("\\u003c", "<").replace("\\u003e", ">").replace("\\u0026", "&")
    }
}

/// JSON without the space between its parts.
fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for letter in json.chars() {
        if in_text || !letter.is_ascii_whitespace() {
            compact.push(letter);
        }
        in_text = if letter == '"' && !escaped { !in_text } else { in_text };
        escaped = in_text && letter == '\\' && !escaped;
    }
    compact
}

/// The elements of a compact list, or the fields of a compact map.
fn elements(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = &json[1..json.len() - 1];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let element = &rest[..end_of_element(rest)];
        rest = rest[element.len()..].trim_start_matches(',');
        Some(element)
    })
}

fn end_of_element(json: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = json.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += end_of_text(&json[at..]);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the text ends with which the JSON begins.
fn end_of_text(json: &str) -> usize {
    let mut escaped = true;
    let end = json.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = !escaped && byte == b'\\';
        ends
    });
    end.map_or(json.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_the_text_of_its_items() {
        let items = Item::list(" [ 3.10 , -0,\"a \\\" , ]\", [1, {\"k\": [2]}], {\"b\": 1.0, \"a\": \"x\"}, null ]");
        let texts = items.map(|items| items.iter().map(|item| item.0.clone()).collect::<Vec<_>>());
        let expected = ["3.10", "-0", r#""a \" , ]""#, r#"[1,{"k":[2]}]"#, r#"{"b":1.0,"a":"x"}"#, "null"];
        assert_eq!(texts, Ok(expected.map(str::to_owned).to_vec()));
        assert_eq!(Item::list("null"), Ok(Vec::new()));
        assert_eq!(Item::list(" [ ] "), Ok(Vec::new()));
        assert!(Item::list("[1,]").is_err() && Item::list("{}").is_err() && Item::list("nope").is_err());
    }

    #[test]
    fn a_map_is_marshalled_in_the_order_of_its_keys() {
        let item = Item(r#"{"b":1.0,"a":"<x>","b":2.50}"#.to_owned());
        assert_eq!(item.json(), r#"{"a":"\u003cx\u003e","b":2.50}"#);
        assert_eq!(Item::of(&serde_json::json!({"k": 1e3, "j": "<"})).json(), r#"{"j":"\u003c","k":1000}"#);
    }
}
