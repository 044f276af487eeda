//! The nodes as they stand in the status: plain, compressed, or kept elsewhere.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Workflow, object_in};
use crate::argo::compression;
use crate::argo::nodes::{Nodes, Partial};
use crate::argo::template::{field, text};

impl Workflow {
    /// The nodes of the run.
    pub(crate) fn nodes(&self) -> Nodes {
        Nodes::of(self)
    }

    /// The nodes as they stand in the status, by id, for whoever writes them back.
    pub(crate) fn node_values(&self) -> Result<Cow<'_, Map<String, Value>>, Partial> {
        let plain = field(self.status(), "nodes").and_then(Value::as_object).filter(|nodes| !nodes.is_empty());
        if let Some(nodes) = plain {
            return Ok(Cow::Borrowed(nodes));
        }
        if let Some(compressed) = self.compressed_nodes() {
            let text = compression::decompressed(compressed).map_err(Partial::Unreadable)?;
            let nodes = serde_json::from_slice(&text).map_err(|error| Partial::Unreadable(error.to_string()))?;
            return Ok(Cow::Owned(nodes));
        }
        match text(self.status(), "offloadNodeStatusVersion") {
            "" => Ok(Cow::Owned(Map::new())),
            _ => Err(Partial::Offloaded),
        }
    }

    /// The nodes as base64 of their compressed JSON, where they stand in the status like this and not plain.
    pub(crate) fn compressed_nodes(&self) -> Option<&str> {
        let has_plain = field(self.status(), "nodes").and_then(Value::as_object).is_some_and(|nodes| !nodes.is_empty());
        Some(text(self.status(), "compressedNodes")).filter(|text| !has_plain && !text.is_empty())
    }

    /// The object with compressed nodes written out, as the controller itself sees it; the same if they cannot be read.
    #[must_use]
    pub(crate) fn written_out(mut self) -> Self {
        let nodes = match self.node_values() {
            Ok(Cow::Owned(nodes)) if self.compressed_nodes().is_some() => nodes,
            _ => return self,
        };
        if let Some(status) = self.0.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("nodes".to_owned(), Value::Object(nodes));
            status.shift_remove("compressedNodes");
        }
        self
    }

    /// The nodes as they stand in the status, plain.
    pub(crate) fn nodes_mut(&mut self) -> Option<&mut Value> {
        self.0.get_mut("status")?.get_mut("nodes")
    }

    /// Puts these nodes in the place of all others, however they stand in the status.
    pub(crate) fn set_nodes(&mut self, nodes: Map<String, Value>) {
        let Some(status) = object_in(&mut self.0, "status").and_then(Value::as_object_mut) else { return };
        for elsewhere in ["compressedNodes", "offloadNodeStatusVersion"] {
            status.shift_remove(elsewhere);
        }
        status.insert("nodes".to_owned(), Value::Object(nodes));
    }
}
