//! The program as a user starts it.

use assert_cmd::Command;
use serde_json::Value;

use crate::namespace::{Namespace, PATIENCE};
use crate::run::Run;

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) result: String,
    pub(crate) talk: String,
}

impl Ended {
    /// Its standard output, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.result).unwrap_or_else(|error| panic!("{error}: {}", self.talk))
    }

    /// Itself, when it ended with this code.
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.result, self.talk);
        self
    }
}

impl Namespace {
    /// The program in this namespace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).args(["-n", &self.name, "--kubeconfig"]).arg(&self.kubeconfig);
        command.env_remove("ARGO_NAMESPACE").timeout(PATIENCE);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("{arguments:?} has not ended after {PATIENCE:?}"));
        Ended { code, result: text(output.stdout), talk: text(output.stderr) }
    }

    /// Submits a document, waits for the end of its run, which must come with this exit code, and reads it.
    pub(crate) fn submit(&self, text: &str, more: &[&str], code: i32) -> Run {
        let file = self.file("workflow.yaml", text);
        let ended = self.run(&[&["submit", &file, "--wait", "-o", "json"], more].concat());
        Run::new(ended.with_code(code).json())
    }

    /// Submits a document without waiting; the name of its workflow.
    pub(crate) fn start(&self, text: &str, more: &[&str]) -> String {
        let file = self.file("workflow.yaml", text);
        let ended = self.run(&[&["submit", &file, "-o", "name"], more].concat()).with_code(0);
        ended.result.trim().strip_prefix("workflow.argoproj.io/").unwrap().to_owned()
    }

    /// Retries a run as its plan says, waits for the end, and holds what happened against the plan.
    pub(crate) fn retry(&self, run: &Run, more: &[&str], code: i32) -> Run {
        let plan = self.plan(run, more);
        let ended = self.run(&[&["retry", run.name(), "--wait", "-o", "json"], more].concat()).with_code(code);
        let next = Run::new(ended.json());
        next.assert_as_planned(&plan);
        next
    }

    /// The plan of a retry.
    pub(crate) fn plan(&self, run: &Run, more: &[&str]) -> Value {
        self.run(&[&["retry", run.name(), "--plan", "-o", "json"], more].concat()).with_code(0).json()
    }
}
