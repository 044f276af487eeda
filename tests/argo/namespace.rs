//! A namespace of its own for each test; it is dumped when the test fails and deleted however it ends.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use assert_fs::TempDir;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::kubernetes::objects::{Objects, collection};
use crate::support::files;

const VARIABLE: &str = "RUNNABLE_E2E_KUBECONFIG";
/// Longer than a small workflow takes on a busy cluster that has to pull its image first.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);

/// One namespace of the cluster.
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) directory: TempDir,
    objects: Objects,
    runtime: Runtime,
}

/// Runs a test in a new namespace.
pub(crate) fn with_namespace(test: impl FnOnce(&Namespace)) {
    let namespace = Namespace::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| test(&namespace)));
    if outcome.is_err() {
        namespace.dump();
    }
    namespace.clear();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

impl Namespace {
    fn new() -> Self {
        let kubeconfig = std::env::var_os(VARIABLE)
            .unwrap_or_else(|| panic!("set {VARIABLE} to the kubeconfig of a cluster with Argo Workflows"));
        let kubeconfig = PathBuf::from(kubeconfig);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let objects = runtime.block_on(connect(&kubeconfig));
        let name = format!("runnable-e2e-{:08x}", rand::random::<u32>());
        let namespace = Self { name, kubeconfig, directory: TempDir::new().unwrap(), objects, runtime };
        assert!(
            namespace.read("/apis/argoproj.io/v1alpha1/workflows?limit=1").is_some(),
            "the cluster of {VARIABLE} has no Argo Workflows"
        );
        namespace.post("/api/v1/namespaces", &json!({"metadata": {"name": namespace.name}}));
        namespace.let_pods_report();
        namespace
    }

    /// Argo's executor writes the results of pods as their service account.
    fn let_pods_report(&self) {
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        let rules = json!([{"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"],
            "verbs": ["create", "patch"]}]);
        self.post(&format!("{rbac}/roles"), &json!({"metadata": {"name": "executor"}, "rules": rules}));
        self.post(
            &format!("{rbac}/rolebindings"),
            &json!({"metadata": {"name": "executor"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "executor"},
                "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": self.name}]}),
        );
    }

    /// A file of this test.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        files::write(&path, text);
        path.to_str().unwrap().to_owned()
    }

    /// The workflow of this name, past the program.
    pub(crate) fn workflow(&self, name: &str) -> Option<Value> {
        self.read(&self.path("workflows", name))
    }

    /// The workflow of this name, once `met` holds of it.
    pub(crate) fn workflow_once(&self, name: &str, what: &str, met: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let workflow = self.workflow(name).unwrap_or_else(|| panic!("no workflow {name}"));
            if met(&workflow) {
                return workflow;
            }
            assert!(begun.elapsed() < PATIENCE, "{name}: not {what} after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until something of the namespace holds.
    pub(crate) fn once(&self, what: &str, met: impl Fn() -> bool) {
        let begun = Instant::now();
        while !met() {
            assert!(begun.elapsed() < PATIENCE, "{}: not after {PATIENCE:?}: {what}", self.name);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// How many claims there are.
    pub(crate) fn claims(&self) -> usize {
        self.read(&self.collection("persistentvolumeclaims")).unwrap()["items"].as_array().unwrap().len()
    }

    /// Creates an object of Argo's from YAML.
    pub(crate) fn create(&self, plural: &str, text: &str) -> Value {
        let object: Value = serde_yaml::from_str(text).unwrap();
        self.post(&self.collection(plural), &object)
    }

    pub(crate) fn delete(&self, plural: &str, name: &str) {
        self.runtime.block_on(self.objects.delete(&self.path(plural, name)));
    }

    /// Makes the controller look at a workflow.
    pub(crate) fn touch(&self, name: &str) {
        self.change(name, &json!({"metadata": {"annotations": {"touched": "yes"}}}));
    }

    /// Changes a workflow by a merge patch.
    pub(crate) fn change(&self, name: &str, patch: &Value) {
        self.runtime.block_on(self.objects.patch(&self.path("workflows", name), patch));
    }

    /// The ConfigMap of a cache, wherever the controller keeps its caches.
    pub(crate) fn cache(&self, name: &str) -> Option<Value> {
        let list = self.read("/api/v1/configmaps?labelSelector=workflows.argoproj.io/configmap-type=Cache").unwrap();
        let caches = list["items"].as_array().unwrap().iter();
        caches
            .filter(|cache| cache["metadata"]["name"] == name)
            .max_by_key(|cache| cache["data"].to_string().len())
            .cloned()
    }

    /// Any object by its API path, if it exists.
    pub(crate) fn read(&self, path: &str) -> Option<Value> {
        self.runtime.block_on(self.objects.get(path))
    }

    /// Creates any object by the API path of its collection.
    pub(crate) fn post(&self, path: &str, object: &Value) -> Value {
        self.runtime.block_on(self.objects.post(path, object))
    }

    pub(crate) fn path(&self, plural: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(plural))
    }

    /// The API path of a collection.
    pub(crate) fn collection(&self, plural: &str) -> String {
        collection(&self.name, plural)
    }

    fn workflows(&self) -> Vec<Value> {
        let list = self.read(&self.collection("workflows")).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    fn dump(&self) {
        for workflow in self.workflows() {
            eprintln!("--- workflow {}", workflow["metadata"]["name"]);
            eprintln!("parameters: {}", workflow["spec"]["arguments"]["parameters"]);
            eprintln!("phase: {}, message: {}", workflow["status"]["phase"], workflow["status"]["message"]);
            for node in workflow["status"]["nodes"].as_object().into_iter().flat_map(serde_json::Map::values) {
                eprintln!(
                    "  {} {} {}: {} {}",
                    node["name"], node["type"], node["phase"], node["message"], node["memoizationStatus"]
                );
            }
        }
        for pod in self.read(&self.collection("pods")).unwrap()["items"].as_array().unwrap() {
            let name = pod["metadata"]["name"].as_str().unwrap();
            eprintln!("--- pod {name} {}", pod["status"]["containerStatuses"]);
            if pod["status"]["phase"] == "Failed" {
                eprintln!("{}", self.log(name, "main"));
                eprintln!("{}", self.log(name, "wait"));
            }
        }
    }

    fn log(&self, pod: &str, container: &str) -> String {
        let path = format!("{}/log?container={container}&tailLines=40", self.path("pods", pod));
        self.runtime.block_on(self.objects.text(&path)).unwrap_or_else(|error| error.to_string())
    }

    /// Deletes the namespace, and the caches that its workflows made outside it.
    fn clear(&self) {
        let caches = self.workflows().iter().flat_map(caches_of).collect::<std::collections::BTreeSet<_>>();
        for cache in caches.iter().filter_map(|name| self.cache(name)) {
            let text = |field: &str| cache["metadata"][field].as_str().unwrap().to_owned();
            let path = format!("/api/v1/namespaces/{}/configmaps/{}", text("namespace"), text("name"));
            self.remove(&path);
        }
        self.remove(&format!("/api/v1/namespaces/{}", self.name));
    }

    pub(crate) fn remove(&self, path: &str) {
        if let Err(error) = self.runtime.block_on(self.objects.try_delete(path)) {
            eprintln!("DELETE {path}: {error}");
        }
    }
}

/// The names of the caches of a workflow's templates.
fn caches_of(workflow: &Value) -> Vec<String> {
    let templates = workflow["spec"]["templates"].as_array().cloned().unwrap_or_default();
    let name = |template: &Value| template["memoize"]["cache"]["configMap"]["name"].as_str().map(str::to_owned);
    templates.iter().filter_map(name).collect()
}

async fn connect(kubeconfig: &std::path::Path) -> Objects {
    Objects::of(Kubeconfig::read_from(kubeconfig).unwrap_or_else(|error| panic!("{VARIABLE}: {error}"))).await
}
