//! What each error of a cluster means to a script, and what the user can do about it.

use super::argo_server::is_named as is_argo_server_named;
use super::error::ClusterError;
use super::kind::Resource;
use crate::exit::{CommandError, Exit};
use crate::shell::word;

impl CommandError for ClusterError {
    fn exit(&self) -> Exit {
        match self {
            Self::UnknownContext { .. }
            | Self::GroupsWithoutUser
            | Self::OtherNamespace { .. }
            | Self::Unnamed
            | Self::Invalid { .. }
            | Self::TooLarge { .. } => Exit::Usage,
            Self::NamespaceMissing { .. }
            | Self::TemplateMissing { .. }
            | Self::WorkflowMissing { .. }
            | Self::ConfigMapMissing { .. }
            | Self::ClaimMissing { .. }
            | Self::NoWorkflow { .. }
            | Self::Deleted { .. } => Exit::NotFound,
            Self::Exists { .. } | Self::Conflict { .. } | Self::Unsettled { .. } => Exit::Conflict,
            _ => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoKubeconfig { .. } => Some("set --kubeconfig or KUBECONFIG, or run with --local".into()),
            Self::NoContext { known } => Some(match known.as_slice() {
                [] => "the kubeconfig has no contexts; run with --local, or choose another file with --kubeconfig".into(),
                known => format!("choose one with --context: {}", known.join(", ")),
            }),
            Self::UnknownContext { known, .. } if known.is_empty() => Some("the kubeconfig has no contexts".into()),
            Self::UnknownContext { known, .. } => Some(format!("the kubeconfig has: {}", known.join(", "))),
            Self::GroupsWithoutUser => Some("add the user to impersonate with --as".into()),
            Self::Plugin { install, command, .. } => Some(
                install.clone().unwrap_or_else(|| format!("run {command:?} by hand to see its error, or log in again")),
            ),
            Self::Unreachable { unsure: true, .. } | Self::Overloaded { unsure: true, .. } => Some(
                "the request may have arrived; it is safe to repeat the command with the same --name and run id".into(),
            ),
            Self::Unreachable { .. } => Some("kubectl cluster-info shows whether kubectl can reach it".into()),
            Self::Overloaded { .. } | Self::Conflict { .. } | Self::Unsettled { .. } => Some("try again later".into()),
            Self::Unauthorized { .. } => Some("they may have expired: log in again, or choose another --context".into()),
            Self::Forbidden { user, verb, resource, namespace } => Some(grant(user, verb, resource, namespace.as_deref())),
            Self::NotInstalled { .. } => {
                Some("install it (https://argo-workflows.readthedocs.io), choose another --context, or run with --local".into())
            }
            Self::NamespaceMissing { namespace } => {
                Some(format!("choose another with -n, or create it: kubectl create namespace {namespace}"))
            }
            Self::OtherNamespace { document, .. } => Some(format!("remove -n, or use -n {document}")),
            Self::TemplateMissing { elsewhere, .. } => elsewhere.hint(),
            Self::WorkflowMissing { similar, .. } if !similar.is_empty() => {
                Some(format!("similar names: {}", similar.join(", ")))
            }
            Self::WorkflowMissing { .. } if is_argo_server_named() => Some(
                "kubectl runnable archive list shows workflows that are gone and that argo-server keeps; kubectl get workflows -A lists the existing ones".into(),
            ),
            Self::WorkflowMissing { .. } | Self::NoWorkflow { .. } => Some("kubectl get workflows -A lists the existing ones".into()),
            Self::Exists { .. } => Some("choose another --name, or retry the existing run".into()),
            Self::ClaimMissing { .. } => Some("create it, or use --isolate pvc for one that goes with the workflow".into()),
            Self::ConfigMapMissing { .. } => Some("kubectl get configmaps -A lists the existing ones".into()),
            Self::TooLarge { kind, .. } if *kind == Resource::CONFIG_MAP.kind => {
                Some("a ConfigMap holds at most 1 MiB: remove keys, or use another ConfigMap".into())
            }
            Self::TooLarge { .. } => Some(
                "etcd accepts about 1.5 MB: move templates into a WorkflowTemplate, and large parameters into a ConfigMap or an artifact"
                    .into(),
            ),
            Self::Kubeconfig { .. }
            | Self::Context { .. }
            | Self::Deleted { .. }
            | Self::Unnamed
            | Self::UnknownKind { .. }
            | Self::Invalid { .. }
            | Self::Denied { .. } => None,
            Self::Pod { message, .. } | Self::Api { message, .. } => missing_rule(message),
        }
    }
}

/// The commands with which an administrator grants the permission.
fn grant(user: &str, verb: &str, resource: &str, namespace: Option<&str>) -> String {
    let plural = resource.split('.').next().unwrap_or(resource);
    let subject = match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user={}", word(user)),
    };
    let (kind, within) = match namespace {
        Some(namespace) => ("role", format!(" -n {namespace}")),
        None => ("clusterrole", String::new()),
    };
    let role = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let (name, group) = resource.split_once('.').unwrap_or((resource, ""));
    let line = rule(verb, name, group);
    format!(
        "an administrator can allow it: kubectl create {kind} runnable-{verb}-{plural} --verb={verb} --resource={resource}{within} \
         && kubectl create {kind}binding runnable-{verb}-{plural} --{kind}=runnable-{verb}-{plural} {subject}{within}; \
         or by this rule in a {role}: {line}; check with: kubectl auth can-i {verb} {resource}{within}"
    )
}

/// The rule as it stands in a Role, on one line.
fn rule(verb: &str, resource: &str, group: &str) -> String {
    let group = if group.is_empty() { "\"\"" } else { group };
    format!("{{apiGroups: [{group}], resources: [{resource}], verbs: [{verb}]}}")
}

/// The rule that is missing, by the server's own words (ForbiddenErrorMessage in k8s.io/apiserver
/// pkg/endpoints/handlers/responsewriters/errors.go, v0.34).
pub(super) fn missing_rule(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, _) = rest.split_once('"')?;
    Some(format!("an administrator can allow it by this rule in a Role: {}", rule(verb, resource, group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_names_user_verb_resource_namespace_and_remedy() {
        let error = ClusterError::Forbidden {
            user: "system:serviceaccount:ci:builder".into(),
            verb: "create",
            resource: "workflows.argoproj.io".into(),
            namespace: Some("ci".into()),
        };
        assert_eq!(
            error.to_string(),
            "system:serviceaccount:ci:builder may not create workflows.argoproj.io in namespace \"ci\""
        );
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains(
            "kubectl create role runnable-create-workflows --verb=create --resource=workflows.argoproj.io -n ci"
        ));
        assert!(hint.contains("--role=runnable-create-workflows --serviceaccount=ci:builder -n ci"));
        assert!(hint.contains("kubectl auth can-i create workflows.argoproj.io -n ci"));
        assert!(
            hint.contains("in a Role: {apiGroups: [argoproj.io], resources: [workflows], verbs: [create]};"),
            "{hint}"
        );
    }

    #[test]
    fn the_rule_of_the_core_group_and_of_a_subresource_can_be_pasted() {
        let refused = "pods \"a\" is forbidden: User \"eve\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"ci\"";
        let expected = "{apiGroups: [\"\"], resources: [pods/log], verbs: [get]}";
        assert!(missing_rule(refused).is_some_and(|hint| hint.ends_with(expected)));
        assert_eq!(missing_rule("the pod is too old"), None);
    }

    #[test]
    fn a_cluster_wide_permission_needs_a_cluster_role() {
        let error = ClusterError::Forbidden {
            user: "eve".into(),
            verb: "get",
            resource: "clusterworkflowtemplates.argoproj.io".into(),
            namespace: None,
        };
        assert_eq!(error.to_string(), "eve may not get clusterworkflowtemplates.argoproj.io in the whole cluster");
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("kubectl create clusterrolebinding") && hint.contains("--user=eve"))
        );
    }
}
