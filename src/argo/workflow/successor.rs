//! The workflow that comes after one that has ended.

use serde_json::{Map, Value, json};

use super::{PREVIOUS, Workflow, object_in};
use crate::argo::template::field;

/// What the controller and the server write into every workflow themselves.
const LABELS: [&str; 6] = [
    "workflows.argoproj.io/creator",
    "workflows.argoproj.io/creator-email",
    "workflows.argoproj.io/creator-preferred-username",
    "workflows.argoproj.io/phase",
    "workflows.argoproj.io/completed",
    "workflows.argoproj.io/workflow-archiving-status",
];
const ANNOTATIONS: [&str; 3] = [
    "workflows.argoproj.io/pod-name-format",
    "workflows.argoproj.io/trace-id",
    "kubectl.kubernetes.io/last-applied-configuration",
];
/// The longest value of a label.
const LONGEST_LABEL: usize = 63;

impl Workflow {
    /// Makes this document, which has its name, the next attempt of a workflow: the prefix of names stays, and a label
    /// names the attempt before.
    pub(crate) fn follows(&mut self, before: &Self) {
        let successor = before.successor();
        if let Some(prefix) = successor.generate_name() {
            let name = Some(self.name()).filter(|name| !name.is_empty()).map(str::to_owned);
            self.set_names(name.as_deref(), Some(prefix));
        }
        let labels = object_in(&mut self.0, "metadata").and_then(|metadata| object_in(metadata, "labels"));
        if let (Some(labels), Some(name)) = (labels, successor.retry_of()) {
            labels[PREVIOUS] = name.into();
        }
    }

    /// What the names of the attempts after this one begin with: the name of the run's first attempt.
    pub(crate) fn prefix_of_attempts(&self) -> String {
        self.generate_name().map_or_else(|| format!("{}-", self.name()), str::to_owned)
    }

    /// The same workflow without its name, its status and all that its own course has left in it
    /// (`FormulateResubmitWorkflow` in workflow/util/util.go, v4.1.2).
    pub(crate) fn successor(&self) -> Self {
        let own = |name: &str| self.metadata().field(name);
        let mut metadata = Map::new();
        metadata.insert("generateName".to_owned(), self.prefix_of_attempts().into());
        if let Some(namespace) = own("namespace") {
            metadata.insert("namespace".to_owned(), namespace.clone());
        }

        let mut labels = without(own("labels"), &LABELS);
        labels.shift_remove(PREVIOUS);
        if self.name().len() <= LONGEST_LABEL {
            labels.insert(PREVIOUS.to_owned(), self.name().into());
        }
        metadata.insert("labels".to_owned(), Value::Object(labels));
        let annotations = without(own("annotations"), &ANNOTATIONS);
        if !annotations.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(annotations));
        }
        if let Some(owners) = own("ownerReferences") {
            metadata.insert("ownerReferences".to_owned(), owners.clone());
        }

        let of_object = |name: &str| field(&self.0, name).cloned().unwrap_or_default();
        let mut next = Self(json!({
            "apiVersion": of_object("apiVersion"), "kind": of_object("kind"), "metadata": metadata, "spec": of_object("spec"),
        }));
        next.unstop();
        next
    }
}

fn without(map: Option<&Value>, dropped: &[&str]) -> Map<String, Value> {
    let fields = map.and_then(Value::as_object).into_iter().flatten();
    let kept = fields.filter(|(key, _)| !dropped.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}
