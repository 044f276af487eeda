//! Reads a Workflow object without its nodes: they are passed over in the text, or read one by one, and never become values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::argo::status::Node;

/// The object without `status.nodes`; an error also where the text is JSON and holds no object.
pub(super) fn read(text: &[u8]) -> serde_json::Result<Value> {
    read_without_nodes(text, &mut Nodes::PassedOver)
}

/// The nodes of such an object in their order; an error where one of them is malformed.
pub(super) fn nodes(text: &[u8]) -> serde_json::Result<Vec<Node>> {
    let mut nodes = Nodes::Read(Vec::new());
    read_without_nodes(text, &mut nodes)?;
    Ok(if let Nodes::Read(nodes) = nodes { nodes } else { Vec::new() })
}

fn read_without_nodes(text: &[u8], nodes: &mut Nodes) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let object = Without { path: &["status", "nodes"], nodes }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(object)
}

/// What becomes of the nodes.
enum Nodes {
    PassedOver,
    Read(Vec<Node>),
}

/// Reads an object, or null, without the field that the path leads to.
struct Without<'a> {
    path: &'a [&'a str],
    nodes: &'a mut Nodes,
}

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
            match (self.path, &mut *self.nodes) {
                ([last], Nodes::PassedOver) if name == *last => drop(fields.next_value::<IgnoredAny>()?),
                ([last], Nodes::Read(nodes)) if name == *last => fields.next_value_seed(Each(nodes))?,
                ([first, rest @ ..], nodes) if !rest.is_empty() && name == *first => {
                    object.insert(name, fields.next_value_seed(Without { path: rest, nodes })?);
                }
                _ => drop(object.insert(name, fields.next_value()?)),
            }
        }
        Ok(Value::Object(object))
    }
}

/// Reads the nodes of an object, whose fields are their ids.
struct Each<'a>(&'a mut Vec<Node>);

impl<'de> DeserializeSeed<'de> for Each<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nodes by their ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut nodes: A) -> Result<(), A::Error> {
        while nodes.next_key::<IgnoredAny>()?.is_some() {
            self.0.push(nodes.next_value()?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argo::Workflow;
    use crate::argo::nodes::Nodes as Table;

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

    #[test]
    fn nodes_are_read_as_those_of_the_whole_object() -> serde_json::Result<()> {
        let node = |id: &str, phase: &str| {
            json!({"id": id, "name": format!("w.{id}"), "displayName": id, "type": "Pod", "phase": phase, "children": ["b"],
                "inputs": {"parameters": [{"name": "p", "value": "\u{e9}\n"}]}, "outputs": {"exitCode": "0"}, "other": [1]})
        };
        let object = json!({"metadata": {"name": "w"}, "status": {"phase": "Failed",
            "nodes": {"b": node("b", "Failed"), "a": node("a", "Succeeded")}, "message": "m"}});
        let text = object.to_string();
        let head = read(text.as_bytes())?;
        assert_eq!(Table::beside(Workflow::view(&head), nodes(text.as_bytes())?), Workflow::view(&object).nodes());
        for malformed in [json!({"a": 1}), json!({"a": {"id": "a"}}), json!([]), json!({"a": node("a", "Odd")})] {
            let object = json!({"status": {"nodes": malformed}});
            assert!(nodes(object.to_string().as_bytes()).is_err(), "{object}");
        }
        assert_eq!(nodes(br#"{"status": {}}"#)?, Vec::new());
        Ok(())
    }
}
