//! Workflow objects that are malformed: each verb says what it makes of them, and none crashes.

use assert_fs::TempDir;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::{COLLECTION, OBJECT, kubeconfig_of};
use crate::kubernetes::program::command;
use crate::support::output::Output;

/// Objects that no controller writes, and that a server without a schema keeps.
fn odd_objects() -> Vec<Value> {
    let metadata = json!({ "name": "build", "namespace": "ci", "uid": "u", "resourceVersion": "1" });
    let odd_node = json!({ "id": 3, "name": [], "children": "x", "phase": {}, "type": 9, "startedAt": -1,
        "finishedAt": "noon", "memoizationStatus": "hit", "outputs": [], "inputs": 1, "templateRef": "t" });
    let mut objects = vec![
        json!({ "metadata": metadata }),
        json!({ "metadata": { "name": "build", "labels": [], "annotations": "x", "ownerReferences": {},
            "creationTimestamp": "yesterday" }, "spec": null, "status": null }),
        json!({ "metadata": metadata, "spec": 5, "status": "odd" }),
        json!({ "metadata": metadata, "spec": { "arguments": "x", "templates": {}, "suspend": 3, "shutdown": [] }, "status": [] }),
        json!({ "metadata": metadata, "spec": { "arguments": { "parameters": [1, { "name": 2 }, { "name": "run_id", "value": 3 }] },
            "templates": [null, { "name": [], "steps": {}, "dag": 1 }, { "memoize": "m", "container": [] }] } }),
    ];
    for status in [
        json!({ "phase": 5, "nodes": [], "startedAt": {}, "finishedAt": "yesterday", "progress": 3, "message": [] }),
        json!({ "phase": "Failed", "nodes": { "build": 7, "a": odd_node, "": {} } }),
        json!({ "phase": "Running", "nodes": { "a": { "id": "a", "name": "a", "type": "Suspend", "phase": "Running",
            "children": ["a", "absent"], "boundaryID": "a", "outputs": { "parameters": { "x": 1 } } } } }),
        json!({ "phase": "Failed", "compressedNodes": "no base64" }),
        json!({ "phase": "Failed", "compressedNodes": "AAAA", "offloadNodeStatusVersion": 4 }),
        json!({ "phase": "Failed", "synchronization": [], "conditions": {}, "storedTemplates": 1,
            "storedWorkflowTemplateSpec": [], "persistentVolumeClaims": "x", "artifactGCStatus": 0 }),
    ] {
        objects.push(json!({ "metadata": metadata, "spec": { "entrypoint": "main", "templates": [{ "name": "main" }] }, "status": status }));
    }
    for object in &mut objects {
        object["apiVersion"] = json!("argoproj.io/v1alpha1");
        object["kind"] = json!("Workflow");
    }
    objects
}

#[tokio::test(flavor = "multi_thread")]
async fn no_odd_object_crashes_a_verb() {
    let directory = TempDir::new().unwrap();
    for object in odd_objects() {
        let server = MockServer::start().await;
        let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        let list =
            json!({ "kind": "WorkflowList", "apiVersion": "argoproj.io/v1alpha1", "metadata": {}, "items": [object] });
        Mock::given(method("GET")).and(path(COLLECTION)).respond_with(answer(list)).mount(&server).await;
        Mock::given(path(OBJECT)).respond_with(answer(object.clone())).mount(&server).await;
        let pods = answer(json!({ "kind": "PodList", "items": [7, { "metadata": [] }] }));
        Mock::given(path("/api/v1/namespaces/ci/pods")).respond_with(pods).mount(&server).await;
        let kubeconfig = directory.path().join("config");
        std::fs::write(&kubeconfig, kubeconfig_of(&server).to_string()).unwrap();
        for arguments in [
            "status build",
            "status build -o wide",
            "status build -o json",
            "status build -o yaml",
            "list",
            "list -o wide",
            "wait build --timeout 50ms",
            "watch build --timeout 50ms",
            "logs build",
            "retry build --plan",
            "retry build --plan --memoized",
            "retry build --plan --in-place",
            "suspend build --dry-run",
            "resume build --dry-run",
            "resume build --output a=b --dry-run",
            "stop build --dry-run",
            "terminate build --dry-run",
        ] {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            let output = tokio::task::block_in_place(|| command(&kubeconfig, &arguments).output().unwrap());
            let ran = Output::from(output);
            let looks = matches!(arguments[0], "status" | "list");
            assert!(
                ran.code.is_some_and(|code| if looks { code == 0 } else { code <= 7 }),
                "{arguments:?} of {object}: {ran:?}"
            );
        }
    }
}
