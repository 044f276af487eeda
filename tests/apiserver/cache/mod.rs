//! `cache` on ConfigMaps as a controller writes them, and broken in every way.

mod change;
mod exchange;
mod home;
mod inspect;
mod large;
mod list;
mod plan;
mod rights;
mod why;

use std::path::PathBuf;

use assert_fs::TempDir;
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::output::Output;

const LABEL: &str = "workflows.argoproj.io/configmap-type";

/// `cache` with these arguments.
fn cache(namespace: &Namespace, arguments: &[&str]) -> Output {
    namespace.run(User::Admin, &[&["cache"], arguments].concat())
}

/// An entry that was made and used last at this time.
fn entry(node: &str, time: &str) -> String {
    let entry = json!({"nodeID": node, "outputs": null, "creationTimestamp": time, "lastHitTimestamp": time});
    entry.to_string()
}

fn object(name: &str, labelled: bool, data: &Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"team": "a"}},
        "data": data});
    if labelled {
        object["metadata"]["labels"][LABEL] = json!("Cache");
    }
    object
}

async fn config_map(namespace: &Namespace, name: &str, labelled: bool, data: &Value) -> Value {
    namespace.create("configmaps", &object(name, labelled, data)).await
}

async fn keys(namespace: &Namespace, name: &str) -> Vec<String> {
    let object = namespace.get("configmaps", name).await.unwrap();
    object["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default()
}

fn problems(report: &Value) -> Vec<&str> {
    let cache = &report["caches"][0];
    let entries = cache["entries"].as_array().unwrap().iter().map(|entry| &entry["findings"]);
    let findings = std::iter::once(&cache["findings"]).chain(entries).flat_map(|findings| findings.as_array().unwrap());
    findings.map(|finding| finding["problem"].as_str().unwrap()).collect()
}

/// A file for `import`, in a directory that goes with it.
struct Exported {
    _directory: TempDir,
    path: PathBuf,
}

impl Exported {
    /// The entries of a cache of this name.
    fn of(cache: &str, entries: &Value) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("cache.json");
        let file = json!({"kind": "CacheEntries", "version": 1, "cache": cache, "exportedAt": "2026-11-21T08:00:00Z",
            "entries": entries});
        std::fs::write(&path, file.to_string()).unwrap();
        Self { _directory: directory, path }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}
