//! A directory of runs of a test's own, and the program on it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use assert_fs::TempDir;
use serde_json::{Value, json};

/// A test's own runs.
pub(crate) struct Rig {
    pub(crate) home: TempDir,
}

/// How a command ended.
#[must_use]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) result: String,
    pub(crate) talk: String,
}

impl Done {
    /// The result, of a command that succeeded.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.result, self.talk);
        self.result
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.good()).unwrap()
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), result: text(output.stdout), talk: text(output.stderr) }
    }
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command
            .args(arguments)
            .env("RUNNABLE_HOME", self.home.path())
            .env_remove("ARGO_NAMESPACE")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// A file with a workflow of one step that runs this script.
    pub(crate) fn file(&self, name: &str, script: &str) -> String {
        let workflow = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "labels": {"team": name}},
            "spec": {
                "entrypoint": "main",
                "arguments": {"parameters": [{"name": "date", "value": "today"}, {"name": "api_token", "value": "hunter22"}]},
                "templates": [
                    {"name": "main", "steps": [[{"name": "work", "template": "work"}]]},
                    {"name": "work", "container": {"image": "alpine", "command": ["sh", "-c", script]}},
                ],
            },
        });
        let path = self.home.path().join(format!("{name}.json"));
        std::fs::write(&path, workflow.to_string()).unwrap();
        path.display().to_string()
    }

    /// Runs a workflow of this name to its end.
    pub(crate) fn submit(&self, name: &str, script: &str, more: &[&str]) -> Done {
        let file = self.file(name, script);
        self.run(&[&["submit", "--local", "-q", file.as_str()], more].concat())
    }

    /// Begins to run a workflow, and returns when its step is at work.
    pub(crate) fn begin(&self, name: &str, script: &str) -> Running {
        let file = self.file(name, script);
        let mut command = self.command(&["submit", "--local", "-q", &file]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = Running(child);
        let log = |id: &std::ffi::OsStr| self.directory(name).join("nodes").join(id).join("main.log");
        let at_work = || {
            let nodes = std::fs::read_dir(self.directory(name).join("nodes")).ok();
            nodes
                .into_iter()
                .flatten()
                .any(|node| log(&node.unwrap().file_name()).metadata().is_ok_and(|log| log.len() > 0))
        };
        for _ in 0..600 {
            if at_work() {
                return running;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the step of {name} has not begun");
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.home.path().join("runs/default").join(name)
    }
}

/// A run that goes on beside the test.
pub(crate) struct Running(Child);

impl Running {
    /// Kills its process; no tidying up.
    pub(crate) fn kill(&mut self) {
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
