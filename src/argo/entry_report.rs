//! What `exec` says of the entry of a node. Where a pod asks for its entry itself, the controller knows nothing of it: the
//! report comes as an output parameter of the node.

use serde::{Deserialize, Serialize};

use super::status::{MemoizationStatus, Node};

/// The output parameter that holds the report.
pub(crate) const PARAMETER: &str = "runnable-cache";

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryReport {
    /// Whether the outputs came from the entry.
    pub(crate) hit: bool,
    /// The cache.
    pub(crate) cache: String,
    /// The entry's key.
    pub(crate) key: String,
    /// Who made the entry that was used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) made_by: Option<MadeBy>,
}

/// Who made an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MadeBy {
    /// The uid of the workflow; empty where there was none.
    pub(crate) workflow_uid: String,
    /// The id of the node.
    pub(crate) node_id: String,
    /// The full name of the node, or the machine.
    pub(crate) node_name: String,
}

impl Node {
    /// Reads the report among the outputs as what the cache said; the user has not declared that parameter.
    pub(super) fn take_report(&mut self) {
        let Some(outputs) = &mut self.outputs else { return };
        let Some(place) = outputs.parameters.iter().position(|parameter| parameter.name == PARAMETER) else { return };
        let parameter = outputs.parameters.remove(place);
        let report = parameter.value.and_then(|value| serde_json::from_str::<EntryReport>(&value).ok());
        if let (Some(EntryReport { hit, cache, key, .. }), None) = (report, &self.memoization_status) {
            self.memoization_status = Some(MemoizationStatus { hit, key, cache_name: cache });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_what_the_cache_said_and_no_output() {
        let report = EntryReport { hit: true, cache: "c".to_owned(), key: "k".to_owned(), made_by: None };
        let value = serde_json::to_string(&report).unwrap_or_default();
        let node = |value: &str| {
            let outputs = json!({"parameters": [{"name": PARAMETER, "value": value}, {"name": "own", "value": "v"}]});
            let written = json!({"id": "n", "name": "w.n", "displayName": "n", "type": "Pod", "phase": "Succeeded", "outputs": outputs});
            Node::read("n", &written)
        };
        let read = node(&value);
        let status = MemoizationStatus { hit: true, key: "k".to_owned(), cache_name: "c".to_owned() };
        assert_eq!(read.memoization_status, Some(status));
        for value in [value.as_str(), "", "{}", "odd"] {
            let outputs = node(value).outputs.unwrap_or_default();
            assert_eq!(outputs.parameters.iter().map(|own| own.name.as_str()).collect::<Vec<_>>(), ["own"], "{value}");
        }
        assert_eq!(node("").memoization_status, None);
    }
}
