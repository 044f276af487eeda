//! The nodes of a run, read from whatever stands in its status: plain, compressed, or kept elsewhere. Must never fail:
//! a node that is not as it should be is read as far as it goes.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Read;

use base64::Engine;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::argo::status::{Node, NodeType, Phase};

/// More than this is no list of nodes but an attack.
const LARGEST: u64 = 512 * 1024 * 1024;

/// The nodes that a status tells of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Nodes {
    /// In the order of their beginnings, those of one second by their names.
    pub all: Vec<Node>,
    /// Why there may be more than these.
    pub partial: Option<Partial>,
}

/// Why a run's nodes are not all known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Partial {
    /// The controller keeps them in a database.
    #[error("the controller keeps the nodes in its database")]
    Offloaded,
    /// They are kept in a database; these are of what else there is.
    #[error("the controller keeps the nodes in its database; these are of pods and task results")]
    Rebuilt,
    /// They cannot be decompressed.
    #[error("the compressed nodes cannot be read: {0}")]
    Unreadable(String),
}

impl Serialize for Partial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Nodes {
    /// The nodes of a Workflow object.
    pub(crate) fn of(workflow: &Value) -> Self {
        let status = &workflow["status"];
        let text = |field: &str| status[field].as_str().filter(|text| !text.is_empty());
        if let Some(nodes) = status["nodes"].as_object().filter(|nodes| !nodes.is_empty()) {
            return Self::whole(nodes.iter().map(|(id, node)| lenient(id, node)).collect());
        }
        if let Some(compressed) = text("compressedNodes") {
            return match decompressed(compressed).and_then(|text| parsed(&text)) {
                Ok(nodes) => Self::whole(nodes),
                Err(why) => Self { all: Vec::new(), partial: Some(Partial::Unreadable(why)) },
            };
        }
        let partial = text("offloadNodeStatusVersion").map(|_| Partial::Offloaded);
        Self { all: Vec::new(), partial }
    }

    /// Nodes that were put together from elsewhere.
    pub(crate) fn rebuilt(nodes: Vec<Node>) -> Self {
        Self { partial: Some(Partial::Rebuilt), ..Self::whole(nodes) }
    }

    fn whole(mut all: Vec<Node>) -> Self {
        all.sort_by(|left, right| {
            let started = |node: &Node| (node.started_at.is_none(), node.started_at);
            started(left).cmp(&started(right)).then_with(|| natural(&left.name, &right.name))
        });
        Self { all, partial: None }
    }
}

/// The object with compressed nodes written out, as the controller itself sees it.
pub(crate) fn written_out(mut workflow: Value) -> Value {
    let has_none = workflow["status"]["nodes"].as_object().is_none_or(serde_json::Map::is_empty);
    let compressed = workflow["status"]["compressedNodes"].as_str().filter(|text| has_none && !text.is_empty());
    let nodes = compressed.and_then(|text| decompressed(text).ok());
    let nodes = nodes.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if let (Some(nodes), Some(status)) = (nodes, workflow.get_mut("status").and_then(Value::as_object_mut)) {
        status.insert("nodes".to_owned(), nodes);
        status.shift_remove("compressedNodes");
    }
    workflow
}

/// What base64 of gzip, zstd or brotli stands for. Brotli alone has no mark of its own.
fn decompressed(text: &str) -> Result<Vec<u8>, String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| error.to_string())?;
    let mut plain = Vec::new();
    let read = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(&*bytes).take(LARGEST).read_to_end(&mut plain),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(&*bytes).map_err(|error| error.to_string())?;
            decoder.take(LARGEST).read_to_end(&mut plain)
        }
        _ => brotli_decompressor::Decompressor::new(&*bytes, 4096).take(LARGEST).read_to_end(&mut plain),
    };
    read.map_err(|error| error.to_string())?;
    Ok(plain)
}

fn parsed(text: &[u8]) -> Result<Vec<Node>, String> {
    if let Ok(nodes) = serde_json::from_slice::<HashMap<String, Node>>(text) {
        return Ok(nodes.into_values().collect());
    }
    let nodes: serde_json::Map<String, Value> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    Ok(nodes.iter().map(|(id, node)| lenient(id, node)).collect())
}

pub(super) fn lenient(id: &str, value: &Value) -> Node {
    Node::deserialize(value).unwrap_or_else(|_| mended(id, value))
}

/// A node of which each field that is as it should be counts.
fn mended(id: &str, value: &Value) -> Node {
    let text = |field: &str| value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = text("name").unwrap_or_else(|| id.to_owned());
    Node {
        id: text("id").unwrap_or_else(|| id.to_owned()),
        display_name: text("displayName").unwrap_or_else(|| name.clone()),
        name,
        kind: field(value, "type").unwrap_or(NodeType::Pod),
        template_name: text("templateName"),
        template_ref: value.get("templateRef").filter(|reference| reference.is_object()).cloned(),
        template_scope: text("templateScope"),
        phase: field(value, "phase").unwrap_or(Phase::Pending),
        boundary_id: text("boundaryID"),
        message: text("message").unwrap_or_default(),
        started_at: field(value, "startedAt"),
        finished_at: field(value, "finishedAt"),
        progress: text("progress"),
        inputs: value.get("inputs").filter(|inputs| inputs.is_object()).cloned(),
        outputs: field(value, "outputs"),
        children: field(value, "children").unwrap_or_default(),
        outbound_nodes: field(value, "outboundNodes").unwrap_or_default(),
        memoization_status: field(value, "memoizationStatus"),
        synchronization_status: field(value, "synchronizationStatus"),
        node_flag: field(value, "nodeFlag"),
        host_node_name: text("hostNodeName"),
    }
}

fn field<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    T::deserialize(value.get(name)?).ok()
}

/// The order in which people count: `a(2)` before `a(10)`.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (Some(one), Some(other)) if one.is_ascii_digit() && other.is_ascii_digit() => {
                let (number, rest) = number(left);
                let (other_number, other_rest) = self::number(right);
                let order = number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number));
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (rest, other_rest);
            }
            (Some(one), Some(other)) if one == other => (left, right) = (&left[1..], &right[1..]),
            (one, other) => return one.cmp(&other),
        }
    }
}

/// The digits at the beginning, without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|&&byte| byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A dag `w` that runs, with a pod `w.a` that succeeded, as gzip, zstd and brotli.
    const COMPRESSED: [&str; 3] = [
        "H4sIAAAAAAAAA6tWKleyqlbKTFGyUipX0lHKS8xNhTJTMosLchIr/RAiJZUFIKaLo7uSjlJBRmIxiBdUmpeXmZeuVKujVK5riDBM1xDJOL1EDAMTEQYG5KcgGRhcmpycmpqSmqJUWwsA9KEUGJ8AAAA=",
        "KLUv/SSf9QIAsgQRF4CrDuwVx+1q3ceCeHoEDQx46fFgQ+aMc355mdd6xzKFKpBQQvBnHmnW/QynSfv5EAgtNkRUpTm2vGj/HF592aU6vAwJAMAMbJeKiaWIGBRAxWTkskZNyNktTEIYzSs=",
        "G54ASKyKd4D9oFMT4aizxqVDMHwp0rZXMWTgHMtZEKyG+vjyx6UOS1+LtLiESRGnMp0c4AE00tq+xXnCQRLGsecpmyTJponfS/Ma2AbkbrCwinZThxX5KrEVqg4qqk/dTYzUz/Wcn+MB",
    ];

    fn names(nodes: &Nodes) -> Vec<&str> {
        nodes.all.iter().map(|node| node.name.as_str()).collect()
    }

    #[test]
    fn compressed_nodes_are_read_and_written_out() {
        for compressed in COMPRESSED {
            let workflow = json!({"status": {"phase": "Running", "compressedNodes": compressed}});
            let nodes = Nodes::of(&workflow);
            assert_eq!((names(&nodes), &nodes.partial), (vec!["w", "w.a"], &None), "{compressed}");
            let written = written_out(workflow);
            assert_eq!(written["status"]["nodes"]["w-1"]["phase"], "Succeeded");
            assert!(written["status"].get("compressedNodes").is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_as_it_is() {
        for compressed in ["%", "H4sIAAAA", "aGVsbG8=", "KLUv/SSf9QIA"] {
            let workflow = json!({"status": {"compressedNodes": compressed}});
            let nodes = Nodes::of(&workflow);
            assert!(matches!(nodes.partial, Some(Partial::Unreadable(_))), "{compressed}: {nodes:?}");
            assert_eq!(written_out(workflow.clone()), workflow);
        }
        let offloaded = Nodes::of(&json!({"status": {"offloadNodeStatusVersion": "fnv:1"}}));
        assert_eq!(offloaded.partial, Some(Partial::Offloaded));
    }

    #[test]
    fn a_malformed_node_is_read_as_far_as_it_goes() {
        let workflow = json!({"status": {"nodes": {
            "a": {"name": 7, "phase": "", "type": "Novel", "startedAt": "yesterday", "children": null, "message": "m"},
            "b": null,
            "c": {"id": "c", "name": "w.c", "displayName": "c", "type": "Pod", "phase": "Failed", "outputs": 7},
        }}});
        let nodes = Nodes::of(&workflow);
        assert_eq!(names(&nodes), ["a", "b", "w.c"]);
        assert_eq!((nodes.all[0].phase, nodes.all[0].message.as_str()), (Phase::Pending, "m"));
        assert_eq!((nodes.all[2].phase, &nodes.all[2].outputs), (Phase::Failed, &None));
    }

    #[test]
    fn no_status_has_no_nodes() {
        for workflow in [json!(null), json!([]), json!({"status": 1}), json!({"status": {"nodes": []}})] {
            assert_eq!(Nodes::of(&workflow), Nodes::default(), "{workflow}");
            assert_eq!(written_out(workflow.clone()), workflow);
        }
    }

    #[test]
    fn siblings_are_counted_as_people_count() {
        let mut names = ["w.a(10:x)", "w.a(2:y)", "w", "w.a(02:y)b"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["w", "w.a(2:y)", "w.a(02:y)b", "w.a(10:x)"]);
    }
}
