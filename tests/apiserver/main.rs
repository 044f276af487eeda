//! The library against a real API server; tests/run prepares what that needs.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

#[path = "../support/kubernetes/mod.rs"]
mod kubernetes;
#[path = "../stores/server.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod store_server;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod archive;
mod bundle;
mod cache;
mod create;
mod delete;
mod expected_by_argo;
mod faults;
mod hints;
mod lint;
mod list_watch;
mod logs;
mod namespace;
mod odd;
mod pipelines;
mod restart;
mod retry;
mod rights;
mod scale;
mod semaphore;
mod sensor;
mod steer;
mod submit;
mod template;
mod verbs;
mod wait;

use self::kubernetes::{ports, supervised};
use serde_json::{Value, json};

/// A workflow of one run, as submit prepares it.
fn workflow(name: &str, run_id: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": { "name": name },
        "spec": {
            "entrypoint": "main",
            "arguments": { "parameters": [
                { "name": "run_id", "value": run_id },
                { "name": "retry_run_id", "value": "" },
                { "name": "retry_indicator", "value": "" },
            ] },
            "templates": [{ "name": "main", "container": { "image": "alpine", "command": ["true"] } }],
        },
    })
}
