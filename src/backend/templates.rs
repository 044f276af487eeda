//! The templates that workflows refer to. Those of a cluster are read from it; a local run has those of its files alone.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::{Backend, BackendError};
use crate::argo::Workflow;
use crate::argo::call::references;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::prepare::Templates;

impl Backend {
    /// The known templates and all that the callers refer to.
    pub(crate) async fn called_templates(
        &self,
        known: Templates,
        callers: impl IntoIterator<Item = Value>,
    ) -> Result<Templates, BackendError> {
        match self {
            Self::Cluster(cluster) => Ok(on_cluster(cluster, known, callers.into_iter().collect()).await?),
            Self::Local { .. } => Ok(known),
        }
    }
}

/// The one that a workflow is made from must exist; others leave their callers out of memoization when they cannot be read.
async fn on_cluster(
    cluster: &Cluster,
    mut templates: Templates,
    mut callers: VecDeque<Value>,
) -> Result<Templates, ClusterError> {
    let mut seen = BTreeSet::new();
    while let Some(caller) = callers.pop_front() {
        let namespace = match Workflow::view(&caller).namespace() {
            "" => cluster.namespace(),
            namespace => namespace,
        };
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
                Err(error) if reference.whole => return Err(error),
                Ok(_) | Err(ClusterError::TemplateMissing { .. } | ClusterError::Forbidden { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(templates)
}
