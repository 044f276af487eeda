//! Locks on a cluster: which form its Argo accepts, and deleting the workflows of drains.

use serde_json::Value;

use super::kind::Resource;
use super::request::{self, Verb};
use super::{Changed, Cluster, ClusterError};
use crate::argo::Metadata;

/// The path of `spec.synchronization` in the schema of workflows.
const IN_SCHEMA: &str = "/properties/spec/properties/synchronization/properties";

impl Cluster {
    /// The fields of `spec.synchronization` in the cluster's CRD of workflows; `None` if it accepts any field or may
    /// not be read.
    pub async fn lock_fields(&self) -> Option<Vec<String>> {
        if let Ok(definition) = self.send(request::workflow_definition()).await.result {
            return fields_of_definition(&definition);
        }
        // A user who may not read CRDs may still read the published OpenAPI schema.
        let published = self.send(request::published()).await.result.ok()?;
        let schemas = published.pointer("/components/schemas")?.as_object()?;
        let (_, workflow) = schemas.iter().find(|(name, _)| name.ends_with(".v1alpha1.Workflow"))?;
        fields(workflow.pointer(IN_SCHEMA)?)
    }

    /// Deletes the workflow if it is still in the state that was read; [`ClusterError::WorkflowMissing`] if it does not
    /// exist.
    pub async fn delete_workflow(&self, workflow: &Value, dry_run: bool) -> Result<Changed, ClusterError> {
        let metadata = Metadata::of(workflow);
        let call = self.call(Verb::Delete, Resource::WORKFLOW, metadata.name());
        self.change(&call, call.delete(metadata.uid(), metadata.resource_version(), dry_run)).await
    }
}

fn fields_of_definition(definition: &Value) -> Option<Vec<String>> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let served = versions.iter().find(|version| version["name"] == "v1alpha1" && version["served"] == true)?;
    fields(served.pointer("/schema/openAPIV3Schema")?.pointer(IN_SCHEMA)?)
}

fn fields(properties: &Value) -> Option<Vec<String>> {
    properties.as_object().map(|properties| properties.keys().cloned().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(schema: &Value) -> Value {
        json!({"spec": {"versions": [
            {"name": "v1alpha2", "served": true, "schema": {}},
            {"name": "v1alpha1", "served": true, "schema": {"openAPIV3Schema": schema}},
        ]}})
    }

    #[test]
    fn a_full_definition_names_the_fields() {
        let full = json!({"properties": {"spec": {"properties": {"synchronization": {"properties": {"mutex": {}, "semaphore": {}}}}}}});
        assert_eq!(fields_of_definition(&definition(&full)), Some(vec!["mutex".to_owned(), "semaphore".to_owned()]));
    }

    #[test]
    fn a_definition_that_accepts_any_field_names_none() {
        let minimal = json!({"properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
        assert_eq!(fields_of_definition(&definition(&minimal)), None);
        assert_eq!(fields_of_definition(&json!({})), None);
    }
}
