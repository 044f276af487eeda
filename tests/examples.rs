//! The examples do what they say: each is run on this machine by the real program.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_fs::TempDir;
use serde_json::Value;

struct Run {
    home: TempDir,
    workflow: Value,
}

impl Run {
    fn of(example: &str, arguments: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
        let output = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"))
            .args(["submit", "--local", "-o", "json"])
            .args(arguments)
            .arg(path)
            .env("RUNNABLE_HOME", home.path())
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{example}: {}\n{talk}", output.status);
        let workflow = serde_json::from_slice(&output.stdout).unwrap();
        Self { home, workflow }
    }

    /// What the main process of a node wrote.
    fn log(&self, display_name: &str) -> String {
        let nodes = self.workflow["status"]["nodes"].as_object().unwrap();
        let node = nodes.values().find(|node| node["displayName"] == display_name);
        let id = node.unwrap_or_else(|| panic!("no node {display_name}"))["id"].as_str().unwrap();
        let name = self.workflow["metadata"]["name"].as_str().unwrap();
        let log: PathBuf = ["runs", "default", name, "nodes", id, "main.log"].iter().collect();
        std::fs::read_to_string(self.home.path().join(log)).unwrap()
    }

    fn phase(&self, display_name: &str) -> String {
        let nodes = self.workflow["status"]["nodes"].as_object().unwrap();
        let node = nodes.values().find(|node| node["displayName"] == display_name);
        node.unwrap_or_else(|| panic!("no node {display_name}"))["phase"].as_str().unwrap().to_owned()
    }
}

#[test]
fn every_example_succeeds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert_eq!(Run::of(&name, &[]).workflow["status"]["phase"], "Succeeded", "{name}");
        count += 1;
    }
    assert!(count >= 6, "{count} examples");
}

#[test]
fn a_retry_runs_what_failed_and_what_depends_on_it() {
    let home = TempDir::new().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/etl.yaml");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).env("RUNNABLE_HOME", home.path()).output().unwrap()
    };
    let failed = run(&["submit", "--local", "--name", "etl", "-p", "database=down", path.to_str().unwrap()]);
    assert_eq!(failed.status.code(), Some(3));
    let retried = run(&["retry", "--local", "etl", "-p", "database=up", "-o", "json"]);
    assert_eq!(retried.status.code(), Some(0), "{}", String::from_utf8_lossy(&retried.stderr));
    let workflow: Value = serde_json::from_slice(&retried.stdout).unwrap();
    let nodes = workflow["status"]["nodes"].as_object().unwrap().values();
    let hits = nodes.filter(|node| node["memoizationStatus"]["hit"] == true).map(|node| &node["displayName"]);
    assert_eq!(hits.collect::<Vec<_>>(), ["extract", "check"]);
}

#[test]
fn hello_greets_whom_it_is_told_to() {
    let run = Run::of("hello.yaml", &["-p", "who=Ada", "--name", "greeting"]);
    assert_eq!(run.log("greeting"), "hello Ada\n");
}

#[test]
fn the_diamond_hands_results_on() {
    let run = Run::of("diamond.yaml", &[]);
    assert_eq!(run.log("release"), "released 1.4.0 after unit:ok integration:ok\n");
}

#[test]
fn the_words_are_counted() {
    assert_eq!(Run::of("map-reduce.yaml", &[]).log("reduce"), "9 words\n");
    let run = Run::of("map-reduce.yaml", &["-p", "text=a b\nc\n"]);
    assert_eq!(run.log("reduce"), "3 words\n");
}

#[test]
fn files_and_directories_are_handed_on() {
    let run = Run::of("artifacts.yaml", &[]);
    assert_eq!(run.log("check"), "on this machine\n");
    assert_eq!(run.log("measure").trim(), "2");
}

#[test]
fn the_flaky_step_succeeds_at_its_third_attempt() {
    let run = Run::of("flaky.yaml", &["--name", "flaky"]);
    let phases = ["flaky(0)", "flaky(1)", "flaky(2)"].map(|attempt| run.phase(attempt));
    assert_eq!(phases, ["Failed", "Failed", "Succeeded"]);
    assert_eq!(run.log("flaky.onExit"), "flaky ended as Succeeded\n");
}

#[test]
fn a_program_knows_its_run() {
    let run = Run::of("run-id.yaml", &["--run-id", "nightly-001"]);
    assert_eq!(run.log("load"), "first attempt of run nightly-001\ntable load_nightly-001: 42 rows\n");
}

#[test]
fn objects_beside_the_workflow_serve_it() {
    let run = Run::of("shared-template.yaml", &[]);
    assert_eq!(run.log("greet(1:Grace)"), "Good morning, Grace! — the runnable team\n");
}
