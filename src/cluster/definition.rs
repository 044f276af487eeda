//! What the cluster's definition of workflows (its CRD) says of its Argo.

use serde_json::Value;

use super::{Cluster, request};
use crate::argo::check::Version;

/// The path of a spec's fields in the schema of workflows.
const SPEC: &str = "/properties/spec/properties";

/// What a cluster's definition of workflows says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The version of Argo; `None` if the definition accepts any field or may not be read.
    pub(crate) version: Option<Version>,
    /// Whether the API server checks all fields of a workflow.
    pub(crate) is_full: bool,
}

impl Cluster {
    /// The fields of `spec.synchronization` in the cluster's CRD of workflows; `None` if it accepts any field or may
    /// not be read.
    pub(crate) async fn lock_fields(&self) -> Option<Vec<String>> {
        let spec = self.spec_fields().await?;
        let locks = spec.pointer("/synchronization/properties")?.as_object()?;
        Some(locks.keys().cloned().collect())
    }

    /// What the cluster's CRD of workflows says of its Argo.
    pub(crate) async fn definition(&self) -> Definition {
        let spec = self.spec_fields().await.unwrap_or_default();
        Definition {
            version: Version::of_fields(&spec),
            is_full: spec.pointer("/templates/items/properties").is_some(),
        }
    }

    /// The fields of a workflow's spec, each with its schema.
    async fn spec_fields(&self) -> Option<Value> {
        if let Ok(definition) = self.send(request::workflow_definition()).await.result {
            return fields_of_definition(&definition).cloned();
        }
        // A user who may not read CRDs may still read the published OpenAPI schema.
        let published = self.send(request::published()).await.result.ok()?;
        let schemas = published.pointer("/components/schemas")?.as_object()?;
        let (_, workflow) = schemas.iter().find(|(name, _)| name.ends_with(".v1alpha1.Workflow"))?;
        workflow.pointer(SPEC).cloned()
    }
}

fn fields_of_definition(definition: &Value) -> Option<&Value> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let served = versions.iter().find(|version| version["name"] == "v1alpha1" && version["served"] == true)?;
    served.pointer("/schema/openAPIV3Schema")?.pointer(SPEC)
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
        let full = json!({"properties": {"spec": {"properties": {"synchronization": {}}}}});
        assert_eq!(fields_of_definition(&definition(&full)), Some(&json!({"synchronization": {}})));
    }

    #[test]
    fn a_definition_that_accepts_any_field_names_none() {
        let minimal = json!({"properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
        assert_eq!(fields_of_definition(&definition(&minimal)), None);
        assert_eq!(fields_of_definition(&json!({})), None);
    }
}
