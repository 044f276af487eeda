//! `semaphore list` and `get`.

use serde_json::{Value, json};

use super::{KEY, config_map, record, semaphore};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

/// One workflow holds, one waits; two nodes of a third share a mutex.
async fn held(namespace: &Namespace) {
    config_map(namespace, &json!({"data": {KEY: "1", "idle": "4"}})).await;
    for name in ["semaphore-running", "semaphore-pending", "mutex-one-waiting"] {
        record(namespace, name).await;
    }
}

/// A workflow that holds one lock as a whole, and one of whose nodes waits for another.
fn holding(namespace: &str, name: &str, holds: &str, waits: &str, held_by: &str) -> Value {
    let lock = |name: &str| format!("{namespace}/Mutex/{name}");
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
        "status": {
            "phase": "Running",
            "synchronization": {"mutex": {
                "holding": [{"mutex": lock(holds), "holder": format!("{namespace}/{name}")}],
                "waiting": [{"mutex": lock(waits), "holder": format!("{namespace}/{held_by}")}],
            }},
            "nodes": {format!("{name}-1"): {
                "id": format!("{name}-1"), "name": format!("{name}[0].a"), "displayName": "a", "type": "Pod", "phase": "Pending",
                "templateName": "main", "synchronizationStatus": {"waiting": lock(waits)},
            }},
        },
    })
}

#[tokio::test]
async fn who_holds_and_who_waits_is_named() {
    let namespace = Namespace::new().await;
    held(&namespace).await;
    let listed = semaphore(&namespace, &["list"]);
    let _ = listed.prints(
        0,
        "LOCK                    LIMIT  HELD  WAITING  HOLDERS         QUEUE\n\
         exampleorg-sample-main  1      1     1        sem-hqvrn       sem-pvlt2\n\
         idle                    4      0     0\n\
         Mutex/deploy            1      1     1        tsem[0].a(0:0)  tsem[0].a(1:1)\n",
    );
    let names = semaphore(&namespace, &["list", "-o", "name"]);
    let lock = |rest: &str| format!("{}/{rest}\n", namespace.name);
    let expected =
        ["ConfigMap/workflow-semaphores/exampleorg-sample-main", "ConfigMap/workflow-semaphores/idle", "Mutex/deploy"];
    let _ = names.prints(0, &expected.map(lock).concat());
    let all = semaphore(&namespace, &["list", "-A", "-o", "wide"]);
    assert!(all.stdout.lines().any(|row| row.starts_with(&namespace.name) && row.contains("sem-hqvrn")), "{all:?}");
}

#[tokio::test]
async fn programs_read_locks_in_full() {
    let namespace = Namespace::new().await;
    held(&namespace).await;
    let listed = semaphore(&namespace, &["list", "-o", "json"]).json();
    assert_eq!((listed["locks"].as_array().map(Vec::len), &listed["cycles"]), (Some(3), &json!([])));
    let lock = semaphore(&namespace, &["get", "exampleorg/sample@main", "-o", "json"]).json();
    assert_eq!(lock["limit"], 1);
    let holder = format!("{}/sem-hqvrn", namespace.name);
    assert_eq!(lock["holders"], json!([{"holder": holder, "standing": "live", "phase": "Running"}]));
    assert_eq!(lock["queue"][0]["holder"], format!("{}/sem-pvlt2", namespace.name));
    let name = semaphore(&namespace, &["get", "Mutex/deploy", "-o", "name"]);
    let _ = name.prints(0, &format!("{}/Mutex/deploy\n", namespace.name));
}

#[tokio::test]
async fn one_lock_is_told_in_full() {
    let namespace = Namespace::new().await;
    held(&namespace).await;
    namespace.patch("workflows", "sem-pvlt2", &json!({"spec": {"priority": 7}})).await;
    let got = semaphore(&namespace, &["get", KEY]);
    assert_eq!(got.code, Some(0), "{got:?}");
    for line in [
        "Lock:       exampleorg-sample-main",
        "Limit:      1",
        "  sem-hqvrn (Running)",
        "  1. sem-pvlt2 (priority 7, created ",
    ] {
        assert!(got.stdout.contains(line), "{line:?}: {}", got.stdout);
    }
    semaphore(&namespace, &["get", "absent"]).fails(6, &["ConfigMap/workflow-semaphores/absent does not exist"]);
    semaphore(&namespace, &["get", "Mutex/absent"]).fails(6, &["Mutex/absent does not exist"]);
    let _ = semaphore(&namespace, &["get", "idle", "-o", "name"])
        .prints(0, &format!("{}/ConfigMap/workflow-semaphores/idle\n", namespace.name));
}

#[tokio::test]
async fn a_holder_that_is_gone_is_orphaned() {
    let namespace = Namespace::new().await;
    held(&namespace).await;
    let ns = &namespace.name;
    let lock = format!("{ns}/ConfigMap/workflow-semaphores/exampleorg-sample-main");
    namespace.delete("workflows", "sem-hqvrn").await;
    let listed = semaphore(&namespace, &["list"]);
    assert!(
        listed.stdout.contains(&format!("orphaned: {lock} is held by {ns}/sem-hqvrn, which does not exist\n")),
        "{listed:?}"
    );

    let ended = record(&namespace, "semaphore-running").await;
    let labels = json!({"workflows.argoproj.io/completed": "true"});
    namespace
        .patch("workflows", "sem-hqvrn", &json!({"metadata": {"labels": labels}, "status": {"phase": "Failed"}}))
        .await;
    assert_eq!(ended["status"]["phase"], "Running");
    let listed = semaphore(&namespace, &["list"]);
    assert!(listed.stdout.contains(&format!("{ns}/sem-hqvrn, which has ended (Failed)\n")), "{listed:?}");

    namespace.delete("workflows", "sem-pvlt2").await;
    assert!(!semaphore(&namespace, &["list"]).stdout.contains("orphaned"), "nobody waits for it");
    assert!(semaphore(&namespace, &["list", "--completed"]).stdout.contains("orphaned"));
}

#[tokio::test]
async fn workflows_that_wait_for_each_other_are_a_deadlock() {
    let namespace = Namespace::new().await;
    let ns = namespace.name.as_str();
    namespace.create("workflows", &holding(ns, "one", "a", "b", "two")).await;
    namespace.create("workflows", &holding(ns, "two", "b", "a", "one")).await;
    let listed = semaphore(&namespace, &["list"]);
    let told = format!(
        "deadlock: {ns}/one/one-1 waits for {ns}/Mutex/b, held by {ns}/two; {ns}/two/two-1 waits for {ns}/Mutex/a, held by {ns}/one\n"
    );
    assert!(listed.stdout.ends_with(&told), "{listed:?}");
    assert_eq!(
        semaphore(&namespace, &["get", "Mutex/a", "-o", "json"]).json()["cycles"][0]["steps"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn a_limit_that_is_missing_or_no_number_is_told() {
    let namespace = Namespace::new().await;
    record(&namespace, "semaphore-pending").await;
    let listed = semaphore(&namespace, &["list"]);
    assert!(listed.stdout.contains("the ConfigMap does not exist: workflows that request the lock fail"), "{listed:?}");
    config_map(&namespace, &json!({"data": {"odd": "five", "zero": "0"}})).await;
    let listed = semaphore(&namespace, &["list"]);
    for told in
        ["the ConfigMap has no such key", "the limit is not a whole number", "a limit below 1", "\"five\"", "missing"]
    {
        assert!(listed.stdout.contains(told), "{told:?}: {listed:?}");
    }
}

#[tokio::test]
async fn a_namespace_without_locks_says_so() {
    let namespace = Namespace::new().await;
    let none = semaphore(&namespace, &["list"]).prints(0, "");
    assert!(none.stderr.contains("no semaphores or mutexes in namespace"), "{none:?}");
    assert_eq!(semaphore(&namespace, &["list", "-o", "json"]).json(), json!({"locks": [], "cycles": []}));
    config_map(&namespace, &json!({"labels": {"workflows.argoproj.io/configmap-type": "Cache"}})).await;
    semaphore(&namespace, &["list"]).fails(7, &["is a memoization cache", "--configmap"]);
}

#[tokio::test]
async fn a_holder_in_another_namespace_is_seen() {
    let (namespace, other) = (Namespace::new().await, Namespace::new().await);
    config_map(&namespace, &json!({"data": {KEY: "1"}})).await;
    let mut holder = record(&other, "semaphore-running").await;
    let lock = format!("{}/ConfigMap/workflow-semaphores/{KEY}", namespace.name);
    holder["status"]["synchronization"]["semaphore"]["holding"][0]["semaphore"] = json!(lock);
    let status = json!({"status": {"synchronization": holder["status"]["synchronization"]}});
    other.patch("workflows", "sem-hqvrn", &status).await;
    let named = format!("{}/sem-hqvrn", other.name);
    let listed = semaphore(&namespace, &["list"]);
    assert!(listed.stderr.is_empty() && listed.stdout.contains(&named), "{listed:?}");
    let elsewhere = semaphore(&other, &["list", "-o", "name"]);
    let _ = elsewhere.prints(0, &format!("{lock}\n"));
    semaphore(&namespace, &["delete", KEY]).fails(7, &["held by", &named]);
    namespace.allow(&["get"], "configmaps").await;
    namespace.allow(&["list"], "workflows").await;
    let restricted = namespace.run(User::Restricted, &["semaphore", "list", "-o", "json"]);
    assert!(restricted.stderr.contains("only workflows in namespace"), "{restricted:?}");
    let document = restricted.json();
    assert_eq!((&document["partial"], &document["locks"][0]["holders"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn who_may_not_list_workflows_is_told() {
    let namespace = Namespace::new().await;
    namespace.allow(&["get"], "configmaps").await;
    namespace
        .run(User::Restricted, &["semaphore", "list"])
        .fails(1, &["restricted may not list workflows.argoproj.io", "--verb=list"]);
}
