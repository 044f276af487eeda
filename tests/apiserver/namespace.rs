//! A test's own namespace on the shared API server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use kube::Client;
use kubectl_runnable::testing::cluster::{Access, Cluster};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, User};
use crate::support::files;
use crate::support::wait::until;

/// A namespace that no other test uses. It goes with the server: no controller runs here that could empty it sooner.
pub(crate) struct Namespace {
    /// Its name.
    pub(crate) name: String,
    server: &'static Server,
    client: Client,
    directory: TempDir,
}

impl Namespace {
    /// Makes one on the server with Argo's definitions.
    pub(crate) async fn new() -> Self {
        Self::on(Server::argo()).await
    }

    /// Makes one on a server.
    pub(crate) async fn on(server: &'static Server) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let client = server.client(User::Admin).await;
        let namespace = Self { name, server, client, directory: TempDir::new().unwrap() };
        namespace
            .post(
                "/api/v1/namespaces",
                &json!({
                    "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace.name },
                }),
            )
            .await;
        namespace
    }

    /// A kubeconfig file whose context `test` is this namespace, for a spawned program.
    pub(crate) fn kubeconfig(&self, user: User) -> PathBuf {
        let path = self.directory.path().join(format!("{}.kubeconfig", user.name()));
        // A program that was started with it may be reading it now.
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

    /// Creates a ConfigMap or an object of Argo's, past the library: `plural` names its resource.
    pub(crate) async fn create(&self, plural: &str, object: &Value) -> Value {
        self.post(&self.path(plural), object).await
    }

    /// Reads such an object, past the library.
    pub(crate) async fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let request = http::Request::get(format!("{}/{name}", self.path(plural))).body(Vec::new()).unwrap();
        match self.client.request(request).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.is_not_found() => None,
            Err(error) => panic!("{plural}/{name}: {error}"),
        }
    }

    /// Merges a patch into such an object, as Argo's controller would.
    pub(crate) async fn patch(&self, plural: &str, name: &str, patch: &Value) -> Value {
        let request = http::Request::patch(format!("{}/{name}", self.path(plural)))
            .header("content-type", "application/merge-patch+json")
            .body(serde_json::to_vec(patch).unwrap())
            .unwrap();
        self.client.request(request).await.unwrap()
    }

    /// Deletes such an object.
    pub(crate) async fn delete(&self, plural: &str, name: &str) {
        self.delete_any(&format!("{}/{name}", self.path(plural))).await;
    }

    /// Deletes any object by its API path.
    pub(crate) async fn delete_any(&self, path: &str) {
        let request = http::Request::delete(path).body(Vec::new()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
    }

    /// Allows the restricted user some verbs on ConfigMaps or one of Argo's resources in this namespace.
    pub(crate) async fn allow(&self, verbs: &[&str], plural: &str) {
        let group = if plural == "configmaps" { "" } else { "argoproj.io" };
        self.allow_in(group, verbs, plural).await;
    }

    /// The same on a resource of any group.
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

    /// The server honours a role only once its authoriser's watch has seen it.
    async fn until_allowed(&self, group: &str, verb: &str, plural: &str) {
        let asked = json!({ "namespace": self.name, "group": group, "verb": verb, "resource": plural });
        let review = json!({ "spec": { "user": User::Restricted.name(), "resourceAttributes": asked } });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let allowed = async || (self.post(path, &review).await["status"]["allowed"] == true).then_some(());
        until(&format!("{} may: {asked}", User::Restricted.name()), allowed).await;
    }

    /// Creates any object by its API path.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Value {
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(object).unwrap())
            .unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    fn path(&self, plural: &str) -> String {
        match plural {
            "configmaps" => format!("/api/v1/namespaces/{}/{plural}", self.name),
            "clusterworkflowtemplates" => format!("/apis/argoproj.io/v1alpha1/{plural}"),
            namespaced => format!("/apis/argoproj.io/v1alpha1/namespaces/{}/{namespaced}", self.name),
        }
    }
}

/// A program that was just started reads its kubeconfig while the test asks for the file again.
#[tokio::test]
async fn a_kubeconfig_is_whole_whenever_it_is_read() {
    let namespace = Namespace::new().await;
    let path = namespace.kubeconfig(User::Admin);
    let whole = std::fs::read(&path).unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| (0..2_000).for_each(|_| drop(namespace.kubeconfig(User::Admin))));
        while !asking.is_finished() {
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    });
}
