//! What can go wrong on the way to a cluster and in it: each with its message, its advice and its exit code.

use std::path::PathBuf;

use super::kind::Resource;
use super::template::Elsewhere;
use crate::exit::{CommandError, Exit};

/// Why the cluster did not do what was asked. No variant carries a credential.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is neither a kubeconfig nor a pod's service account.
    #[error("no cluster is configured: there is no kubeconfig at {}", .path.display())]
    NoKubeconfig {
        /// Where it was looked for last.
        path: PathBuf,
    },
    /// A kubeconfig cannot be read, or is none.
    #[error("cannot use kubeconfig {}: {cause}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The kubeconfig has no current context and none was asked for.
    #[error("the kubeconfig has no current context")]
    NoContext {
        /// The contexts that it has.
        known: Vec<String>,
    },
    /// The kubeconfig has no context of this name.
    #[error("context {context:?} is not in the kubeconfig")]
    UnknownContext {
        /// The name.
        context: String,
        /// The contexts that it has.
        known: Vec<String>,
    },
    /// The context's cluster or user cannot be used as it stands.
    #[error("cannot use context {context:?}: {cause}")]
    Context {
        /// The context.
        context: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Groups cannot be taken on without a user.
    #[error("--as-group needs --as")]
    GroupsWithoutUser,
    /// The program that the kubeconfig names for credentials did not give one.
    #[error("credential plugin {command:?} {cause}")]
    Plugin {
        /// The program.
        command: String,
        /// How it failed.
        cause: String,
        /// What the kubeconfig says about installing it.
        install: Option<String>,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach the API server at {server}: {cause}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What failed.
        cause: String,
        /// Whether a request that changes something may have arrived all the same.
        unsure: bool,
    },
    /// The server is there but does not keep up.
    #[error("the API server at {server} is overloaded: {message}")]
    Overloaded {
        /// Its URL.
        server: String,
        /// What it said.
        message: String,
        /// Whether a request that changes something may have been carried out all the same.
        unsure: bool,
    },
    /// The credential is missing, wrong or expired.
    #[error("the API server at {server} does not accept the credentials{}", of_context(.context.as_ref()))]
    Unauthorized {
        /// Its URL.
        server: String,
        /// The kubeconfig's context.
        context: Option<String>,
    },
    /// The user may not do this.
    #[error("{user} may not {verb} {resource} {}", place(.namespace.as_deref()))]
    Forbidden {
        /// Who, as the server knows them.
        user: String,
        /// What.
        verb: &'static str,
        /// To which kind of object, as in `workflows.argoproj.io`.
        resource: String,
        /// Where; `None` for the whole cluster.
        namespace: Option<String>,
    },
    /// The cluster does not know Argo's kinds.
    #[error("Argo Workflows is not installed in this cluster ({server} serves no {resource})")]
    NotInstalled {
        /// The server's URL.
        server: String,
        /// The kind of object that was asked for, as in `workflows.argoproj.io`.
        resource: String,
    },
    /// The namespace does not exist.
    #[error("namespace {namespace:?} does not exist")]
    NamespaceMissing {
        /// Its name.
        namespace: String,
    },
    /// The document's namespace is another one than the one asked for.
    #[error("the workflow's namespace is {document:?} but {asked:?} was asked for")]
    OtherNamespace {
        /// In the document.
        document: String,
        /// On the command line.
        asked: String,
    },
    /// The template does not exist.
    #[error("{kind} {name:?} does not exist{}", in_namespace(.namespace.as_deref()))]
    TemplateMissing {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it was looked for; `None` for a cluster's.
        namespace: Option<String>,
        /// Where the user may have meant to look.
        elsewhere: Box<Elsewhere>,
    },
    /// The workflow does not exist.
    #[error("workflow {name:?} does not exist{}", in_namespace(Some(.namespace)))]
    WorkflowMissing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// The ConfigMap does not exist.
    #[error("ConfigMap {name:?} does not exist{}", in_namespace(Some(.namespace)))]
    ConfigMapMissing {
        /// Its name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// There is no workflow that could be the latest.
    #[error("there is no workflow in namespace {namespace:?}")]
    NoWorkflow {
        /// Where it was looked for.
        namespace: String,
    },
    /// The workflow was deleted while it was waited for.
    #[error("workflow {name:?} was deleted before it ended")]
    Deleted {
        /// Its name.
        name: String,
    },
    /// The document has no name to create it under.
    #[error("the workflow has no metadata.name")]
    Unnamed,
    /// Another run has this name.
    #[error("workflow {name:?} already exists{}", in_namespace(Some(.namespace)))]
    Exists {
        /// Its name.
        name: String,
        /// Where.
        namespace: String,
    },
    /// The server finds the document wrong.
    #[error("the API server refuses {kind} {name:?} as invalid: {}", .causes.join("; "))]
    Invalid {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Field by field.
        causes: Vec<String>,
    },
    /// The document is larger than the server takes.
    #[error("{kind} {name:?} is too large for the API server ({bytes} bytes)")]
    TooLarge {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its size as it was sent.
        bytes: usize,
    },
    /// A policy of the cluster refuses the request.
    #[error("the cluster refuses to {verb} {kind} {name:?}: {message}")]
    Denied {
        /// What was asked.
        verb: &'static str,
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the policy says.
        message: String,
    },
    /// The object, or what the server counts by it, was changed at the same time.
    #[error("the API server cannot {verb} {kind} {name:?} for a conflict: {message}")]
    Conflict {
        /// What was asked.
        verb: &'static str,
        /// Of which kind.
        kind: &'static str,
        /// Of which object.
        name: String,
        /// What the server said.
        message: String,
    },
    /// A pod that stands in the way of a retry cannot be deleted.
    #[error("cannot delete pod {name:?}: {message}")]
    Pod {
        /// Its name.
        name: String,
        /// What the server said.
        message: String,
    },
    /// The object was changed by others each time that it was to be changed.
    #[error("cannot change {what}: it changed during each of {attempts} attempts")]
    Unsettled {
        /// The object, with its kind.
        what: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// Any other answer of the server.
    #[error("the API server cannot {verb} {kind} {name:?}: {message}")]
    Api {
        /// What was asked.
        verb: &'static str,
        /// Of which kind.
        kind: &'static str,
        /// Of which object.
        name: String,
        /// What the server said.
        message: String,
    },
}

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
            | Self::NoWorkflow { .. }
            | Self::Deleted { .. } => Exit::NotFound,
            Self::Exists { .. } | Self::Conflict { .. } | Self::Unsettled { .. } => Exit::Conflict,
            _ => Exit::Tool,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoKubeconfig { .. } => Some("name one with --kubeconfig or KUBECONFIG, or run with --local".into()),
            Self::NoContext { known } => Some(match known.as_slice() {
                [] => "the kubeconfig names no cluster; run with --local, or name another file with --kubeconfig".into(),
                known => format!("choose one with --context: {}", known.join(", ")),
            }),
            Self::UnknownContext { known, .. } if known.is_empty() => Some("the kubeconfig has no contexts".into()),
            Self::UnknownContext { known, .. } => Some(format!("the kubeconfig has: {}", known.join(", "))),
            Self::GroupsWithoutUser => Some("name the user to act as with --as".into()),
            Self::Plugin { install, command, .. } => Some(
                install.clone().unwrap_or_else(|| format!("run {command:?} by hand to see what it says, or log in again")),
            ),
            Self::Unreachable { unsure: true, .. } | Self::Overloaded { unsure: true, .. } => Some(
                "the request may have arrived; the same command with the same --name and run id repeats it safely".into(),
            ),
            Self::Unreachable { .. } => Some("kubectl cluster-info shows whether kubectl reaches it".into()),
            Self::Overloaded { .. } | Self::Conflict { .. } | Self::Unsettled { .. } => Some("try again later".into()),
            Self::Unauthorized { .. } => Some("they may have expired: log in again, or choose another --context".into()),
            Self::Forbidden { user, verb, resource, namespace } => Some(grant(user, verb, resource, namespace.as_deref())),
            Self::NotInstalled { .. } => {
                Some("install it (https://argo-workflows.readthedocs.io), choose another --context, or run with --local".into())
            }
            Self::NamespaceMissing { namespace } => {
                Some(format!("choose another with -n, or create it: kubectl create namespace {namespace}"))
            }
            Self::OtherNamespace { document, .. } => Some(format!("leave -n out, or pass -n {document}")),
            Self::TemplateMissing { elsewhere, .. } => elsewhere.hint(),
            Self::WorkflowMissing { .. } | Self::NoWorkflow { .. } => Some("kubectl get workflows -A lists those that exist".into()),
            Self::Exists { .. } => Some("choose another --name, or retry the run that has it".into()),
            Self::ConfigMapMissing { .. } => Some("kubectl get configmaps -A lists those that exist".into()),
            Self::TooLarge { kind, .. } if *kind == Resource::CONFIG_MAP.kind => {
                Some("a ConfigMap holds 1 MiB: remove keys, or begin another one".into())
            }
            Self::TooLarge { .. } => Some(
                "etcd takes about 1.5 MB: move templates into a WorkflowTemplate and large parameters into a ConfigMap or an artifact"
                    .into(),
            ),
            Self::Kubeconfig { .. }
            | Self::Context { .. }
            | Self::Deleted { .. }
            | Self::Unnamed
            | Self::Invalid { .. }
            | Self::Denied { .. }
            | Self::Pod { .. }
            | Self::Api { .. } => None,
        }
    }
}

fn of_context(context: Option<&String>) -> String {
    context.map(|context| format!(" of context {context:?}")).unwrap_or_default()
}

fn in_namespace(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default()
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in the whole cluster".to_owned(), |namespace| format!("in namespace {namespace:?}"))
}

/// The commands by which an administrator allows what was forbidden.
fn grant(user: &str, verb: &str, resource: &str, namespace: Option<&str>) -> String {
    let plural = resource.split('.').next().unwrap_or(resource);
    let subject = match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None => format!("--user={}", quoted(user)),
    };
    let (kind, within) = match namespace {
        Some(namespace) => ("role", format!(" -n {namespace}")),
        None => ("clusterrole", String::new()),
    };
    format!(
        "an administrator can allow it: kubectl create {kind} runnable-{verb}-{plural} --verb={verb} --resource={resource}{within} \
         && kubectl create {kind}binding runnable-{verb}-{plural} --{kind}=runnable-{verb}-{plural} {subject}{within}; \
         check with: kubectl auth can-i {verb} {resource}{within}"
    )
}

/// A text as one word of a shell's command.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "@%+=:,./_-".contains(character);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_an_odd_name_is_one_word_of_the_command() {
        assert_eq!(quoted("oidc:eve@corp"), "oidc:eve@corp");
        assert_eq!(quoted("Eve O'Hara; rm -rf"), r"'Eve O'\''Hara; rm -rf'");
    }

    #[test]
    fn forbidden_says_who_what_where_and_how_to_allow_it() {
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
    }

    #[test]
    fn what_is_cluster_wide_needs_a_cluster_role() {
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
