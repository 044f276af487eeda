//! Argo's custom resource definitions: the project's minimal ones, or the full ones in the directory
//! `RUNNABLE_ARGO_CRDS`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::objects::Objects;
use crate::support::wait::until;

/// Whether the API server checks workflows against Argo's full schema.
pub(crate) fn full() -> bool {
    std::env::var_os("RUNNABLE_ARGO_CRDS").is_some()
}

/// Creates the definitions and waits until their resources can be used.
pub(crate) async fn install(objects: &Objects) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apiserver/crds");
    let mut definitions = read(&own);
    if let Some(directory) = std::env::var_os("RUNNABLE_ARGO_CRDS") {
        for full in read(Path::new(&directory)) {
            definitions.retain(|minimal| name(minimal) != name(&full));
            definitions.push(full);
        }
    }
    for definition in &definitions {
        create(objects, definition).await;
    }
    for definition in &definitions {
        until_served(objects, definition).await;
    }
}

/// Creates the definition of workflows before Argo 3.6: a workflow has one semaphore or mutex.
pub(crate) async fn install_before_3_6(objects: &Objects) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apiserver/crds/workflows.yaml");
    let mut definition: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    definition.pointer_mut(spec).unwrap()["properties"] =
        json!({ "synchronization": { "type": "object", "properties": { "mutex": any, "semaphore": any } } });
    create(objects, &definition).await;
    until_served(objects, &definition).await;
    until_published(objects).await;
}

/// The OpenAPI schema of a served resource is published a little later.
async fn until_published(objects: &Objects) {
    let path = "/openapi/v3/apis/argoproj.io/v1alpha1";
    until(path, async || objects.text(path).await.ok()).await;
}

fn read(directory: &Path) -> Vec<Value> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let yaml = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()).collect()
}

fn name(definition: &Value) -> &str {
    definition["metadata"]["name"].as_str().unwrap()
}

async fn create(objects: &Objects, definition: &Value) {
    objects.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
}

/// A definition is Established shortly before its resource is served, so request the resource itself.
async fn until_served(objects: &Objects, definition: &Value) {
    let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
    let path = format!("/apis/argoproj.io/v1alpha1/{plural}?limit=1");
    until(&path, async || objects.text(&path).await.ok()).await;
}
