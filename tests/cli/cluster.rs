//! What is printed of workflows on a cluster. The API server here only answers; tests/apiserver has a real one.

use std::time::Duration;

use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::environment::Environment;
use crate::workflows::one_task;

const COLLECTION: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows";

/// A server that takes workflows and says that they stand in this phase.
struct Cluster {
    environment: Environment,
    server: MockServer,
    runtime: Runtime,
}

impl Cluster {
    fn new(phase: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            let create =
                |request: &Request| ResponseTemplate::new(201).set_body_json(stored(request.body_json().unwrap()));
            Mock::given(method("POST")).and(path(COLLECTION)).respond_with(create).mount(&server).await;
            let watch = Mock::given(method("GET")).and(query_param("watch", "true"));
            watch.respond_with(ResponseTemplate::new(200).set_delay(Duration::from_mins(10))).mount(&server).await;
            let read = move |request: &Request| {
                let name = request.url.path().rsplit('/').next().unwrap();
                let mut workflow = stored(json!({"metadata": {"name": name}}));
                workflow["status"] = json!({"phase": phase, "message": "said\u{1b}[31m so", "nodes": {}});
                ResponseTemplate::new(200).set_body_json(workflow)
            };
            Mock::given(method("GET")).respond_with(read).with_priority(9).mount(&server).await;
            server
        });
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: {}}}}}]\ncontexts: \
             [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n",
            server.uri()
        );
        let environment = Environment::with("config", kubeconfig).variable("KUBECONFIG", "config");
        Self { environment: environment.file("wf.yaml", one_task("name: one", "echo")), server, runtime }
    }

    fn created(&self) -> usize {
        let requests = self.runtime.block_on(self.server.received_requests()).unwrap();
        let is_created = |path: &str| path.ends_with("/workflows");
        requests.iter().filter(|request| request.method.as_str() == "POST" && is_created(request.url.path())).count()
    }
}

fn stored(mut workflow: Value) -> Value {
    workflow["apiVersion"] = "argoproj.io/v1alpha1".into();
    workflow["kind"] = "Workflow".into();
    for (field, value) in
        [("namespace", "default"), ("uid", "00000000-0000-0000-0000-000000000001"), ("resourceVersion", "1")]
    {
        workflow["metadata"][field] = value.into();
    }
    workflow
}

#[test]
fn a_workflow_that_is_created() {
    let cluster = Cluster::new("Running");
    assert_snapshot!(cluster.environment.run(["submit", "wf.yaml", "--memoize=off"]));
    assert_eq!(cluster.created(), 1);
}

#[test]
fn nothing_is_created_of_files_of_which_one_is_wrong() {
    let cluster = Cluster::new("Running");
    let environment = cluster.environment.file("bad.yaml", "kind: Pod\n");
    assert_eq!(environment.run(["submit", "wf.yaml", "bad.yaml"]).result(2), "");
    let requests = cluster.runtime.block_on(cluster.server.received_requests()).unwrap();
    assert!(requests.is_empty(), "{requests:?}");
}

#[test]
fn waiting_for_an_end_gives_its_code() {
    for (phase, code) in [("Succeeded", 0), ("Failed", 3), ("Error", 4)] {
        let output = Cluster::new(phase).environment.run(["submit", "wf.yaml", "--wait", "--memoize=off"]);
        assert_eq!(output.result(code), "workflow.argoproj.io/one created\n");
        assert!(output.stderr.contains(&format!("workflow.argoproj.io/one {phase}: said [31m so\n")), "{output}");
    }
}

#[test]
fn what_was_created_is_told_when_waiting_takes_too_long() {
    let cluster = Cluster::new("Running");
    let arguments = ["submit", "wf.yaml", "--wait", "--timeout", "500ms", "-o", "name", "--memoize=off"];
    assert_snapshot!(cluster.environment.run(arguments));
}

#[test]
fn a_signal_ends_the_waiting_and_not_the_workflow() {
    for signal in [Signal::INT, Signal::TERM] {
        let cluster = Cluster::new("Running");
        let running = cluster.environment.start(["submit", "wf.yaml", "--wait", "-o", "name", "--memoize=off"]);
        cluster.wait_for_watch();
        running.signal(signal);
        assert_snapshot!("interrupted", running.end());
        let requests = cluster.runtime.block_on(cluster.server.received_requests()).unwrap();
        assert!(requests.iter().all(|request| matches!(request.method.as_str(), "GET" | "POST")), "{requests:?}");
    }
}

impl Cluster {
    fn wait_for_watch(&self) {
        crate::support::wait::wait_until("the watch", || {
            let requests = self.runtime.block_on(self.server.received_requests()).unwrap();
            requests.iter().any(|request| request.url.query().unwrap_or_default().contains("watch"))
        });
    }
}
