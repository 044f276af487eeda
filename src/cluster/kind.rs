//! The kinds of objects that the program reads and writes.

use std::fmt;
use std::str::FromStr;

/// A kind of object from which a workflow can be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateKind {
    /// A template of one namespace.
    WorkflowTemplate,
    /// A template of the whole cluster.
    ClusterWorkflowTemplate,
    /// A schedule; its `workflowSpec` is the template.
    CronWorkflow,
}

/// The text is not a kind of template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown kind {0:?}: expected workflowtemplate (wftmpl), clusterworkflowtemplate (cwft) or cronworkflow (cronwf)"
)]
pub struct TemplateKindError(String);

impl FromStr for TemplateKind {
    type Err = TemplateKindError;

    /// Reads a kind in the forms that kubectl and argo accept: singular, plural or short, in any case.
    fn from_str(text: &str) -> Result<Self, TemplateKindError> {
        match text.to_ascii_lowercase().as_str() {
            "workflowtemplate" | "workflowtemplates" | "wftmpl" => Ok(Self::WorkflowTemplate),
            "clusterworkflowtemplate" | "clusterworkflowtemplates" | "cwftmpl" | "cwft" => {
                Ok(Self::ClusterWorkflowTemplate)
            }
            "cronworkflow" | "cronworkflows" | "cronwf" | "cwf" => Ok(Self::CronWorkflow),
            _ => Err(TemplateKindError(text.to_owned())),
        }
    }
}

impl fmt::Display for TemplateKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Resource::from(*self).kind)
    }
}

/// A kind of object in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The value of `apiVersion:`.
    pub(crate) api_version: &'static str,
    /// The value of `kind:`.
    pub(crate) kind: &'static str,
    /// The name in the request's path.
    pub(crate) plural: &'static str,
    /// Whether the objects are namespaced.
    pub(crate) namespaced: bool,
}

impl Resource {
    pub(crate) const WORKFLOW: Self = Self::of_argo("Workflow", "workflows", true);
    pub(crate) const CONFIG_MAP: Self =
        Self { api_version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

    pub(crate) const POD: Self = Self { api_version: "v1", kind: "Pod", plural: "pods", namespaced: true };

    pub(crate) const NAMESPACE: Self =
        Self { api_version: "v1", kind: "Namespace", plural: "namespaces", namespaced: false };

    pub(crate) const LEASE: Self =
        Self { api_version: "coordination.k8s.io/v1", kind: "Lease", plural: "leases", namespaced: true };

    pub(crate) const CLAIM: Self = Self::of_core("PersistentVolumeClaim", "persistentvolumeclaims");
    pub(crate) const NODE: Self = Self { api_version: "v1", kind: "Node", plural: "nodes", namespaced: false };

    /// The kinds of the objects that `bundle` installs.
    pub(crate) const INSTALLED: [Self; 9] = [
        Self::CONFIG_MAP,
        Self::of_core("ServiceAccount", "serviceaccounts"),
        Self::of_rbac("Role", "roles"),
        Self::of_rbac("RoleBinding", "rolebindings"),
        Self::of_argo("WorkflowTemplate", "workflowtemplates", true),
        Self::of_argo("CronWorkflow", "cronworkflows", true),
        Self::of_argo("EventBus", "eventbus", true),
        Self::of_argo("EventSource", "eventsources", true),
        Self::of_argo("Sensor", "sensors", true),
    ];

    const fn of_core(kind: &'static str, plural: &'static str) -> Self {
        Self { api_version: "v1", kind, plural, namespaced: true }
    }

    const fn of_rbac(kind: &'static str, plural: &'static str) -> Self {
        Self { api_version: "rbac.authorization.k8s.io/v1", kind, plural, namespaced: true }
    }

    const fn of_argo(kind: &'static str, plural: &'static str, namespaced: bool) -> Self {
        Self { api_version: "argoproj.io/v1alpha1", kind, plural, namespaced }
    }

    /// The name in the rules of a role: `workflows.argoproj.io`, `configmaps`.
    pub(crate) fn qualified(self) -> String {
        match self.api_version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

impl From<TemplateKind> for Resource {
    fn from(kind: TemplateKind) -> Self {
        let (kind, plural, namespaced) = match kind {
            TemplateKind::WorkflowTemplate => ("WorkflowTemplate", "workflowtemplates", true),
            TemplateKind::ClusterWorkflowTemplate => ("ClusterWorkflowTemplate", "clusterworkflowtemplates", false),
            TemplateKind::CronWorkflow => ("CronWorkflow", "cronworkflows", true),
        };
        Self::of_argo(kind, plural, namespaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_argo_and_kubectl_are_read() {
        for (text, kind) in [
            ("wftmpl", TemplateKind::WorkflowTemplate),
            ("WorkflowTemplate", TemplateKind::WorkflowTemplate),
            ("cwft", TemplateKind::ClusterWorkflowTemplate),
            ("clusterworkflowtemplates", TemplateKind::ClusterWorkflowTemplate),
            ("cronwf", TemplateKind::CronWorkflow),
        ] {
            assert_eq!(text.parse(), Ok(kind), "{text}");
        }
        assert!("deployment".parse::<TemplateKind>().is_err());
    }
}
