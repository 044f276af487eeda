//! The templates that workflows refer to. Those of a cluster are read from it; a local run has those of its files alone.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use super::{Backend, BackendError};
use crate::argo::Workflow;
use crate::argo::call::references;
use crate::cluster::{Cluster, ClusterError, TemplateKind};
use crate::prepare::Templates;

impl Backend {
    /// The known templates and all that the callers refer to. The one that a workflow is made from must exist; others
    /// leave their callers out of memoization when they cannot be read.
    pub(crate) async fn called_templates(
        &self,
        known: Templates,
        callers: impl IntoIterator<Item = Value>,
    ) -> Result<Templates, BackendError> {
        match self {
            Self::Cluster(cluster) => {
                let called = templates_on_cluster(cluster, known, callers).await?;
                match called.unread.into_iter().find(|unread| unread.whole) {
                    Some(unread) => Err(unread.error.into()),
                    None => Ok(called.templates),
                }
            }
            Self::Local { .. } => Ok(known),
        }
    }
}

/// The templates of a cluster that are called.
pub(crate) struct CalledTemplates {
    pub(crate) templates: Templates,
    /// What is missing there, or may not be read.
    pub(crate) unread: Vec<Unread>,
}

/// An object that could not be read.
pub(crate) struct Unread {
    /// Whether a workflow is made from it.
    whole: bool,
    pub(crate) error: ClusterError,
}

/// The known templates and all that the callers refer to and the cluster has.
pub(crate) async fn templates_on_cluster(
    cluster: &Cluster,
    mut templates: Templates,
    callers: impl IntoIterator<Item = Value>,
) -> Result<CalledTemplates, ClusterError> {
    let mut callers: VecDeque<Value> = callers.into_iter().collect();
    let mut unread = Vec::new();
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
                Ok(_) => {}
                Err(error @ (ClusterError::TemplateMissing { .. } | ClusterError::Forbidden { .. })) => {
                    unread.push(Unread { whole: reference.whole, error });
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(CalledTemplates { templates, unread })
}
