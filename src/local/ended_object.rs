//! The Workflow object of a run that has ended, with its nodes written one by one: no second copy of them is made.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::secrets::Secrets;
use crate::argo::status::Node;

/// The object, in whose status these nodes stand.
pub(super) struct EndedObject<'a> {
    pub(super) object: &'a Value,
    pub(super) nodes: &'a [Node],
    /// What is not written down.
    pub(super) secrets: &'a Secrets,
}

impl Serialize for EndedObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with(self.object, "status", &Status(self), serializer)
    }
}

struct Status<'a>(&'a EndedObject<'a>);

impl Serialize for Status<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        with(&self.0.object["status"], "nodes", &Nodes(self.0), serializer)
    }
}

struct Nodes<'a>(&'a EndedObject<'a>);

impl Serialize for Nodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(EndedObject { nodes, secrets, .. }) = self;
        if secrets.is_empty() {
            return serializer.collect_map(nodes.iter().map(|node| (&node.id, node)));
        }
        serializer.collect_map(nodes.iter().map(|node| {
            let mut document = serde_json::to_value(node).unwrap_or_default();
            secrets.hide_in_node(&mut document);
            (&node.id, document)
        }))
    }
}

/// Writes an object with another value for this field, which it has.
fn with<S: Serializer>(object: &Value, field: &str, value: &impl Serialize, serializer: S) -> Result<S::Ok, S::Error> {
    let none = Map::new();
    let fields = object.as_object().unwrap_or(&none);
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (name, own) in fields {
        if name == field { map.serialize_entry(name, value)? } else { map.serialize_entry(name, own)? }
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_stand_in_the_status_without_secrets() -> serde_json::Result<()> {
        let object =
            json!({"metadata": {"name": "w"}, "status": {"phase": "Failed", "nodes": {}, "message": "m"}, "spec": 1});
        let document = |message: &str| json!({"id": "w-1", "name": "w.a", "displayName": "a", "type": "Pod", "phase": "Failed", "message": message});
        let nodes: Vec<Node> = vec![serde_json::from_value(document("no hunter2"))?];
        let written = |secrets: &Secrets| serde_json::to_value(EndedObject { object: &object, nodes: &nodes, secrets });
        let expected = |message: &str| {
            let nodes = json!({"w-1": document(message)});
            json!({"metadata": {"name": "w"}, "status": {"phase": "Failed", "nodes": nodes, "message": "m"}, "spec": 1})
        };
        assert_eq!(written(&Secrets::default())?.to_string(), expected("no hunter2").to_string());
        let data = [("db".to_owned(), [("password".to_owned(), "hunter2".to_owned())].into())];
        assert_eq!(written(&Secrets::new(&data.into()))?, expected("no secret db/password"));
        Ok(())
    }
}
