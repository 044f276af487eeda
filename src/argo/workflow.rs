//! The one view of a live Workflow object. It keeps the whole value, so that a field that this tool does not know is
//! never lost, and reads what it lacks as absent. Must never fail on a malformed field.

use std::borrow::Cow;

use jiff::Timestamp;
use ref_cast::RefCast;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::compression;
use super::model::any_string;
use super::nodes::{Nodes, Partial};
use super::status::Node;
use super::template::{Template, at, field, list, text};
use super::workflow_spec;

/// The phase of a workflow that the controller has not given one yet.
const PENDING: &str = "Pending";

/// A Workflow object. `Workflow::view` sees any value as one without a copy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, RefCast)]
#[serde(transparent)]
#[repr(transparent)]
pub(crate) struct Workflow(Value);

/// A parameter of a workflow's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    /// The value, else the default; none for a parameter that has neither.
    pub(crate) value: Option<Cow<'a, str>>,
}

impl From<Value> for Workflow {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Workflow {
    pub(crate) fn view(value: &Value) -> &Self {
        Self::ref_cast(value)
    }

    pub(crate) fn view_mut(value: &mut Value) -> &mut Self {
        Self::ref_cast_mut(value)
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }

    pub(crate) fn metadata(&self) -> &Value {
        field(&self.0, "metadata").unwrap_or(&Value::Null)
    }

    pub(crate) fn spec(&self) -> &Value {
        field(&self.0, "spec").unwrap_or(&Value::Null)
    }

    pub(crate) fn status(&self) -> &Value {
        field(&self.0, "status").unwrap_or(&Value::Null)
    }

    pub(crate) fn name(&self) -> &str {
        text(self.metadata(), "name")
    }

    /// The prefix of a name that was generated.
    pub(crate) fn generate_name(&self) -> Option<&str> {
        Some(text(self.metadata(), "generateName")).filter(|prefix| !prefix.is_empty())
    }

    pub(crate) fn owner_references(&self) -> &[Value] {
        list(field(self.metadata(), "ownerReferences"))
    }

    pub(crate) fn namespace(&self) -> &str {
        text(self.metadata(), "namespace")
    }

    pub(crate) fn uid(&self) -> &str {
        text(self.metadata(), "uid")
    }

    pub(crate) fn resource_version(&self) -> &str {
        text(self.metadata(), "resourceVersion")
    }

    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        text(self.metadata(), "creationTimestamp").parse().ok()
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        field(self.metadata(), "deletionTimestamp").is_some_and(|time| !time.is_null())
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        at(self.metadata(), &["labels", key]).and_then(Value::as_str)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        at(self.metadata(), &["annotations", key]).and_then(Value::as_str)
    }

    /// Pending where the controller has not given one yet.
    pub(crate) fn phase(&self) -> &str {
        match text(self.status(), "phase") {
            "" => PENDING,
            phase => phase,
        }
    }

    /// Whether the controller has looked at the run: it gives it a phase at once.
    pub(crate) fn is_seen(&self) -> bool {
        !text(self.status(), "phase").is_empty()
    }

    /// Whether nothing more will happen. The one rule: Argo's `WorkflowPhase.Completed` (workflow_types.go, v4.1.2).
    pub(crate) fn has_ended(&self) -> bool {
        is_end(self.phase())
    }

    pub(crate) fn message(&self) -> &str {
        text(self.status(), "message")
    }

    /// Completed pods of all pods, as `1/3`.
    pub(crate) fn progress(&self) -> Option<&str> {
        Some(text(self.status(), "progress")).filter(|progress| !progress.is_empty())
    }

    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        text(self.status(), "startedAt").parse().ok()
    }

    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        text(self.status(), "finishedAt").parse().ok()
    }

    /// `spec.shutdown`: `Stop` or `Terminate`, where the run is on its way to its end.
    pub(crate) fn shutdown(&self) -> Option<&str> {
        Some(text(self.spec(), "shutdown")).filter(|strategy| !strategy.is_empty())
    }

    /// Whether the run as a whole waits for `resume`. Its Suspend nodes wait by themselves.
    pub(crate) fn is_suspended(&self) -> bool {
        field(self.spec(), "suspend") == Some(&Value::Bool(true))
    }

    /// The higher comes first where workflows wait for a lock.
    pub(crate) fn priority(&self) -> i64 {
        field(self.spec(), "priority").and_then(Value::as_i64).unwrap_or_default()
    }

    /// What the controller made of the spec and of the WorkflowTemplate that it refers to.
    pub(crate) fn stored_spec(&self) -> Option<&Value> {
        field(self.status(), "storedWorkflowTemplateSpec").filter(|spec| spec.is_object())
    }

    /// The spec as it was submitted, then what the controller made of it: the first that has a field decides.
    fn specs(&self) -> impl Iterator<Item = &Value> {
        std::iter::once(self.spec()).chain(self.stored_spec())
    }

    /// Whether the spec is that of a WorkflowTemplate or ClusterWorkflowTemplate which it names.
    pub(crate) fn is_by_reference(&self) -> bool {
        field(self.spec(), "workflowTemplateRef").is_some()
    }

    pub(crate) fn entrypoint(&self) -> &str {
        self.specs().map(workflow_spec::entrypoint).find(|name| !name.is_empty()).unwrap_or_default()
    }

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

    /// Ends the run in this phase, for one whose engine is gone.
    pub(crate) fn set_phase(&mut self, phase: &str) {
        if let Some(status) = object_in(&mut self.0, "status") {
            status["phase"] = phase.into();
        }
    }

    /// The nodes as they stand in the status, plain.
    pub(crate) fn nodes_mut(&mut self) -> Option<&mut Value> {
        self.0.get_mut("status")?.get_mut("nodes")
    }

    /// Puts these nodes in the place of all others, however they stand in the status.
    pub(crate) fn set_nodes(&mut self, nodes: Map<String, Value>) {
        let Some(status) = object_in(&mut self.0, "status").and_then(Value::as_object_mut) else { return };
        for elsewhere in ["compressedNodes", "offloadNodeStatusVersion"] {
            status.shift_remove(elsewhere);
        }
        status.insert("nodes".to_owned(), Value::Object(nodes));
    }

    /// The templates of the object and of the WorkflowTemplate that it was made from.
    pub(crate) fn templates(&self) -> impl Iterator<Item = Template<'_>> {
        self.specs().flat_map(workflow_spec::templates)
    }

    /// The template of this name in the object or in the WorkflowTemplate that it was made from.
    pub(crate) fn template(&self, name: &str) -> Option<Template<'_>> {
        self.templates().find(|template| !name.is_empty() && template.name() == name)
    }

    /// The template that a node runs, unless it is written inline or is not in the object.
    pub(crate) fn template_of(&self, node: &Node) -> Option<Template<'_>> {
        match stored_key(node) {
            Some(key) => at(self.status(), &["storedTemplates", &key]).map(Template::new),
            None => self.template(node.called()),
        }
    }

    /// The nodes of the run.
    pub(crate) fn nodes(&self) -> Nodes {
        Nodes::of(self)
    }

    /// The nodes as they stand in the status, by id, for whoever writes them back.
    pub(crate) fn node_values(&self) -> Result<Cow<'_, Map<String, Value>>, Partial> {
        let plain = field(self.status(), "nodes").and_then(Value::as_object).filter(|nodes| !nodes.is_empty());
        if let Some(nodes) = plain {
            return Ok(Cow::Borrowed(nodes));
        }
        if let Some(compressed) = self.compressed_nodes() {
            let text = compression::decompressed(compressed).map_err(Partial::Unreadable)?;
            let nodes = serde_json::from_slice(&text).map_err(|error| Partial::Unreadable(error.to_string()))?;
            return Ok(Cow::Owned(nodes));
        }
        match text(self.status(), "offloadNodeStatusVersion") {
            "" => Ok(Cow::Owned(Map::new())),
            _ => Err(Partial::Offloaded),
        }
    }

    /// The nodes as base64 of their compressed JSON, where they stand in the status like this and not plain.
    pub(crate) fn compressed_nodes(&self) -> Option<&str> {
        let has_plain = field(self.status(), "nodes").and_then(Value::as_object).is_some_and(|nodes| !nodes.is_empty());
        Some(text(self.status(), "compressedNodes")).filter(|text| !has_plain && !text.is_empty())
    }

    /// The object with compressed nodes written out, as the controller itself sees it; the same if they cannot be read.
    #[must_use]
    pub(crate) fn written_out(mut self) -> Self {
        let nodes = match self.node_values() {
            Ok(Cow::Owned(nodes)) if self.compressed_nodes().is_some() => nodes,
            _ => return self,
        };
        if let Some(status) = self.0.get_mut("status").and_then(Value::as_object_mut) {
            status.insert("nodes".to_owned(), Value::Object(nodes));
            status.shift_remove("compressedNodes");
        }
        self
    }
}

/// Whether a workflow in this phase has ended.
pub(crate) fn is_end(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed" | "Error")
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

/// The key of the template that a node runs among the stored ones; none for a template of the workflow itself
/// (`resolveTemplateReference` in workflow_types.go, v4.1.2).
fn stored_key(node: &Node) -> Option<String> {
    if let Some(reference) = &node.template_ref {
        let cluster = field(reference, "clusterScope") == Some(&Value::Bool(true));
        let scope = if cluster { "cluster" } else { "namespaced" };
        return Some(format!("{scope}/{}/{}", text(reference, "name"), text(reference, "template")));
    }
    let scope = node.template_scope.as_deref().filter(|scope| !scope.is_empty() && !scope.starts_with("local/"))?;
    Some(match node.template_name.as_deref() {
        Some(name) if !name.is_empty() => format!("{scope}/{name}"),
        _ => format!("{scope}/inline/{}", node.display_name),
    })
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
    fn a_run_has_ended_in_three_phases_only() {
        for (phase, ended) in [("Succeeded", true), ("Failed", true), ("Error", true), ("Running", false), ("", false)]
        {
            assert_eq!(workflow(json!({"status": {"phase": phase}})).has_ended(), ended, "{phase}");
        }
        assert_eq!(workflow(json!({"status": {"phase": ""}})).phase(), "Pending");
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

    #[test]
    fn the_template_of_a_node_is_found_where_the_controller_keeps_it() {
        let workflow = workflow(json!({
            "spec": {"templates": [{"name": "own"}]},
            "status": {"storedTemplates": {
                "namespaced/shared/load": {"name": "load"}, "cluster/base/save": {"name": "save"},
                "namespaced/shared/inline/a": {"inputs": {}}}},
        }));
        let found = |node: Value| {
            let node = Node::read("x", &node);
            workflow.template_of(&node).map(|template| template.name().to_owned())
        };
        assert_eq!(found(json!({"templateName": "own", "templateScope": "local/w"})).as_deref(), Some("own"));
        assert_eq!(found(json!({"templateRef": {"name": "shared", "template": "load"}})).as_deref(), Some("load"));
        let cluster = json!({"templateRef": {"name": "base", "template": "save", "clusterScope": true}});
        assert_eq!(found(cluster).as_deref(), Some("save"));
        let within = json!({"templateName": "load", "templateScope": "namespaced/shared"});
        assert_eq!(found(within).as_deref(), Some("load"));
        assert_eq!(found(json!({"templateScope": "namespaced/shared", "displayName": "a"})).as_deref(), Some(""));
        assert_eq!(found(json!({"templateName": "gone"})), None);
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
