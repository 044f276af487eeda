//! Objects of an API server by their API paths, without the library.

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

/// A connection that lives in the calling test's runtime.
pub(crate) struct Objects {
    client: Client,
}

impl Objects {
    pub(crate) async fn of(kubeconfig: Kubeconfig) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Self { client: Client::try_from(config).unwrap() }
    }

    pub(crate) async fn text(&self, path: &str) -> Result<String, kube::Error> {
        self.client.request_text(Request::get(path).body(Vec::new()).unwrap()).await
    }

    /// The object, if it exists.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        match self.client.request(Request::get(path).body(Vec::new()).unwrap()).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.is_not_found() => None,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// Creates an object, by the API path of its collection.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Value {
        self.send(Method::POST, path, "application/json", object).await
    }

    /// Merges a patch into an object.
    pub(crate) async fn patch(&self, path: &str, change: &Value) -> Value {
        self.send(Method::PATCH, path, "application/merge-patch+json", change).await
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.try_delete(path).await.unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
    }

    pub(crate) async fn try_delete(&self, path: &str) -> Result<(), kube::Error> {
        self.client.request::<Value>(Request::delete(path).body(Vec::new()).unwrap()).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: &Value) -> Value {
        let request = Request::builder().method(&method).uri(path).header("content-type", kind);
        let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

/// The API path of a collection: a namespace's own, or the cluster's.
pub(crate) fn collection(namespace: &str, plural: &str) -> String {
    match plural {
        "configmaps" | "persistentvolumeclaims" | "pods" | "serviceaccounts" => {
            format!("/api/v1/namespaces/{namespace}/{plural}")
        }
        "roles" | "rolebindings" => format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{plural}"),
        "leases" => format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/{plural}"),
        "clusterworkflowtemplates" => format!("/apis/argoproj.io/v1alpha1/{plural}"),
        _ => format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/{plural}"),
    }
}
