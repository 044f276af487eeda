//! Reads the nodes of a status and writes changed ones back: plain, or as base64 of gzip.

use serde_json::{Map, Value, json};

use super::Refusal;
use crate::argo::Workflow;
use crate::argo::compression::compressed;
use crate::argo::nodes::Partial;

/// The nodes by id, and whether they were compressed.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) all: Map<String, Value>,
    compressed: bool,
}

impl Nodes {
    pub(super) fn of(workflow: &Workflow) -> Result<Self, Refusal> {
        match workflow.node_values() {
            Ok(all) => Ok(Self { all: all.into_owned(), compressed: workflow.compressed_nodes().is_some() }),
            Err(Partial::Unreadable(why)) => Err(Refusal::Compressed(why)),
            Err(Partial::Offloaded | Partial::Rebuilt) => Err(Refusal::Offloaded),
        }
    }

    /// The patch of the status for the changed fields; compressed nodes are written as a whole.
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
        json!({"compressedNodes": compressed(&Value::Object(all).to_string())})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(status: &Value) -> Result<Nodes, Refusal> {
        Nodes::of(&Workflow::from(json!({ "status": status })))
    }

    #[test]
    fn compressed_nodes_are_changed_and_compressed_again() -> Result<(), Refusal> {
        let before = json!({"a": {"phase": "Running", "name": "w.a"}, "b": {"phase": "Pending"}});
        let changed = Map::from_iter([("a".to_owned(), json!({"phase": "Succeeded"}))]);
        let patch = nodes(&json!({"compressedNodes": compressed(&before.to_string())}))?.patch(changed);
        let after = nodes(&patch)?;
        assert_eq!(
            Value::Object(after.all),
            json!({"a": {"phase": "Succeeded", "name": "w.a"}, "b": {"phase": "Pending"}})
        );
        Ok(())
    }

    #[test]
    fn zstd_and_brotli_are_written_back_as_gzip() -> Result<(), Refusal> {
        for text in [
            "KLUv/SSf9QIAsgQRF4CrDuwVx+1q3ceCeHoEDQx46fFgQ+aMc355mdd6xzKFKpBQQvBnHmnW/QynSfv5EAgtNkRUpTm2vGj/HF592aU6vAwJAMAMbJeKiaWIGBRAxWTkskZNyNktTEIYzSs=",
            "G54ASKyKd4D9oFMT4aizxqVDMHwp0rZXMWTgHMtZEKyG+vjyx6UOS1+LtLiESRGnMp0c4AE00tq+xXnCQRLGsecpmyTJponfS/Ma2AbkbrCwinZThxX5KrEVqg4qqk/dTYzUz/Wcn+MB",
        ] {
            let changed = Map::from_iter([("w-1".to_owned(), json!({"phase": "Failed"}))]);
            let patch = nodes(&json!({ "compressedNodes": text }))?.patch(changed);
            assert!(patch["compressedNodes"].as_str().is_some_and(|text| text.starts_with("H4sI")), "{patch}");
            let after = nodes(&patch)?.all;
            assert_eq!((&after["w-1"]["phase"], &after["w"]["phase"]), (&json!("Failed"), &json!("Running")));
        }
        Ok(())
    }

    #[test]
    fn unreadable_nodes_are_refused() {
        let status = |status: Value| nodes(&status).map(|nodes| nodes.all);
        for cut in ["KLUv/SSf9QIA", "H4sIAAAA"] {
            assert!(matches!(status(json!({ "compressedNodes": cut })), Err(Refusal::Compressed(_))), "{cut}");
        }
        assert_eq!(status(json!({"offloadNodeStatusVersion": "fnv:1"})), Err(Refusal::Offloaded));
        assert_eq!(status(json!(null)), Ok(Map::new()));
    }
}
