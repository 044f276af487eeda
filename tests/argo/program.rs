//! The program as a user starts it.

use std::process::Command;

use serde_json::Value;

use crate::namespace::{Namespace, PATIENCE};
use crate::run::Run;
use crate::support::PROGRAM;
use crate::support::output::Output;
use crate::support::process::Running;

impl Namespace {
    /// The program in this namespace. It keeps the user's environment: a credential plugin of the kubeconfig needs it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["-n", &self.name, "--kubeconfig"]).arg(&self.kubeconfig);
        command.env_remove("ARGO_NAMESPACE").env_remove("GITHUB_STEP_SUMMARY");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Running::start(self.command(arguments), self.directory.path()).end_within(PATIENCE)
    }

    /// Runs the program to its end, which may take as long as many workflows one after another.
    pub(crate) fn run_long(&self, arguments: &[&str]) -> Output {
        Running::start(self.command(arguments), self.directory.path()).end_within(4 * PATIENCE)
    }

    /// Submits a document, waits for the end of its run, which must come with this exit code, and reads it.
    pub(crate) fn submit(&self, text: &str, more: &[&str], code: i32) -> Run {
        let file = self.file("workflow.yaml", text);
        let ended = self.run(&[&["submit", &file, "--wait", "-o", "json"], more].concat());
        Run::new(ended.exits(code).object())
    }

    /// Submits a document without waiting; the name of its workflow.
    pub(crate) fn start(&self, text: &str, more: &[&str]) -> String {
        let file = self.file("workflow.yaml", text);
        let ended = self.run(&[&["submit", &file, "-o", "name"], more].concat()).exits(0);
        ended.stdout.trim().strip_prefix("workflow.argoproj.io/").unwrap().to_owned()
    }

    /// Retries a run as its plan says, waits for the end, and holds what happened against the plan.
    pub(crate) fn retry(&self, run: &Run, more: &[&str], code: i32) -> Run {
        let plan = self.plan(run, more);
        let ended = self.run(&[&["retry", run.name(), "--wait", "-o", "json"], more].concat()).exits(code);
        let next = Run::new(ended.object());
        next.assert_as_planned(&plan);
        next
    }

    /// The plan of a retry.
    pub(crate) fn plan(&self, run: &Run, more: &[&str]) -> Value {
        self.run(&[&["retry", run.name(), "--plan", "-o", "json"], more].concat()).exits(0).json()
    }
}
