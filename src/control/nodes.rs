//! The nodes in a status as the controller will read them again: plain, or as base64 of gzip.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::Refusal;

/// More than this is no list of nodes but an attack.
const LARGEST: u64 = 512 * 1024 * 1024;

/// Nodes by their ids, and how they stood in the status.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) all: Map<String, Value>,
    compressed: bool,
}

impl Nodes {
    pub(super) fn of(workflow: &Value) -> Result<Self, Refusal> {
        let status = &workflow["status"];
        let text = |field: &str| status[field].as_str().filter(|text| !text.is_empty());
        if let Some(nodes) = status["nodes"].as_object().filter(|nodes| !nodes.is_empty()) {
            return Ok(Self { all: nodes.clone(), compressed: false });
        }
        if let Some(compressed) = text("compressedNodes") {
            return Ok(Self { all: decompressed(compressed).map_err(Refusal::Compressed)?, compressed: true });
        }
        match text("offloadNodeStatusVersion") {
            Some(_) => Err(Refusal::Offloaded),
            None => Ok(Self { all: Map::new(), compressed: false }),
        }
    }

    /// The part of a patch that writes the changed fields of nodes: all of them where they are compressed.
    pub(super) fn patch(self, changed: Map<String, Value>) -> Value {
        if !self.compressed {
            return json!({"nodes": changed});
        }
        let mut all = self.all;
        for (id, fields) in changed {
            if let (Some(node), Value::Object(fields)) = (all.get_mut(&id).and_then(Value::as_object_mut), fields) {
                node.extend(fields);
            }
        }
        json!({"compressedNodes": compressed(&Value::Object(all))})
    }
}

fn decompressed(text: &str) -> Result<Map<String, Value>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err("they are compressed by zstd or brotli, and this tool writes gzip".to_owned());
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&*bytes).take(LARGEST).read_to_end(&mut plain).map_err(|error| error.to_string())?;
    serde_json::from_slice(&plain).map_err(|error| error.to_string())
}

fn compressed(nodes: &Value) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(nodes.to_string().as_bytes());
    STANDARD.encode(encoder.finish().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_nodes_are_changed_and_compressed_again() -> Result<(), Refusal> {
        let before = json!({"a": {"phase": "Running", "name": "w.a"}, "b": {"phase": "Pending"}});
        let workflow = json!({"status": {"compressedNodes": compressed(&before)}});
        let changed = Map::from_iter([("a".to_owned(), json!({"phase": "Succeeded"}))]);
        let patch = Nodes::of(&workflow)?.patch(changed);
        let after = Nodes::of(&json!({"status": patch}))?;
        assert_eq!(
            Value::Object(after.all),
            json!({"a": {"phase": "Succeeded", "name": "w.a"}, "b": {"phase": "Pending"}})
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_written_back_is_refused() {
        let status = |status: Value| Nodes::of(&json!({ "status": status })).map(|nodes| nodes.all);
        let zstd = json!({"compressedNodes": "KLUv/SSf9QIA"});
        assert!(matches!(status(zstd), Err(Refusal::Compressed(_))));
        assert!(matches!(status(json!({"compressedNodes": "H4sIAAAA"})), Err(Refusal::Compressed(_))));
        assert_eq!(status(json!({"offloadNodeStatusVersion": "fnv:1"})), Err(Refusal::Offloaded));
        assert_eq!(status(json!(null)), Ok(Map::new()));
    }
}
