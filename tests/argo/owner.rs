//! Workflows that belong to another object, on a cluster whose garbage collector runs.

use std::time::Instant;

use serde_json::json;

use crate::namespace::{PATIENCE, with_namespace};

const ONE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: owned-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: "busybox:1.37", command: ["true"]}
"#;

#[test]
fn a_workflow_goes_with_its_owner() {
    with_namespace(|namespace| {
        let collection = format!("/api/v1/namespaces/{}/configmaps", namespace.name);
        let owner = namespace.post(&collection, &json!({"metadata": {"name": "release"}}));
        // Without the workflow that names it, a cache outside the namespace would stay for good.
        let run = namespace.submit(ONE, &["--owner", "configmap/release", "--memoize=off"], 0);
        let references = &run.object["metadata"]["ownerReferences"];
        assert_eq!((&references[0]["kind"], &references[0]["uid"]), (&"ConfigMap".into(), &owner["metadata"]["uid"]));
        namespace.delete("configmaps", "release");
        let begun = Instant::now();
        while namespace.workflow(run.name()).is_some() {
            assert!(begun.elapsed() < PATIENCE, "{} outlives its owner", run.name());
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let _ = namespace.run(&["status", run.name()]).exits(6);
    });
}
