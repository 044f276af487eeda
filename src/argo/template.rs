//! Templates: typed views over a workflow's value. Must never copy or drop a field.

use serde_json::Value;

use super::call::{Call, CallSite};
use super::status::NodeType;
pub(crate) use super::value::{at, field, field_mut, list, text};

/// What a template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TemplateType {
    /// Runs a container.
    Container,
    /// Runs containers that share a pod.
    ContainerSet,
    /// Calls templates by their dependencies.
    Dag,
    /// Lists and transforms artifacts.
    Data,
    /// Sends a request.
    Http,
    /// Is run by an executor plugin.
    Plugin,
    /// Creates, changes or deletes a Kubernetes object.
    Resource,
    /// Runs a script in a container.
    Script,
    /// Calls templates in groups.
    Steps,
    /// Waits.
    Suspend,
}

/// The field of a template that makes it the type beside it, in Argo's order (`GetType` in workflow_types.go, v4.1.2).
const TYPES: [(&str, TemplateType); 10] = [
    ("container", TemplateType::Container),
    ("containerSet", TemplateType::ContainerSet),
    ("steps", TemplateType::Steps),
    ("dag", TemplateType::Dag),
    ("script", TemplateType::Script),
    ("resource", TemplateType::Resource),
    ("data", TemplateType::Data),
    ("suspend", TemplateType::Suspend),
    ("http", TemplateType::Http),
    ("plugin", TemplateType::Plugin),
];

impl TemplateType {
    /// The type of a template with these fields.
    pub(crate) fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        TYPES.iter().find(|(field, _)| has(field)).map(|(_, kind)| *kind)
    }

    /// Whether the template calls others and has no work of its own.
    pub(crate) fn is_nested(self) -> bool {
        matches!(self, Self::Dag | Self::Steps)
    }

    /// Whether the template's work is a pod.
    pub(crate) fn is_pod(self) -> bool {
        self.node_type() == NodeType::Pod
    }

    /// The type of the node that a template becomes without a retryStrategy (`GetNodeType` in workflow_types.go, v4.1.2).
    pub(crate) fn node_type(self) -> NodeType {
        match self {
            Self::Container | Self::ContainerSet | Self::Script | Self::Resource | Self::Data => NodeType::Pod,
            Self::Steps => NodeType::Steps,
            Self::Dag => NodeType::Dag,
            Self::Suspend => NodeType::Suspend,
            Self::Http => NodeType::Http,
            Self::Plugin => NodeType::Plugin,
        }
    }
}

/// A view of one template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Template<'a>(&'a Value);

impl<'a> Template<'a> {
    /// Reads `value` as a template; what it lacks is absent, never an error.
    pub(crate) fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The template as it was written.
    pub(crate) fn value(self) -> &'a Value {
        self.0
    }

    /// Its name; empty for an inline one.
    pub(crate) fn name(self) -> &'a str {
        text(self.0, "name")
    }

    /// Its type; none when it has no known one.
    pub(crate) fn template_type(self) -> Option<TemplateType> {
        TemplateType::of(|name| field(self.0, name).is_some_and(|value| !value.is_null()))
    }

    /// Whether it keeps running beside the steps that follow it.
    pub(crate) fn is_daemon(self) -> bool {
        field(self.0, "daemon").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Its input parameters as they were written.
    pub(crate) fn input_parameters(self) -> &'a [Value] {
        list(at(self.0, &["inputs", "parameters"]))
    }

    /// Its input artifacts as they were written.
    pub(crate) fn input_artifacts(self) -> &'a [Value] {
        list(at(self.0, &["inputs", "artifacts"]))
    }

    /// Every call it makes, in the order written: steps or tasks, those of its inline templates, and their handlers.
    pub(crate) fn calls(self) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        self.sites().for_each(|site| Call::collect(site, &mut calls));
        calls
    }

    /// Its own steps or tasks, in the order written.
    pub(crate) fn sites(self) -> impl Iterator<Item = CallSite<'a>> {
        let groups = list(field(self.0, "steps")).iter().enumerate();
        let steps = groups.flat_map(|(group, steps)| {
            let steps = match steps {
                Value::Array(steps) => steps.as_slice(),
                single => std::slice::from_ref(single),
            };
            steps.iter().enumerate().map(move |(place, value)| CallSite { value, group: Some(group), place })
        });
        let tasks = list(at(self.0, &["dag", "tasks"])).iter().enumerate();
        steps.chain(tasks.map(|(place, value)| CallSite { value, group: None, place }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_of_any_shape_is_read_without_an_error() {
        for odd in [json!(null), json!([]), json!({"steps": 3, "dag": "x"}), json!({"steps": [null, [null, 1]]})] {
            assert!(Template::new(&odd).calls().is_empty());
            assert_eq!(Template::new(&odd).name(), "");
        }
        assert_eq!(Template::new(&json!({"suspend": {}})).template_type(), Some(TemplateType::Suspend));
        assert_eq!(
            Template::new(&json!({"container": null, "script": {}})).template_type(),
            Some(TemplateType::Script)
        );
    }
}
