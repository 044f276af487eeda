//! Retries that are planned from caches.

use serde_json::json;

use super::{LABEL, config_map, entry};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::workflow;

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
    let ran = namespace.run(User::Admin, &["retry", "etl", "--plan"]);
    assert!(plan(&ran.stdout, "etl-a").contains("cached"), "{ran:?}");
    let absent = plan(&ran.stdout, "etl-b");
    assert!(absent.contains("runs") && absent.contains("its cache entry is gone"), "{ran:?}");
    assert!(plan(&ran.stdout, "etl-c").contains("failed"), "{ran:?}");

    namespace.patch("configmaps", "planned", &json!({"metadata": {"labels": {LABEL: null}}})).await;
    let ran = namespace.run(User::Admin, &["retry", "etl", "--plan"]);
    assert!(ran.stderr.contains("cache planned lacks the label"), "{ran:?}");
}
