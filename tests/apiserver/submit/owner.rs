//! `--owner`: the reference that is made, and the owners that are refused.

use serde_json::{Value, json};

use super::{Program, document, template};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

async fn references(namespace: &Namespace, name: &str) -> Value {
    namespace.get("workflows", name).await.unwrap()["metadata"]["ownerReferences"].clone()
}

async fn config_map(namespace: &Namespace, metadata: &Value) -> Value {
    namespace.post(&format!("/api/v1/namespaces/{}/configmaps", namespace.name), &json!({ "metadata": metadata })).await
}

fn reference(api_version: &str, kind: &str, owner: &Value, block: bool) -> Value {
    let metadata = &owner["metadata"];
    json!([{ "apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"],
        "controller": true, "blockOwnerDeletion": block }])
}

#[tokio::test]
async fn an_owner_goes_by_all_the_names_of_its_kind() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let map = config_map(&namespace, &json!({ "name": "release" })).await;
    for (number, owner) in ["ConfigMap/release", "cm/release", "configmaps/release"].iter().enumerate() {
        let name = format!("core-{number}");
        let _ = program.run(&[&file, "--name", &name, "--owner", owner]).exits(0);
        assert_eq!(references(&namespace, &name).await, reference("v1", "ConfigMap", &map, true));
    }
    let labels = json!({ "app": "web" });
    let web = json!({ "metadata": { "name": "web" }, "spec": {
        "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "alpine" }] } },
    } });
    let web = namespace.post(&format!("/apis/apps/v1/namespaces/{}/deployments", namespace.name), &web).await;
    for (number, owner) in ["deployment.apps/web", "deploy/web"].iter().enumerate() {
        let name = format!("apps-{number}");
        let _ = program.run(&[&file, "--name", &name, "--owner", owner]).exits(0);
        assert_eq!(references(&namespace, &name).await, reference("apps/v1", "Deployment", &web, true));
    }
    let shared = namespace.create("workflowtemplates", &template("shared")).await;
    let owner = format!("{}/workflowtemplate.argoproj.io/shared", namespace.name);
    let _ = program.run(&[&file, "--name", "defined", "--owner", &owner]).exits(0);
    let defined = reference("argoproj.io/v1alpha1", "WorkflowTemplate", &shared, true);
    assert_eq!(references(&namespace, "defined").await, defined);
}

#[tokio::test]
async fn an_object_of_the_whole_cluster_owns_workflows_of_any_namespace() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let owner = format!("namespace/{}", namespace.name);
    let shown = program.run(&[&file, "--owner", &owner, "--dry-run=server", "-o", "json"]).exits(0).object();
    let references = &shown["metadata"]["ownerReferences"][0];
    assert_eq!((&references["kind"], &references["name"]), (&json!("Namespace"), &json!(namespace.name)));
    assert!(references["uid"].is_string());
}

#[tokio::test]
async fn owners_that_are_missing_elsewhere_or_leaving_are_refused() {
    let namespace = Namespace::new().await;
    let elsewhere = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    config_map(&elsewhere, &json!({ "name": "far" })).await;
    config_map(&namespace, &json!({ "name": "leaving", "finalizers": ["example.org/hold"] })).await;
    namespace.delete_any(&format!("/api/v1/namespaces/{}/configmaps/leaving", namespace.name)).await;
    let (here, there) = (&namespace.name, &elsewhere.name);
    let far = format!("{there}/configmap/far");
    for (owner, code, why) in [
        ("gadget/x", 6, "error: owner gadget/x: the cluster does not serve this kind\n".to_owned()),
        ("configmap/absent", 6, format!("error: owner ConfigMap/absent does not exist in namespace \"{here}\"\n")),
        ("configmap/far", 6, format!("hint: an object of this name exists in namespace {there}; an owner must be in")),
        (&far, 2, format!("owner configmap/far is in namespace \"{there}\", but the workflow is in \"{here}\"")),
        ("configmap/leaving", 7, "error: owner ConfigMap/leaving is being deleted, and the workflow".to_owned()),
    ] {
        let _ = program.run(&[&file, "--owner", owner]).prints(code, "").says(&why);
    }
    assert_eq!(namespace.get("workflows", "build").await, None);
}

#[tokio::test]
async fn a_workflow_that_has_a_controller_gets_no_second_one() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    config_map(&namespace, &json!({ "name": "release" })).await;
    let mut document = document("build");
    document["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": "nightly", "uid": "1", "controller": true }]);
    let file = program.file("w.yaml", &[document]);
    let ran = program.run(&[&file, "--owner", "configmap/release"]).exits(2);
    let _ = ran.says("the workflow belongs to Job/nightly already, and ConfigMap/release cannot control it too");
}

#[tokio::test]
async fn who_may_not_hold_the_owner_back_does_not() {
    let namespace = Namespace::new().await;
    let program = Program::of(&namespace, User::Restricted);
    let file = program.file("w.yaml", &[document("build")]);
    let map = config_map(&namespace, &json!({ "name": "release" })).await;
    namespace.allow(&["create"], "workflows").await;
    let ran = program.run(&[&file, "--owner", "configmap/release"]).exits(1);
    let _ = ran.says("owner ConfigMap/release cannot be read: ").says("cannot get resource");
    namespace.allow_in("", &["get"], "configmaps").await;
    let ran = program.run(&[&file, "--owner", "configmap/release"]).exits(0);
    let _ = ran.says("note: you may not update finalizers of configmap/release");
    assert_eq!(references(&namespace, "build").await, reference("v1", "ConfigMap", &map, false));
}
