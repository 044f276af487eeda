//! `submit --semaphore`, `--mutex` and `--parallelism`.

use std::path::PathBuf;

use assert_fs::TempDir;
use serde_json::{Value, json};

use super::{KEY, MAP, Output, command, config_map, data};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};
use crate::workflow;

const BRANCH: &str = "exampleorg/sample@refs/heads/main";

/// `submit` of one workflow with these flags.
fn submit(kubeconfig: &std::path::Path, workflow: &Value, flags: &[&str]) -> Output {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("w.json");
    std::fs::write(&file, workflow.to_string()).unwrap();
    command(kubeconfig, &[&["submit", file.to_str().unwrap()], flags].concat()).output().unwrap().into()
}

fn at(key: &str) -> Value {
    json!({"configMapKeyRef": {"name": MAP, "key": key}})
}

#[tokio::test]
async fn a_workflow_takes_its_locks_and_the_limits_are_there_first() {
    let namespace = Namespace::new().await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let semaphore = format!("{BRANCH}=2");
    let flags = ["--semaphore", &semaphore, "--semaphore", "other", "--mutex", "deploy", "--parallelism", "5"];
    let ran = submit(&kubeconfig, &workflow("build", ""), &flags);
    let ran = ran.prints(0, "workflow.argoproj.io/build created\n");
    assert!(ran.stderr.contains("semaphore exampleorg-sample-main: limit 2 (new)"), "{ran:?}");
    assert_eq!(data(&namespace).await, json!({KEY: "2", "other": "1"}));
    let spec = namespace.get("workflows", "build").await.unwrap()["spec"].clone();
    let locks = json!({"semaphores": [at(KEY), at("other")], "mutexes": [{"name": "deploy"}]});
    assert_eq!((&spec["synchronization"], &spec["parallelism"]), (&locks, &json!(5)));
}

#[tokio::test]
async fn a_tuned_limit_is_kept() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "7"}})).await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let semaphore = format!("{BRANCH}=2");
    let ran = submit(&kubeconfig, &workflow("build", ""), &["--semaphore", &semaphore]);
    assert!(ran.code == Some(0) && ran.stderr.contains("keeps its limit 7"), "{ran:?}");
    assert_eq!(data(&namespace).await, json!({KEY: "7"}));
}

#[tokio::test]
async fn a_dry_run_makes_sure_of_nothing() {
    let namespace = Namespace::new().await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    for dry_run in ["--dry-run=client", "--dry-run=server"] {
        let flags = ["--semaphore", BRANCH, "--mutex", "m", dry_run, "-o", "json", "-q"];
        let shown = submit(&kubeconfig, &workflow("build", ""), &flags).json();
        let locks = json!({"semaphores": [at(KEY)], "mutexes": [{"name": "m"}]});
        assert_eq!(shown["spec"]["synchronization"], locks, "{dry_run}");
        assert_eq!(namespace.get("configmaps", MAP).await, None);
        assert_eq!(namespace.get("workflows", "build").await, None);
    }
}

#[tokio::test]
async fn nothing_is_created_without_its_limit() {
    let namespace = Namespace::new().await;
    namespace.allow(&["create", "get"], "workflows").await;
    let kubeconfig = namespace.kubeconfig(User::Restricted);
    let ran = submit(&kubeconfig, &workflow("build", ""), &["--semaphore", "k"]);
    ran.fails(1, &["restricted may not get configmaps"]);
    assert_eq!(namespace.get("workflows", "build").await, None);
    namespace.allow(&["get"], "configmaps").await;
    config_map(&namespace, &json!({"data": {"k": "3"}})).await;
    let ran = submit(&kubeconfig, &workflow("build", ""), &["--semaphore", "k"]);
    assert_eq!(ran.code, Some(0), "who may not change limits may use them: {ran:?}");
}

#[tokio::test]
async fn a_conflict_with_the_document_is_refused() {
    let namespace = Namespace::new().await;
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let mut document = workflow("build", "");
    document["spec"]["templates"][0]["synchronization"] = json!({"mutexes": [{"name": "deploy"}]});
    let ran = submit(&kubeconfig, &document, &["--mutex", "deploy"]);
    ran.fails(2, &["template \"main\" would wait forever for Mutex/deploy"]);
    for (flags, said) in [
        (&["--semaphore", "k=0"][..], "expected a whole number from 1"),
        (&["--semaphore", "a b"], "invalid semaphore key"),
        (&["--mutex", ""], "a name without spaces"),
        (&["--parallelism", "0"], "expected a number from 1"),
    ] {
        submit(&kubeconfig, &workflow("build", ""), flags).fails(2, &[said]);
    }
    assert_eq!(namespace.get("workflows", "build").await, None);
}

/// A kubeconfig of the server whose Argo is older than 3.6.
fn old(directory: &TempDir) -> PathBuf {
    let path = directory.path().join("old.kubeconfig");
    std::fs::write(&path, Server::old().kubeconfig(User::Admin, "default").to_string()).unwrap();
    path
}

#[tokio::test]
async fn before_3_6_a_lock_is_written_in_the_singular() {
    let directory = TempDir::new().unwrap();
    let kubeconfig = old(&directory);
    for (name, flags, locks) in [
        ("one", ["--semaphore", "k"], json!({"semaphore": at("k")})),
        ("two", ["--mutex", "m"], json!({"mutex": {"name": "m"}})),
    ] {
        let flags = [&flags[..], &["-o", "json"]].concat();
        let created = submit(&kubeconfig, &workflow(name, ""), &flags).json();
        assert_eq!(created["spec"]["synchronization"], locks);
    }
    let ran = submit(&kubeconfig, &workflow("three", ""), &["--semaphore", "k", "--mutex", "m"]);
    ran.fails(2, &["a workflow takes one lock before Argo 3.6", "update Argo"]);
}

#[tokio::test]
async fn a_user_who_may_not_read_definitions_gets_the_same_form() {
    let directory = TempDir::new().unwrap();
    let objects = Server::old().objects(User::Admin).await;
    let binding = json!({
        "metadata": {"name": "restricted-edits"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "restricted-edits"},
        "subjects": [{"kind": "User", "name": User::Restricted.name()}],
    });
    let role = json!({"metadata": {"name": "restricted-edits"}, "rules": [
        {"apiGroups": ["argoproj.io", ""], "resources": ["workflows", "configmaps"], "verbs": ["*"]},
    ]});
    for (plural, object) in [("clusterroles", role), ("clusterrolebindings", binding)] {
        objects.post(&format!("/apis/rbac.authorization.k8s.io/v1/{plural}"), &object).await;
    }
    let kubeconfig = directory.path().join("restricted.kubeconfig");
    std::fs::write(&kubeconfig, Server::old().kubeconfig(User::Restricted, "default").to_string()).unwrap();
    let created = submit(&kubeconfig, &workflow("four", ""), &["--mutex", "n", "-o", "json"]).json();
    assert_eq!(created["spec"]["synchronization"], json!({"mutex": {"name": "n"}}));
}
