//! What is told of a cache and its entries, and what is fixed.

use std::path::Path;

use assert_fs::TempDir;
use serde_json::{Map, Value, json};

use super::{Exported, LABEL, cache, config_map, entry, object, problems};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
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
    assert!(again.stderr.contains("nothing to repair"), "{again:?}");
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
        cache(&namespace, arguments).fails(7, &["ConfigMap \"settings\"", "is not a cache"]);
    }
    assert_eq!(namespace.get("configmaps", "settings").await.unwrap(), before);
    cache(&namespace, &["inspect", "absent"]).fails(6, &["cache absent does not exist", "cache list -A"]);
}

/// An entry of a controller's, and what becomes of it in other hands.
#[tokio::test]
async fn every_way_to_break_an_entry_is_named_and_mended() {
    let namespace = Namespace::new().await;
    let whole = json!({"nodeID": "wf-1", "outputs": {"parameters": [{"name": "o", "value": "v"}], "exitCode": "0"},
        "creationTimestamp": "2026-11-21T08:00:00Z", "lastHitTimestamp": "2026-11-21T08:00:00Z"});
    let with = |field: &str, value: Value| {
        let mut changed = whole.clone();
        changed[field] = value;
        changed.to_string()
    };
    let text = whole.to_string();
    let broken = [
        (String::new(), "null"),
        ("null".to_owned(), "null"),
        ("{}".to_owned(), "noNode"),
        (with("nodeID", json!("")), "noNode"),
        (with("nodeID", Value::Null), "noNode"),
        (with("nodeID", json!(7)), "malformed"),
        (with("outputs", json!("text")), "malformed"),
        (with("outputs", json!([])), "malformed"),
        (with("outputs", json!({"parameters": {"o": "v"}})), "malformed"),
        (with("outputs", json!({"parameters": ["o"]})), "malformed"),
        (with("outputs", json!({"artifacts": "a"})), "malformed"),
        (with("outputs", json!({"exitCode": 0})), "malformed"),
        (with("creationTimestamp", json!("yesterday")), "malformed"),
        (with("lastHitTimestamp", json!(1)), "malformed"),
        (text[..text.len() / 2].to_owned(), "malformed"),
        (format!("{text}{text}"), "malformed"),
        (format!("[{text}]"), "malformed"),
        (json!(text).to_string(), "malformed"),
        ("no: json".to_owned(), "malformed"),
        ("\u{1b}[31mred\u{7}".to_owned(), "malformed"),
    ];
    let sound = [
        text.clone(),
        with("outputs", Value::Null),
        with("creationTimestamp", Value::Null),
        text.replace("nodeID", "NodeId"),
    ];
    let entries = broken.iter().map(|(text, _)| text).chain(&sound).enumerate();
    let data: Map<_, _> = entries.map(|(at, text)| (format!("k{at:02}"), text.clone().into())).collect();
    config_map(&namespace, "battered", true, &Value::Object(data)).await;
    let report = cache(&namespace, &["inspect", "battered", "-o", "json"]).json();
    assert_eq!(problems(&report), broken.iter().map(|(_, problem)| *problem).collect::<Vec<_>>());
    let shown = cache(&namespace, &["inspect", "battered", "--values"]).stdout;
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown}");
    let fixed = cache(&namespace, &["inspect", "battered", "--fix", "-o", "json"]).json();
    let mended = &fixed["mended"][0];
    assert_eq!((&mended["cache"], &mended["labelled"]), (&json!("battered"), &json!(false)));
    assert_eq!(mended["removed"].as_array().unwrap().len(), broken.len());
    let left = namespace.get("configmaps", "battered").await.unwrap()["data"].as_object().unwrap().clone();
    assert!(left.values().eq(&sound), "{left:?}");
}

#[tokio::test]
async fn binary_data_is_told_and_left() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let mut mixed = object("mixed", true, &json!({"k": whole, "n": "null"}));
    mixed["binaryData"] = json!({"blob": "eHh4eA=="});
    namespace.create("configmaps", &mixed).await;
    let report = cache(&namespace, &["inspect", "mixed", "-o", "json"]).json();
    assert_eq!(problems(&report), ["binary", "null"]);
    assert_eq!(report["caches"][0]["usage"]["bytes"], whole.len() + "null".len() + 4);
    let _ = cache(&namespace, &["inspect", "mixed", "--fix"]).prints(0, "n removed\n");
    let after = namespace.get("configmaps", "mixed").await.unwrap();
    assert_eq!((&after["binaryData"], &after["data"]), (&mixed["binaryData"], &json!({"k": whole})));
    let mut alone = object("blobs", false, &Value::Null);
    alone["binaryData"] = mixed["binaryData"].clone();
    namespace.create("configmaps", &alone).await;
    cache(&namespace, &["inspect", "blobs"]).fails(7, &["ConfigMap \"blobs\"", "is not a cache"]);
}

#[tokio::test]
async fn what_is_immutable_is_told_and_can_only_be_deleted() {
    let namespace = Namespace::new().await;
    let whole = entry("wf-1", "2026-11-21T08:00:00Z");
    let mut frozen = object("frozen", true, &json!({"k": whole, "n": "null"}));
    frozen["immutable"] = json!(true);
    let before = namespace.create("configmaps", &frozen).await;
    let report = cache(&namespace, &["inspect", "frozen", "-o", "json"]).json();
    assert_eq!(problems(&report), ["immutable", "null"]);
    let file = Exported::of("frozen", &json!([{"key": "new", "nodeId": "wf-1", "outputs": null}]));
    for arguments in [
        &["inspect", "frozen", "--fix"][..],
        &["prune", "frozen", "--keep", "0"],
        &["delete", "frozen", "--key", "k"],
        &["import", file.path()],
    ] {
        for dry_run in [&["--dry-run"][..], &[]] {
            cache(&namespace, &[arguments, dry_run].concat())
                .fails(7, &["cache frozen in namespace", "is immutable", "cache delete frozen"]);
        }
    }
    assert_eq!(namespace.get("configmaps", "frozen").await.unwrap(), before);
    assert_eq!(cache(&namespace, &["export", "frozen"]).json()["entries"].as_array().unwrap().len(), 1);
    let _ = cache(&namespace, &["delete", "frozen"]).prints(0, "frozen deleted\n");
}

#[tokio::test]
async fn the_caches_of_a_handle_show_what_its_run_left() {
    let namespace = Namespace::new().await;
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let run = workflow("by-handle", "r1");
    std::fs::write(path("wf.json"), run.to_string()).unwrap();
    let submit = [
        "submit",
        &path("wf.json"),
        "--run-id",
        "r1",
        "--cache-name",
        "handled",
        "--handle",
        &path("run.json"),
        "-o",
        "name",
    ];
    let _ = namespace.run(User::Admin, &submit).prints(0, "workflow.argoproj.io/by-handle\n");
    let inspect = ["inspect", "--handle", &path("run.json"), "-o", "name"];
    cache(&namespace, &inspect).fails(6, &["no cache of run by-handle: its cache does not exist"]);
    let whole = entry("other-1", "2026-11-21T08:00:00Z");
    let ours = "main-0123456789abcdef-r1-fedcba9876543210";
    let theirs = "main-0123456789abcdef-r2-fedcba9876543210";
    config_map(&namespace, "handled", true, &json!({ours: whole, theirs: whole})).await;
    let _ = cache(&namespace, &inspect).prints(0, &format!("{ours}\n"));
}
