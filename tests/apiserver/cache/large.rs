//! Caches as large as a ConfigMap can be.

use serde_json::{Map, json};

use super::{Exported, LABEL, cache, config_map, keys, problems};
use crate::kubernetes::namespace::Namespace;

/// Entries of the smallest cache that is large.
const MANY: usize = 10_000;
/// How many bytes the values of a ConfigMap may come to.
const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn ten_thousand_entries_are_carried_shown_and_pruned() {
    let namespace = Namespace::new().await;
    let small = |number: usize| json!({"key": format!("k{number}"), "nodeId": "n-1", "outputs": null});
    let file = Exported::of("many", &(0..MANY).map(small).collect());
    let into = ["import", file.path(), "--cache-namespace", &namespace.name];
    let imported = cache(&namespace, &into);
    assert_eq!((imported.code, imported.stdout.lines().count()), (Some(0), MANY), "{}", imported.stderr);
    let report = cache(&namespace, &["inspect", "many", "-o", "json"]).json();
    let shown = &report["caches"][0];
    assert_eq!((&shown["usage"]["entries"], shown["entries"].as_array().unwrap().len()), (&json!(MANY), MANY));
    assert_eq!(problems(&report).iter().filter(|problem| **problem != "nearlyFull").count(), 0);
    assert_eq!(cache(&namespace, &["inspect", "many"]).stdout.matches("\nk").count(), MANY);
    let export = cache(&namespace, &["export", "many"]).json();
    assert_eq!(export["entries"].as_array().unwrap().len(), MANY);

    let dry = cache(&namespace, &["prune", "many", "--keep", "100", "--dry-run"]);
    assert_eq!((dry.code, dry.stdout.lines().count()), (Some(0), MANY - 100), "{}", dry.stderr);
    assert_eq!(keys(&namespace, "many").await.len(), MANY);
    let broken: Map<_, _> = (100..MANY).map(|number| (format!("k{number}"), "null".into())).collect();
    namespace.patch("configmaps", "many", &json!({"data": broken})).await;
    let fixed = cache(&namespace, &["inspect", "many", "--fix"]);
    assert_eq!((fixed.code, fixed.stdout.lines().count()), (Some(0), MANY - 100), "{}", fixed.stderr);
    assert_eq!(keys(&namespace, "many").await.len(), 100);
}

#[tokio::test]
async fn a_cache_of_exactly_the_limit_can_be_mended_but_not_filled() {
    let namespace = Namespace::new().await;
    let text = |result: &str| json!({"nodeID": "wf-1", "outputs": {"result": result}}).to_string();
    let around = text("").len();
    let data = json!({"large": text(&"x".repeat(LIMIT - around - "null".len())), "none": "null"});
    config_map(&namespace, "brimful", false, &data).await;
    let report = cache(&namespace, &["inspect", "brimful", "-o", "json"]).json();
    assert_eq!(report["caches"][0]["usage"]["bytes"], LIMIT);
    assert_eq!(problems(&report), ["notLabelled", "nearlyFull", "null"]);
    let _ = cache(&namespace, &["inspect", "brimful", "--fix"]).prints(0, "brimful labelled\nnone removed\n");
    assert_eq!(namespace.get("configmaps", "brimful").await.unwrap()["metadata"]["labels"][LABEL], "Cache");
    let file = Exported::of("brimful", &json!([{"key": "more", "nodeId": "wf-2", "outputs": null}]));
    for dry_run in [&["--dry-run"][..], &[]] {
        cache(&namespace, &[&["import", file.path()], dry_run].concat()).fails(
            2,
            &["cache brimful in namespace", "would be full", "1.0 MiB; nothing was changed", "cache prune", "--into"],
        );
    }
    assert_eq!(keys(&namespace, "brimful").await, ["large"]);
    let _ = cache(&namespace, &["prune", "brimful", "--keep", "0"]).prints(0, "large pruned\n");
}

/// With long keys, entries fill what etcd takes before their values fill a ConfigMap.
#[tokio::test]
async fn what_the_server_takes_is_known_before_it_refuses() {
    const FIRST: usize = 7_000;
    const STEP: usize = 200;
    let namespace = Namespace::new().await;
    let run_id = "r".repeat(63);
    let entry = |number: usize| {
        let key = format!("extract-0123456789abcdef-{run_id}-{number:016x}");
        json!({"key": key, "nodeId": "n-1", "outputs": null})
    };
    let file = |from: usize, to: usize| Exported::of("long-keys", &(from..to).map(entry).collect());
    let import = |file: &Exported| cache(&namespace, &["import", file.path(), "--cache-namespace", &namespace.name]);
    assert_eq!(import(&file(0, FIRST)).code, Some(0));
    let mut held = FIRST;
    let refused = loop {
        let ran = import(&file(held, held + STEP));
        if ran.code != Some(0) {
            break ran;
        }
        held += STEP;
    };
    refused.fails(2, &["cache long-keys in namespace", "has no room for more", "nothing was changed", "cache prune"]);
    assert_eq!(keys(&namespace, "long-keys").await.len(), held);
    let report = cache(&namespace, &["inspect", "long-keys", "-o", "json"]).json();
    let usage = &report["caches"][0]["usage"];
    // A step is less than a twentieth.
    let share = usage["share"].as_f64().unwrap();
    assert!((0.95..=1.0).contains(&share), "{usage}");
    let bytes = usage["bytes"].as_u64().unwrap();
    assert!(bytes < u64::try_from(LIMIT).unwrap(), "the values alone would fit: {bytes}");
    assert_eq!(problems(&report), ["nearlyFull"]);
    let dry = cache(&namespace, &["import", file(held, held + STEP).path(), "--dry-run"]);
    assert!(dry.stderr.contains("exceed what the API server usually accepts"), "{}", dry.stderr);
    let pruned = cache(&namespace, &["prune", "long-keys", "--keep", "10", "-o", "name"]);
    assert_eq!(pruned.stdout.lines().count(), held - 10, "{}", pruned.stderr);
}
