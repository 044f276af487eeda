//! A home for the runs of one test, and the program on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A test's own runs, and its working directory.
pub(crate) struct Home {
    directory: TempDir,
}

/// How a command ended.
#[must_use]
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) result: String,
    pub(crate) talk: String,
}

/// A run in a process of its own, killed with the test.
pub(crate) struct Running(Child);

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), result: text(output.stdout), talk: text(output.stderr) }
    }
}

impl Done {
    /// The result, of a command that succeeded.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.result
    }

    /// The object that was printed, whatever the exit code.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        serde_json::from_str(&self.result).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.object()
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of a run.
    pub(crate) fn directory(&self, run: &str) -> PathBuf {
        self.root().join("runs/default").join(run)
    }

    /// A file of the run `w`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory("w").join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).env("RUNNABLE_HOME", self.root()).env_remove("ARGO_NAMESPACE");
        command.env_remove("GITHUB_STEP_SUMMARY").current_dir(self.root()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.root().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A file with a workflow of these fields of its spec.
    fn workflow_file(&self, name: &str, spec: &Value) -> String {
        let workflow = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "labels": {"team": name}},
            "spec": spec,
        });
        self.write(&format!("{name}.json"), &workflow.to_string())
    }

    /// A file with a workflow of one step that runs this script.
    pub(crate) fn file(&self, name: &str, script: &str) -> String {
        let mut spec = steps(&[("work", script)]);
        let secret = json!({"name": "api_token", "value": "hunter22"});
        spec["arguments"] = json!({"parameters": [{"name": "date", "value": "today"}, secret]});
        self.workflow_file(name, &spec)
    }

    /// Runs such a workflow to its end.
    pub(crate) fn submit(&self, name: &str, script: &str, more: &[&str]) -> Done {
        let file = self.file(name, script);
        self.run(&[&["submit", "--local", "-q", file.as_str()], more].concat())
    }

    /// Begins to run such a workflow, and returns when its step has written something.
    pub(crate) fn begin(&self, name: &str, script: &str) -> Running {
        let running = self.spawn(&["submit", "--local", "-q", &self.file(name, script)]);
        self.until_written(name);
        running
    }

    /// Begins to run a workflow named `w` with these fields of its spec.
    pub(crate) fn start(&self, spec: &Value) -> Running {
        let running = self.spawn(&["submit", "--local", "-q", &self.workflow_file("w", spec)]);
        self.until("the run begins", || self.path("workflow.json").exists());
        running
    }

    /// Starts the program on its own; nobody reads what it says.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running(self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Returns when a node of a run has written something.
    pub(crate) fn until_written(&self, run: &str) {
        let nodes = self.directory(run).join("nodes");
        self.until("a node writes", || {
            let nodes = fs::read_dir(&nodes).into_iter().flatten().flatten();
            nodes.map(|node| node.path().join("main.log")).any(|log| log.metadata().is_ok_and(|log| log.len() > 0))
        });
    }

    /// The journal of the run `w`, in which each state of a node stands.
    pub(crate) fn journal(&self) -> String {
        fs::read_to_string(self.path("journal.jsonl")).unwrap_or_default()
    }

    /// The Workflow object of the run `w`, once it has ended.
    pub(crate) fn workflow(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("workflow.json")).unwrap()).unwrap()
    }

    /// The phase of the node of the run `w` with this display name.
    pub(crate) fn phase(&self, display_name: &str) -> Option<String> {
        self.node(display_name)?["phase"].as_str().map(str::to_owned)
    }

    /// What that node has written.
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

impl Running {
    /// The exit code of its process.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }

    /// Kills its process as the kernel does when memory is short; no tidying up.
    pub(crate) fn dies(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal to a command that goes on.
pub(crate) fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// A spec of steps, each a shell command or, where it is empty, a suspension.
pub(crate) fn steps(commands: &[(&str, &str)]) -> Value {
    let calls = commands.iter().map(|(name, _)| json!([{"name": name, "template": name}]));
    let mut templates = vec![json!({"name": "main", "steps": calls.collect::<Vec<_>>()})];
    templates.extend(commands.iter().map(|(name, command)| match *command {
        "" => json!({"name": name, "suspend": {}}),
        command => json!({"name": name, "container": {"image": "alpine", "command": ["sh", "-c", command]}}),
    }));
    json!({"entrypoint": "main", "templates": templates})
}
