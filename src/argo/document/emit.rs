//! Values to YAML that a YAML 1.1 reader such as kubectl reads back as the same values.

use serde_json::Value;

/// One document as YAML, multi-line text in `|` blocks and no line folded.
#[allow(clippy::missing_panics_doc)] // It cannot: see the message.
pub fn to_yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options)
        .expect("a JSON value has only string keys and is written to memory")
}

/// Several documents, with `---` between them.
pub fn to_yaml_documents(values: &[Value]) -> String {
    values.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}
