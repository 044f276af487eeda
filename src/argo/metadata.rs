//! The metadata of any Kubernetes object. What is absent or malformed is read as empty.

use jiff::Timestamp;
use ref_cast::RefCast;
use serde_json::{Map, Value};

use super::value::{at, field, list, text};

/// Where an object's name stands in it.
pub(crate) const NAME_POINTER: &str = "/metadata/name";
/// Where the prefix of a generated name stands.
pub(crate) const GENERATE_NAME_POINTER: &str = "/metadata/generateName";
/// Where the metadata stand.
pub(crate) const POINTER: &str = "/metadata";

/// The label that says what Argo may use a ConfigMap for.
pub(crate) const CONFIG_MAP_TYPE: &str = "workflows.argoproj.io/configmap-type";

/// The metadata of an object.
#[derive(Debug, RefCast)]
#[repr(transparent)]
pub(crate) struct Metadata(Value);

/// Fields of an object that only the server writes.
const OF_SERVER: [&str; 6] = ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"];

/// An object without the fields that only the server writes: what its users have written.
pub(crate) fn without_server_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| !OF_SERVER.contains(&field.as_str()));
        }
    }
    object
}

impl Metadata {
    /// Those of an object of any kind.
    pub(crate) fn of(object: &Value) -> &Self {
        Self::ref_cast(field(object, "metadata").unwrap_or(&Value::Null))
    }

    /// Those of a list, which has a resourceVersion and may go on behind a token.
    pub(crate) fn next_page(list: &Value) -> Option<&str> {
        Some(text(&Self::of(list).0, "continue")).filter(|token| !token.is_empty())
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        field(&self.0, name)
    }

    pub(crate) fn name(&self) -> &str {
        text(&self.0, "name")
    }

    /// The prefix of a name that was generated.
    pub(crate) fn generate_name(&self) -> Option<&str> {
        Some(text(&self.0, "generateName")).filter(|prefix| !prefix.is_empty())
    }

    pub(crate) fn namespace(&self) -> &str {
        text(&self.0, "namespace")
    }

    /// The namespace, where the object names one.
    pub(crate) fn own_namespace(&self) -> Option<&str> {
        self.field("namespace").and_then(Value::as_str)
    }

    pub(crate) fn uid(&self) -> &str {
        text(&self.0, "uid")
    }

    pub(crate) fn resource_version(&self) -> &str {
        text(&self.0, "resourceVersion")
    }

    /// As it is written: Kubernetes writes times so that they sort as text.
    pub(crate) fn creation(&self) -> &str {
        text(&self.0, "creationTimestamp")
    }

    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        self.creation().parse().ok()
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.field("deletionTimestamp").is_some_and(|time| !time.is_null())
    }

    pub(crate) fn owner_references(&self) -> &[Value] {
        list(self.field("ownerReferences"))
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        at(&self.0, &["labels", key]).and_then(Value::as_str)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        at(&self.0, &["annotations", key]).and_then(Value::as_str)
    }

    pub(crate) fn annotations(&self) -> Option<&Map<String, Value>> {
        self.field("annotations").and_then(Value::as_object)
    }

    /// Whether this field manager has written to the object.
    pub(crate) fn is_managed_by(&self, manager: &str) -> bool {
        list(self.field("managedFields")).iter().any(|fields| text(fields, "manager") == manager)
    }
}
