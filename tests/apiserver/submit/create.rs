//! What is created, and what is printed of it.

use serde_json::{Value, json};

use super::{Program, document, parameter, template, without_run};
use crate::kubernetes::namespace::Namespace;

/// Names and ids that would else be made by chance.
const FIXED: [&str; 4] = ["--run-id", "r-1", "--cache-name", "cache-1"];

async fn live(namespace: &Namespace, name: &str) -> Value {
    namespace.get("workflows", name).await.unwrap_or_else(|| panic!("workflow {name} does not exist"))
}

#[tokio::test]
async fn a_workflow_is_created_prepared() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file, "--run-id", "r-1"]);
    let ran = ran.prints(0, "workflow.argoproj.io/build created\n").says("run id r-1, cache runnable-");
    let live = live(&namespace, "build").await;
    assert_eq!(parameter(&live, "run_id"), Some("r-1"));
    let cache = live["spec"]["templates"][1]["memoize"]["cache"]["configMap"]["name"].as_str().unwrap();
    assert!(ran.stderr.contains(cache), "{ran:?}");
}

#[tokio::test]
async fn what_is_created_is_what_a_client_dry_run_shows() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let mut document = document("build");
    document["metadata"] = json!({ "generateName": "build-", "labels": { "team": "a" } });
    document["spec"]["templates"][1]["retryStrategy"] = json!({ "limit": "3", "retryPolicy": "OnError" });
    let file = program.file("w.yaml", &[document]);
    let arguments = [&[&file, "--name", "fixed", "-p", "x=1", "-o", "json"], FIXED.as_slice()].concat();
    let shown = program.run(&[&arguments, ["--dry-run=client"].as_slice()].concat()).exits(0).object();
    assert_eq!(namespace.get("workflows", "fixed").await, None);
    let created = program.run(&arguments).exits(0).created();
    assert_eq!(created, live(&namespace, "fixed").await);
    for part in ["apiVersion", "kind", "spec"] {
        assert_eq!(created[part], shown[part]);
    }
    let mut metadata = created["metadata"].clone();
    // What marks the attempt is no part of the document.
    let label = metadata["labels"].as_object_mut().unwrap().remove("kubectl-runnable/run-id");
    assert_eq!(label.as_ref().and_then(Value::as_str), parameter(&created, "run_id"));
    assert_eq!(metadata["annotations"], json!({ "kubectl-runnable/creator": "admin" }));
    for (field, value) in shown["metadata"].as_object().unwrap() {
        assert_eq!(&metadata[field], value);
    }
}

#[tokio::test]
async fn a_server_dry_run_creates_nothing() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let ran = program.run(&[&file, "--dry-run=server", "--wait"]);
    let _ = ran.prints(0, "workflow.argoproj.io/build created (server dry run)\n");
    let shown = program.run(&[&file, "--dry-run=server", "-o", "json"]).exits(0).object();
    assert!(shown["metadata"]["uid"].is_string());
    assert_eq!(namespace.get("workflows", "build").await, None);
}

#[tokio::test]
async fn two_workflows_of_a_file_are_two_runs_each_with_its_cache() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two")]);
    let ran = program.run(&[&file]);
    let _ = ran.prints(0, "workflow.argoproj.io/one created\nworkflow.argoproj.io/two created\n");
    let (one, two) = (live(&namespace, "one").await, live(&namespace, "two").await);
    let cache = |workflow: &Value| workflow["spec"]["templates"][1]["memoize"]["cache"].clone();
    assert!(cache(&one).is_object());
    assert_ne!(cache(&one), cache(&two));
    assert_ne!(parameter(&one, "run_id"), parameter(&two, "run_id"));
}

#[tokio::test]
async fn the_same_run_is_submitted_once_and_another_of_its_name_is_a_conflict() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("build")]);
    let _ = program.run(&[&file, "--run-id", "r-1"]).exits(0);
    let before = live(&namespace, "build").await;
    let again = program.run(&[&file, "--run-id", "r-1"]);
    let again = again.prints(0, "workflow.argoproj.io/build unchanged: this attempt of the run is there already\n");
    let cache = before["spec"]["templates"][1]["memoize"]["cache"]["configMap"]["name"].as_str().unwrap();
    let _ = again.says(&format!("run id r-1, cache {cache}\n"));
    assert_eq!(live(&namespace, "build").await, before);
    let other = program.run(&[&file, "--run-id", "r-2"]).prints(7, "");
    let expected = format!("error: workflow \"build\" already exists in namespace {:?}\n", namespace.name);
    let _ = other.says(&expected).says("hint: choose another --name");
    assert_eq!(live(&namespace, "build").await, before);
}

#[tokio::test]
async fn what_had_been_created_before_a_failure_is_told() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two"), document("three")]);
    namespace.create("workflows", &document("two")).await;
    let ran = program.run(&[&file]).says("note: workflow.argoproj.io/one had been created before");
    let _ = ran.prints(7, "workflow.argoproj.io/one created\n");
    assert!(namespace.get("workflows", "one").await.is_some());
    assert_eq!(namespace.get("workflows", "three").await, None);
    let _ = program.run(&[&file, "-o", "name"]).exits(7);
}

#[tokio::test]
async fn nothing_is_created_when_one_document_is_unsound() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let mut unsound = document("two");
    unsound["spec"]["arguments"] = json!({ "parameters": [{ "name": "date" }] });
    let file = program.file("w.yaml", &[document("one"), unsound]);
    let _ = program
        .run(&[&file])
        .prints(2, "")
        .says("parameter `date` has neither `value` nor `valueFrom`")
        .says("help: add -p date=VALUE");
    assert_eq!(namespace.get("workflows", "one").await, None);
}

#[tokio::test]
async fn the_name_alone_is_printed_for_scripts() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let mut document = document("x");
    document["metadata"] = json!({ "generateName": "build-" });
    let file = program.file("w.yaml", &[document]);
    let ran = program.run(&[&file, "-o", "name"]).exits(0);
    let name = ran.stdout.trim_end().strip_prefix("workflow.argoproj.io/").unwrap();
    assert!(name.starts_with("build-"), "{ran:?}");
    assert!(namespace.get("workflows", name).await.is_some());
}

#[tokio::test]
async fn several_objects_are_one_list() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    let file = program.file("w.yaml", &[document("one"), document("two")]);
    let printed = program.run(&[&file, "-o", "json"]).exits(0).object();
    assert_eq!(printed["kind"], "List");
    assert_eq!(without_run(printed["items"][1].clone()), live(&namespace, "two").await);
    assert_eq!(printed["items"][1]["run"]["name"], "two");
}

#[tokio::test]
async fn the_namespace_is_the_flags_or_environments_then_the_documents_then_the_contexts() {
    let contexts = Namespace::new().await;
    let (flags, environments, documents) = (Namespace::new().await, Namespace::new().await, Namespace::new().await);
    let program = Program::new(&contexts);
    let plain = program.file("plain.yaml", &[document("build")]);
    let mut placed = document("build");
    placed["metadata"]["namespace"] = json!(documents.name);
    let placed = program.file("placed.yaml", &[placed]);
    let _ = program.run(&[&plain]).exits(0);
    let _ = program.run(&[&placed]).exits(0);
    let environment = program.submit(&[&plain]).env("ARGO_NAMESPACE", &environments.name).output().unwrap();
    let _ = super::Output::from(environment).exits(0);
    let flag =
        program.submit(&[&placed, "-n", &flags.name]).env("ARGO_NAMESPACE", &environments.name).output().unwrap();
    let _ = super::Output::from(flag).exits(0);
    for namespace in [&contexts, &documents, &environments, &flags] {
        assert!(namespace.get("workflows", "build").await.is_some());
    }
}

#[tokio::test]
async fn templates_that_are_called_in_other_objects_are_fetched_so_that_their_callers_are_memoized() {
    let namespace = Namespace::new().await;
    let program = Program::new(&namespace);
    namespace.create("workflowtemplates", &template("shared")).await;
    let mut caller = document("build");
    let call = |object: &str| {
        json!({ "name": "call", "templateRef": { "name": object, "template": "say" },
        "arguments": { "parameters": [{ "name": "text", "value": "1" }] } })
    };
    caller["spec"]["templates"][0]["steps"] = json!([[call("shared")]]);
    let file = program.file("w.yaml", &[caller.clone()]);
    let _ = program.run(&[&file]).exits(0);
    let main = &live(&namespace, "build").await["spec"]["templates"][0];
    let key = main["memoize"]["key"].clone();
    assert!(key.is_string());

    let mut edited = template("shared");
    edited["spec"]["templates"][1]["container"]["image"] = json!("alpine:2");
    namespace.patch("workflowtemplates", "shared", &edited).await;
    let shown = program.run(&[&file, "--name", "again", "--dry-run=server", "-o", "json"]).exits(0).object();
    assert_ne!(shown["spec"]["templates"][0]["memoize"]["key"], key);

    caller["spec"]["templates"][0]["steps"] = json!([[call("absent")]]);
    let file = program.file("absent.yaml", &[caller]);
    let ran = program.run(&[&file, "--name", "absent", "-o", "json"]).exits(0);
    assert_eq!(ran.object()["spec"]["templates"][0].get("memoize"), None);
    let _ = ran.says("the called template \"absent/say\" is not known");
}
