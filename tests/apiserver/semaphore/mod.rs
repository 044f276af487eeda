//! Semaphores as their users call them, on ConfigMaps and on workflows with the status that a controller wrote.

mod drain;
mod limits;
mod list;
mod submit;
mod wait;

use std::path::Path;

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::support::output::Output;

const MAP: &str = "workflow-semaphores";
const KEY: &str = "exampleorg-sample-main";

/// `semaphore` with these arguments.
fn semaphore(namespace: &Namespace, arguments: &[&str]) -> Output {
    namespace.run(User::Admin, &[&["semaphore"], arguments].concat())
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
