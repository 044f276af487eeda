//! Parts of a workflow as variables hold them: JSON as Go marshals Argo's types, field by field in their order. Pure.

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::argo::expression::golang;
use crate::argo::model::any_string;

/// `Parameter` in pkg/apis/workflow/v1alpha1/workflow_types.go, v4.1.2.
const PARAMETER: [&str; 7] = ["name", "default", "value", "valueFrom", "globalName", "enum", "description"];
/// `ValueFrom`, beside it.
const VALUE_FROM: [&str; 9] =
    ["path", "jsonPath", "jqFilter", "event", "parameter", "supplied", "configMapKeyRef", "default", "expression"];

/// Parameters as `{{inputs.parameters}}` and `{{workflow.parameters}}` give them.
pub(super) fn parameters(documents: &[Value]) -> String {
    // Go writes a list that is not there as null.
    if documents.is_empty() {
        return "null".to_owned();
    }
    of(&documents.iter().map(|document| InOrder { document, fields: &PARAMETER }).collect::<Vec<_>>())
}

/// A document of one of Argo's types, of which these are the fields.
struct InOrder<'a> {
    document: &'a Value,
    fields: &'static [&'static str],
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for &field in self.fields {
            let Some(value) = self.document.get(field).filter(|value| !value.is_null()) else { continue };
            match field {
                // What Go leaves out when it is empty; a text that has a value of its own type is not.
                "globalName" | "path" | "jsonPath" | "jqFilter" | "event" | "parameter" | "expression"
                    if value == "" => {}
                "valueFrom" => map.serialize_entry(field, &InOrder { document: value, fields: &VALUE_FROM })?,
                "enum" => {
                    let values: Vec<String> = value.as_array().into_iter().flatten().map(any_string).collect();
                    map.serialize_entry(field, &values)?;
                }
                "default" | "value" | "description" => map.serialize_entry(field, &any_string(value))?,
                _ => map.serialize_entry(field, value)?,
            }
        }
        map.end()
    }
}

/// A node that failed, as `{{workflow.failures}}` lists it: failedNodeStatus in workflow/controller/operator.go, v4.1.2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) display_name: String,
    pub(super) message: String,
    pub(super) template_name: String,
    pub(super) phase: &'static str,
    pub(super) pod_name: String,
    pub(super) finished_at: Option<String>,
}

/// The list of failures, quoted once more so that its quotes survive the substitution.
pub(super) fn failures(failures: &[Failure]) -> String {
    let list = if failures.is_empty() { "null".to_owned() } else { of(&failures) };
    Value::String(list).to_string()
}

/// A time as variables give it: RFC 3339 in whole seconds, which is all that Kubernetes keeps.
pub(super) fn time(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn of(value: &impl Serialize) -> String {
    golang::escape_html(&serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_have_the_order_and_the_texts_of_argo_s_fields() {
        let documents = [
            json!({"value": "<1>", "name": "a"}),
            json!({"description": "which", "enum": [1, 2], "value": 2, "name": "b", "globalName": ""}),
            json!({"name": "c", "valueFrom": {"default": 1.0, "path": "/o"}, "other": 1}),
        ];
        assert_eq!(
            parameters(&documents),
            r#"[{"name":"a","value":"\u003c1\u003e"},{"name":"b","value":"2","enum":["1","2"],"description":"which"},{"name":"c","valueFrom":{"path":"/o","default":"1"}}]"#
        );
        assert_eq!(parameters(&[]), "null");
    }

    #[test]
    fn times_have_whole_seconds() {
        assert_eq!(time(Timestamp::from_millisecond(1_999).unwrap_or_default()), "1970-01-01T00:00:01Z");
    }
}
