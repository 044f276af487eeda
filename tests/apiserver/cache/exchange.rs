//! Entries that go from one cache to another.

use assert_fs::TempDir;
use serde_json::json;

use super::{LABEL, cache, config_map, entry};
use crate::kubernetes::namespace::Namespace;

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
