//! Owners of workflows: finds the object that a user names, and checks whether it still exists.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::discovery::ServedKind;
use super::failure::Failure;
use super::kind::Resource;
use super::remedy::missing_rule;
use super::request::{self, Verb};
use super::{Cluster, ClusterError};
use crate::argo::Metadata;
use crate::exit::{CommandError, Exit};

/// The name of an owner as the user writes it: `[NAMESPACE/]KIND[.GROUP]/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnerName {
    /// Its namespace, if given.
    pub(crate) namespace: Option<String>,
    /// A name of its kind: `Deployment`, `deployments`, `deploy`.
    pub(crate) kind: String,
    /// The kind's group.
    pub(crate) group: Option<String>,
    /// Its name.
    pub(crate) name: String,
}

impl FromStr for OwnerName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "expected KIND/NAME or KIND.GROUP/NAME, such as deployment.apps/web or configmap/release";
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts.as_slice() {
            [kind, name] => (None, *kind, *name),
            [namespace, kind, name] => (Some(*namespace), *kind, *name),
            _ => return Err(EXPECTED),
        };

        let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
        if [Some(kind), Some(name), namespace, group].into_iter().flatten().any(str::is_empty) {
            return Err(EXPECTED);
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self { namespace: owned(namespace), kind: kind.to_owned(), group: owned(group), name: name.to_owned() })
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.group.as_ref().map(|group| format!(".{group}")).unwrap_or_default();
        write!(formatter, "{}{group}/{}", self.kind, self.name)
    }
}

/// Why an object cannot own a workflow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerError {
    /// The cluster does not serve the kind.
    #[error("owner {owner}: the cluster does not serve this kind")]
    UnknownKind {
        /// The owner as given.
        owner: OwnerName,
    },
    /// Several groups have a kind of this name.
    #[error("owner {owner}: several kinds have this name: {}", kinds.join(", "))]
    SeveralKinds {
        /// The owner as given.
        owner: OwnerName,
        /// The kinds with their groups.
        kinds: Vec<String>,
    },
    /// The owner does not exist.
    #[error("owner {kind}/{name} does not exist{}", namespace.as_ref().map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default())]
    Missing {
        /// Its kind and group.
        kind: String,
        /// Its name.
        name: String,
        /// The searched namespace; `None` for a cluster-scoped object.
        namespace: Option<String>,
        /// Other namespaces that have an object of this kind and name.
        elsewhere: Vec<String>,
    },
    /// The owner is in another namespace than the workflow.
    #[error(
        "owner {owner} is in namespace {theirs:?}, but the workflow is in {ours:?}: Kubernetes would delete the workflow"
    )]
    Elsewhere {
        /// The owner as given.
        owner: OwnerName,
        /// The owner's namespace.
        theirs: String,
        /// The workflow's namespace.
        ours: String,
    },
    /// The owner is being deleted, and the workflow would be deleted with it.
    #[error("owner {kind}/{name} is being deleted, and the workflow would be deleted with it")]
    BeingDeleted {
        /// Its kind and group.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The server refuses to return the owner.
    #[error("owner {kind}/{name} cannot be read: {message}")]
    Refused {
        /// Its kind and group.
        kind: String,
        /// Its name.
        name: String,
        /// The server's message.
        message: String,
    },
    /// The request failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl CommandError for OwnerError {
    fn exit(&self) -> Exit {
        match self {
            Self::SeveralKinds { .. } | Self::Elsewhere { .. } => Exit::Usage,
            Self::UnknownKind { .. } | Self::Missing { .. } => Exit::NotFound,
            Self::BeingDeleted { .. } => Exit::Conflict,
            Self::Refused { .. } => Exit::Tool,
            Self::Cluster(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKind { .. } => Some("kubectl api-resources lists the kinds".to_owned()),
            Self::SeveralKinds { .. } => Some("add the group: KIND.GROUP/NAME".to_owned()),
            Self::Missing { elsewhere, .. } if !elsewhere.is_empty() => Some(format!(
                "an object of this name exists in namespace {}; an owner must be in the workflow's namespace, otherwise Kubernetes deletes the workflow",
                elsewhere.join(", ")
            )),
            Self::Elsewhere { theirs, .. } => Some(format!("create the workflow there with -n {theirs}")),
            Self::Cluster(error) => error.hint(),
            Self::Refused { message, .. } => missing_rule(message),
            Self::Missing { .. } | Self::BeingDeleted { .. } => None,
        }
    }
}

impl Cluster {
    /// The ownerReference that makes an object the controller of workflows in this connection's namespace: Kubernetes
    /// deletes them with the object. A foreground deletion of the object waits for them if the user's permissions allow
    /// blockOwnerDeletion.
    pub(crate) async fn owner(&self, owner: &OwnerName) -> Result<Value, OwnerError> {
        let kind = self.owner_kind(owner).await?;
        if let Some(theirs) = owner.namespace.as_ref().filter(|theirs| kind.namespaced && *theirs != self.namespace()) {
            let (theirs, ours) = (theirs.clone(), self.namespace().to_owned());
            return Err(OwnerError::Elsewhere { owner: owner.clone(), theirs, ours });
        }

        let object = self.owner_object(&kind, &owner.name).await?;
        if Metadata::of(&object).is_being_deleted() {
            return Err(OwnerError::BeingDeleted { kind: kind.name(), name: owner.name.clone() });
        }

        Ok(json!({
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "name": owner.name,
            "uid": Metadata::of(&object).uid(),
            "controller": true,
            "blockOwnerDeletion": self.may_block(&kind, &owner.name).await,
        }))
    }

    async fn owner_kind(&self, owner: &OwnerName) -> Result<ServedKind, OwnerError> {
        let mut kinds = match self.kinds_named(&owner.kind, owner.group.as_deref()).await {
            Ok(kinds) => kinds,
            Err(failure) => return Err(self.explain_unrelated(failure).await.into()),
        };
        match (kinds.pop(), kinds.is_empty()) {
            (None, _) => Err(OwnerError::UnknownKind { owner: owner.clone() }),
            (Some(kind), true) => Ok(kind),
            (Some(last), false) => {
                kinds.push(last);
                Err(OwnerError::SeveralKinds {
                    owner: owner.clone(),
                    kinds: kinds.iter().map(ServedKind::name).collect(),
                })
            }
        }
    }

    async fn owner_object(&self, kind: &ServedKind, name: &str) -> Result<Value, OwnerError> {
        let namespace = kind.namespaced.then(|| self.namespace());
        let failure = match self.send(request::object(&kind.api_version, namespace, &kind.plural, name)).await.result {
            Ok(object) => return Ok(object),
            Err(failure) => failure,
        };

        match failure {
            Failure::Refused(status) if status.code == 404 => Err(OwnerError::Missing {
                kind: kind.name(),
                name: name.to_owned(),
                namespace: namespace.map(str::to_owned),
                elsewhere: if kind.namespaced { self.namespaces_with(kind, name).await } else { Vec::new() },
            }),
            Failure::Refused(status) if !matches!(status.code, 401 | 429 | 502..=504) => {
                Err(OwnerError::Refused { kind: kind.name(), name: name.to_owned(), message: status.message })
            }
            failure => Err(self.explain_unrelated(failure).await.into()),
        }
    }

    /// The namespaces that have an object of this kind and name; empty if the user may not list them.
    async fn namespaces_with(&self, kind: &ServedKind, name: &str) -> Vec<String> {
        let answer = self.send(request::named(&kind.api_version, &kind.plural, name)).await;
        let list = answer.result.unwrap_or_default();
        let items = list["items"].as_array().into_iter().flatten();
        items.filter_map(|item| Metadata::of(item).own_namespace().map(str::to_owned)).take(3).collect()
    }

    /// Whether the user may set the owner's finalizers: without this permission the admission plugin
    /// OwnerReferencesPermissionEnforcement refuses blockOwnerDeletion.
    async fn may_block(&self, kind: &ServedKind, name: &str) -> bool {
        let asked = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": "update",
                "group": kind.group(),
                "resource": kind.plural,
                "subresource": "finalizers",
                "namespace": if kind.namespaced { self.namespace() } else { "" },
                "name": name,
            }},
        });
        let answer = self.send(request::access_review(&asked)).await;
        answer.result.is_ok_and(|review| review["status"]["allowed"] == true)
    }

    /// Explains a failure that does not concern the requested object.
    async fn explain_unrelated(&self, failure: Failure) -> ClusterError {
        let call = self.call(Verb::Get, Resource::WORKFLOW, "");
        self.explain(&call, failure, false).await
    }

    /// Whether the object of an ownerReference exists, has the same uid, and is not being deleted. If the server gives
    /// no answer, true.
    pub(crate) async fn owner_stays(&self, reference: &Value) -> bool {
        let text = |field: &str| reference[field].as_str().unwrap_or_default();
        let Some(kind) = self.served_kind(text("apiVersion"), text("kind")).await else { return true };
        let namespace = kind.namespaced.then(|| self.namespace());
        let answer = self.send(request::object(&kind.api_version, namespace, &kind.plural, text("name"))).await;
        match answer.result {
            Ok(owner) => {
                let metadata = Metadata::of(&owner);
                metadata.uid() == text("uid") && !metadata.is_being_deleted()
            }
            Err(Failure::Refused(status)) => status.code != 404,
            Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_kind_and_a_name() -> Result<(), &'static str> {
        let owner: OwnerName = "deployment.apps/web".parse()?;
        let parts = (owner.kind.as_str(), owner.group.as_deref(), owner.name.as_str(), &owner.namespace);
        assert_eq!(parts, ("deployment", Some("apps"), "web", &None));
        assert_eq!(owner.to_string(), "deployment.apps/web");
        let owner: OwnerName = "ci/configmap/release".parse()?;
        assert_eq!((owner.namespace.as_deref(), owner.group.as_deref()), (Some("ci"), None));
        let role: OwnerName = "clusterrole.rbac.authorization.k8s.io/system:node".parse()?;
        assert_eq!((role.group.as_deref(), role.name.as_str()), (Some("rbac.authorization.k8s.io"), "system:node"));
        for wrong in ["", "web", "/web", "deployment/", "deployment./web", ".apps/web", "a/b/c/d", "/deployment/web"] {
            assert!(wrong.parse::<OwnerName>().is_err(), "{wrong}");
        }
        Ok(())
    }
}
