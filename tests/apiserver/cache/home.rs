//! The namespace in which a controller keeps its caches: found by what it leaves there.

use serde_json::{Value, json};

use super::{LABEL, cache, config_map, entry, object, problems};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::{Server, User};

/// What is the matter with a cache of a namespace, and where it should be.
fn inspected(namespace: &Namespace, name: &str) -> (Vec<String>, Value) {
    let report = cache(namespace, &["inspect", name, "--cache-namespace", &namespace.name, "-o", "json"]).json();
    let findings = report["caches"][0]["findings"].as_array().unwrap().clone();
    let controllers = findings.into_iter().find_map(|finding| finding.get("controllers").cloned());
    (problems(&report).into_iter().map(str::to_owned).collect(), controllers.unwrap_or_default())
}

/// No other test may look for caches on this server while there is a controller on it.
#[tokio::test]
async fn a_cache_where_no_controller_looks_is_told_by_what_controllers_leave() {
    let (ours, theirs) = (Namespace::on(Server::bare()).await, Namespace::on(Server::bare()).await);
    let data = json!({"k": entry("wf-1", "2026-11-21T08:00:00Z")});
    let sound: (Vec<String>, Value) = (Vec::new(), Value::Null);
    let wrong = (vec!["wrongNamespace".to_owned()], json!([theirs.name]));
    config_map(&ours, "ours", true, &data).await;
    assert_eq!(inspected(&ours, "ours"), sound, "nothing is known");

    // Two of a name: which is meant is not known; one without the label is none of a controller's.
    config_map(&theirs, "twin", true, &data).await;
    config_map(&ours, "twin", false, &data).await;
    assert_eq!(inspected(&ours, "twin").1, json!([theirs.name]));
    let labelled = json!({"metadata": {"labels": {LABEL: "Cache"}}});
    ours.patch("configmaps", "twin", &labelled).await;
    assert_eq!(inspected(&ours, "twin"), sound);

    // A cache that a controller wrote.
    let path = format!("/api/v1/namespaces/{}/configmaps?fieldManager=workflow-controller", theirs.name);
    theirs.post(&path, &object("written", true, &data)).await;
    assert_eq!((inspected(&ours, "ours"), inspected(&theirs, "twin")), (wrong.clone(), sound.clone()));
    let listed = cache(&ours, &["list", "-o", "json"]).json();
    assert_eq!(listed["caches"][0]["findings"][0]["problem"], "wrongNamespace", "{listed}");
    let text = cache(&ours, &["inspect", "ours"]);
    assert!(text.stdout.contains(&format!("keep their caches in {}", theirs.name)), "{text:?}");
    // That of the controller is meant by the name alone.
    let chosen = cache(&ours, &["inspect", "twin", "-o", "json"]).json();
    assert_eq!(chosen["caches"][0]["place"]["configMap"]["namespace"], theirs.name);
    // Who sees nothing else is told nothing.
    ours.allow(&["get"], "configmaps").await;
    let namespace = ["--cache-namespace", &ours.name];
    let blind = ours.run(User::Restricted, &[&["cache", "inspect", "ours", "-o", "json"][..], &namespace].concat());
    assert_eq!(problems(&blind.json()), [""; 0]);
    theirs.delete("configmaps", "written").await;
    assert_eq!(inspected(&ours, "ours"), sound);

    // A controller's settings.
    config_map(&theirs, "workflow-controller-configmap", false, &json!({"parallelism": "5"})).await;
    assert_eq!(inspected(&ours, "ours"), wrong);

    // A Lease says more than what was left: here of a controller with an instance id.
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "workflow-controller-blue"}, "spec": {"holderIdentity": "pod"}});
    ours.post(&format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", ours.name), &lease).await;
    assert_eq!(inspected(&ours, "ours"), sound);
    assert_eq!(inspected(&theirs, "twin"), (vec!["wrongNamespace".to_owned()], json!([ours.name])));
}
