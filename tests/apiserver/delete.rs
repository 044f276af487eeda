//! `delete`: runs of a cluster, with their caches.

use serde_json::json;

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::program::command;
use crate::kubernetes::server::User;
use crate::support::output::Output;
use crate::workflow;

async fn run(namespace: &Namespace, name: &str, phase: &str, cache: &str) {
    let mut run = workflow(name, name);
    run["metadata"]["labels"] = json!({"team": "data"});
    run["spec"]["templates"] = json!([{"name": "main", "container": {"image": "x"},
        "memoize": {"key": "k", "maxAge": "", "cache": {"configMap": {"name": cache}}}}]);
    namespace.create("workflows", &run).await;
    let status = json!({"status": {"phase": phase, "finishedAt": "2026-11-01T10:00:00Z"}});
    namespace.patch("workflows", name, &status).await;
}

#[tokio::test]
async fn runs_go_with_the_caches_that_only_they_use() {
    let namespace = Namespace::new().await;
    let caches = ["one", "two"].map(|name| format!("{name}-cache"));
    for cache in &caches {
        let labels = json!({"workflows.argoproj.io/configmap-type": "Cache"});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": cache, "labels": labels},
            "data": {"k": r#"{"nodeID":"a","creationTimestamp":"2026-11-01T10:00:00Z"}"#}});
        namespace.create("configmaps", &map).await;
    }
    for (name, phase, cache) in
        [("a", "Succeeded", &caches[0]), ("b", "Failed", &caches[1]), ("c", "Running", &caches[1])]
    {
        run(&namespace, name, phase, cache).await;
    }
    let kubeconfig = namespace.kubeconfig(User::Admin);
    let delete = |arguments: &[&str]| -> Output {
        command(&kubeconfig, &[&["delete"], arguments].concat()).output().unwrap().into()
    };

    let refused = delete(&["c"]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("hint: kubectl runnable terminate c"), "{refused:?}");
    let shown = delete(&["--older", "7d", "--dry-run"]);
    assert_eq!(shown.stdout.lines().count(), 2, "{shown:?}");
    assert!(namespace.get("workflows", "a").await.is_some());

    let deleted = delete(&["--older", "7d", "-l", "team=data", "--with-cache", "-o", "name"]);
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    assert!(deleted.stderr.contains("cache two-cache is kept"), "{deleted:?}");
    assert!(namespace.get("workflows", "a").await.is_none() && namespace.get("workflows", "b").await.is_none());
    assert!(namespace.get("configmaps", "one-cache").await.is_none());
    assert!(namespace.get("configmaps", "two-cache").await.is_some());

    let forced = delete(&["c", "gone", "--force"]);
    assert_eq!(forced.code, Some(6), "{forced:?}");
    assert!(namespace.get("workflows", "c").await.is_none());
}
