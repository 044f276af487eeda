//! Faults on the way: broken connections to a real server, and answers that a healthy one cannot be made to give.

use std::time::{Duration, Instant};

use assert_fs::TempDir;
use kubectl_runnable::testing::cluster::{Access, Cluster, ClusterError, Selection};
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::relay::Relay;
use crate::kubernetes::server::{Server, User};
use crate::wait::wait;
use crate::workflow;

pub(crate) const COLLECTION: &str = "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows";
pub(crate) const OBJECT: &str = "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build";

async fn connect(kubeconfig: &Value, access: Access) -> Cluster {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("config");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    Cluster::connect(&Access { kubeconfig: Some(path), ..access }).await.unwrap()
}

pub(crate) async fn through(relay: &Relay, namespace: &Namespace) -> Cluster {
    accessed_through(relay, namespace, Access::default()).await
}

async fn accessed_through(relay: &Relay, namespace: &Namespace, access: Access) -> Cluster {
    let mut kubeconfig = Server::argo().kubeconfig(User::Admin, &namespace.name);
    kubeconfig["clusters"][0]["cluster"]["server"] = json!(relay.url);
    connect(&kubeconfig, access).await
}

pub(crate) async fn to(server: &MockServer) -> Cluster {
    connect(&kubeconfig_of(server), Access::default()).await
}

pub(crate) fn kubeconfig_of(server: &MockServer) -> Value {
    json!({
        "clusters": [{ "name": "test", "cluster": { "server": server.uri() } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "", "namespace": "ci" } }],
        "current-context": "test",
    })
}

pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }))
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_makes_one_workflow_and_counts_as_new() {
    let namespace = Namespace::new().await;
    let relay = Relay::to(&Server::argo().url).await;
    let cluster = through(&relay, &namespace).await;
    // The connection is made and kept, so that the next thing the server sends is the answer.
    cluster.workflow("build").await.unwrap_err();
    relay.swallow_next_answer();
    let created = cluster.create(&workflow("build", "r1"), false).await.unwrap();
    assert!(!created.already);
    assert_eq!(namespace.get("workflows", "build").await, Some(created.object));
}

#[tokio::test]
async fn a_lost_answer_does_not_make_another_run_ours() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "theirs")).await;
    let relay = Relay::to(&Server::argo().url).await;
    let cluster = through(&relay, &namespace).await;
    cluster.workflow("build").await.unwrap();
    relay.swallow_next_answer();
    let error = cluster.create(&workflow("build", "ours"), false).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Conflict);
}

#[tokio::test]
async fn a_wait_outlives_its_connections() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    let relay = Relay::to(&Server::argo().url).await;
    let cluster = through(&relay, &namespace).await;
    let made = cluster.workflow("build").await.unwrap();
    let (send, mut seen) = mpsc::unbounded_channel();
    let waiting = tokio::spawn(async move {
        let show = |workflow: &Value| {
            let _ = send.send(workflow["status"]["phase"].as_str().unwrap_or_default().to_owned());
        };
        wait(&cluster, &made, None, show).await
    });
    for (before, phase) in [("", "Running"), ("Running", "Succeeded")] {
        assert_eq!(seen.recv().await.as_deref(), Some(before));
        relay.cut();
        namespace.patch("workflows", "build", &json!({ "status": { "phase": phase } })).await;
    }
    assert_eq!(seen.recv().await.as_deref(), Some("Succeeded"));
    assert_eq!(waiting.await.unwrap().unwrap()["status"]["phase"], "Succeeded");
}

/// A running workflow and a relay, a connection through which gives a server that goes away so long.
async fn patient(patience: Duration) -> (Namespace, Relay, Cluster, Value) {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    let relay = Relay::to(&Server::argo().url).await;
    let access = Access { patience: Some(patience), ..Access::default() };
    let cluster = accessed_through(&relay, &namespace, access).await;
    let known = cluster.workflow("build").await.unwrap();
    (namespace, relay, cluster, known)
}

#[tokio::test]
async fn a_server_that_stays_away_ends_a_wait() {
    let patience = Duration::from_secs(2);
    let (_namespace, relay, cluster, known) = patient(patience).await;
    relay.leave();
    let left = Instant::now();
    let error = wait(&cluster, &known, None, |_| {}).await.unwrap_err();
    assert!(left.elapsed() >= patience, "given up after {:?}", left.elapsed());
    assert_eq!(error.to_string(), format!("cannot reach the API server at {}: connection refused", relay.url));
    assert_eq!(error.exit(), Exit::Tool);
}

#[tokio::test]
async fn an_absence_counts_from_the_end_of_the_watch() {
    let patience = Duration::from_secs(3);
    let (namespace, relay, cluster, known) = patient(patience).await;
    let waiting = tokio::spawn(async move { wait(&cluster, &known, None, |_| {}).await });
    // A server that is heard for longer than it may be away.
    tokio::time::sleep(patience + Duration::from_secs(1)).await;
    relay.leave();
    tokio::time::sleep(Duration::from_millis(500)).await;
    relay.come_back().await;
    namespace.patch("workflows", "build", &json!({ "status": { "phase": "Succeeded" } })).await;
    assert_eq!(waiting.await.unwrap().unwrap()["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn overload_passes() {
    let server = MockServer::start().await;
    for code in [429, 503] {
        let busy = refusal(code, "TooManyRequests", "busy");
        Mock::given(method("POST")).and(path(COLLECTION)).respond_with(busy).up_to_n_times(1).mount(&server).await;
    }
    let created = ResponseTemplate::new(201).set_body_json(workflow("build", "r1"));
    Mock::given(method("POST")).and(path(COLLECTION)).respond_with(created).mount(&server).await;
    let created = to(&server).await.create(&workflow("build", "r1"), false).await.unwrap();
    assert_eq!(created.object, workflow("build", "r1"));
}

#[tokio::test]
async fn what_overload_delayed_may_have_been_there_before() {
    let server = MockServer::start().await;
    let post = || Mock::given(method("POST")).and(path(COLLECTION));
    post().respond_with(refusal(503, "ServiceUnavailable", "busy")).up_to_n_times(1).mount(&server).await;
    post().respond_with(refusal(409, "AlreadyExists", "taken")).mount(&server).await;
    let there = ResponseTemplate::new(200).set_body_json(workflow("build", "r1"));
    Mock::given(method("GET")).and(path(OBJECT)).respond_with(there).mount(&server).await;
    assert!(to(&server).await.create(&workflow("build", "r1"), false).await.unwrap().already);
}

#[tokio::test]
async fn lasting_overload_is_told() {
    let server = MockServer::start().await;
    let busy = refusal(503, "ServiceUnavailable", "try later");
    Mock::given(method("GET")).and(path(OBJECT)).respond_with(busy).mount(&server).await;
    let error = to(&server).await.workflow("build").await.unwrap_err();
    assert_eq!(error.to_string(), format!("the API server at {} is overloaded: try later", server.uri()));
    assert_eq!(error.exit(), Exit::Tool);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let server = MockServer::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    Mock::given(method("POST")).and(path(COLLECTION)).respond_with(late).mount(&server).await;
    let hasty = Access { request_timeout: Some(Duration::from_millis(300)), ..Access::default() };
    let cluster = connect(&kubeconfig_of(&server), hasty).await;
    let error = cluster.create(&workflow("build", "r1"), false).await.unwrap_err();
    let expected = format!("cannot reach the API server at {}: no answer within 300ms", server.uri());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("may have arrived"));
}

#[tokio::test]
async fn an_expired_watch_restarts_and_odd_dates_do_not_matter() {
    let server = MockServer::start().await;
    let state = |version: &str, phase: &str| {
        json!({ "metadata": {
            "name": "build", "uid": "u", "resourceVersion": version, "creationTimestamp": "yesterday",
        }, "status": { "phase": phase, "startedAt": 5, "nodes": [] } })
    };
    let read = |version, phase| ResponseTemplate::new(200).set_body_json(state(version, phase));
    let get = || Mock::given(method("GET")).and(path(OBJECT));
    get().respond_with(read("1", "Running")).up_to_n_times(1).mount(&server).await;
    get().respond_with(read("7", "Error")).mount(&server).await;
    let expired = json!({ "type": "ERROR", "object": {
        "kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old",
    } });
    Mock::given(method("GET"))
        .and(path(COLLECTION))
        .and(query_param("resourceVersion", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_string(format!("{expired}\n")))
        .mount(&server)
        .await;
    let mut phases = Vec::new();
    let show = |workflow: &Value| phases.push(workflow["status"]["phase"].as_str().unwrap_or_default().to_owned());
    let end = wait(&to(&server).await, &state("1", "Running"), None, show).await.unwrap();
    assert_eq!(end, state("7", "Error"));
    assert_eq!(phases, ["Running", "Error"]);
}

#[tokio::test]
async fn an_admission_webhook_speaks_for_itself() {
    let server = MockServer::start().await;
    let message = "admission webhook \"quota.corp\" denied the request: too many runs";
    let denied = refusal(403, "Forbidden", message);
    Mock::given(method("POST")).and(path(COLLECTION)).respond_with(denied).mount(&server).await;
    let error = to(&server).await.create(&workflow("build", "r1"), false).await.unwrap_err();
    assert!(matches!(error, ClusterError::Denied { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("the cluster refuses to create Workflow \"build\": {message}"));
}

#[tokio::test]
async fn a_conflict_that_is_no_taken_name_has_its_own_code() {
    let server = MockServer::start().await;
    let conflict = refusal(409, "Conflict", "the quota was changed");
    Mock::given(method("POST")).and(path(COLLECTION)).respond_with(conflict).mount(&server).await;
    let error = to(&server).await.create(&workflow("build", "r1"), false).await.unwrap_err();
    assert!(error.to_string().ends_with("because of a conflict: the quota was changed"), "{error}");
    assert_eq!(error.exit(), Exit::Conflict);
}

#[tokio::test]
async fn an_answer_that_is_no_object_is_not_quoted() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_string("<html>Sign in</html>");
    Mock::given(method("GET")).and(path(OBJECT)).respond_with(page).mount(&server).await;
    let error = to(&server).await.workflow("build").await.unwrap_err();
    assert!(error.to_string().ends_with("is not a Kubernetes object; check its URL"), "{error}");
}

#[tokio::test]
async fn a_list_that_outlives_the_servers_memory_is_restarted() {
    let server = MockServer::start().await;
    let page = |names: &[&str], token: &str| {
        let items: Vec<Value> = names.iter().map(|name| json!({ "metadata": { "name": name, "uid": name } })).collect();
        ResponseTemplate::new(200).set_body_json(json!({
            "kind": "WorkflowList", "apiVersion": "argoproj.io/v1alpha1",
            "metadata": { "continue": token }, "items": items,
        }))
    };
    let get = || Mock::given(method("GET")).and(path(COLLECTION)).and(query_param("limit", "2"));
    let expired = refusal(410, "Expired", "The provided continue parameter is too old");
    get().and(query_param("continue", "old")).respond_with(expired).mount(&server).await;
    get().and(query_param("continue", "new")).respond_with(page(&["c"], "")).mount(&server).await;
    get().respond_with(page(&["a", "b"], "old")).up_to_n_times(1).mount(&server).await;
    get().respond_with(page(&["b", "a"], "new")).mount(&server).await;
    let mut names = Vec::new();
    let selection = Selection { chunk: 2, ..Selection::default() };
    let take = |item: Value| names.push(format!("{} {}", item["kind"], item["metadata"]["name"]));
    to(&server).await.list(&selection, take).await.unwrap();
    assert_eq!(names, ["\"Workflow\" \"a\"", "\"Workflow\" \"b\"", "\"Workflow\" \"c\""]);
}

#[tokio::test]
async fn a_list_that_expires_each_time_fails() {
    let server = MockServer::start().await;
    let expired = refusal(410, "Expired", "The provided continue parameter is too old");
    Mock::given(method("GET")).and(path(COLLECTION)).respond_with(expired).expect(4).mount(&server).await;
    let error = to(&server).await.list(&Selection::default(), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("too old"), "{error}");
}
