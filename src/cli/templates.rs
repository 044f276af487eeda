//! The templates that workflows refer to, read from the cluster.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::failure::Failure;
use crate::argo::call::references;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::prepare::Templates;

/// The known templates and all that the callers refer to. The one that a workflow is made from must exist; others leave
/// their callers out of memoization when they cannot be read.
pub(super) async fn called_templates(
    cluster: &Cluster,
    mut templates: Templates,
    mut callers: VecDeque<Value>,
) -> Result<Templates, Failure> {
    let mut seen = BTreeSet::new();
    while let Some(caller) = callers.pop_front() {
        let namespace = caller.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(cluster.namespace());
        let home = cluster.within(namespace);
        for reference in references(&caller) {
            let kind = if reference.cluster_scope {
                TemplateKind::ClusterWorkflowTemplate
            } else {
                TemplateKind::WorkflowTemplate
            };
            let known = templates.find(&reference.name, reference.cluster_scope, Some(namespace)).is_some();
            if (known && !reference.whole) || !seen.insert((reference.cluster_scope, reference.name.clone())) {
                continue;
            }
            match home.template(kind, &reference.name).await {
                Ok(object) if !known => {
                    callers.push_back(object.clone());
                    templates.insert(object);
                }
                Err(error) if reference.whole => return Err(error.into()),
                Ok(_) | Err(ClusterError::TemplateMissing { .. } | ClusterError::Forbidden { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(templates)
}
