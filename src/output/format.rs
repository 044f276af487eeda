//! `-o name|json|yaml|wide`.

use std::str::FromStr;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::query::{CustomColumns, JsonPath};
use super::stream::stdout_width;
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

/// What to print of objects that a verb reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ObjectFormat {
    /// A format without more.
    Plain(Format),
    /// `jsonpath=TEMPLATE`.
    JsonPath(JsonPath),
    /// `custom-columns=HEADER:PATH,…`.
    Columns(CustomColumns),
}

impl FromStr for ObjectFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("jsonpath", template)) => template.parse().map(Self::JsonPath),
            Some(("custom-columns", columns)) => columns.parse().map(Self::Columns),
            _ => <Format as ValueEnum>::from_str(text, false).map(Self::Plain).map_err(|_| {
                "expected name, json, yaml, wide, jsonpath=TEMPLATE or custom-columns=HEADER:PATH,…".to_owned()
            }),
        }
    }
}

impl ObjectFormat {
    /// The objects; several of them are a list to a template.
    pub(crate) fn rendered(&self, objects: &[Value]) -> String {
        match self {
            Self::Plain(format) => rendered(*format, objects),
            Self::Columns(columns) => columns.table(objects, true),
            Self::JsonPath(template) => match objects {
                [object] => template.text(object),
                objects => template.text(&list_of(objects)),
            },
        }
    }

    /// Whether it is text for a reader: nothing asked for, or `wide`.
    pub(crate) fn is_wide(&self) -> bool {
        *self == Self::Plain(Format::Wide)
    }
}

/// Several objects as one.
pub(crate) fn list_of(objects: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

/// The objects in a format.
pub(crate) fn rendered(format: Format, objects: &[Value]) -> String {
    match format {
        Format::Name => objects.iter().map(|object| name(object) + "\n").collect(),
        Format::Json => match objects {
            [object] => format!("{object:#}\n"),
            objects => format!("{:#}\n", list_of(objects)),
        },
        Format::Yaml => to_yaml_documents(objects),
        Format::Wide => summary::table(objects, Timestamp::now(), stdout_width()),
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
    fn a_format_with_a_template_is_read() {
        let object = json!({"metadata": {"name": "a"}});
        let text = |format: &str, objects: &[Value]| {
            format.parse::<ObjectFormat>().map_or_else(|error| error, |format| format.rendered(objects))
        };
        assert_eq!(text("jsonpath={.metadata.name}", std::slice::from_ref(&object)), "a");
        assert_eq!(text("jsonpath={.items[*].metadata.name}", &[object.clone(), object.clone()]), "a a");
        assert_eq!(text("custom-columns=N:.metadata.name", std::slice::from_ref(&object)), "N\na\n");
        assert!(
            ["go-template={{.metadata.name}}", "jsonpath={.a[}", "xml"]
                .iter()
                .all(|odd| odd.parse::<ObjectFormat>().is_err())
        );
    }

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
