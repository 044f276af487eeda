//! Local runs in an [`Environment`]: workflows for tests, and the files of their runs.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::environment::Environment;
use super::output::Output;
use super::process::Running;
use super::wait::comes_true;

impl Environment {
    /// The names of the local runs.
    pub(crate) fn runs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("state/runs/default")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// The directory of a local run.
    pub(crate) fn run_directory(&self, run: &str) -> PathBuf {
        self.path("state/runs/default").join(run)
    }

    /// A file of the run `w`.
    pub(crate) fn run_file(&self, name: &str) -> PathBuf {
        self.run_directory("w").join(name)
    }

    /// Writes a workflow with these fields in its spec to a file.
    fn workflow_file(&self, name: &str, spec: &Value) -> String {
        let workflow = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "labels": {"team": name}},
            "spec": spec,
        });
        self.write(&format!("{name}.json"), workflow.to_string())
    }

    /// Writes a workflow with one step that runs this script to a file.
    pub(crate) fn script_file(&self, name: &str, script: &str) -> String {
        let mut spec = steps(&[("work", script)]);
        let secret = json!({"name": "api_token", "value": "hunter22"});
        spec["arguments"] = json!({"parameters": [{"name": "date", "value": "today"}, secret]});
        self.workflow_file(name, &spec)
    }

    /// Runs such a workflow and waits for its end.
    pub(crate) fn submit(&self, name: &str, script: &str, more: &[&str]) -> Output {
        let file = self.script_file(name, script);
        self.run([&["submit", "--local", "-q", file.as_str()], more].concat())
    }

    /// Starts such a workflow and waits until its step has written something.
    pub(crate) fn begin(&self, name: &str, script: &str) -> Running {
        let mut running = self.start(["submit", "--local", "-q", &self.script_file(name, script)]);
        running.until("a node writes", || self.has_written(name));
        running
    }

    /// Starts a workflow named `w` with these fields in its spec.
    pub(crate) fn begin_spec(&self, spec: &Value) -> Running {
        let mut running = self.start(["submit", "--local", "-q", &self.workflow_file("w", spec)]);
        running.until("the run begins", || self.run_file("workflow.json").exists());
        running
    }

    /// Whether a node of a run has written something.
    pub(crate) fn has_written(&self, run: &str) -> bool {
        let nodes = fs::read_dir(self.run_directory(run).join("nodes")).into_iter().flatten().flatten();
        nodes.map(|node| node.path().join("main.log")).any(|log| log.metadata().is_ok_and(|log| log.len() > 0))
    }

    /// The journal of the run `w`, which has each state of each node.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.run_file("journal.jsonl")).unwrap_or_default()
    }

    /// The Workflow object of the run `w` after its end.
    pub(crate) fn workflow(&self) -> Value {
        serde_json::from_slice(&fs::read(self.run_file("workflow.json")).unwrap()).unwrap()
    }

    /// The phase of the node of the run `w` with this display name.
    pub(crate) fn phase(&self, display_name: &str) -> Option<String> {
        self.node(display_name)?["phase"].as_str().map(str::to_owned)
    }

    /// The log of that node.
    pub(crate) fn log(&self, display_name: &str) -> String {
        let node = self.node(display_name).unwrap();
        let path = self.run_file("nodes").join(node["id"].as_str().unwrap()).join("main.log");
        fs::read_to_string(path).unwrap_or_default()
    }

    fn node(&self, display_name: &str) -> Option<Value> {
        let journal = self.journal();
        let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let nodes = events.flat_map(|event| event["nodes"].as_array().cloned().unwrap_or_default());
        nodes.rev().find(|node| node["displayName"] == display_name)
    }

    /// Waits until a condition about the run `w` holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        assert!(comes_true(condition), "never came: {what}\n{}", self.journal());
    }
}

/// A spec of steps: each is a shell command, or a suspend step if the command is empty.
pub(crate) fn steps(commands: &[(&str, &str)]) -> Value {
    let calls = commands.iter().map(|(name, _)| json!([{"name": name, "template": name}]));
    let mut templates = vec![json!({"name": "main", "steps": calls.collect::<Vec<_>>()})];
    templates.extend(commands.iter().map(|(name, command)| match *command {
        "" => json!({"name": name, "suspend": {}}),
        command => json!({"name": name, "container": {"image": "alpine", "command": ["sh", "-c", command]}}),
    }));
    json!({"entrypoint": "main", "templates": templates})
}
