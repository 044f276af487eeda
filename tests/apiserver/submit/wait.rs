//! `--wait`: the test plays the controller.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Output, Program, document};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::Server;

/// Starts the program and returns once its workflow exists.
async fn start(program: &Program, namespace: &Namespace, arguments: &[&str]) -> Child {
    let file = program.file("w.yaml", &[document("build")]);
    let child = program.submit(&[&[file.as_str(), "--wait"], arguments].concat()).spawn().unwrap();
    exists(namespace, "build").await;
    child
}

async fn exists(namespace: &Namespace, name: &str) {
    let started = Instant::now();
    while namespace.get("workflows", name).await.is_none() {
        assert!(started.elapsed() < Duration::from_mins(1), "workflow {name} was not created");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn set_status(namespace: &Namespace, name: &str, status: &Value) {
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap().into()
}

/// Reads what the program says up to this line.
fn until_said(talk: &mut impl BufRead, expected: &str) {
    let mut lines = std::iter::from_fn(|| {
        let mut line = String::new();
        (talk.read_line(&mut line).unwrap() > 0).then_some(line)
    });
    assert!(lines.any(|line| line == expected), "{expected:?} is not said");
}

#[tokio::test]
async fn the_exit_code_tells_how_the_workflow_ended() {
    for (phase, code) in [("Succeeded", 0), ("Failed", 3), ("Error", 4)] {
        let namespace = Namespace::new().await;
        let program = Program::new(&namespace);
        let child = start(&program, &namespace, &[]).await;
        set_status(&namespace, "build", &json!({ "phase": "Running" })).await;
        set_status(&namespace, "build", &json!({ "phase": phase, "message": "so it is" })).await;
        let ran = ended(child).says(&format!("workflow.argoproj.io/build {phase}: so it is\n"));
        let _ = ran.prints(code, "workflow.argoproj.io/build created\n");
    }
}

#[tokio::test]
async fn the_final_object_is_printed() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let child = start(&program, &namespace, &["-o", "json"]).await;
    set_status(&namespace, "build", &json!({ "phase": "Running" })).await;
    let node = json!({ "id": "build", "name": "build", "displayName": "build", "type": "Pod", "phase": "Succeeded" });
    set_status(&namespace, "build", &json!({ "phase": "Succeeded", "nodes": { "build": node } })).await;
    let ran = ended(child).exits(0);
    assert_eq!(ran.created(), namespace.get("workflows", "build").await.unwrap());
    assert_eq!(ran.object()["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn the_name_alone_is_printed_at_the_end() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let child = start(&program, &namespace, &["-o", "name"]).await;
    set_status(&namespace, "build", &json!({ "phase": "Failed" })).await;
    let _ = ended(child).prints(3, "workflow.argoproj.io/build\n");
}

#[tokio::test]
async fn of_several_workflows_the_worst_end_counts() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two")]);
    let child = program.submit(&[&file, "--wait"]).spawn().unwrap();
    exists(&namespace, "two").await;
    set_status(&namespace, "two", &json!({ "phase": "Succeeded" })).await;
    set_status(&namespace, "one", &json!({ "phase": "Failed" })).await;
    let _ =
        ended(child).exits(3).says("workflow.argoproj.io/one Failed\n").says("workflow.argoproj.io/two Succeeded\n");
}

#[tokio::test]
async fn a_run_that_is_there_already_is_waited_for() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let _ = program.run(&[&file, "--run-id", "r-1"]).exits(0);
    set_status(&namespace, "build", &json!({ "phase": "Error" })).await;
    let _ = program.run(&[&file, "--run-id", "r-1", "--wait"]).exits(4);
}

#[tokio::test]
async fn what_is_printed_finds_the_run_again() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let printed = program.run(&[&file, "-o", "json", "--run-id", "r-1"]).exits(0);
    let run = printed.object()["run"].clone();
    let live = namespace.get("workflows", "build").await.unwrap();
    assert_eq!((&run["uid"], &run["runId"], &run["attempt"]), (&live["metadata"]["uid"], &json!("r-1"), &json!(1)));
    assert_eq!((&run["server"], &run["context"]), (&json!(Server::argo().url), &json!("test")));
    set_status(&namespace, "build", &json!({ "phase": "Failed" })).await;
    let file = program.text("run.json", &printed.stdout);
    let _ =
        Output::from(program.verb("wait", &[&file]).output().unwrap()).prints(3, "workflow.argoproj.io/build Failed\n");
}

#[tokio::test]
async fn reports_tell_what_each_node_did_and_what_was_not_seen() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let (junit, summary) = (program.text("junit.xml", "old"), program.text("summary.md", "before\n"));
    let file = program.file("w.yaml", &[document("one"), document("two")]);
    let report = format!("junit={junit}");
    let mut command = program.submit(&[&file, "--wait", "--report", &report]);
    let child = command.env("GITHUB_STEP_SUMMARY", &summary).spawn().unwrap();
    exists(&namespace, "two").await;
    let node = |name: &str, phase: &str, message: &str| {
        json!({ "id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase, "message": message,
            "templateName": "say", "startedAt": "2026-11-21T10:00:00Z", "finishedAt": "2026-11-21T10:00:03Z" })
    };
    let nodes = json!({ "one": node("one", "Failed", "exit \u{1b}[31m<2>") });
    set_status(&namespace, "one", &json!({ "phase": "Running" })).await;
    set_status(&namespace, "one", &json!({ "phase": "Failed", "nodes": nodes })).await;
    namespace.delete("workflows", "two").await;
    let _ = ended(child).exits(6);
    let junit = std::fs::read_to_string(junit).unwrap();
    for part in [
        "<testsuite name=\"one\" tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"1\">",
        "<testcase name=\"one\" classname=\"say\" time=\"3.000\">",
        "<failure message=\"exit &lt;2&gt;\" type=\"Failed\"",
        "<testsuite name=\"two\" tests=\"1\" skipped=\"0\" errors=\"1\" failures=\"0\">",
        "<error message=\"workflow &quot;two&quot; was deleted before it ended",
    ] {
        assert!(junit.contains(part), "{part} is not in:\n{junit}");
    }
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("before\n### ❌ one Failed") && summary.contains("❌ two not followed"), "{summary}");
}

#[tokio::test]
async fn time_runs_out() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file, "--wait", "--timeout", "1s"]).exits(5);
    let _ = ran.says("error: workflow \"build\" has not ended after ").says("hint: it still runs");
    assert!(namespace.get("workflows", "build").await.is_some());
}

#[tokio::test]
async fn a_workflow_that_is_deleted_is_not_found() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let child = start(&program, &namespace, &[]).await;
    set_status(&namespace, "build", &json!({ "phase": "Running" })).await;
    namespace.delete("workflows", "build").await;
    let _ = ended(child).exits(6).says("error: workflow \"build\" was deleted before it ended\n");
}

#[tokio::test]
async fn all_workflows_are_followed_at_once() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two"), document("three")]);
    let mut child = program.submit(&[&file, "--wait", "-o", "json"]).spawn().unwrap();
    exists(&namespace, "three").await;
    // The ends of the others are told while the first goes on.
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    set_status(&namespace, "three", &json!({ "phase": "Succeeded" })).await;
    until_said(&mut talk, "workflow.argoproj.io/three Succeeded\n");
    namespace.delete("workflows", "two").await;
    until_said(&mut talk, "error: workflow \"two\" was deleted before it ended\n");
    set_status(&namespace, "one", &json!({ "phase": "Failed" })).await;
    until_said(&mut talk, "workflow.argoproj.io/one Failed\n");
    let ran = ended(child).exits(6);
    let phases: Vec<_> =
        ran.object()["items"].as_array().unwrap().iter().map(|run| run["status"]["phase"].clone()).collect();
    assert_eq!(phases, [json!("Failed"), Value::Null, json!("Succeeded")]);
}

#[tokio::test]
async fn an_interrupt_keeps_what_has_ended() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two")]);
    let mut child = program.submit(&[&file, "--wait", "-o", "json"]).spawn().unwrap();
    exists(&namespace, "two").await;
    set_status(&namespace, "one", &json!({ "phase": "Succeeded" })).await;
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    until_said(&mut talk, "workflow.argoproj.io/one Succeeded\n");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    talk.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "interrupted: the workflows continue\n");
    let printed = ended(child).exits(130).object();
    assert_eq!(
        (&printed["items"][0]["status"]["phase"], &printed["items"][1]["status"]),
        (&json!("Succeeded"), &Value::Null)
    );
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_and_not_the_workflow() {
    for signal in [Signal::INT, Signal::TERM] {
        let namespace = Namespace::new().await;
        let program = Program::new(&namespace);
        let child = start(&program, &namespace, &["-o", "name"]).await;
        // The run id is said right before the wait begins.
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill_process(Pid::from_child(&child), signal).unwrap();
        let ran = ended(child).says("interrupted: workflow build continues\n");
        let _ = ran.prints(130, "workflow.argoproj.io/build\n");
        assert!(namespace.get("workflows", "build").await.is_some());
    }
}
