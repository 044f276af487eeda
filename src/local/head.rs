//! Reads a Workflow object without its nodes: they are passed over in the text and never become values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The object without `status.nodes`; an error also where the text is JSON and holds no object.
pub(super) fn read(text: &[u8]) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let object = Without(&["status", "nodes"]).deserialize(&mut reader)?;
    reader.end()?;
    Ok(object)
}

/// Reads an object, or null, without the field that this path leads to.
struct Without<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Without<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Without<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            match self.0 {
                [last] if name == *last => drop(fields.next_value::<IgnoredAny>()?),
                [first, rest @ ..] if !rest.is_empty() && name == *first => {
                    object.insert(name, fields.next_value_seed(Without(rest))?);
                }
                _ => drop(object.insert(name, fields.next_value()?)),
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_but_the_nodes_is_read() -> serde_json::Result<()> {
        let text = r#"{"spec": {"nodes": 1}, "status": {"a": [1.50], "nodes": {"x": {"nodes": {}}}, "phase": "Failed"}, "nodes": 2}"#;
        let expected = json!({"spec": {"nodes": 1}, "status": {"a": [1.50], "phase": "Failed"}, "nodes": 2});
        assert_eq!(read(text.as_bytes())?, expected);
        assert_eq!(read(br#"{"status": null}"#)?, json!({"status": null}));
        for broken in ["", "[]", "1", r#"{"status": {"nodes": {]}}"#, "{} {}", r#"{"status": []}"#] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        Ok(())
    }
}
