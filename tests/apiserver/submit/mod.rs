//! The program itself, spawned, against a real API server: what a user types, reads and finds created.

mod create;
mod from;
mod owner;
mod refusals;
mod wait;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::namespace::Namespace;
use crate::program::Ran;
use crate::server::User;

/// The program with a home and an environment of its own.
struct Program {
    directory: TempDir,
    kubeconfig: PathBuf,
}

impl Program {
    fn new(namespace: &Namespace) -> Self {
        Self::of(namespace, User::Admin)
    }

    fn of(namespace: &Namespace, user: User) -> Self {
        Self { directory: TempDir::new().unwrap(), kubeconfig: namespace.kubeconfig(user) }
    }

    /// Writes a file of documents beside the program's working directory.
    fn file(&self, name: &str, documents: &[Value]) -> String {
        let text: Vec<String> = documents.iter().map(ToString::to_string).collect();
        self.text(name, &text.join("\n---\n"))
    }

    fn text(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `submit` with these arguments.
    fn submit(&self, arguments: &[&str]) -> Command {
        self.verb("submit", arguments)
    }

    /// A verb with these arguments.
    fn verb(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command
            .env_clear()
            .env("HOME", self.directory.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(self.directory.path())
            .arg(verb)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.submit(arguments).output().unwrap().into()
    }
}

impl Ran {
    /// The object that was created, without what the program adds to it when it prints it.
    #[track_caller]
    fn created(&self) -> Value {
        without_run(self.object())
    }
}

/// A workflow as a user writes it: two steps that call one template.
fn document(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": { "name": name },
        "spec": {
            "entrypoint": "main",
            "templates": [
                { "name": "main", "steps": [
                    [{ "name": "one", "template": "say", "arguments": { "parameters": [{ "name": "text", "value": "1" }] } }],
                    [{ "name": "two", "template": "say", "arguments": { "parameters": [{ "name": "text", "value": "2" }] } }],
                ] },
                {
                    "name": "say",
                    "inputs": { "parameters": [{ "name": "text" }] },
                    "container": { "image": "alpine", "command": ["echo", "{{inputs.parameters.text}}"] },
                },
            ],
        },
    })
}

/// A WorkflowTemplate of these templates that needs the parameter `date`.
fn template(name: &str) -> Value {
    let mut template = document(name);
    template["kind"] = json!("WorkflowTemplate");
    template["spec"]["arguments"] = json!({ "parameters": [{ "name": "date" }, { "name": "color", "value": "red" }] });
    template
}

fn without_run(mut object: Value) -> Value {
    assert!(object.as_object_mut().unwrap().remove("run").is_some(), "{object:#}");
    object
}

fn parameter<'a>(workflow: &'a Value, name: &str) -> Option<&'a str> {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name)?["value"].as_str()
}
