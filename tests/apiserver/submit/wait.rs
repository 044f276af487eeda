//! `--wait`: the test plays the controller.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{Program, Ran, document};
use crate::namespace::Namespace;

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

fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

#[tokio::test]
async fn the_exit_code_tells_how_the_workflow_ended() {
    for (phase, code) in [("Succeeded", 0), ("Failed", 3), ("Error", 4)] {
        let namespace = Namespace::new().await;
        let program = Program::new(&namespace);
        let child = start(&program, &namespace, &[]).await;
        set_status(&namespace, "build", &json!({ "phase": "Running" })).await;
        set_status(&namespace, "build", &json!({ "phase": phase, "message": "so it is" })).await;
        let ran = ended(child).exits(code).says(&format!("workflow.argoproj.io/build {phase}: so it is\n"));
        let _ = ran.prints("workflow.argoproj.io/build created\n");
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
    assert_eq!(ran.json(), namespace.get("workflows", "build").await.unwrap());
    assert_eq!(ran.json()["status"]["phase"], "Succeeded");
}

#[tokio::test]
async fn the_name_alone_is_printed_at_the_end() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let child = start(&program, &namespace, &["-o", "name"]).await;
    set_status(&namespace, "build", &json!({ "phase": "Failed" })).await;
    let _ = ended(child).exits(3).prints("workflow.argoproj.io/build\n");
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
    let ran = ended(child);
    assert!(ran.stderr.contains("workflow \"build\" "), "{ran:?}");
    let _ = ran.exits(6);
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_and_not_the_workflow() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let namespace = Namespace::new().await;
        let program = Program::new(&namespace);
        let child = start(&program, &namespace, &["-o", "name"]).await;
        // The run id is said right before the wait begins.
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let ran = ended(child).exits(130).says("interrupted: workflow build goes on\n");
        let _ = ran.prints("workflow.argoproj.io/build\n");
        assert!(namespace.get("workflows", "build").await.is_some());
    }
}
