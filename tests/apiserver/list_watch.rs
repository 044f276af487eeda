//! `list --watch`: the test plays the controller and breaks the connections.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout};

use futures::{StreamExt, TryStreamExt};
use kubectl_runnable::testing::cluster::{News, Selection};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::{COLLECTION, through, to};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::relay::Relay;
use crate::kubernetes::server::{Server, User};
use crate::workflow;

/// The program, watching.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(namespace: &Namespace, arguments: &[&str]) -> Self {
        let arguments = [&["list", "--watch"], arguments].concat();
        let mut child = namespace.command(User::Admin, &arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The words of the next line.
    fn line(&mut self) -> Vec<String> {
        self.lines.next().unwrap().unwrap().split_whitespace().map(str::to_owned).collect()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn set_phase(namespace: &Namespace, name: &str, phase: &str) {
    namespace.patch("workflows", name, &json!({ "status": { "phase": phase } })).await;
}

#[tokio::test]
async fn each_change_of_a_run_is_a_line() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("one", "r1")).await;
    let mut watching = Watching::start(&namespace, &["--phase", "Pending", "--phase", "Running"]);
    assert_eq!(watching.line()[..2], ["NAME", "PHASE"]);
    assert_eq!(watching.line()[..2], ["one", "Pending"]);
    set_phase(&namespace, "one", "Running").await;
    assert_eq!(watching.line()[..2], ["one", "Running"]);
    // No line tells of what it does not show.
    namespace.patch("workflows", "one", &json!({ "metadata": { "labels": { "team": "a" } } })).await;
    namespace.create("workflows", &workflow("two", "r2")).await;
    assert_eq!(watching.line()[..2], ["two", "Pending"]);
    // A run that leaves the selection is shown once more, and then no longer.
    set_phase(&namespace, "one", "Failed").await;
    assert_eq!(watching.line()[..2], ["one", "Failed"]);
    set_phase(&namespace, "one", "Error").await;
    namespace.delete("workflows", "two").await;
    assert_eq!(watching.line()[..2], ["two", "Deleted"]);
}

#[tokio::test]
async fn objects_are_a_stream() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("one", "r1")).await;
    let mut watching = Watching::start(&namespace, &["-o", "json"]);
    let mut object = || {
        let mut text = String::new();
        for line in watching.lines.by_ref() {
            let line = line.unwrap();
            text.push_str(&line);
            if line == "}" {
                break;
            }
        }
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(object(), namespace.get("workflows", "one").await.unwrap());
    set_phase(&namespace, "one", "Running").await;
    assert_eq!(object()["status"]["phase"], "Running");
    // Each state, also one that a table would not show.
    namespace.patch("workflows", "one", &json!({ "metadata": { "labels": { "team": "a" } } })).await;
    assert_eq!(object()["metadata"]["labels"]["team"], "a");
}

/// What `list_follow` tells, as short words.
fn told(news: News) -> String {
    match news {
        News::There(workflow) => {
            let text = |pointer: &str| workflow.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}", text("/metadata/name"), text("/status/phase"))
        }
        News::Complete => "complete".to_owned(),
        News::Gone(..) => "gone".to_owned(),
    }
}

#[tokio::test]
async fn a_watch_outlives_its_connections() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("one", "r1")).await;
    let relay = Relay::to(&Server::argo().url).await;
    let cluster = through(&relay, &namespace).await;
    let selection = Selection { chunk: 100, ..Selection::default() };
    let mut news = cluster.list_follow(selection);
    let mut seen = async || told(news.next().await.unwrap().unwrap());
    assert_eq!(seen().await, "one ");
    assert_eq!(seen().await, "complete");
    for phase in ["Running", "Failed"] {
        relay.cut();
        set_phase(&namespace, "one", phase).await;
        assert_eq!(seen().await, format!("one {phase}"));
    }
    relay.cut();
    namespace.delete("workflows", "one").await;
    namespace.create("workflows", &workflow("two", "r2")).await;
    let mut last = [seen().await, seen().await];
    last.sort();
    assert_eq!(last, ["gone", "two "]);
}

#[tokio::test]
async fn what_the_server_has_forgotten_is_read_again() {
    let server = MockServer::start().await;
    let list = |version: &str, names: &[&str]| {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({ "metadata": { "name": name, "uid": name, "resourceVersion": "1" } }))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({ "metadata": { "resourceVersion": version }, "items": items }))
    };
    let get = || Mock::given(method("GET")).and(path(COLLECTION));
    let expired = json!({ "type": "ERROR", "object": { "kind": "Status", "status": "Failure", "code": 410 } });
    get()
        .and(query_param("resourceVersion", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_string(format!("{expired}\n")))
        .mount(&server)
        .await;
    get().and(query_param("limit", "100")).respond_with(list("1", &["a", "b"])).up_to_n_times(1).mount(&server).await;
    get().and(query_param("limit", "100")).respond_with(list("7", &["b", "c"])).mount(&server).await;
    let selection = Selection { chunk: 100, ..Selection::default() };
    let news: Vec<String> =
        to(&server).await.list_follow(selection).take(5).map(|news| told(news.unwrap())).collect().await;
    assert_eq!(news, ["a ", "b ", "complete", "c ", "gone"]);
}

#[tokio::test]
async fn who_may_list_but_not_watch_is_told_so() {
    let namespace = Namespace::new().await;
    namespace.allow(&["list"], "workflows").await;
    let cluster = namespace.cluster(User::Restricted).await;
    let selection = Selection { chunk: 100, ..Selection::default() };
    let watched = cluster.list_follow(selection).try_for_each(async |_| Ok(())).await;
    let expected = format!("restricted may not watch workflows.argoproj.io in namespace \"{}\"", namespace.name);
    assert_eq!(watched.unwrap_err().to_string(), expected);
}
