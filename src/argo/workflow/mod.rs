//! The one view of a live Workflow object. It keeps the whole value, so that a field that this tool does not know is
//! never lost, and reads what it lacks as absent. Must never fail on a malformed field.

mod arguments;
mod lifecycle;
mod nodes;
mod successor;
mod templates;

use jiff::Timestamp;
use ref_cast::RefCast;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identity::RunId;
use super::metadata::Metadata;
use super::template::field;

/// The label of a workflow that was made from another one (common.LabelKeyPreviousWorkflowName, v4.1.2).
pub(crate) const PREVIOUS: &str = "workflows.argoproj.io/resubmitted-from-workflow";

/// The label by which a run's attempts are found, where its id can be the value of a label.
pub(crate) const RUN_ID_LABEL: &str = "kubectl-runnable/run-id";
/// The annotation that names the user who created a workflow.
pub(crate) const CREATOR_ANNOTATION: &str = "kubectl-runnable/creator";
/// The label by which Argo's server remembers who created a workflow (common.LabelKeyCreator, v4.1.2).
const CREATOR_LABEL: &str = "workflows.argoproj.io/creator";

/// A Workflow object. `Workflow::view` sees any value as one without a copy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, RefCast)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Workflow(Value);

impl From<Value> for Workflow {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Workflow {
    /// Any value as a workflow.
    pub fn view(value: &Value) -> &Self {
        Self::ref_cast(value)
    }

    pub(crate) fn view_mut(value: &mut Value) -> &mut Self {
        Self::ref_cast_mut(value)
    }

    /// The whole object.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The same.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The object's kind and names alone: of thousands no more is kept.
    pub(crate) fn named(&self) -> Self {
        let metadata = json!({"name": self.name(), "namespace": self.namespace()});
        Self::from(json!({"apiVersion": self.0["apiVersion"], "kind": self.0["kind"], "metadata": metadata}))
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        Metadata::of(&self.0)
    }

    pub(crate) fn spec(&self) -> &Value {
        field(&self.0, "spec").unwrap_or(&Value::Null)
    }

    pub(crate) fn status(&self) -> &Value {
        field(&self.0, "status").unwrap_or(&Value::Null)
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata().name()
    }

    /// The prefix of a name that was generated.
    pub(crate) fn generate_name(&self) -> Option<&str> {
        self.metadata().generate_name()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.metadata().namespace()
    }

    pub(crate) fn uid(&self) -> &str {
        self.metadata().uid()
    }

    pub(crate) fn resource_version(&self) -> &str {
        self.metadata().resource_version()
    }

    /// What a request holds that changes this state of this object and no other.
    pub(crate) fn preconditions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = [("uid", self.uid()), ("resourceVersion", self.resource_version())];
        fields.into_iter().filter(|(_, value)| !value.is_empty())
    }

    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        self.metadata().created_at()
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.metadata().is_being_deleted()
    }

    pub(crate) fn owner_references(&self) -> &[Value] {
        self.metadata().owner_references()
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.metadata().label(key)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata().annotation(key)
    }

    /// Puts a name, a prefix of generated names, or both in the place of those that it has.
    pub(crate) fn set_names(&mut self, name: Option<&str>, prefix: Option<&str>) {
        let Some(metadata) = object_in(&mut self.0, "metadata").and_then(Value::as_object_mut) else { return };
        for (field, value) in [("name", name), ("generateName", prefix)] {
            metadata.shift_remove(field);
            if let Some(value) = value {
                metadata.insert(field.to_owned(), value.into());
            }
        }
    }

    /// Gives it what a server gives a new object.
    pub(crate) fn set_identity(&mut self, uid: &str, created: &str) {
        if let Some(metadata) = object_in(&mut self.0, "metadata") {
            metadata["uid"] = uid.into();
            metadata["creationTimestamp"] = created.into();
        }
    }

    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if let Some(metadata) = object_in(&mut self.0, "metadata") {
            metadata["namespace"] = namespace.into();
        }
    }

    pub(crate) fn set_label(&mut self, key: &str, value: &str) {
        if let Some(labels) = object_in(&mut self.0, "metadata").and_then(|metadata| object_in(metadata, "labels")) {
            labels[key] = value.into();
        }
    }

    /// Marks the workflow as an attempt of a run that this user creates. What an earlier attempt was marked with goes.
    pub(crate) fn set_marks(&mut self, run_id: Option<&RunId>, creator: Option<&str>) {
        let marks =
            [("labels", RUN_ID_LABEL, run_id.and_then(RunId::as_label)), ("annotations", CREATOR_ANNOTATION, creator)];
        for (field, key, value) in marks {
            let Some(metadata) = object_in(&mut self.0, "metadata") else { return };
            if let Some(value) = value {
                if let Some(marks) = object_in(metadata, field) {
                    marks[key] = value.into();
                }
            } else {
                let marks = metadata.get_mut(field).and_then(Value::as_object_mut);
                marks.map(|marks| marks.shift_remove(key));
            }
        }
    }

    /// Who created the workflow, as far as that is written in it.
    pub(crate) fn creator(&self) -> Option<&str> {
        self.annotation(CREATOR_ANNOTATION).or_else(|| self.label(CREATOR_LABEL))
    }

    /// The run id in the label.
    pub(crate) fn labelled_run_id(&self) -> Option<&str> {
        self.label(RUN_ID_LABEL)
    }

    pub(crate) fn set_annotation(&mut self, key: &str, value: &str) {
        let metadata = object_in(&mut self.0, "metadata");
        if let Some(annotations) = metadata.and_then(|metadata| object_in(metadata, "annotations")) {
            annotations[key] = value.into();
        }
    }

    pub(crate) fn remove_annotation(&mut self, key: &str) {
        if let Some(annotations) = self.0.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
            annotations.shift_remove(key);
        }
    }

    /// Takes over the spec of another document.
    pub(crate) fn set_spec(&mut self, spec: &Value) {
        if let Some(object) = self.0.as_object_mut() {
            object.insert("spec".to_owned(), spec.clone());
        }
    }

    /// Gives the spec a field, in the place of the one that it has.
    pub(crate) fn set_in_spec(&mut self, name: &str, value: Value) {
        if let Some(spec) = object_in(&mut self.0, "spec") {
            spec[name] = value;
        }
    }

    /// Gives the spec a field that it lacks.
    pub(crate) fn add_to_spec(&mut self, name: &str, value: &Value) {
        if let Some(spec) = self.0.get_mut("spec").and_then(Value::as_object_mut) {
            spec.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// What the controller made of the spec and of the WorkflowTemplate that it refers to.
    pub(crate) fn stored_spec(&self) -> Option<&Value> {
        field(self.status(), "storedWorkflowTemplateSpec").filter(|spec| spec.is_object())
    }

    /// The spec as it was submitted, then what the controller made of it: the first that has a field decides.
    fn specs(&self) -> impl Iterator<Item = &Value> {
        std::iter::once(self.spec()).chain(self.stored_spec())
    }
}

fn object_in<'a>(holder: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let value = holder.as_object_mut()?.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    Some(value)
}

#[cfg(test)]
mod tests {

    use super::*;

    fn workflow(value: Value) -> Workflow {
        Workflow::from(value)
    }

    #[test]
    fn an_object_of_any_shape_is_read() {
        for odd in [
            json!(null),
            json!("w"),
            json!([]),
            json!({"metadata": [], "spec": 1, "status": "odd"}),
            json!({"spec": {"arguments": {"parameters": {"run_id": 1}}, "templates": 7}, "status": {"phase": 3, "nodes": [1]}}),
        ] {
            let mut workflow = workflow(odd);
            let read = (workflow.phase(), workflow.name(), workflow.run_id(), workflow.templates().count());
            assert_eq!(read, ("Pending", "", None, 0));
            assert!(workflow.nodes().all.is_empty());
            assert_eq!(workflow.clone().written_out(), workflow);
            workflow.set_parameter("a", "1");
        }
    }
}
