//! What is told of a cache and its entries, and what is mended.

use std::path::Path;

use serde_json::{Value, json};

use super::{Exported, LABEL, cache, config_map, entry, object, problems};
use crate::namespace::Namespace;
use crate::program::of;
use crate::server::User;
use crate::workflow;

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
    let file = Exported::of("settings", &json!([]));
    for arguments in [
        &["inspect", "settings", "--fix"][..],
        &["prune", "settings", "--keep", "0"],
        &["delete", "settings"],
        &["export", "settings"],
        &["import", file.path()],
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
