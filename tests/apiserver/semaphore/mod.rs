//! Semaphores as their users call them, on ConfigMaps and on workflows with the status that a controller wrote.

mod drain;
mod limits;
mod list;
mod submit;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::server::User;

const MAP: &str = "workflow-semaphores";
const KEY: &str = "exampleorg-sample-main";

/// What a run of the program left.
#[must_use]
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn command(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig).env_remove("ARGO_NAMESPACE");
    command
}

fn of(namespace: &Namespace, user: User, arguments: &[&str]) -> Ran {
    command(&namespace.kubeconfig(user), arguments).output().unwrap().into()
}

/// `semaphore` with these arguments.
fn semaphore(namespace: &Namespace, arguments: &[&str]) -> Ran {
    of(namespace, User::Admin, &[&["semaphore"], arguments].concat())
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    fn prints(self, code: i32, stdout: &str) -> Self {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{self:?}");
        self
    }

    #[track_caller]
    fn fails(self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        for said in said {
            assert!(self.stderr.contains(said), "{said:?}: {self:?}");
        }
    }

    #[track_caller]
    fn json(self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

async fn data(namespace: &Namespace) -> Value {
    namespace.get("configmaps", MAP).await.unwrap()["data"].clone()
}

async fn config_map(namespace: &Namespace, more: &Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MAP}});
    for (field, value) in more.as_object().unwrap() {
        match field.as_str() {
            "labels" => object["metadata"]["labels"] = value.clone(),
            _ => object[field] = value.clone(),
        }
    }
    namespace.create("configmaps", &object).await
}

/// A workflow that a controller wrote, moved into the test's namespace.
async fn record(namespace: &Namespace, name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.json"));
    let text = std::fs::read_to_string(path).unwrap();
    let moved = text.replace("\"argo/", &format!("\"{}/", namespace.name));
    let mut workflow: Value = serde_json::from_str(&moved).unwrap();
    workflow["metadata"]["namespace"] = json!(namespace.name);
    for field in ["resourceVersion", "uid", "creationTimestamp", "generation"] {
        workflow["metadata"].as_object_mut().unwrap().remove(field);
    }
    // Argo's definitions have no status subresource: it is created with the rest.
    namespace.create("workflows", &workflow).await
}
