//! A text that is one map and no Kubernetes object, such as a file of parameters, read as documents are.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{DocumentError, Problem, Source, read};

/// A map as it was written.
#[derive(Debug)]
pub(crate) struct ParsedMap {
    /// Its entries in their order; none where the text is empty.
    pub(crate) entries: Map<String, Value>,
    /// What is legal and probably not meant: equal keys.
    pub(crate) warnings: Vec<Problem>,
}

/// Reads a text that is one map.
pub(crate) fn parse_map(source: &Source) -> Result<ParsedMap, DocumentError> {
    let name: Arc<str> = source.name.as_str().into();
    let read::Stream { roots, warnings } = read::stream(&name, read::text(&name, &source.text)?)?;
    let invalid = |value: &Value, places: &super::Places, message: &str| {
        let problem = Problem::at(&name, places.nearest(value, ""), "", message.to_owned());
        DocumentError::Invalid { problems: vec![problem] }
    };
    let mut roots = roots.into_iter();
    let entries = match roots.next() {
        None => Map::new(),
        Some((Value::Object(entries), _)) => entries,
        Some((value, places)) => return Err(invalid(&value, &places, "expected a map of names to values")),
    };
    match roots.next() {
        None => Ok(ParsedMap { entries, warnings }),
        Some((value, places)) => Err(invalid(&value, &places, "expected one map, found another document")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ParsedMap, DocumentError> {
        parse_map(&Source { name: "p.yaml".to_owned(), text: text.as_bytes().to_vec() })
    }

    #[test]
    fn a_map_keeps_its_order_and_tells_of_equal_keys() -> Result<(), DocumentError> {
        let map = read("b: 1\na: [x]\nb: 2\n")?;
        assert_eq!(Value::Object(map.entries).to_string(), r#"{"b":2,"a":["x"]}"#);
        assert_eq!(map.warnings.len(), 1);
        assert!(read("# nothing\n")?.entries.is_empty());
        Ok(())
    }

    #[test]
    fn what_is_no_map_is_refused_with_its_place() {
        for (text, message) in [
            ("- a\n", "p.yaml:1:1: expected a map of names to values"),
            ("a: 1\n---\nb: 2\n", "p.yaml:3:1: expected one map, found another document"),
        ] {
            assert_eq!(read(text).map_err(|error| error.to_string()).err().as_deref(), Some(message));
        }
    }
}
