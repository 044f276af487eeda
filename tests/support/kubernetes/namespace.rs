//! A test's own namespace on the shared API server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use assert_fs::TempDir;
use kubectl_runnable::testing::cluster::{Access, Cluster};
use serde_json::{Value, json};

use super::objects::{Objects, collection};
use super::server::{Server, User};
use crate::support::files;
use crate::support::wait::until;

/// A namespace that no other test uses. It exists until the server ends, because no namespace controller runs here.
pub(crate) struct Namespace {
    /// Its name.
    pub(crate) name: String,
    server: &'static Server,
    objects: Objects,
    directory: TempDir,
}

impl Namespace {
    /// Creates one on the server with Argo's definitions.
    pub(crate) async fn new() -> Self {
        Self::on(Server::argo()).await
    }

    /// Creates one on a server.
    pub(crate) async fn on(server: &'static Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let objects = server.objects(User::Admin).await;
        objects.post("/api/v1/namespaces", &json!({ "metadata": { "name": name } })).await;
        Self { name, server, objects, directory: TempDir::new().unwrap() }
    }

    /// A kubeconfig file for a program; its context `test` has this namespace.
    pub(crate) fn kubeconfig(&self, user: User) -> PathBuf {
        let path = self.directory.path().join(format!("{}.kubeconfig", user.name()));
        // A program that was started with it may be reading it.
        if !path.exists() {
            files::write(&path, self.server.kubeconfig(user, &self.name).to_string());
        }
        path
    }

    /// What the library needs to reach this namespace.
    pub(crate) fn access(&self, user: User) -> Access {
        Access { kubeconfig: Some(self.kubeconfig(user)), ..Access::default() }
    }

    /// The library's own connection to this namespace.
    pub(crate) async fn cluster(&self, user: User) -> Cluster {
        Cluster::connect(&self.access(user)).await.unwrap()
    }

    /// Creates a ConfigMap or an Argo object, without the library; `plural` is its resource.
    pub(crate) async fn create(&self, plural: &str, object: &Value) -> Value {
        self.objects.post(&self.collection(plural), object).await
    }

    /// Reads such an object, without the library.
    pub(crate) async fn get(&self, plural: &str, name: &str) -> Option<Value> {
        self.objects.get(&self.path(plural, name)).await
    }

    /// Merges a patch into such an object, as Argo's controller would.
    pub(crate) async fn patch(&self, plural: &str, name: &str, patch: &Value) -> Value {
        self.objects.patch(&self.path(plural, name), patch).await
    }

    /// Deletes such an object.
    pub(crate) async fn delete(&self, plural: &str, name: &str) {
        self.objects.delete(&self.path(plural, name)).await;
    }

    /// Reads any object by its API path.
    pub(crate) async fn get_any(&self, path: &str) -> Option<Value> {
        self.objects.get(path).await
    }

    /// Deletes any object by its API path.
    pub(crate) async fn delete_any(&self, path: &str) {
        self.objects.delete(path).await;
    }

    /// Creates any object by the API path of its collection.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Value {
        self.objects.post(path, object).await
    }

    /// Allows the restricted user some verbs on ConfigMaps or one of Argo's resources in this namespace.
    pub(crate) async fn allow(&self, verbs: &[&str], plural: &str) {
        let group = if plural == "configmaps" { "" } else { "argoproj.io" };
        self.allow_in(group, verbs, plural).await;
    }

    /// The same for a resource of any group.
    pub(crate) async fn allow_in(&self, group: &str, verbs: &[&str], plural: &str) {
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        let name = format!("{}-{plural}", verbs.join("-"));
        let rules = json!([{ "apiGroups": [group], "resources": [plural], "verbs": verbs }]);
        self.post(&format!("{rbac}/roles"), &json!({ "metadata": { "name": name }, "rules": rules })).await;
        self.post(
            &format!("{rbac}/rolebindings"),
            &json!({
                "metadata": { "name": name },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
                "subjects": [{ "kind": "User", "name": User::Restricted.name() }],
            }),
        )
        .await;
        for verb in verbs {
            self.until_allowed(group, verb, plural).await;
        }
    }

    /// Waits for the role to take effect: the server applies it after its authorizer's watch has seen it.
    async fn until_allowed(&self, group: &str, verb: &str, plural: &str) {
        let asked = json!({ "namespace": self.name, "group": group, "verb": verb, "resource": plural });
        let review = json!({ "spec": { "user": User::Restricted.name(), "resourceAttributes": asked } });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let allowed = async || (self.post(path, &review).await["status"]["allowed"] == true).then_some(());
        until(&format!("{} may: {asked}", User::Restricted.name()), allowed).await;
    }

    fn path(&self, plural: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(plural))
    }

    fn collection(&self, plural: &str) -> String {
        collection(&self.name, plural)
    }
}
