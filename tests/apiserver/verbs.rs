//! The verbs on runs of a cluster, by the real program: the test plays the controller.

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::workflow;

/// A dag `w` that runs, with a pod `w.a` that succeeded, as the controller writes them compressed.
const COMPRESSED: &str = "H4sIAAAAAAAAA6tWKleyqlbKTFGyUipX0lHKS8xNhTJTMosLchIr/RAiJZUFIKaLo7uSjlJBRmIxiBdUmpeXmZeuVKujVK5riDBM1xDJOL1EDAMTEQYG5KcgGRhcmpycmpqSmqJUWwsA9KEUGJ8AAAA=";

fn command(namespace: &Namespace, arguments: &[&str]) -> Command {
    namespace.command(User::Admin, arguments)
}

fn run(namespace: &Namespace, arguments: &[&str]) -> (i32, String, String) {
    parts(command(namespace, arguments).output().unwrap().into())
}

fn parts(output: Output) -> (i32, String, String) {
    (output.code.unwrap(), output.stdout, output.stderr)
}

fn json_of(namespace: &Namespace, arguments: &[&str]) -> Value {
    namespace.run(User::Admin, arguments).json()
}

fn node(name: &str, kind: &str, phase: &str) -> Value {
    json!({"id": name, "name": name, "displayName": name.rsplit('.').next(), "type": kind, "phase": phase})
}

async fn set_status(namespace: &Namespace, name: &str, status: &Value) {
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

#[tokio::test]
async fn a_run_is_shown_as_its_controller_wrote_it() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    let nodes = json!({"w": node("w", "DAG", "Running"), "w.b": node("w.b", "Suspend", "Running")});
    let status = json!({"phase": "Running", "startedAt": "2026-11-21T10:00:00Z", "progress": "0/1", "nodes": nodes});
    set_status(&namespace, "w", &status).await;
    let (code, text, talk) = run(&namespace, &["status", "w"]);
    assert_eq!(code, 0, "{talk}");
    for part in
        ["Phase:      Running (suspended)\n", "Run ID:     r1\n", "Progress:   0/1\n", "Current:    b\n", "└─ ● b"]
    {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let live = namespace.get("workflows", "w").await.unwrap();
    let mut object = json_of(&namespace, &["status", "w", "-o", "json"]);
    assert_eq!(object["summary"]["isSuspended"], true);
    object.as_object_mut().unwrap().remove("summary");
    assert_eq!(object, live);
}

#[tokio::test]
async fn compressed_nodes_are_shown_and_offloaded_ones_are_told() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    set_status(&namespace, "w", &json!({"phase": "Running", "compressedNodes": COMPRESSED})).await;
    let (_, text, _) = run(&namespace, &["status", "w"]);
    assert!(text.contains("Nodes:      2 (1 succeeded, 0 failed)\n") && text.contains("└─ ✔ a"), "{text}");
    let object = json_of(&namespace, &["status", "w", "-o", "json"]);
    assert_eq!(object["status"]["nodes"]["w-1"]["displayName"], "a");
    let offloaded = json!({"compressedNodes": null, "offloadNodeStatusVersion": "fnv:1"});
    set_status(&namespace, "w", &offloaded).await;
    let (code, text, _) = run(&namespace, &["status", "w"]);
    assert_eq!(code, 0);
    assert!(text.contains("Partial:") && text.contains("keeps the nodes in its database"), "{text}");
}

#[tokio::test]
async fn offloaded_nodes_are_rebuilt_from_pods_and_task_results() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    set_status(&namespace, "w", &json!({"phase": "Running", "offloadNodeStatusVersion": "fnv:1"})).await;
    let labels = json!({"workflows.argoproj.io/workflow": "w"});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "w-load-1", "labels": labels, "annotations": {
            "workflows.argoproj.io/node-id": "w-1", "workflows.argoproj.io/node-name": "w.load"}},
        "spec": {"containers": [{"name": "main", "image": "alpine"}]},
    });
    namespace.post(&format!("/api/v1/namespaces/{}/pods", namespace.name), &pod).await;
    let result = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskResult",
        "metadata": {"name": "w-2", "labels": labels}, "outputs": {"exitCode": "0"},
    });
    namespace.create("workflowtaskresults", &result).await;
    let (_, text, _) = run(&namespace, &["status", "w"]);
    for part in ["Nodes:      2 (1 succeeded, 0 failed)\n", "these are of pods and task results", "◷ load", "✔ w-2"]
    {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let object = json_of(&namespace, &["status", "w", "-o", "json"]);
    assert!(object["summary"]["partial"].is_string() && object["status"].get("nodes").is_none(), "{object}");
}

#[tokio::test]
async fn a_handle_finds_its_run_and_no_other() {
    let namespace = Namespace::new().await;
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("w.json");
    std::fs::write(&file, workflow("w", "r1").to_string()).unwrap();
    let (file, handle) = (file.to_str().unwrap(), directory.path().join("run.json"));
    let handle = handle.to_str().unwrap();
    let (code, _, talk) = run(&namespace, &["submit", file, "--handle", handle, "--memoize=off"]);
    assert_eq!(code, 0, "{talk}");
    let written: Value = serde_json::from_slice(&std::fs::read(handle).unwrap()).unwrap();
    let live = namespace.get("workflows", "w").await.unwrap();
    assert_eq!((&written["uid"], &written["namespace"]), (&live["metadata"]["uid"], &namespace.name.clone().into()));
    assert_eq!((&written["backend"], &written["server"]), (&"cluster".into(), &Server::argo().url.clone().into()));
    let elsewhere = Namespace::new().await;
    assert_eq!(run(&elsewhere, &["status", handle, "-o", "name"]).1, "workflow.argoproj.io/w\n");
    namespace.delete("workflows", "w").await;
    let (code, _, talk) = run(&namespace, &["status", handle]);
    assert!(code == 6 && talk.contains("workflow \"w\" does not exist"), "{code}: {talk}");
    namespace.create("workflows", &workflow("w", "r1")).await;
    let (code, _, talk) = run(&namespace, &["status", handle]);
    assert!(code == 6 && talk.contains("another has its name"), "{code}: {talk}");
    // Another machine calls the cluster otherwise.
    let elsewhere_named =
        std::fs::read_to_string(handle).unwrap().replace("\"context\": \"test\"", "\"context\": \"prod\"");
    std::fs::write(handle, elsewhere_named).unwrap();
    let (code, _, talk) = run(&namespace, &["status", handle]);
    assert!(code == 6 && talk.contains("another has its name"), "{code}: {talk}");
    let (code, _, talk) = run(&namespace, &["status", handle, "--context", "prod"]);
    assert!(code == 2 && talk.contains("context \"prod\" is not in the kubeconfig"), "{code}: {talk}");
    let moved = std::fs::read_to_string(handle).unwrap().replace(&Server::argo().url, "https://10.9.8.7:6443");
    std::fs::write(handle, moved).unwrap();
    let (code, _, talk) = run(&namespace, &["wait", handle]);
    assert!(code == 6 && talk.contains("the handle's run is on https://10.9.8.7:6443"), "{code}: {talk}");
}

#[tokio::test]
async fn several_runs_are_waited_for_and_their_final_objects_printed() {
    let namespace = Namespace::new().await;
    for name in ["one", "two"] {
        namespace.create("workflows", &workflow(name, "r1")).await;
    }
    let waiting = command(&namespace, &["wait", "one", "two", "-o", "json"]).spawn().unwrap();
    for (name, phase) in [("two", "Running"), ("one", "Running"), ("two", "Error"), ("one", "Failed")] {
        set_status(&namespace, name, &json!({"phase": phase})).await;
    }
    let (code, result, talk) = parts(waiting.wait_with_output().unwrap().into());
    let of_one = format!("kubectl runnable retry one -n {} --context test", namespace.name);
    assert!(code == 4 && talk.contains(&of_one), "{code}: {talk}");
    assert_eq!(talk.lines().count(), 6, "what to do next with each: {talk}");
    let list: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(list["items"][0], namespace.get("workflows", "one").await.unwrap());
    assert_eq!(list["items"][1]["status"]["phase"], "Error");
    let (code, result, talk) = run(&namespace, &["wait", "one", "absent"]);
    assert_eq!((code, result.as_str()), (6, "workflow.argoproj.io/one Failed\n"));
    assert!(talk.contains("workflow \"absent\" does not exist"), "{talk}");
}

#[tokio::test]
async fn a_run_that_is_not_there_is_told_while_others_are_waited_for() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("one", "r1")).await;
    let mut waiting = command(&namespace, &["wait", "one", "absent"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(waiting.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("workflow \"absent\" does not exist"), "{line}");
    set_status(&namespace, "one", &json!({"phase": "Succeeded"})).await;
    let (code, result, _) = parts(waiting.wait_with_output().unwrap().into());
    assert_eq!((code, result.as_str()), (6, "workflow.argoproj.io/one Succeeded\n"));
}

#[tokio::test]
async fn a_wait_has_its_time() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    set_status(&namespace, "w", &json!({"phase": "Running"})).await;
    let (code, _, talk) = run(&namespace, &["wait", "@latest", "--timeout", "1s"]);
    assert!(code == 5 && talk.contains("workflow \"w\" has not ended after 1s (phase Running)"), "{code}: {talk}");
}

#[tokio::test]
async fn a_watch_shows_nodes_and_tells_of_a_deletion() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    let mut watching = command(&namespace, &["watch", "w"]).spawn().unwrap();
    let mut talk = BufReader::new(watching.stderr.take().unwrap());
    let mut line = String::new();
    for (name, phase) in [("w", "Running"), ("w.a", "Failed")] {
        set_status(&namespace, "w", &json!({"phase": "Running", "nodes": {name: node(name, "Pod", phase)}})).await;
        line.clear();
        talk.read_line(&mut line).unwrap();
        assert!(line.contains(phase) && line.trim_end().ends_with(name), "{line}");
    }
    namespace.delete("workflows", "w").await;
    let mut rest = String::new();
    talk.read_to_string(&mut rest).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(6));
    assert!(rest.contains("workflow \"w\" was deleted before it ended"), "{rest}");
}

#[tokio::test]
async fn all_pages_are_listed() {
    let namespace = Namespace::new().await;
    for number in 0..5 {
        let mut one = workflow(&format!("w{number}"), "r1");
        one["metadata"]["labels"] = json!({"parity": if number % 2 == 0 { "even" } else { "odd" }});
        namespace.create("workflows", &one).await;
    }
    set_status(&namespace, "w3", &json!({"phase": "Failed", "message": "no", "progress": "0/1"})).await;
    let names = |more: &[&str]| {
        let (code, result, talk) = run(&namespace, &[&["list", "-o", "name", "--chunk-size", "2"], more].concat());
        assert_eq!(code, 0, "{talk}");
        let mut names: Vec<String> = result.lines().map(|line| line.replace("workflow.argoproj.io/", "")).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(&[]), "w0 w1 w2 w3 w4");
    assert_eq!(names(&["-l", "parity in (even)"]), "w0 w2 w4");
    assert_eq!(names(&["--phase", "Failed"]), "w3");
    assert_eq!(names(&["-l", "parity=odd", "--phase", "pending", "--since", "1h"]), "w1");
    let (_, table, _) = run(&namespace, &["list", "--phase", "Failed"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[1], &row[3..]), ("w3", "Failed", &["0/1", "r1", "1", "no"][..]));
    let other = Namespace::new().await;
    other.create("workflows", &workflow("elsewhere", "r1")).await;
    let (_, all, _) = run(&namespace, &["list", "-A"]);
    for name in [&namespace.name, &other.name] {
        assert!(all.lines().any(|line| line.starts_with(name.as_str())), "{all}");
    }
    let (code, nothing, talk) = run(&namespace, &["list", "--phase", "Error"]);
    assert!((code, nothing.as_str()) == (0, "") && talk.contains("no runs in namespace"), "{talk}");
}

#[tokio::test]
async fn names_of_runs_complete_a_line() {
    let namespace = Namespace::new().await;
    for name in ["etl-1", "etl-2", "other"] {
        namespace.create("workflows", &workflow(name, "r1")).await;
    }
    let words = |line: &str| {
        let environment =
            Environment::new().variable("KUBECONFIG", namespace.kubeconfig(User::Admin).to_str().unwrap());
        let (code, result, talk) = parts(environment.run(["__complete"].into_iter().chain(line.split(' '))));
        assert_eq!((code, talk.as_str()), (0, ""));
        let mut words: Vec<String> = result.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
        words.sort();
        words.join(" ")
    };
    assert_eq!(words("retry "), ":4 @latest etl-1 etl-2 other");
    assert_eq!(words("wait other etl"), ":4 etl-1 etl-2");
    assert_eq!(words("retry -n nowhere "), ":4");
    assert_eq!(words("status --context nowhere "), ":4");
}

#[tokio::test]
async fn who_may_not_list_is_told_so() {
    let namespace = Namespace::new().await;
    let ran = namespace.run(User::Restricted, &["list"]);
    ran.fails(1, &["restricted may not list workflows.argoproj.io"]);
}
