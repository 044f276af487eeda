//! Retries that are planned from caches.

use serde_json::json;

use super::{LABEL, config_map, entry};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::workflow;

#[tokio::test]
async fn a_retry_is_planned_from_what_the_cache_holds() {
    let namespace = Namespace::new().await;
    let node = |task: &str, kind: &str, phase: &str| {
        let name = if task.is_empty() { "etl".to_owned() } else { format!("etl.{task}") };
        let mut node = json!({"id": name, "name": name, "displayName": task, "type": kind, "phase": phase, "templateName": "main"});
        if !task.is_empty() {
            node["boundaryID"] = json!("etl");
            node["templateName"] = json!(task);
            node["memoizationStatus"] = json!({"hit": false, "key": format!("k-{task}"), "cacheName": "planned"});
        }
        node
    };
    let template = |name: &str| {
        json!({"name": name, "container": {"image": "alpine", "command": ["true"]},
            "memoize": {"key": format!("k-{name}"), "maxAge": "", "cache": {"configMap": {"name": "planned"}}}})
    };
    let mut run = workflow("etl", "r1");
    let tasks: Vec<_> = ["a", "b", "c"].iter().map(|name| json!({"name": name, "template": name})).collect();
    run["spec"]["templates"] =
        json!([{"name": "main", "dag": {"tasks": tasks}}, template("a"), template("b"), template("c")]);
    run["metadata"]["labels"] = json!({"workflows.argoproj.io/completed": "true"});
    run["status"] = json!({"phase": "Failed", "finishedAt": "2026-11-21T10:00:00Z", "nodes": {
        "etl": node("", "DAG", "Failed"), "etl.a": node("a", "Pod", "Succeeded"),
        "etl.b": node("b", "Pod", "Succeeded"), "etl.c": node("c", "Pod", "Failed"),
    }});
    namespace.create("workflows", &run).await;
    let plan = |stdout: &str, node: &str| {
        stdout.lines().find(|line| line.starts_with(node)).unwrap_or_else(|| panic!("{stdout}")).to_owned()
    };
    let made = entry("etl.a", "2026-11-21T09:00:00Z");
    config_map(&namespace, "planned", true, &json!({"k-a": made, "k-b": "null"})).await;
    let ran = namespace.run(User::Admin, &["retry", "etl", "--plan"]);
    assert!(plan(&ran.stdout, "etl.a").contains("cached"), "{ran:?}");
    let absent = plan(&ran.stdout, "etl.b");
    assert!(absent.contains("runs") && absent.contains("its cache entry is gone"), "{ran:?}");
    assert!(plan(&ran.stdout, "etl.c").contains("failed"), "{ran:?}");

    namespace.patch("configmaps", "planned", &json!({"metadata": {"labels": {LABEL: null}}})).await;
    let ran = namespace.run(User::Admin, &["retry", "etl", "--plan"]);
    assert!(ran.stderr.contains("cache planned lacks the label"), "{ran:?}");
}
