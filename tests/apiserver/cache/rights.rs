//! Caches of users who may do little.

use serde_json::json;

use super::{Exported, cache, config_map, entry};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;

#[tokio::test]
async fn only_what_is_allowed_is_done() {
    let namespace = Namespace::new().await;
    let before = config_map(&namespace, "guarded", true, &json!({"k": entry("wf-1", "2026-11-21T08:00:00Z")})).await;
    let restricted = |arguments: &[&str]| namespace.run(User::Restricted, &[&["cache"], arguments].concat());
    restricted(&["inspect", "guarded"])
        .fails(1, &["may not list configmaps in the whole cluster", "--cache-namespace"]);
    namespace.allow(&["get"], "configmaps").await;
    let seen = restricted(&["inspect", "guarded", "-o", "name"]).prints(0, "k\n");
    assert!(seen.stderr.contains("workflows cannot be seen"), "{seen:?}");
    restricted(&["prune", "guarded", "--older", "1h"]).fails(1, &["may not patch configmaps"]);
    assert_eq!(namespace.get("configmaps", "guarded").await.unwrap(), before);
}

#[tokio::test]
async fn whoever_may_only_look_changes_nothing_and_is_told_what_is_missing() {
    let namespace = Namespace::new().await;
    let data = json!({"k": entry("wf-1", "2026-11-21T08:00:00Z"), "n": "null"});
    let before = config_map(&namespace, "looked-at", false, &data).await;
    let place = ["--cache-namespace", &namespace.name];
    let restricted = |arguments: &[&str]| namespace.run(User::Restricted, &[&["cache"], arguments, &place].concat());
    restricted(&["list"]).fails(1, &["restricted may not list configmaps in namespace", "kubectl create role"]);
    restricted(&["inspect", "looked-at"]).fails(1, &["restricted may not get configmaps in namespace"]);
    namespace.allow(&["get"], "configmaps").await;
    let file = Exported::of("made", &json!([{"key": "new", "nodeId": "wf-1", "outputs": null}]));
    for (arguments, missing) in [
        (&["inspect", "looked-at", "--fix"][..], "may not patch configmaps"),
        (&["prune", "looked-at", "--older", "1h"], "may not patch configmaps"),
        (&["delete", "looked-at", "--key", "k"], "may not patch configmaps"),
        (&["import", file.path(), "--into", "looked-at"], "may not patch configmaps"),
        (&["import", file.path()], "may not create configmaps"),
        (&["delete", "looked-at"], "may not delete configmaps"),
    ] {
        restricted(arguments).fails(1, &[missing, &namespace.name, "kubectl create role"]);
    }
    assert_eq!(namespace.get("configmaps", "looked-at").await.unwrap(), before);
    assert_eq!(restricted(&["export", "looked-at"]).json()["entries"].as_array().unwrap().len(), 1);
    namespace.allow(&["patch", "delete"], "configmaps").await;
    let _ = restricted(&["inspect", "looked-at", "--fix"]).prints(0, "looked-at labelled\nn removed\n");
    let deleted = restricted(&["delete", "looked-at"]).prints(0, "looked-at deleted\n");
    assert!(deleted.stderr.contains("not all workflows can be read: an active one may use this cache"), "{deleted:?}");
    cache(&namespace, &["inspect", "looked-at"]).fails(6, &["does not exist"]);
}
