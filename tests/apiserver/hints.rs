//! What a refusal of `retry` and `delete` advises on a cluster: whoever follows a hint comes to no other error. The test plays
//! the controller.

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::retry::{failed, node};
use crate::support::output::Output;

/// A command in words.
fn run(namespace: &Namespace, words: &str) -> Output {
    let arguments: Vec<&str> = words.split(' ').collect();
    tokio::task::block_in_place(|| command(&namespace.kubeconfig(User::Admin), &arguments).output().unwrap().into())
}

/// Refuses a command with this exit code and a hint that has all of these parts.
#[track_caller]
fn refused(namespace: &Namespace, words: &str, code: i32, parts: &[&str]) {
    let output = run(namespace, words);
    assert_eq!(output.code, Some(code), "{words}: {output:?}");
    let hint = output.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default();
    for part in parts {
        assert!(hint.contains(part), "{words}: {part:?} is not in the hint {hint:?}");
    }
}

/// Does what a hint has advised; gives what it printed.
#[track_caller]
fn followed(namespace: &Namespace, words: &str) -> String {
    let output = run(namespace, words);
    assert_eq!(output.code, Some(0), "{words}: {output:?}");
    output.stdout
}

async fn has_phase(namespace: &Namespace, name: &str, phase: &str) {
    namespace.patch("workflows", name, &json!({ "status": { "phase": phase } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_run_that_has_succeeded() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    has_phase(&namespace, "build", "Succeeded").await;
    refused(&namespace, "retry build", 7, &["submit FILE --resume", "--from NODE", "--only NODE"]);
    followed(&namespace, "retry build --only a");
    refused(&namespace, "retry build --memoized", 7, &["leave --memoized out", "--from NODE"]);
    followed(&namespace, "retry build --force --from a");
    refused(&namespace, "retry build --in-place", 7, &["--restart-successful", "--node-field-selector"]);
    followed(&namespace, "retry build --force --in-place --restart-successful --node-field-selector displayName=.a");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_run_that_goes_on() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    has_phase(&namespace, "build", "Running").await;
    refused(&namespace, "retry build", 7, &["wait for its end, or stop it first"]);
    refused(&namespace, "delete build", 7, &["kubectl runnable terminate build"]);
    followed(&namespace, "stop build");
    has_phase(&namespace, "build", "Failed").await;
    followed(&namespace, "retry build");
    followed(&namespace, "delete build");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_other_attempts() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let second = followed(&namespace, "retry build -o name");
    let second = second.trim().rsplit('/').next().unwrap();
    refused(&namespace, "retry build", 7, &["wait for its end, or add --force"]);
    has_phase(&namespace, second, "Succeeded").await;
    refused(&namespace, "retry build", 7, &["add --force"]);
    followed(&namespace, "retry build --force");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_nodes() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    refused(&namespace, "retry build --only nothing-like-it", 6, &["kubectl runnable status build --all"]);
    followed(&namespace, "status build --all");
    refused(&namespace, "cache why build nothing-like-it", 6, &["kubectl runnable status build"]);
    followed(&namespace, "status build");
}

/// Changes the status of a workflow that failed.
async fn with_status(namespace: &Namespace, name: &str, status: &Value) {
    failed(namespace, name).await;
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ways_in_which_a_run_cannot_be_retried() {
    let namespace = Namespace::new().await;
    let away = json!({ "nodes": null, "offloadNodeStatusVersion": "fnv:1" });
    let retried: Value =
        [node("stuck", ".b", "Retry", "Failed", &[".b(0)"]), node("stuck", ".b(0)", "Steps", "Failed", &[])]
            .into_iter()
            .map(|node| (node["id"].as_str().unwrap().to_owned(), node))
            .collect::<serde_json::Map<_, _>>()
            .into();
    with_status(&namespace, "away", &away).await;
    with_status(&namespace, "stuck", &json!({ "nodes": retried })).await;
    for (name, way, advice) in [
        ("away", "--memoized", "retry it without --memoized and --in-place"),
        ("away", "--in-place", "retry it without --memoized and --in-place"),
        ("stuck", "--memoized", "retry it without --memoized"),
    ] {
        refused(&namespace, &format!("retry {name} {way}"), 7, &[advice]);
        followed(&namespace, &format!("retry {name} --force"));
    }
}
