//! The program itself, spawned, against a real API server: what a user types, reads and finds created.

mod artifacts;
mod create;
mod debounce;
mod from;
mod owner;
mod refusals;
mod wait;

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::environment::Environment;
use crate::support::output::Output;

/// The program in an environment of its own, with a kubeconfig.
struct Program {
    environment: Environment,
}

impl Program {
    fn new(namespace: &Namespace) -> Self {
        Self::of(namespace, User::Admin)
    }

    fn of(namespace: &Namespace, user: User) -> Self {
        let kubeconfig = namespace.kubeconfig(user);
        Self { environment: Environment::new().variable("KUBECONFIG", kubeconfig.to_str().unwrap()) }
    }

    /// Writes a file of documents beside the program's working directory.
    fn file(&self, name: &str, documents: &[Value]) -> String {
        let text: Vec<String> = documents.iter().map(ToString::to_string).collect();
        self.text(name, &text.join("\n---\n"))
    }

    fn text(&self, name: &str, text: &str) -> String {
        self.environment.write(name, text)
    }

    /// `submit` with these arguments.
    fn submit(&self, arguments: &[&str]) -> Command {
        self.verb("submit", arguments)
    }

    /// A verb with these arguments.
    fn verb(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = self.environment.command([verb]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.submit(arguments).output().unwrap().into()
    }
}

impl Output {
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
