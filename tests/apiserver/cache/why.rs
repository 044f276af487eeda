//! Why a node of a cluster's run had, or had not, an entry.

use kubectl_runnable::testing::argo::status::node_id;
use serde_json::{Value, json};

use super::{cache, config_map, entry};
use crate::kubernetes::namespace::Namespace;
use crate::workflow;

const A: &str = "aaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbb";

/// A run with one node, which asked for this key.
fn run(name: &str, image: &str, city: &str, key: &str) -> Value {
    let mut run = workflow(name, "r1");
    let inputs = json!({"parameters": [{"name": "city", "value": city}, {"name": "token", "value": city}]});
    run["spec"]["templates"] = json!([
        {"name": "main", "dag": {"tasks": [{"name": "load", "template": "load"}]}},
        {"name": "load", "inputs": inputs, "container": {"image": image, "command": ["true"]}},
    ]);
    let full = format!("{name}.load");
    let id = node_id(name, &full);
    let node = json!({"id": id, "name": full, "displayName": "load", "type": "Pod", "phase": "Succeeded",
        "templateName": "load", "startedAt": "2026-11-21T09:00:00Z", "inputs": inputs,
        "memoizationStatus": {"hit": false, "key": key, "cacheName": "asked"}});
    run["status"] = json!({"phase": "Succeeded", "nodes": {id: node}});
    run
}

fn key(content: &str, inputs: &str) -> String {
    format!("load-{content}-r1-{inputs}")
}

#[tokio::test]
async fn the_field_and_the_input_that_made_a_node_run_again_are_named() {
    let namespace = Namespace::new().await;
    let made = entry(&node_id("first", "first.load"), "2026-11-21T08:00:00Z");
    config_map(&namespace, "asked", true, &json!({key(A, A): made, "other": made})).await;
    for (name, image, city, key) in [
        ("first", "loader:1", "Bonn", key(A, A)),
        ("edited", "loader:2", "Bonn", key(B, A)),
        ("moved", "loader:1", "Ulm", key(A, B)),
        ("same", "loader:1", "Bonn", key(A, A)),
    ] {
        namespace.create("workflows", &run(name, image, city, &key)).await;
    }
    let why = |run: &str| cache(&namespace, &["why", run, "load"]).stdout;
    assert!(why("first").starts_with("node first.load ran, and left the entry"), "{}", why("first"));
    let edited = why("edited");
    assert!(edited.contains("by node first.load\n"), "{edited}");
    assert!(edited.contains("differs in the template's content was edited: container.image\n"), "{edited}");
    let moved = why("moved");
    let inputs = "differs in the inputs: city is \"Bonn\" there, \"Ulm\" here, token is \"***\" there, \"***\" here\n";
    assert!(moved.contains(inputs), "{moved}");
    assert!(why("same").contains("was not cached, but would be now"), "{}", why("same"));
    let answer = cache(&namespace, &["why", "edited", "load", "-o", "json"]).json();
    assert_eq!((&answer["answer"], &answer["nearest"]), (&json!("nearest"), &json!(key(A, A))));
    assert_eq!(answer["parts"], json!([{"part": "content", "fields": ["container.image"]}]));

    // Without the workflow that made the entry, only the part is known.
    namespace.delete("workflows", "first").await;
    let edited = why("edited");
    assert!(edited.contains("the content of the template, or of one that it calls, was edited since"), "{edited}");
    namespace.delete("configmaps", "asked").await;
    assert!(why("edited").contains("found no cache: asked does not exist"), "{}", why("edited"));
    cache(&namespace, &["why", "edited", "absent"]).fails(6, &["run edited has no node \"absent\""]);
    cache(&namespace, &["why", "absent", "load"]).fails(6, &["workflow \"absent\" does not exist"]);
}
