//! Workflows made from other objects: what `submit --from` starts with.

use serde_json::{Map, Value, json};

use super::{PrepareError, expect_kind};
use crate::argo::Metadata;
use crate::argo::template::text;

/// What a workflow is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A WorkflowTemplate of that name.
    WorkflowTemplate(&'a str),
    /// A ClusterWorkflowTemplate of that name.
    ClusterWorkflowTemplate(&'a str),
    /// A CronWorkflow, and the present time as RFC 3339 has it.
    CronWorkflow {
        /// The object.
        document: &'a Value,
        /// The time the workflow is made.
        scheduled_at: &'a str,
    },
}

/// The workflow that Argo would make from `source`. It has a `generateName`.
pub(crate) fn from_source(source: Source<'_>) -> Result<Value, PrepareError> {
    match source {
        Source::WorkflowTemplate(name) => Ok(from_template(name, false)),
        Source::ClusterWorkflowTemplate(name) => Ok(from_template(name, true)),
        Source::CronWorkflow { document, scheduled_at } => from_cron_workflow(document, scheduled_at),
    }
}

fn from_template(name: &str, cluster_scope: bool) -> Value {
    let label = if cluster_scope { "cluster-workflow-template" } else { "workflow-template" };
    let mut reference = json!({"name": name});
    if cluster_scope {
        reference["clusterScope"] = json!(true);
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": format!("{name}-"), "labels": {format!("workflows.argoproj.io/{label}"): name}},
        "spec": {"workflowTemplateRef": reference},
    })
}

fn from_cron_workflow(cron: &Value, scheduled_at: &str) -> Result<Value, PrepareError> {
    expect_kind(cron, &["CronWorkflow"], "a CronWorkflow")?;
    let Some(spec) = cron.pointer("/spec/workflowSpec") else {
        return Err(PrepareError::NoSpec { kind: "CronWorkflow".to_owned() });
    };
    let own = Metadata::of(cron);
    let name = own.name();
    let mut metadata = Map::new();
    metadata.insert("generateName".to_owned(), json!(format!("{name}-")));
    if let Some(namespace) = own.field("namespace") {
        metadata.insert("namespace".to_owned(), namespace.clone());
    }
    metadata.insert("labels".to_owned(), Value::Object(labels(cron, name)));
    metadata.insert("annotations".to_owned(), Value::Object(annotations(cron, scheduled_at)));
    if let Some(finalizers) = cron.pointer("/spec/workflowMetadata/finalizers") {
        metadata.insert("finalizers".to_owned(), finalizers.clone());
    }
    // An owner without a uid is no owner; a document from a file has none.
    if let Some(uid) = own.field("uid") {
        let owner = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "name": name, "uid": uid,
            "controller": true, "blockOwnerDeletion": true});
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    let version = match text(cron, "apiVersion") {
        "" => "argoproj.io/v1alpha1",
        version => version,
    };
    Ok(json!({"apiVersion": version, "kind": "Workflow", "metadata": metadata, "spec": spec}))
}

fn labels(cron: &Value, name: &str) -> Map<String, Value> {
    const INSTANCE: &str = "workflows.argoproj.io/controller-instanceid";
    let mut labels = Map::new();
    if let Some(instance) = Metadata::of(cron).label(INSTANCE) {
        labels.insert(INSTANCE.to_owned(), instance.into());
    }
    labels.insert("workflows.argoproj.io/cron-workflow".to_owned(), json!(name));
    extend(&mut labels, cron.pointer("/spec/workflowMetadata/labels"));
    labels
}

fn annotations(cron: &Value, scheduled_at: &str) -> Map<String, Value> {
    let mut annotations = Map::new();
    annotations.insert("workflows.argoproj.io/scheduled-time".to_owned(), json!(scheduled_at));
    extend(&mut annotations, cron.pointer("/spec/workflowMetadata/annotations"));
    annotations
}

fn extend(fields: &mut Map<String, Value>, given: Option<&Value>) {
    let given = given.and_then(Value::as_object).into_iter().flatten();
    fields.extend(given.map(|(name, value)| (name.clone(), value.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_referred_to_and_named_in_a_label() -> Result<(), PrepareError> {
        let workflow = from_source(Source::ClusterWorkflowTemplate("t"))?;
        assert_eq!(workflow["spec"]["workflowTemplateRef"], json!({"name": "t", "clusterScope": true}));
        assert_eq!(workflow["metadata"]["labels"], json!({"workflows.argoproj.io/cluster-workflow-template": "t"}));
        let workflow = from_source(Source::WorkflowTemplate("t"))?;
        assert_eq!(workflow["spec"], json!({"workflowTemplateRef": {"name": "t"}}));
        assert_eq!(workflow["metadata"]["generateName"], "t-");
        Ok(())
    }

    #[test]
    fn a_cron_workflow_gives_its_spec_metadata_and_itself_as_owner() -> Result<(), PrepareError> {
        let cron = json!({"kind": "CronWorkflow", "apiVersion": "argoproj.io/v1alpha1",
            "metadata": {"name": "c", "namespace": "n", "uid": "u", "labels": {"own": "1"}},
            "spec": {"schedules": ["* * * * *"], "workflowSpec": {"entrypoint": "e"},
                "workflowMetadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}}}});
        let workflow = from_source(Source::CronWorkflow { document: &cron, scheduled_at: "2026-01-01T00:00:00Z" })?;
        assert_eq!(workflow["spec"], json!({"entrypoint": "e"}));
        assert_eq!(workflow["metadata"]["labels"], json!({"workflows.argoproj.io/cron-workflow": "c", "l": "1"}));
        assert_eq!(workflow["metadata"]["annotations"]["a"], "2");
        assert_eq!(workflow["metadata"]["ownerReferences"][0]["uid"], "u");
        assert!(from_source(Source::CronWorkflow { document: &workflow, scheduled_at: "" }).is_err());
        Ok(())
    }
}
