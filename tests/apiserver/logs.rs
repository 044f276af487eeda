//! Logs of pods: which pods those are, by the real server; their streams by one that breaks them, for no kubelet runs
//! here.

use std::collections::HashMap;

use kubectl_runnable::testing::cluster::{Access, Cluster, LogEnd, LogOptions, Pod};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::{kubeconfig_of, refusal};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::support::output::Output;
use crate::workflow;

const POD: &str = "/api/v1/namespaces/ci/pods/build-1";
const LOG: &str = "/api/v1/namespaces/ci/pods/build-1/log";

fn pod(workflow: &str, name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "labels": {"workflows.argoproj.io/workflow": workflow},
            "annotations": {
                "workflows.argoproj.io/node-id": format!("{workflow}-{node}"),
                "workflows.argoproj.io/node-name": format!("{workflow}.{node}"),
            },
        },
        "spec": {"automountServiceAccountToken": false, "containers": [{"name": "main", "image": "alpine"}]},
    })
}

#[tokio::test]
async fn the_pods_of_a_workflow_are_found_by_its_label() {
    let namespace = Namespace::new().await;
    let pods = format!("/api/v1/namespaces/{}/pods", namespace.name);
    for (workflow, name, node) in [("build", "build-1", "a"), ("other", "other-1", "a"), ("build", "build-2", "b")] {
        namespace.post(&pods, &pod(workflow, name, node)).await;
    }
    let found = namespace.cluster(User::Admin).await.pods("build").await.unwrap();
    let found: Vec<_> = found.iter().map(|pod| (&*pod.name, &*pod.node_id, &*pod.node_name)).collect();
    assert_eq!(found, [("build-1", "build-a", "build.a"), ("build-2", "build-b", "build.b")]);
    let error = namespace.cluster(User::Restricted).await.pods("build").await.unwrap_err();
    assert!(error.to_string().contains("cannot list resource \"pods\""), "{error}");
}

#[tokio::test]
async fn nodes_without_a_pod_are_told() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    let node = |name: &str, kind: &str, phase: &str| json!({"id": format!("build-{name}"), "name": format!("build.{name}"), "displayName": name, "type": kind, "phase": phase});
    let nodes = json!({
        "build-a": node("a", "Pod", "Succeeded"), "build-b": node("b", "Pod", "Omitted"), "build": node("d", "DAG", "Succeeded"),
    });
    namespace.patch("workflows", "build", &json!({"status": {"phase": "Succeeded", "nodes": nodes}})).await;
    for (arguments, code, said) in [
        (&["logs", "build"][..], 0, "note: pods are gone, and their logs with them: a\n"),
        (&["logs", "build", "-f"], 0, "note: pods are gone, and their logs with them: a\n"),
        (&["logs", "build", "b"], 0, ""),
        (&["logs", "build", "x"], 6, "error: run build has no node \"x\"\n"),
        (&["logs", "absent"], 6, "error: workflow \"absent\" does not exist"),
    ] {
        let ran = namespace.run(User::Admin, arguments).exits(code);
        assert!(ran.stderr.starts_with(said) && (said.is_empty() == ran.stderr.is_empty()), "{arguments:?}: {ran:?}");
    }
}

async fn connect(kubeconfig: &Value) -> Cluster {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    Cluster::connect(&Access { kubeconfig: Some(file), ..Access::default() }).await.unwrap()
}

fn options(follow: bool) -> LogOptions {
    LogOptions { container: "main".to_owned(), follow, ..LogOptions::default() }
}

/// The pod of the log, known by its name alone.
fn build_1() -> Pod {
    Pod { name: "build-1".to_owned(), ..Pod::default() }
}

async fn read(cluster: &Cluster, follow: bool) -> (LogEnd, Vec<String>) {
    read_of(cluster, &build_1(), follow).await
}

async fn read_of(cluster: &Cluster, pod: &Pod, follow: bool) -> (LogEnd, Vec<String>) {
    let mut lines = Vec::new();
    let show = |line: kubectl_runnable::testing::cluster::Line| lines.push(String::from_utf8(line.text).unwrap());
    let end = cluster.log(pod, &options(follow), show).await.unwrap();
    (end, lines)
}

fn running(over: bool) -> ResponseTemplate {
    let state = if over { json!({"terminated": {"exitCode": 0}}) } else { json!({"running": {}}) };
    ResponseTemplate::new(200).set_body_json(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "build-1"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "main", "state": state}]},
    }))
}

/// A pod of the workflow `build` whose container is at work.
fn begun(name: &str) -> Value {
    let mut pod = pod("build", name, name);
    pod["metadata"]["uid"] = name.into();
    pod["status"] = json!({"phase": "Running", "containerStatuses": [{"name": "main", "state": {"running": {}}}]});
    pod
}

fn text(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

#[tokio::test]
async fn a_stream_that_ends_early_is_taken_up_until_the_container_has_ended() {
    let server = MockServer::start().await;
    let log = || Mock::given(method("GET")).and(path(LOG)).and(query_param("timestamps", "true"));
    let followed = || log().and(query_param("follow", "true"));
    let waiting = "container \"main\" in pod \"build-1\" is waiting to start: PodInitializing";
    followed().respond_with(refusal(400, "BadRequest", waiting)).up_to_n_times(1).mount(&server).await;
    followed()
        .and(query_param_is_missing("sinceTime"))
        .respond_with(text("2026-11-21T10:00:00.1Z a\n2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z to"))
        .mount(&server)
        .await;
    followed()
        .and(query_param("sinceTime", "2026-11-21T10:00:01Z"))
        .respond_with(text("2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z torn\n"))
        .mount(&server)
        .await;
    log()
        .and(query_param_is_missing("follow"))
        .and(query_param("sinceTime", "2026-11-21T10:00:01Z"))
        .respond_with(text("2026-11-21T10:00:01.1Z b\n2026-11-21T10:00:01.2Z torn\n2026-11-21T10:00:02Z end"))
        .mount(&server)
        .await;
    Mock::given(path(POD)).respond_with(running(false)).up_to_n_times(2).mount(&server).await;
    Mock::given(path(POD)).respond_with(running(true)).mount(&server).await;
    let (end, lines) = read(&connect(&kubeconfig_of(&server)).await, true).await;
    assert_eq!((end, lines), (LogEnd::Whole, ["a", "b", "torn", "end"].map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn a_pod_that_is_gone_and_a_container_that_has_not_begun_are_told() {
    let server = MockServer::start().await;
    let log = || Mock::given(method("GET")).and(path(LOG));
    let waiting = "container \"main\" in pod \"build-1\" is waiting to start: ContainerCreating";
    log().respond_with(refusal(400, "BadRequest", waiting)).up_to_n_times(1).mount(&server).await;
    log().respond_with(refusal(404, "NotFound", "pods \"build-1\" not found")).mount(&server).await;
    let cluster = connect(&kubeconfig_of(&server)).await;
    assert_eq!(read(&cluster, false).await, (LogEnd::NotBegun, Vec::new()));
    assert_eq!(read(&cluster, false).await, (LogEnd::Gone, Vec::new()));
}

#[tokio::test]
async fn a_log_that_the_kubelet_does_not_know_yet_is_waited_for() {
    let server = MockServer::start().await;
    let log = || Mock::given(method("GET")).and(path(LOG));
    log().respond_with(refusal(404, "NotFound", "pods \"build-1\" not found")).up_to_n_times(1).mount(&server).await;
    let unknown = "container \"main\" in pod \"build-1\" is not available";
    log().respond_with(refusal(400, "BadRequest", unknown)).up_to_n_times(1).mount(&server).await;
    log().respond_with(text("2026-11-21T10:00:00Z a\n2026-11-21T10:00:01Z b")).mount(&server).await;
    Mock::given(path(POD)).respond_with(running(false)).up_to_n_times(2).mount(&server).await;
    Mock::given(path(POD)).respond_with(running(true)).mount(&server).await;
    let (end, lines) = read(&connect(&kubeconfig_of(&server)).await, true).await;
    assert_eq!((end, lines), (LogEnd::Whole, ["a", "b"].map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn a_log_whose_pod_is_deleted_on_the_way_is_read_as_far_as_it_goes() {
    let gone = || refusal(404, "NotFound", "pods \"build-1\" not found");
    // The stream ends by itself, as that of a container that has ended does, before the pod goes.
    let server = MockServer::start().await;
    let log = || Mock::given(method("GET")).and(path(LOG));
    log().respond_with(text("2026-11-21T10:00:00Z a\n2026-11-21T10:00:01Z en")).up_to_n_times(1).mount(&server).await;
    log().respond_with(gone()).mount(&server).await;
    Mock::given(path(POD)).respond_with(gone()).mount(&server).await;
    let whole = read(&connect(&kubeconfig_of(&server)).await, true).await;
    assert_eq!(whole, (LogEnd::Whole, ["a", "en"].map(str::to_owned).to_vec()));

    // It ends while the container is at work; the pod is gone when it is taken up again.
    let server = MockServer::start().await;
    let log = || Mock::given(method("GET")).and(path(LOG));
    log().respond_with(text("2026-11-21T10:00:00Z a\n")).up_to_n_times(1).mount(&server).await;
    log().respond_with(gone()).mount(&server).await;
    Mock::given(path(POD)).respond_with(running(false)).up_to_n_times(1).mount(&server).await;
    Mock::given(path(POD)).respond_with(gone()).mount(&server).await;
    let cut = read(&connect(&kubeconfig_of(&server)).await, true).await;
    assert_eq!(cut, (LogEnd::Cut, vec!["a".to_owned()]));
}

#[tokio::test]
async fn a_pod_that_is_made_again_under_the_name_has_a_log_of_its_own() {
    let server = MockServer::start().await;
    let log = text("2026-11-21T10:00:00Z of the second\n");
    Mock::given(method("GET")).and(path(LOG)).respond_with(log).mount(&server).await;
    let second = json!({"metadata": {"name": "build-1", "uid": "second"}, "status": {"phase": "Succeeded"}});
    Mock::given(path(POD)).respond_with(ResponseTemplate::new(200).set_body_json(second)).mount(&server).await;
    let cluster = connect(&kubeconfig_of(&server)).await;
    let pod = |uid: &str| Pod { uid: uid.to_owned(), ..build_1() };
    assert_eq!(read_of(&cluster, &pod("first"), true).await, (LogEnd::Gone, Vec::new()));
    assert_eq!(read_of(&cluster, &pod("second"), true).await, (LogEnd::Whole, vec!["of the second".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_is_named_with_its_archive() {
    let server = MockServer::start().await;
    let node = |name: &str, artifacts: Value| json!({"id": name, "name": format!("build.{name}"), "displayName": name, "type": "Pod", "phase": "Succeeded", "outputs": {"artifacts": artifacts}});
    let nodes = json!({
        "a": node("a", json!([{"name": "main-logs", "s3": {"key": "build/a/main.log"}}])), "b": node("b", json!([])),
    });
    let workflow = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "status": {"phase": "Succeeded", "nodes": nodes},
        "metadata": {"name": "build", "namespace": "ci", "uid": "u", "resourceVersion": "1"},
    });
    let get = |at: &str, answer: Value| {
        Mock::given(method("GET")).and(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer))
    };
    get("/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build", workflow).mount(&server).await;
    get("/api/v1/namespaces/ci/pods", json!({"kind": "PodList", "items": []})).mount(&server).await;
    let said = "note: the pod of node a is gone, and its log with it; archived as s3 build/a/main.log\n\
                note: pods are gone, and their logs with them: b\n";
    for arguments in [&[][..], &["-f"]] {
        assert_eq!(logs(&server, arguments), (Some(0), String::new(), said.to_owned()), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_container_that_is_not_there_is_an_error() {
    let server = MockServer::start().await;
    let refused = refusal(400, "BadRequest", "container x is not valid for pod build-1");
    Mock::given(method("GET")).and(path(LOG)).respond_with(refused).mount(&server).await;
    let error = connect(&kubeconfig_of(&server)).await.log(&build_1(), &options(true), |_| {}).await.unwrap_err();
    let said = "the API server cannot read the log of Pod \"build-1\": container x is not valid for pod build-1";
    assert_eq!(error.to_string(), said);
}

/// Answers a request with a part of a body and breaks the connection.
async fn broken(mut stream: TcpStream, body: &str) -> String {
    let mut request = vec![0; 4096];
    let count = stream.read(&mut request).await.unwrap();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}{:x}\r\n{body}\r\n", body.len()).as_bytes()).await.unwrap();
    String::from_utf8_lossy(&request[..count]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_stream_that_breaks_loses_and_repeats_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let first = "2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.2Z ha";
        let mut heads = vec![broken(listener.accept().await.unwrap().0, first).await];
        let rest = "2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.1Z a\n2026-11-21T10:00:01.2Z half\n2026-11-21T10:00:09Z end\n";
        let mut last = listener.accept().await.unwrap().0;
        let mut request = vec![0; 4096];
        let count = last.read(&mut request).await.unwrap();
        heads.push(String::from_utf8_lossy(&request[..count]).lines().next().unwrap_or_default().to_owned());
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", rest.len());
        last.write_all(format!("{head}{rest}").as_bytes()).await.unwrap();
        heads
    });
    let kubeconfig = json!({
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "", "namespace": "ci"}}],
        "current-context": "test",
    });
    let (end, lines) = read(&connect(&kubeconfig).await, false).await;
    assert_eq!((end, lines), (LogEnd::Whole, ["a", "a", "half", "end"].map(str::to_owned).to_vec()));
    let heads = serving.await.unwrap();
    assert!(!heads[0].contains("sinceTime") && heads[1].contains("sinceTime=2026-11-21T10%3A00%3A01Z"), "{heads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_come_while_a_run_is_followed_are_read_too() {
    let server = MockServer::start().await;
    let object = |version: &str, phase: &str| {
        ResponseTemplate::new(200).set_body_json(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "status": {"phase": phase},
            "metadata": {"name": "build", "namespace": "ci", "uid": "u", "resourceVersion": version},
        }))
    };
    let get = |at: &str| Mock::given(method("GET")).and(path(format!("/apis/argoproj.io/v1alpha1/namespaces/ci/{at}")));
    get("workflows/build").respond_with(object("1", "Running")).up_to_n_times(2).mount(&server).await;
    get("workflows/build").respond_with(object("2", "Failed")).mount(&server).await;
    get("workflows").respond_with(text("")).mount(&server).await;
    let pods = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| begun(name)).collect();
        ResponseTemplate::new(200).set_body_json(json!({"apiVersion": "v1", "kind": "PodList", "items": items}))
    };
    let get_pods = || Mock::given(method("GET")).and(path("/api/v1/namespaces/ci/pods"));
    let added = json!({"type": "ADDED", "object": begun("b")});
    get_pods().and(query_param("watch", "true")).respond_with(text(&format!("{added}\n"))).mount(&server).await;
    get_pods().respond_with(pods(&["a"])).mount(&server).await;
    for name in ["a", "b"] {
        let at = format!("/api/v1/namespaces/ci/pods/{name}");
        let log = text(&format!("2026-11-21T10:00:00Z from {name}\n2026-11-21T10:00:01Z noise\n"));
        Mock::given(method("GET")).and(path(format!("{at}/log"))).respond_with(log).mount(&server).await;
        let mut over = begun(name);
        over["status"]["phase"] = "Succeeded".into();
        let over = ResponseTemplate::new(200).set_body_json(over);
        Mock::given(method("GET")).and(path(at)).respond_with(over).mount(&server).await;
    }
    let (code, stdout, _) = logs(&server, &["-f", "--timestamps", "--grep", "from"]);
    assert_eq!((code, &*stdout), (Some(0), "a: 2026-11-21T10:00:00Z from a\nb: 2026-11-21T10:00:00Z from b\n"));
}

/// `logs build` with these arguments: its exit code, what it prints and what it says.
fn logs(server: &MockServer, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig_of(server).to_string()).unwrap();
    let arguments = [&["logs", "build"], arguments].concat();
    let ran = tokio::task::block_in_place(|| Output::from(command(&file, &arguments).output().unwrap()));
    (ran.code, ran.stdout, ran.stderr)
}

/// The queries by which the log was read.
async fn queries(server: &MockServer) -> Vec<HashMap<String, String>> {
    let requests = server.received_requests().await.unwrap().into_iter();
    let reads = requests.filter(|request| request.url.path() == LOG);
    reads.map(|request| request.url.query_pairs().into_owned().collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_written_since_is_asked_for_and_printed() {
    let server = MockServer::start().await;
    let get = |at: &str, answer: Value| {
        Mock::given(method("GET")).and(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer))
    };
    let metadata = json!({"name": "build", "namespace": "ci", "uid": "u", "resourceVersion": "1"});
    let ended = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "status": {"phase": "Failed"}});
    get("/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build", ended).mount(&server).await;
    let mut pod = pod("build", "build-1", "a");
    pod["status"] = json!({"phase": "Succeeded"});
    let pods = json!({"apiVersion": "v1", "kind": "PodList", "items": [pod]});
    get("/api/v1/namespaces/ci/pods", pods).mount(&server).await;
    Mock::given(path(POD)).respond_with(running(true)).mount(&server).await;
    let log = "2020-11-21T10:00:01.1Z before\n2020-11-21T10:00:01.5Z at\n2020-11-21T10:00:09Z after\n\
        2020-11-21T10:00:09Z time=2020-11-21T10:00:09Z level=INFO msg=\"sub-process exited\" argo=true\n";
    Mock::given(method("GET")).and(path(LOG)).respond_with(text(log)).mount(&server).await;

    // A kubelet is asked for whole seconds; the line before is of the same one.
    let printed = (Some(0), "a: at\na: after\n".to_owned(), String::new());
    assert_eq!(logs(&server, &["--since-time", "2020-11-21T11:00:01.5+01:00", "--tail", "7"]), printed);
    assert_eq!(logs(&server, &["--since-time", "2020-11-21T10:00:01.2Z", "-f"]), printed);
    let queries_so_far = queries(&server).await;
    let asked = queries_so_far.iter().map(|query| {
        let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        [text("sinceTime"), text("tailLines"), text("follow")]
    });
    let second = "2020-11-21T10:00:01Z";
    // A log that was followed is read to its end from its last line on.
    assert_eq!(
        asked.collect::<Vec<_>>(),
        [[second, "207", ""], [second, "", "true"], ["2020-11-21T10:00:09Z", "", ""]]
    );

    // The server counts the lines of Argo's executor, and here it gives more than it is asked for.
    let last = (Some(0), "a: after\n".to_owned(), String::new());
    assert_eq!(logs(&server, &["--tail", "1"]), last);

    let hour = jiff::SignedDuration::from_hours(1);
    let before = jiff::Timestamp::now() - hour;
    assert_eq!(logs(&server, &["--since", "1h"]), (Some(0), String::new(), String::new()));
    let asked: jiff::Timestamp = queries(&server).await.last().unwrap()["sinceTime"].parse().unwrap();
    let between = before.as_second()..=(jiff::Timestamp::now() - hour).as_second();
    assert!(between.contains(&asked.as_second()), "{asked} is not in {between:?}");
}
