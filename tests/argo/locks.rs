//! Semaphores that a real controller honours.

use serde_json::Value;

use crate::namespace::{Namespace, with_namespace};

const LASTING: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: turn-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: "busybox:1.37", command: [sh, -c, "sleep 300 & wait"]}
"#;

const LOCK: &str = "exampleorg/sample@main";

fn is_running(workflow: &Value) -> bool {
    let nodes = workflow["status"]["nodes"].as_object();
    workflow["status"]["phase"] == "Running"
        && nodes.is_some_and(|nodes| nodes.values().any(|node| node["phase"] == "Running"))
}

fn is_waiting(workflow: &Value) -> bool {
    workflow["status"]["synchronization"]["semaphore"]["waiting"].as_array().is_some_and(|locks| !locks.is_empty())
}

/// Who holds a place and who waits for one, as the program tells.
fn holders_and_queue(namespace: &Namespace) -> (Vec<String>, Vec<String>) {
    let list = namespace.run(&["semaphore", "list", "-o", "json"]).exits(0).json();
    let lock = &list["locks"][0];
    let names = |field: &str| {
        let claims = lock[field].as_array().unwrap_or_else(|| panic!("no {field} in {list:#}")).iter();
        claims.map(|claim| claim["holder"].as_str().unwrap().replace(&format!("{}/", namespace.name), "")).collect()
    };
    (names("holders"), names("queue"))
}

#[test]
fn one_runs_the_others_wait_and_a_raised_limit_lets_more_in() {
    with_namespace(|namespace| {
        let first = namespace.start(LASTING, &["--semaphore", &format!("{LOCK}=1")]);
        namespace.workflow_once(&first, "running", is_running);
        let second = namespace.start(LASTING, &["--semaphore", LOCK]);
        namespace.workflow_once(&second, "waiting", is_waiting);
        let third = namespace.start(LASTING, &["--semaphore", LOCK]);
        namespace.workflow_once(&third, "waiting", is_waiting);
        assert_eq!(holders_and_queue(namespace), (vec![first.clone()], vec![second.clone(), third.clone()]));

        let _ = namespace.run(&["semaphore", "set", LOCK, "2"]).exits(0);
        // A controller that may not watch ConfigMaps looks at the limit when a workflow changes.
        namespace.touch(&second);
        namespace.workflow_once(&second, "running after the limit was raised", is_running);
        assert!(is_waiting(&namespace.workflow(&third).unwrap()));

        let _ = namespace.run(&["terminate", &first]).exits(0);
        namespace.workflow_once(&third, "running in the place of the first", is_running);
        for name in [&second, &third] {
            let _ = namespace.run(&["terminate", name]).exits(0);
            let _ = namespace.run(&["wait", name]).exits(3);
        }
        assert_eq!(holders_and_queue(namespace), (Vec::new(), Vec::new()));
    });
}
