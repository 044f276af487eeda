//! Steering a run: the verbs as their users call them, on objects as a controller writes them.

use std::path::Path;

use kubectl_runnable::testing::cluster::Changed;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::{kubeconfig_of, refusal};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::support::output::Output;
use crate::workflow;

const OBJECT: &str = "/apis/argoproj.io/v1alpha1/namespaces/ci/workflows/build";

fn runnable(kubeconfig: &Path, arguments: &[&str]) -> Output {
    command(kubeconfig, arguments).output().unwrap().into()
}

/// A run at two suspended nodes, of which one waits for outputs.
async fn suspended(namespace: &Namespace) -> Value {
    namespace.create("workflows", &workflow("build", "r1")).await;
    let node = |name: &str, outputs: Value| {
        json!({
            "id": format!("build-{name}"), "name": format!("build.{name}"), "displayName": name, "type": "Suspend",
            "phase": "Running", "startedAt": "2026-11-21T10:00:00Z", "templateName": "gate", "outputs": outputs,
        })
    };
    let asked = json!({"parameters": [
        {"name": "approved", "globalName": "approved", "valueFrom": {"supplied": {}}},
        {"name": "why", "valueFrom": {"supplied": {}, "default": "no reason"}},
    ]});
    let nodes = json!({"build-approve": node("approve", asked), "build-check": node("check", Value::Null)});
    namespace.patch("workflows", "build", &json!({"status": {"phase": "Running", "nodes": nodes}})).await
}

#[tokio::test]
async fn a_run_is_suspended_and_resumed_and_both_may_be_repeated() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    for (verb, said) in
        [("suspend", "suspended"), ("suspend", "already suspended"), ("resume", "resumed"), ("resume", "not suspended")]
    {
        let output = runnable(&kubeconfig, &[verb, "build"]);
        assert_eq!((output.code, output.stdout), (Some(0), format!("workflow.argoproj.io/build {said}\n")), "{verb}");
        let spec = namespace.get("workflows", "build").await.unwrap()["spec"].clone();
        assert_eq!(spec.get("suspend"), (verb == "suspend").then_some(&json!(true)));
    }
}

#[tokio::test]
async fn one_suspended_node_goes_on_with_its_outputs() {
    let namespace = Namespace::new().await;
    let before = suspended(&namespace).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let selected = ["resume", "build", "--node-field-selector", "displayName=approve"];
    let missing = runnable(&kubeconfig, &selected);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("hint: set it with --output approved=VALUE"), "{missing:?}");
    assert_eq!(namespace.get("workflows", "build").await, Some(before));

    let output = runnable(&kubeconfig, &[&selected[..], &["--output", "approved=yes", "-o", "json"]].concat());
    assert_eq!(output.code, Some(0), "{output:?}");
    let after: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(namespace.get("workflows", "build").await.as_ref(), Some(&after));
    let node = &after["status"]["nodes"]["build-approve"];
    assert_eq!(node["phase"], "Succeeded");
    assert!(node["finishedAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        node["outputs"]["parameters"],
        json!([
            {"name": "approved", "globalName": "approved", "value": "yes"}, {"name": "why", "value": "no reason"},
        ])
    );
    assert_eq!(after["status"]["outputs"]["parameters"], json!([{"name": "approved", "value": "yes"}]));
    assert_eq!(after["status"]["nodes"]["build-check"]["phase"], "Running");
    let again = runnable(&kubeconfig, &selected);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "workflow.argoproj.io/build not suspended\n"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let namespace = Namespace::new().await;
    let before = namespace.create("workflows", &workflow("build", "r1")).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    for verb in ["suspend", "stop", "terminate"] {
        let output = runnable(&kubeconfig, &[verb, "--dry-run", "build"]);
        assert!(output.code == Some(0) && output.stdout.ends_with(" (server dry run)\n"), "{output:?}");
    }
    assert_eq!(namespace.get("workflows", "build").await, Some(before));
}

#[tokio::test]
async fn several_runs_are_ended_and_the_worst_exit_code_counts() {
    let namespace = Namespace::new().await;
    for name in ["one", "two", "done"] {
        namespace.create("workflows", &workflow(name, "r1")).await;
    }
    namespace.patch("workflows", "done", &json!({"status": {"phase": "Succeeded"}})).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let output = runnable(&kubeconfig, &["stop", "one", "done", "absent", "two", "-o", "name"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(7), "workflow.argoproj.io/one\nworkflow.argoproj.io/two\n")
    );
    assert!(output.stderr.contains("cannot stop workflow \"done\": it has ended (Succeeded)"), "{output:?}");
    assert!(output.stderr.contains("workflow \"absent\" does not exist"), "{output:?}");
    for name in ["one", "two"] {
        assert_eq!(namespace.get("workflows", name).await.unwrap()["spec"]["shutdown"], "Stop");
    }
    let output = runnable(&kubeconfig, &["cancel", "one"]);
    assert_eq!(output.stdout, "workflow.argoproj.io/one terminated\n");
    assert_eq!(runnable(&kubeconfig, &["stop", "one"]).stdout, "workflow.argoproj.io/one already terminated\n");
    assert_eq!(runnable(&kubeconfig, &["resume", "absent"]).code, Some(6));
}

#[tokio::test]
async fn a_state_that_has_passed_is_not_changed() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    let now = namespace.patch("workflows", "build", &json!({"status": {"phase": "Running"}})).await;
    let cluster = namespace.cluster(User::Admin).await;
    let of = |workflow: &Value| {
        let metadata = &workflow["metadata"];
        json!({
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "spec": {"suspend": true},
        })
    };
    let stale = Changed::Stale { perhaps_ours: false };
    assert_eq!(cluster.patch("build", &of(&made), false).await.unwrap(), stale);
    namespace.delete("workflows", "build").await;
    let another = namespace.create("workflows", &workflow("build", "r1")).await;
    assert_eq!(cluster.patch("build", &of(&now), false).await.unwrap(), stale);
    assert_eq!(namespace.get("workflows", "build").await, Some(another));
}

#[tokio::test]
async fn who_may_read_but_not_change_is_told_so() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("build", "r1")).await;
    namespace.allow(&["get"], "workflows").await;
    let output = runnable(&namespace.kubeconfig(User::Restricted), &["stop", "build"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("restricted may not patch workflows.argoproj.io"), "{output:?}");
    assert!(output.stderr.contains("--verb=patch"), "{output:?}");
}

#[tokio::test]
async fn a_handle_does_not_reach_another_run_of_its_name() {
    let namespace = Namespace::new().await;
    let made = namespace.create("workflows", &workflow("build", "r1")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("run.json");
    let handle = json!({
        "version": 1, "backend": "cluster", "namespace": namespace.name, "name": "build",
        "uid": made["metadata"]["uid"], "runId": "r1", "attempt": 1, "submittedAt": "2026-11-21T10:00:00Z",
    });
    std::fs::write(&file, handle.to_string()).unwrap();
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let suspended = runnable(&kubeconfig, &["suspend", file.to_str().unwrap()]);
    assert_eq!(suspended.stdout, "workflow.argoproj.io/build suspended\n", "{suspended:?}");
    namespace.delete("workflows", "build").await;
    let other = namespace.create("workflows", &workflow("build", "r1")).await;
    let stopped = runnable(&kubeconfig, &["stop", file.to_str().unwrap()]);
    assert_eq!(stopped.code, Some(6), "{stopped:?}");
    assert_eq!(namespace.get("workflows", "build").await, Some(other));
}

fn at_version(version: &str, spec: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec, "status": {"phase": "Running"},
        "metadata": {"name": "build", "namespace": "ci", "uid": "u", "resourceVersion": version},
    }))
}

async fn stopped(server: &MockServer) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    std::fs::write(&file, kubeconfig_of(server).to_string()).unwrap();
    tokio::task::spawn_blocking(move || runnable(&file, &["stop", "build"])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_changes_in_between_is_read_and_decided_on_again() {
    let server = MockServer::start().await;
    let get = || Mock::given(method("GET")).and(path(OBJECT));
    let patch = |version: &str| {
        Mock::given(method("PATCH"))
            .and(path(OBJECT))
            .and(body_partial_json(json!({"metadata": {"resourceVersion": version, "uid": "u"}})))
    };
    get().respond_with(at_version("1", &json!({}))).up_to_n_times(1).mount(&server).await;
    get().respond_with(at_version("2", &json!({"suspend": true}))).mount(&server).await;
    patch("1").respond_with(refusal(409, "Conflict", "the object has been modified")).mount(&server).await;
    patch("2")
        .and(body_partial_json(json!({"spec": {"shutdown": "Stop", "suspend": null}})))
        .respond_with(at_version("3", &json!({"shutdown": "Stop"})))
        .mount(&server)
        .await;
    let output = stopped(&server).await;
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/build stopped\n"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_never_rests_is_given_up_as_a_conflict() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).and(path(OBJECT)).respond_with(at_version("1", &json!({}))).mount(&server).await;
    let conflict = refusal(409, "Conflict", "the object has been modified");
    Mock::given(method("PATCH")).and(path(OBJECT)).respond_with(conflict).mount(&server).await;
    let output = stopped(&server).await;
    assert_eq!(output.code, Some(7));
    assert!(output.stderr.contains("it changed during each of 8 attempts"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_answer_was_lost_is_told_as_done() {
    let server = MockServer::start().await;
    let get = || Mock::given(method("GET")).and(path(OBJECT));
    let patch = || Mock::given(method("PATCH")).and(path(OBJECT));
    get().respond_with(at_version("1", &json!({}))).up_to_n_times(1).mount(&server).await;
    get().respond_with(at_version("2", &json!({"shutdown": "Stop"}))).mount(&server).await;
    patch().respond_with(refusal(504, "Timeout", "no answer in time")).up_to_n_times(1).mount(&server).await;
    patch().respond_with(refusal(409, "Conflict", "the object has been modified")).mount(&server).await;
    let output = stopped(&server).await;
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/build stopped\n"), "{output:?}");
}
