//! `-o name|json|yaml|wide`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::summary;
use crate::argo::Metadata;
use crate::argo::document::to_yaml_documents;
use crate::argo::template::text;

/// What to print to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// The name, such as workflow.argoproj.io/NAME.
    Name,
    /// The object, or a List of several.
    Json,
    /// The object, or several documents.
    Yaml,
    /// A table with more columns.
    Wide,
}

/// The objects in a format.
pub(crate) fn rendered(format: Format, objects: &[Value]) -> String {
    match format {
        Format::Name => objects.iter().map(|object| name(object) + "\n").collect(),
        Format::Json => match objects {
            [object] => format!("{object:#}\n"),
            objects => format!("{:#}\n", json!({"apiVersion": "v1", "kind": "List", "items": objects})),
        },
        Format::Yaml => to_yaml_documents(objects),
        Format::Wide => summary::table(objects, Timestamp::now()),
    }
}

/// An object's name as kubectl prints it: `workflow.argoproj.io/hello`.
pub(crate) fn name(object: &Value) -> String {
    let kind = text(object, "kind").to_lowercase();
    let group = text(object, "apiVersion").split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{kind}{group}/{}", Metadata::of(object).name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_objects_are_a_list_in_json() {
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "a"}});
        let read = |objects: &[Value]| serde_json::from_str::<Value>(&rendered(Format::Json, objects)).ok();
        assert_eq!(read(std::slice::from_ref(&object)), Some(object.clone()));
        let list = read(&[object.clone(), object.clone()]).unwrap_or_default();
        assert_eq!((list["kind"].as_str(), &list["items"][1]), (Some("List"), &object));
        assert_eq!(rendered(Format::Name, &[object]), "workflow.argoproj.io/a\n");
    }
}
