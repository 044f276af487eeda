//! Entries and caches that go, beside others who write.

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{cache, config_map, entry, keys, object};
use crate::faults::{kubeconfig_of, refusal};
use crate::namespace::Namespace;
use crate::program::{Ran, command};
use crate::server::User;
use crate::workflow;

#[tokio::test]
async fn what_others_write_during_a_prune_stays() {
    let namespace = Namespace::new().await;
    let old = entry("wf-1", "2026-11-21T08:00:00Z");
    let data: Map<_, _> = (0..40).map(|number| (format!("old-{number}"), old.clone().into())).collect();
    config_map(&namespace, "busy", true, &Value::Object(data)).await;
    let mut prune = command(&namespace.kubeconfig(User::Admin), &["cache", "prune", "busy", "--unused", "1h", "-y"]);
    let pruning = tokio::task::spawn_blocking(move || Ran::from(prune.output().unwrap()));
    let mut written = 0;
    while !pruning.is_finished() {
        let fresh = entry("wf-2", &jiff::Timestamp::now().to_string());
        namespace.patch("configmaps", "busy", &json!({"data": {format!("new-{written}"): fresh}})).await;
        written += 1;
    }
    let ran = pruning.await.unwrap();
    assert_eq!(keys(&namespace, "busy").await.iter().filter(|key| key.starts_with("new-")).count(), written, "{ran:?}");
    // Beside a writer that never rests it may give up, and says so.
    let left = keys(&namespace, "busy").await.iter().filter(|key| key.starts_with("old-")).count();
    assert_eq!((ran.code, left), if ran.code == Some(0) { (Some(0), 0) } else { (Some(7), 40) }, "{ran:?}");
}

#[tokio::test]
async fn an_entry_that_is_used_between_reading_and_writing_stays() {
    let server = MockServer::start().await;
    let old = entry("wf-1", "2026-11-21T08:00:00Z");
    let used = entry("wf-1", &jiff::Timestamp::now().to_string());
    let found = |version: &str, used: &str| {
        let mut found = object("c", true, &json!({"idle": old, "used": used}));
        found["metadata"]["resourceVersion"] = json!(version);
        found["metadata"]["uid"] = json!("u");
        found["metadata"]["namespace"] = json!("ci");
        found
    };
    let answer = |body: &Value| ResponseTemplate::new(200).set_body_json(body);
    let at = "/api/v1/namespaces/ci/configmaps/c";
    Mock::given(method("GET"))
        .and(path(at))
        .respond_with(answer(&found("1", &old)))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("GET")).and(path(at)).respond_with(answer(&found("2", &used))).mount(&server).await;
    let condition = |version: &str| json!({"metadata": {"uid": "u", "resourceVersion": version}});
    Mock::given(method("PATCH"))
        .and(path(at))
        .and(body_partial_json(condition("1")))
        .respond_with(refusal(409, "Conflict", "the object has been modified"))
        .mount(&server)
        .await;
    Mock::given(method("PATCH"))
        .and(path(at))
        .and(body_partial_json(condition("2")))
        .respond_with(answer(&found("3", &used)))
        .mount(&server)
        .await;
    let directory = TempDir::new().unwrap();
    let kubeconfig = directory.path().join("config");
    std::fs::write(&kubeconfig, kubeconfig_of(&server).to_string()).unwrap();
    let arguments = ["cache", "prune", "c", "--cache-namespace", "ci", "--unused", "1h"];
    let mut prune = command(&kubeconfig, &arguments);
    let ran = tokio::task::spawn_blocking(move || Ran::from(prune.output().unwrap())).await.unwrap();
    let ran = ran.prints(0, "idle pruned\n");
    assert!(ran.stderr.contains("left 1 entry that changed meanwhile"), "{ran:?}");
    let requests = server.received_requests().await.unwrap();
    let sent: Vec<Value> = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| request.body_json::<Value>().unwrap()["data"].clone())
        .collect();
    assert_eq!(sent, [json!({"idle": null, "used": null}), json!({"idle": null})]);
}

#[tokio::test]
async fn a_cache_in_use_is_deleted_by_force_only() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    config_map(&namespace, "in-use", true, &json!({"a": whole, "b": whole})).await;
    let mut run = workflow("at-work", "r1");
    run["spec"]["templates"][0]["memoize"] =
        json!({"key": "a", "maxAge": "", "cache": {"configMap": {"name": "in-use"}}});
    run["status"] = json!({"phase": "Running"});
    namespace.create("workflows", &run).await;
    cache(&namespace, &["delete", "in-use"]).fails(7, &["in-use is in use: run at-work goes on", "--force"]);
    cache(&namespace, &["delete", "in-use", "--key", "z"]).fails(6, &["has no entry \"z\""]);
    let _ = cache(&namespace, &["delete", "in-use", "--key", "a"]).prints(0, "a deleted\n");
    assert_eq!(keys(&namespace, "in-use").await, ["b"]);
    let _ = cache(&namespace, &["delete", "in-use", "--force", "--dry-run"]).prints(0, "in-use deleted (dry run)\n");
    let _ = cache(&namespace, &["delete", "in-use", "--force"]).prints(0, "in-use deleted\n");
    assert_eq!(namespace.get("configmaps", "in-use").await, None);
}
