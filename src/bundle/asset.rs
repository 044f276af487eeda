//! The YAML files in the program.

use serde_json::Value;

use super::{COMPONENT, Component, OWNED};
use crate::argo::document::{Source, parse_map};
use crate::argo::metadata;
use crate::argo::workflow_spec::{parameters_mut, set_parameter};

/// One object that is being filled.
#[derive(Debug)]
pub(super) struct Asset(Value);

impl Asset {
    /// Parses a file of `src/assets`, which holds one object.
    pub(super) fn of(text: &'static str) -> Self {
        let source = Source { name: "a file of src/assets".to_owned(), text: text.as_bytes().to_vec() };
        Self(Value::Object(parse_map(&source).expect("the files of src/assets are legal, by test").entries))
    }

    /// Sets a field that the file has.
    pub(super) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        let field = self.0.pointer_mut(pointer);
        *field.unwrap_or_else(|| panic!("the files of src/assets have the field {pointer}, by test")) = value.into();
    }

    /// Adds an item to a list that the file has.
    pub(super) fn push(&mut self, pointer: &str, item: impl Into<Value>) {
        let items = self.0.pointer_mut(pointer).and_then(Value::as_array_mut);
        items.unwrap_or_else(|| panic!("the files of src/assets have the list {pointer}, by test")).push(item.into());
    }

    /// Adds a field to an object that the file has.
    pub(super) fn add(&mut self, pointer: &str, field: &str, value: impl Into<Value>) {
        let fields = self.0.pointer_mut(pointer).and_then(Value::as_object_mut);
        fields
            .unwrap_or_else(|| panic!("the files of src/assets have the object {pointer}, by test"))
            .insert(field.to_owned(), value.into());
    }

    /// The value of a parameter of the object's workflows.
    pub(super) fn set_parameter(&mut self, name: &str, value: &str) {
        let spec = self.0.get_mut("spec").and_then(Value::as_object_mut);
        let parameters = spec.and_then(|spec| parameters_mut(spec).ok());
        set_parameter(parameters.expect("the files of src/assets have parameters, by test"), name, value);
    }

    /// The object with the labels that say whose it is.
    pub(super) fn finish(mut self, component: Component, namespace: Option<&str>) -> Value {
        self.add(metadata::POINTER, "labels", serde_json::json!({OWNED.0: OWNED.1, COMPONENT: component.name()}));
        if let Some(namespace) = namespace {
            self.add(metadata::POINTER, "namespace", namespace);
        }
        self.0
    }

    /// The object as it is.
    pub(super) fn into_value(self) -> Value {
        self.0
    }
}
