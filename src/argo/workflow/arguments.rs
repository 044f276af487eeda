//! The parameters of a workflow's arguments, and the identity of the run in them.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{PREVIOUS, Workflow, object_in};
use crate::argo::model::any_string;
use crate::argo::template::{field, text};
use crate::argo::workflow_spec;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    /// The value, else the default; none for a parameter that has neither.
    pub(crate) value: Option<Cow<'a, str>>,
}

impl Workflow {
    /// The parameters of the arguments: those of the object, then those that only its WorkflowTemplate has.
    pub(crate) fn parameters(&self) -> Vec<Parameter<'_>> {
        let mut parameters: Vec<Parameter<'_>> = Vec::new();
        let written = self.specs().flat_map(workflow_spec::parameters);
        for parameter in written.filter_map(Parameter::of) {
            match parameters.iter_mut().find(|known| known.name == parameter.name) {
                Some(known) if known.value.is_none() => known.value = parameter.value,
                Some(_) => {}
                None => parameters.push(parameter),
            }
        }
        parameters
    }

    /// The parameters of the object's own arguments that have a value, which is not a default.
    pub(crate) fn own_values(&self) -> Vec<(String, String)> {
        let given = workflow_spec::parameters(self.spec()).iter().filter_map(|parameter| {
            let value = field(parameter, "value").filter(|value| !value.is_null())?;
            Some((text(parameter, "name").to_owned(), any_string(value)))
        });
        given.filter(|(name, _)| !name.is_empty()).collect()
    }

    /// The value of one parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut named =
            self.specs().flat_map(workflow_spec::parameters).filter(|parameter| text(parameter, "name") == name);
        named.find_map(|parameter| Parameter::of(parameter)?.value)
    }

    /// Identifies the run over all its attempts; none for a workflow that was not prepared.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.text_parameter("run_id")
    }

    /// The name of the workflow that this one is a retry of, where the name fits into a label.
    pub(crate) fn retry_of(&self) -> Option<&str> {
        self.label(PREVIOUS).filter(|name| !name.is_empty())
    }

    /// The run that this is a retry of.
    pub(crate) fn retry_run_id(&self) -> Option<&str> {
        self.text_parameter("retry_run_id")
    }

    /// A parameter that prepare writes as text.
    fn text_parameter(&self, name: &str) -> Option<&str> {
        match self.parameter(name)? {
            Cow::Borrowed(text) => Some(text).filter(|text| !text.is_empty()),
            Cow::Owned(_) => None,
        }
    }

    /// The number of the attempt, from 1. An indicator that is no number counts as the first.
    pub(crate) fn attempt(&self) -> u32 {
        self.parameter("retry_indicator").and_then(|number| number.parse().ok()).unwrap_or(1).max(1)
    }

    /// Whether both are the same attempt of the same run.
    pub(crate) fn is_same_attempt(&self, other: &Self) -> bool {
        self.run_id().is_some() && self.run_id() == other.run_id() && self.attempt() == other.attempt()
    }

    /// Puts an artifact among the arguments; one whose arguments are of no form stays as it is.
    pub(crate) fn set_artifact(&mut self, artifact: &Value) {
        if let Some(spec) = object_in(&mut self.0, "spec").and_then(Value::as_object_mut) {
            let _ = workflow_spec::set_artifact(spec, artifact);
        }
    }

    /// Takes the artifacts of another one's arguments that its own do not have.
    pub(crate) fn keep_artifacts(&mut self, other: &Self) {
        for artifact in workflow_spec::argument_artifacts(other.spec()) {
            let is_own = |own: &Value| text(own, "name") == text(artifact, "name");
            if !workflow_spec::argument_artifacts(self.spec()).iter().any(is_own) {
                self.set_artifact(artifact);
            }
        }
    }

    /// Gives a parameter of the object's own arguments this value.
    pub(crate) fn set_parameter(&mut self, name: &str, value: &str) {
        let spec = object_in(&mut self.0, "spec");
        let Some(arguments) = spec.and_then(|spec| object_in(spec, "arguments")) else { return };
        let parameters = &mut arguments["parameters"];
        if !parameters.is_array() {
            *parameters = json!([]);
        }
        if let Some(parameters) = parameters.as_array_mut() {
            workflow_spec::set_parameter(parameters, name, value);
        }
    }
}

impl<'a> Parameter<'a> {
    /// Argo's AnyString: a value that is not text is read as its JSON.
    fn of(value: &'a Value) -> Option<Self> {
        let name = text(value, "name");
        let given = ["value", "default"].iter().filter_map(|name| field(value, name)).find(|value| !value.is_null());
        let value = given.map(|value| match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(any_string(other)),
        });
        (!name.is_empty()).then_some(Self { name, value })
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn workflow(value: Value) -> Workflow {
        Workflow::from(value)
    }

    #[test]
    fn parameters_are_those_of_the_object_then_those_of_its_template() {
        let workflow = workflow(json!({
            "spec": {"workflowTemplateRef": {"name": "etl"}, "arguments": {"parameters": [
                {"name": "run_id", "value": "r1"}, {"name": "day", "default": "monday"}, {"name": "empty"}, 7]}},
            "status": {"storedWorkflowTemplateSpec": {"entrypoint": "main", "arguments": {"parameters": [
                {"name": "run_id", "value": "other"}, {"name": "empty", "value": true}, {"name": "size", "value": 3}]},
                "templates": [{"name": "main"}]}},
        }));
        let told: Vec<(&str, Option<String>)> = workflow
            .parameters()
            .into_iter()
            .map(|parameter| (parameter.name, parameter.value.map(Cow::into_owned)))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [("run_id", some("r1")), ("day", some("monday")), ("empty", some("true")), ("size", some("3"))]
        );
        assert_eq!((workflow.run_id(), workflow.attempt()), (Some("r1"), 1));
        assert_eq!((workflow.entrypoint(), workflow.template("main").is_some()), ("main", true));
    }

    #[test]
    fn a_parameter_is_set_where_it_is_and_else_added() {
        let mut workflow = workflow(json!({"spec": {"arguments": {"parameters": [
            {"name": "a", "valueFrom": {"configMapKeyRef": {}}, "description": "kept"}]}}}));
        workflow.set_parameter("a", "1");
        workflow.set_parameter("b", "2");
        let expected = json!([{"name": "a", "description": "kept", "value": "1"}, {"name": "b", "value": "2"}]);
        assert_eq!(workflow.value()["spec"]["arguments"]["parameters"], expected);
        let mut empty = Workflow::from(json!({}));
        empty.set_parameter("a", "1");
        assert_eq!(empty.parameter("a").as_deref(), Some("1"));
    }
}
