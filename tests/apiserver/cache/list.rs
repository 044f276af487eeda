//! `cache list`: caches by their label, and those without it that workflows refer to.

use serde_json::json;

use super::{cache, config_map, entry};
use crate::kubernetes::namespace::Namespace;

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_without_the_label_is_found_by_the_workflows_that_refer_to_it() {
    let namespace = Namespace::new().await;
    let data = json!({"load-1": entry("wf-1", "2026-11-21T08:00:00Z")});
    for (name, labelled, data) in [
        ("labelled", true, &data),
        ("referred", false, &data),
        ("unknown", false, &data),
        ("settings", false, &json!({"a": "b"})),
    ] {
        config_map(&namespace, name, labelled, data).await;
    }
    let template = |name: &str| {
        json!({"name": name, "container": {"image": "x"},
        "memoize": {"key": "k", "maxAge": "", "cache": {"configMap": {"name": name}}}})
    };
    let names = ["labelled", "referred", "settings", "gone"];
    let templates: Vec<_> = names.iter().map(|name| template(name)).collect();
    let workflow = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "wf"},
        "spec": {"entrypoint": "labelled", "templates": templates}});
    namespace.create("workflows", &workflow).await;

    assert_eq!(cache(&namespace, &["list", "-o", "name"]).good(), "labelled\nreferred\n");
    let listed = cache(&namespace, &["list", "-o", "json"]).json();
    assert_eq!(listed["caches"][1]["findings"][0]["problem"], "notLabelled", "{listed}");
}
