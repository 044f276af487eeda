//! Values to YAML that a YAML 1.1 reader such as kubectl reads back as the same values.

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

/// One document as YAML, multi-line text in `|` blocks and no line folded.
pub(crate) fn to_yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(&Node(value), options)
        .expect("a JSON value has only string keys and is written to memory")
}

/// Several documents, with `---` between them.
pub(crate) fn to_yaml_documents(values: &[Value]) -> String {
    values.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}

struct Node<'value>(&'value Value);

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serializer.collect_seq(items.iter().map(Node)),
            Value::Object(map) => serializer.collect_map(map.iter().map(|(key, value)| (key, Node(value)))),
            Value::String(text) if begins_with_tab(text) => DoubleQuoted(text).serialize(serializer),
            other => other.serialize(serializer),
        }
    }
}

/// Kubectl takes a tab at the beginning of a block for indentation.
fn begins_with_tab(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}
