//! What a cluster offers, for `doctor`: its version, Argo's kinds, the user's permissions, the controllers.

use serde_json::{Value, json};

use super::cache::SETTINGS;
use super::failure::Failure;
use super::kind::Resource;
use super::request::{self, Call, Verb};
use super::{Cluster, ClusterError};
use crate::argo::Metadata;

/// The group and version of Argo's kinds.
const ARGO: &str = "argoproj.io/v1alpha1";
/// The controller's image, whatever registry it comes from.
const IMAGE: &str = "workflow-controller";

/// An operation that needs permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permission {
    /// The verb of the API server's authorization.
    pub(crate) verb: &'static str,
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The plural name, such as `workflows`, or with a subresource `pods/log`.
    pub(crate) resource: &'static str,
}

impl Permission {
    /// The resource as in the rules of a role.
    pub(crate) fn qualified(self) -> String {
        match (self.group, self.resource.split_once('/')) {
            ("", _) => self.resource.to_owned(),
            (group, Some((resource, subresource))) => format!("{resource}.{group}/{subresource}"),
            (group, None) => format!("{}.{group}", self.resource),
        }
    }

    fn question(self, namespace: &str) -> Value {
        let (resource, subresource) = self.resource.split_once('/').unwrap_or((self.resource, ""));
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": namespace, "verb": self.verb, "group": self.group,
                "resource": resource, "subresource": subresource,
            }},
        })
    }
}

/// A controller, as its pod tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Controller {
    /// Where it runs.
    pub(crate) namespace: String,
    /// The tag of its image, which is its version.
    pub(crate) version: String,
}

impl Cluster {
    /// The version of the API server, such as `v1.34.1`.
    pub(crate) async fn server_version(&self) -> Result<String, ClusterError> {
        let call = self.call(Verb::Get, Resource::WORKFLOW, "");
        match self.send(request::version()).await.result {
            Ok(version) => Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned()),
            Err(failure) => Err(self.explain(&call, failure, false).await),
        }
    }

    /// The plural names of the kinds of Argo's projects that the server serves; none if there are no such kinds.
    pub(crate) async fn argo_kinds(&self) -> Result<Vec<String>, ClusterError> {
        let call = self.call(Verb::Get, Resource::WORKFLOW, "");
        match self.send(request::served(ARGO)).await.result {
            Ok(list) => {
                let resources = list["resources"].as_array().into_iter().flatten();
                let names = resources.filter_map(|resource| resource["name"].as_str());
                Ok(names.filter(|name| !name.contains('/')).map(str::to_owned).collect())
            }
            Err(Failure::Refused(status)) if status.code == 404 => Ok(Vec::new()),
            Err(failure) => Err(self.explain(&call, failure, false).await),
        }
    }

    /// The names of all namespaces.
    pub(crate) async fn namespace_names(&self) -> Result<Vec<String>, ClusterError> {
        let call = Call { resource: Resource::NAMESPACE, namespace: None, name: "", verb: Verb::List };
        match self.send(call.list_metadata("limit=500")).await.result {
            Ok(list) => {
                let items = list["items"].as_array().into_iter().flatten();
                Ok(items.map(|item| Metadata::of(item).name().to_owned()).collect())
            }
            Err(failure) => Err(self.explain(&call, failure, false).await),
        }
    }

    /// Whether the user may do it in a namespace.
    pub(crate) async fn may(&self, permission: Permission, namespace: &str) -> Result<bool, ClusterError> {
        let call = self.call(Verb::Get, Resource::WORKFLOW, "");
        match self.send(request::access_review(&permission.question(namespace))).await.result {
            Ok(review) => Ok(review["status"]["allowed"] == true),
            Err(failure) => Err(self.explain(&call, failure, false).await),
        }
    }

    /// The controllers whose pods can be seen in these namespaces.
    pub(crate) async fn controllers(&self, namespaces: impl IntoIterator<Item = &String>) -> Vec<Controller> {
        let mut found = Vec::new();
        for namespace in namespaces {
            let call = Call { resource: Resource::POD, namespace: Some(namespace), name: "", verb: Verb::List };
            let Ok(list) = self.send(call.list("limit=500")).await.result else { continue };
            let pods = list["items"].as_array().into_iter().flatten();
            let versions = pods.filter_map(controller_version);
            found.extend(versions.map(|version| Controller { namespace: namespace.clone(), version }));
        }
        found
    }

    /// The settings of the controller of a namespace; none if they cannot be seen.
    pub(crate) async fn controller_settings(&self, namespace: &str) -> Option<Value> {
        let settings = self.within(namespace).config_map(SETTINGS).await.ok()??;
        Some(settings["data"].clone())
    }
}

/// The version in the image of a controller's pod.
fn controller_version(pod: &Value) -> Option<String> {
    let live = !Metadata::of(pod).is_being_deleted();
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|container| container["image"].as_str()).filter(|_| live).find_map(version_of)
}

fn version_of(image: &str) -> Option<String> {
    let name = image.rsplit('/').next()?;
    let name = name.split('@').next()?;
    let (name, tag) = name.split_once(':').unwrap_or((name, "unknown"));
    (name == IMAGE).then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_names_the_version() {
        for (image, version) in [
            ("quay.io/argoproj/workflow-controller:v4.1.2", Some("v4.1.2")),
            ("registry:5000/workflow-controller:v3.7.0@sha256:abc", Some("v3.7.0")),
            ("quay.io/argoproj/workflow-controller", Some("unknown")),
            ("quay.io/argoproj/argocli:v4.1.2", None),
        ] {
            assert_eq!(version_of(image).as_deref(), version, "{image}");
        }
    }

    #[test]
    fn a_subresource_is_asked_for_by_its_own_field() {
        let log = Permission { verb: "get", group: "", resource: "pods/log" };
        let attributes = &log.question("ci")["spec"]["resourceAttributes"];
        assert_eq!((&attributes["resource"], &attributes["subresource"]), (&json!("pods"), &json!("log")));
        let create = Permission { verb: "create", group: "argoproj.io", resource: "workflows" };
        assert_eq!(create.qualified(), "workflows.argoproj.io");
    }
}
