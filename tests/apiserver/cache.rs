//! `cache` on ConfigMaps as a controller writes them, and broken in every way.

use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::faults::{kubeconfig_of, refusal};
use crate::namespace::Namespace;
use crate::program::{Ran, command, of};
use crate::server::User;
use crate::workflow;

const LABEL: &str = "workflows.argoproj.io/configmap-type";

/// `cache` with these arguments.
fn cache(namespace: &Namespace, arguments: &[&str]) -> Ran {
    of(namespace, User::Admin, &[&["cache"], arguments].concat())
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

#[tokio::test]
async fn what_a_controller_wrote_is_shown() {
    let namespace = Namespace::new().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cache.json");
    let record: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    namespace.create("configmaps", &object("written", true, &record["data"])).await;
    let report = cache(&namespace, &["inspect", "written", "-o", "json"]).json();
    let told = &report["caches"][0];
    assert_eq!(told["place"], json!({"configMap": {"namespace": namespace.name}}));
    assert_eq!((&told["usage"]["entries"], &told["usage"]["limit"]), (&json!(2), &json!(1_048_576)));
    assert_eq!(problems(&report), [""; 0]);
    let first = &told["entries"][0];
    assert_eq!(first["origin"], json!({"workflow": "memo-2gfxn", "exists": false}));
    assert_eq!(
        (&first["createdAt"], &first["lastHitAt"]),
        (&json!("2026-11-21T08:25:14Z"), &json!("2026-11-21T08:25:28Z"))
    );
    let listed = cache(&namespace, &["list", "--cache-namespace", &namespace.name, "-o", "name"]);
    let _ = listed.prints(0, "written\n");
}

#[tokio::test]
async fn what_breaks_a_cache_is_named_and_mended() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let data = json!({"whole": whole, "a_b": whole, "empty": "", "null": "null", "half": "{\"nodeID\":",
        "nobody": entry("", "2026-11-21T08:00:00Z")});
    let before = config_map(&namespace, "broken", false, &data).await;
    let report = cache(&namespace, &["inspect", "broken", "-o", "json"]).json();
    assert_eq!(problems(&report), ["notLabelled", "illegalKey", "null", "malformed", "noNode", "null"]);
    let text = cache(&namespace, &["inspect", "broken"]);
    assert!(text.stdout.contains("half: malformed: EOF") && text.stdout.contains("--fix removes it"), "{text:?}");

    let dry = cache(&namespace, &["inspect", "broken", "--fix", "--dry-run"]);
    assert!(dry.stdout.starts_with("broken labelled (dry run)\na_b removed (dry run)\n"), "{dry:?}");
    assert_eq!(namespace.get("configmaps", "broken").await.unwrap(), before);

    let _ = cache(&namespace, &["inspect", "broken", "--fix"])
        .prints(0, "broken labelled\na_b removed\nempty removed\nhalf removed\nnobody removed\nnull removed\n");
    let after = namespace.get("configmaps", "broken").await.unwrap();
    assert_eq!(after["data"], json!({"whole": whole}));
    assert_eq!(after["metadata"]["labels"], json!({"team": "a", LABEL: "Cache"}));
    let again = cache(&namespace, &["inspect", "broken", "--fix"]).prints(0, "");
    assert!(again.stderr.contains("nothing to mend"), "{again:?}");
}

#[tokio::test]
async fn a_key_that_several_templates_share_is_named() {
    let namespace = Namespace::new().await;
    config_map(&namespace, "shared", true, &json!({"r1": entry("wf-1", "2026-11-21T08:00:00Z")})).await;
    let node = |id: &str, template: &str| {
        json!({"id": id, "name": id, "displayName": id, "type": "Pod", "phase": "Succeeded", "templateName": template,
            "memoizationStatus": {"hit": false, "key": "r1", "cacheName": "shared"}})
    };
    let mut run = workflow("wf", "r1");
    run["status"] =
        json!({"phase": "Succeeded", "nodes": {"wf-1": node("wf-1", "load"), "wf-2": node("wf-2", "save")}});
    namespace.create("workflows", &run).await;
    let report = cache(&namespace, &["inspect", "--workflow", "wf", "-o", "json"]).json();
    assert_eq!(problems(&report), ["shared"]);
    assert_eq!(report["caches"][0]["entries"][0]["findings"][0]["templates"], json!(["load", "save"]));
}

#[tokio::test]
async fn what_is_no_cache_is_refused_and_left() {
    let namespace = Namespace::new().await;
    let before = config_map(&namespace, "settings", false, &json!({"config.yaml": "a: b"})).await;
    let file = TempDir::new().unwrap();
    let path = file.path().join("c.json");
    std::fs::write(
        &path,
        json!({"kind": "CacheEntries", "version": 1, "cache": "settings",
        "exportedAt": "2026-11-21T08:00:00Z", "entries": []})
        .to_string(),
    )
    .unwrap();
    for arguments in [
        &["inspect", "settings", "--fix"][..],
        &["prune", "settings", "--keep", "0"],
        &["delete", "settings"],
        &["export", "settings"],
        &["import", path.to_str().unwrap()],
    ] {
        cache(&namespace, arguments).fails(7, &["ConfigMap \"settings\"", "is no cache"]);
    }
    assert_eq!(namespace.get("configmaps", "settings").await.unwrap(), before);
    cache(&namespace, &["inspect", "absent"]).fails(6, &["cache absent does not exist", "cache list -A"]);
}

#[tokio::test]
async fn only_what_is_allowed_is_done() {
    let namespace = Namespace::new().await;
    let before = config_map(&namespace, "guarded", true, &json!({"k": entry("wf-1", "2026-11-21T08:00:00Z")})).await;
    let restricted = |arguments: &[&str]| of(&namespace, User::Restricted, &[&["cache"], arguments].concat());
    restricted(&["inspect", "guarded"])
        .fails(1, &["may not list configmaps in the whole cluster", "--cache-namespace"]);
    namespace.allow(&["get"], "configmaps").await;
    let seen = restricted(&["inspect", "guarded", "-o", "name"]).prints(0, "k\n");
    assert!(seen.stderr.contains("workflows cannot be seen"), "{seen:?}");
    restricted(&["prune", "guarded", "--older", "1h"]).fails(1, &["may not patch configmaps"]);
    assert_eq!(namespace.get("configmaps", "guarded").await.unwrap(), before);
}

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
async fn entries_go_from_one_cache_to_another() {
    let namespace = Namespace::new().await;
    let file = TempDir::new().unwrap();
    let path = file.path().join("c.json");
    let path = path.to_str().unwrap();
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    config_map(&namespace, "source", true, &json!({"a": whole, "b": whole, "c": "null"})).await;
    let exported = cache(&namespace, &["export", "source", "--file", path]).prints(0, "");
    assert!(exported.stderr.contains("left out c: no node could use it"), "{exported:?}");
    let into = ["import", path, "--into", "copy", "--cache-namespace", &namespace.name];
    let _ = cache(&namespace, &into).prints(0, "a imported\nb imported\n");
    let copy = namespace.get("configmaps", "copy").await.unwrap();
    assert_eq!(copy["metadata"]["labels"][LABEL], "Cache");
    assert!(copy["data"]["a"].as_str().unwrap().contains(r#""nodeID":"wf-1""#), "{copy}");
    let _ = cache(&namespace, &into).prints(0, "");
    let _ = cache(&namespace, &["diff", "source", "copy"]).prints(0, "- c\n");
}

#[tokio::test]
async fn a_full_cache_is_told_and_takes_no_more() {
    let namespace = Namespace::new().await;
    let large = json!({"nodeID": "wf-1", "outputs": {"result": "x".repeat(900_000)}}).to_string();
    config_map(&namespace, "full", true, &json!({"large": large})).await;
    let report = cache(&namespace, &["inspect", "full", "-o", "json"]).json();
    assert_eq!(problems(&report), ["nearlyFull"]);
    let file = TempDir::new().unwrap();
    let path = file.path().join("c.json");
    let record = json!({"key": "more", "nodeId": "wf-2", "outputs": {"result": "y".repeat(200_000)}});
    let document = json!({"kind": "CacheEntries", "version": 1, "cache": "full", "exportedAt": "2026-11-21T08:00:00Z",
        "entries": [record]});
    std::fs::write(&path, document.to_string()).unwrap();
    cache(&namespace, &["import", path.to_str().unwrap()])
        .fails(2, &["cache full would be full", "nothing was changed"]);
    assert_eq!(keys(&namespace, "full").await, ["large"]);
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

#[tokio::test]
async fn a_retry_is_planned_from_what_the_cache_holds() {
    let namespace = Namespace::new().await;
    let node = |suffix: &str, kind: &str, phase: &str| {
        let id = format!("etl{suffix}");
        let mut node =
            json!({"id": id, "name": id, "displayName": id, "type": kind, "phase": phase, "templateName": "main"});
        if !suffix.is_empty() {
            node["boundaryID"] = json!("etl");
            node["templateName"] = json!("step");
            node["memoizationStatus"] = json!({"hit": false, "key": format!("k{suffix}"), "cacheName": "planned"});
        }
        node
    };
    let mut run = workflow("etl", "r1");
    run["spec"]["templates"] = json!([
        {"name": "main", "dag": {"tasks": [{"name": "x", "template": "step"}]}},
        {"name": "step", "container": {"image": "alpine", "command": ["true"]},
            "memoize": {"key": "k-{{workflow.name}}", "maxAge": "", "cache": {"configMap": {"name": "planned"}}}},
    ]);
    run["metadata"]["labels"] = json!({"workflows.argoproj.io/completed": "true"});
    run["status"] = json!({"phase": "Failed", "finishedAt": "2026-11-21T10:00:00Z", "nodes": {
        "etl": node("", "DAG", "Failed"), "etl-a": node("-a", "Pod", "Succeeded"),
        "etl-b": node("-b", "Pod", "Succeeded"), "etl-c": node("-c", "Pod", "Failed"),
    }});
    namespace.create("workflows", &run).await;
    let plan = |stdout: &str, node: &str| {
        stdout.lines().find(|line| line.starts_with(node)).unwrap_or_else(|| panic!("{stdout}")).to_owned()
    };
    let made = entry("etl-a", "2026-11-21T09:00:00Z");
    config_map(&namespace, "planned", true, &json!({"k-a": made, "k-b": "null"})).await;
    let ran = of(&namespace, User::Admin, &["retry", "etl", "--plan"]);
    assert!(plan(&ran.stdout, "etl-a").contains("cached"), "{ran:?}");
    let absent = plan(&ran.stdout, "etl-b");
    assert!(absent.contains("runs") && absent.contains("its cache entry is gone"), "{ran:?}");
    assert!(plan(&ran.stdout, "etl-c").contains("failed"), "{ran:?}");

    namespace.patch("configmaps", "planned", &json!({"metadata": {"labels": {LABEL: null}}})).await;
    let ran = of(&namespace, User::Admin, &["retry", "etl", "--plan"]);
    assert!(ran.stderr.contains("cache planned lacks the label"), "{ran:?}");
}
