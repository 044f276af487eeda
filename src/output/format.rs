//! `-o name|json|yaml|wide`.

use serde_json::Value;

use crate::argo::document::to_yaml_documents;

/// What standard output carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    #[value(skip)]
    Text,
    /// `workflow.argoproj.io/NAME`.
    Name,
    /// The object, or a List of several.
    Json,
    /// The object, or several documents.
    Yaml,
    /// A table with more columns.
    Wide,
}

/// The objects in a format that scripts read; none for the formats that people read.
pub fn serialized(format: Format, objects: &[Value]) -> Option<String> {
    match format {
        Format::Text | Format::Wide => None,
        Format::Name => Some(objects.iter().map(|object| name(object) + "\n").collect()),
        Format::Yaml => Some(to_yaml_documents(objects)),
        Format::Json => {
            let text = match objects {
                [object] => serde_json::to_string_pretty(object),
                objects => serde_json::to_string_pretty(
                    &serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects}),
                ),
            };
            text.ok().map(|text| text + "\n")
        }
    }
}

/// An object's name as kubectl prints it: `workflow.argoproj.io/hello`.
pub fn name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/kind").to_lowercase();
    let group = text("/apiVersion").split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{kind}{group}/{}", text("/metadata/name"))
}
