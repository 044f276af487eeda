//! Runs of this machine whose caches are in a store that others share.

use serde_json::Value;

use crate::rig::{Kind, Rig};

const WORKFLOW: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: shared}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: make
        template: make
    - - name: read
        template: read
        arguments:
          artifacts: [{name: tree, from: "{{steps.make.outputs.artifacts.tree}}"}]
          parameters: [{name: word, value: "{{steps.make.outputs.parameters.word}}"}]
  - name: make
    container:
      image: busybox
      command: [sh, -c, "mkdir -p /tmp/tree/sub; echo content >/tmp/tree/sub/file; ln -s sub/file /tmp/tree/link; echo w >/tmp/word"]
    outputs:
      artifacts: [{name: tree, path: /tmp/tree}]
      parameters: [{name: word, valueFrom: {path: /tmp/word}}]
  - name: read
    inputs:
      artifacts: [{name: tree, path: /tmp/in}]
      parameters: [{name: word}]
    container:
      image: busybox
      command: [sh, -c, "cat /tmp/in/link; test {{inputs.parameters.word}} = w; FAIL"]
"#;

fn nodes(rig: &Rig, name: &str) -> Value {
    let path = rig.environment.run_directory(name).join("workflow.json");
    let workflow: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    workflow["status"]["nodes"].clone()
}

fn hits(nodes: &Value) -> Vec<&str> {
    let mut hits: Vec<&str> = nodes
        .as_object()
        .unwrap()
        .values()
        .filter(|node| node["memoizationStatus"]["hit"] == true)
        .map(|node| node["displayName"].as_str().unwrap())
        .collect();
    hits.sort_unstable();
    hits
}

#[test]
fn a_run_hits_what_another_machine_has_made() {
    let rig = Rig::new(Kind::S3);
    rig.write("wf.yaml", &WORKFLOW.replace("FAIL", "exit 1"));
    let submit = ["submit", "--local", "wf.yaml", "--store", &rig.url, "--run-id", "r1", "--cache-name", "shared"];
    let _ = rig.run(submit).exits(3);
    rig.assert_whole();
    assert!(hits(&nodes(&rig, "shared")).is_empty());

    // Another home, with nothing but the bucket.
    let other = rig.elsewhere();
    other.write("wf.yaml", &WORKFLOW.replace("FAIL", "exit 1"));
    let _ = other.run(submit).exits(3);
    assert_eq!(hits(&nodes(&other, "shared")), ["make"]);
    // The run remembers its store, and its retry runs only what failed.
    other.write("wf.yaml", &WORKFLOW.replace("FAIL", "exit 0"));
    let retried = other.run(["retry", "--local", "shared", "--file", "wf.yaml", "-o", "json"]).json();
    assert_eq!(hits(&retried["status"]["nodes"]), ["make"], "{retried:#}");
    assert_eq!(
        retried["metadata"]["annotations"]["kubectl-runnable/store"].as_str().map(|url| url.starts_with(&rig.url)),
        Some(true)
    );
    assert!(!other.path("state/cache").exists() || other.path("state/cache").read_dir().unwrap().next().is_none());
}

#[test]
fn a_bucket_loses_a_cache_that_only_runs_have_used_that_are_deleted() {
    let rig = Rig::new(Kind::S3);
    rig.write("wf.yaml", &WORKFLOW.replace("FAIL", "exit 0"));
    for (run_id, name, cache) in [("r1", "one", "alone"), ("r2", "two", "both"), ("r3", "three", "both")] {
        let own = ["--run-id", run_id, "--cache-name", cache, "--name", name];
        let _ = rig.run([&["submit", "--local", "-q", "wf.yaml", "--store", &rig.url][..], &own].concat()).exits(0);
    }
    let caches = |name: &str| {
        let listed = rig.run(["cache", "list", "--store", &rig.url, "-o", "name"]).exits(0).stdout;
        listed.lines().any(|line| line.ends_with(name))
    };
    let delete = |name: &str| rig.run(["delete", "--local", name, "--with-cache", "--yes"]).exits(0);
    let gone = delete("one");
    assert!(gone.stdout.contains("cache alone in s3://"), "{gone:?}");
    assert!(!caches("alone") && caches("both"));
    let kept = delete("two");
    assert!(kept.stderr.contains("is kept: other runs use it"), "{kept:?}");
    assert!(caches("both"));
}
