//! A home for runs, and the program on it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A home of its own for the runs of one test.
pub(crate) struct Home {
    directory: TempDir,
}

/// How a command ended.
#[must_use]
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A run in a process of its own, killed with the test.
pub(crate) struct Run(Child);

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).env("RUNNABLE_HOME", self.directory.path()).env_remove("ARGO_NAMESPACE");
        command.env_remove("GITHUB_STEP_SUMMARY");
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        Output {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a workflow named `w` with these fields of its spec.
    pub(crate) fn start(&self, spec: &Value) -> Run {
        let path = self.directory.path().join("w.yaml");
        let workflow = serde_json::json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec,
        });
        fs::write(&path, workflow.to_string()).unwrap();
        let mut command = self.command(&["submit", "--local", "w.yaml", "-q", "-o", "name"]);
        let run = Run(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        self.until("the run begins", || self.path("workflow.json").exists());
        run
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("runs/default/w").join(name)
    }

    /// The journal, in which each state of a node stands.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.path("journal.jsonl")).unwrap_or_default()
    }

    /// The Workflow object of a run that has ended.
    pub(crate) fn workflow(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("workflow.json")).unwrap()).unwrap()
    }

    /// The phase of the node with this display name.
    pub(crate) fn phase(&self, display_name: &str) -> Option<String> {
        self.node(display_name)?["phase"].as_str().map(str::to_owned)
    }

    /// What the node with this display name has written.
    pub(crate) fn log(&self, display_name: &str) -> String {
        let node = self.node(display_name).unwrap();
        let path = self.path("nodes").join(node["id"].as_str().unwrap()).join("main.log");
        fs::read_to_string(path).unwrap_or_default()
    }

    fn node(&self, display_name: &str) -> Option<Value> {
        let journal = self.journal();
        let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let nodes = events.flat_map(|event| event["nodes"].as_array().cloned().unwrap_or_default());
        nodes.rev().find(|node| node["displayName"] == display_name)
    }

    pub(crate) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !condition() {
            assert!(Instant::now() < limit, "never: {what}\n{}", self.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Run {
    /// The exit code of the run's process.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    /// Kills the run's process as the kernel does when memory is short.
    pub(crate) fn dies(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A spec of steps, each a shell command or, where it is empty, a suspension.
pub(crate) fn steps(commands: &[(&str, &str)]) -> Value {
    let mut templates = vec![serde_json::json!({
        "name": "main",
        "steps": commands.iter().map(|(name, _)| serde_json::json!([{"name": name, "template": name}])).collect::<Vec<_>>(),
    })];
    for (name, command) in commands {
        templates.push(match *command {
            "" => serde_json::json!({"name": name, "suspend": {}}),
            command => {
                serde_json::json!({"name": name, "container": {"image": "alpine", "command": ["sh", "-c", command]}})
            }
        });
    }
    serde_json::json!({"entrypoint": "main", "templates": templates})
}
