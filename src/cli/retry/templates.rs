//! The templates that a workflow refers to, read from the cluster.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use crate::argo::template::references;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::prepare::Templates;

/// Adds to `templates` what `workflow` refers to, itself or through these. What a workflow is made from must exist;
/// others leave their callers out of memoization when they cannot be read.
pub(super) async fn add(
    cluster: &Cluster,
    mut templates: Templates,
    workflow: &Value,
) -> Result<Templates, ClusterError> {
    let mut seen = BTreeSet::new();
    let mut callers = VecDeque::from([workflow.clone()]);
    while let Some(caller) = callers.pop_front() {
        for reference in references(&caller) {
            let known = templates.find(&reference.name, reference.cluster_scope, Some(cluster.namespace())).is_some();
            if known || !seen.insert((reference.cluster_scope, reference.name.clone())) {
                continue;
            }
            let kind = if reference.cluster_scope {
                TemplateKind::ClusterWorkflowTemplate
            } else {
                TemplateKind::WorkflowTemplate
            };
            match cluster.template(kind, &reference.name).await {
                Ok(object) => {
                    callers.push_back(object.clone());
                    templates.insert(object);
                }
                Err(ClusterError::TemplateMissing { .. } | ClusterError::Forbidden { .. }) if !reference.whole => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(templates)
}
