//! The examples do what they say: each is run on this machine by the real program.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::support::environment::Environment;

struct Run {
    environment: Environment,
    workflow: Value,
}

fn path_of(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example)
}

impl Run {
    fn of(example: &str, arguments: &[&str]) -> Self {
        let environment = Environment::new();
        let mut command = environment.command(["submit", "--local", "-o", "json"]);
        let workflow = environment.finish(command.args(arguments).arg(path_of(example))).json();
        Self { environment, workflow }
    }

    /// What the main process of a node wrote.
    fn log(&self, display_name: &str) -> String {
        let nodes = self.workflow["status"]["nodes"].as_object().unwrap();
        let node = nodes.values().find(|node| node["displayName"] == display_name);
        let id = node.unwrap_or_else(|| panic!("no node {display_name}"))["id"].as_str().unwrap();
        let run = self.environment.run_directory(self.workflow["metadata"]["name"].as_str().unwrap());
        std::fs::read_to_string(run.join("nodes").join(id).join("main.log")).unwrap()
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
    let environment = Environment::new();
    let example = path_of("etl.yaml");
    let submit = ["submit", "--local", "--name", "etl", "-p", "database=down", example.to_str().unwrap()];
    let _ = environment.run(submit).exits(3);
    let workflow = environment.run(["retry", "--local", "etl", "-p", "database=up", "-o", "json"]).json();
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
