//! A run from another machine's view: a fresh home, only the handle and the bucket.

use std::fs;

use serde_json::{Value, json};

use crate::rig::{Kind, Rig};

const WORKFLOW: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: pipeline}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: work, arguments: {parameters: [{name: code, value: '0'}]}}
    - - {name: map, template: work, withItems: ['0', '3'], arguments: {parameters: [{name: code, value: '{{item}}'}]}}
    - - {name: last, template: work, arguments: {parameters: [{name: code, value: '0'}]}}
  - name: work
    inputs: {parameters: [{name: code}]}
    container: {image: busybox, command: [sh, -c, 'exit {{inputs.parameters.code}}']}
";

/// Submits the workflow and gives the handle's text.
fn submitted(rig: &Rig, workflow: &str, exit: i32) -> String {
    rig.write("wf.yaml", workflow);
    let submit = ["submit", "--local", "-q", "wf.yaml", "--store", &rig.url, "--handle", "run.json", "--run-id", "r1"];
    let _ = rig.run(submit).exits(exit);
    rig.read("run.json")
}

/// The handle on a machine that does not have the run's directory.
fn moved(handle: &str) -> Value {
    let mut handle: Value = serde_json::from_str(handle).unwrap();
    handle["store"] = json!("/absent/runs");
    handle
}

#[test]
fn another_machine_learns_from_the_handle_and_the_bucket_how_far_a_run_is() {
    let rig = Rig::new(Kind::S3);
    let handle = submitted(&rig, WORKFLOW, 3);
    let written: Value = serde_json::from_str(&handle).unwrap();
    let store = &written["cacheStore"];
    assert_eq!((&store["type"], store["url"].as_str()), (&json!("s3"), Some(rig.url.as_str())), "{store}");
    assert!(store["endpoint"].as_str().is_some_and(|endpoint| endpoint.starts_with("http://127.0.0.1:")));
    assert!(!handle.contains("secret"), "{handle}");

    let other = rig.elsewhere();
    other.write("run.json", &moved(&handle).to_string());
    let progress = other.run(["progress", "run.json", "-o", "json"]);
    assert!(progress.stderr.contains("the manifests in s3://"), "{}", progress.stderr);
    let progress = progress.json();
    let breakdown = json!({"make": true, "map(0:0)": true, "map(1:3)": false, "last": false});
    assert_eq!(progress["node_breakdown"], breakdown, "{progress:#}");
    let counts = json!({"total": 4, "completed": 2, "fraction": 0.5, "is_complete": false, "store": rig.url});
    for (field, value) in counts.as_object().unwrap() {
        assert_eq!(&progress[field], value, "{field}");
    }
    let status = other.run(["status", "run.json", "-o", "json"]).json();
    assert_eq!((&status["summary"]["state"], &status["summary"]["runId"]), (&json!("failure"), &json!("r1")));
    assert_eq!(other.run(["terminate", "run.json"]).code, Some(6));
    let late = other.run(["progress", "run.json", "--watch", "--timeout", "100ms"]);
    assert_eq!(late.code, Some(5), "{late:?}");

    // The run goes on elsewhere; what it adds is seen.
    rig.write("wf.yaml", &WORKFLOW.replace("exit {{inputs.parameters.code}}", "true {{inputs.parameters.code}}"));
    let retry = ["retry", "--local", "-q", "pipeline", "--file", "wf.yaml", "--handle", "run.json"];
    let _ = rig.run(retry).exits(0);
    other.write("run.json", &moved(&rig.read("run.json")).to_string());
    let watched = other.run(["progress", "run.json", "--watch", "-o", "json"]);
    assert_eq!(watched.object()["is_complete"], true, "{watched:?}");
    let status = other.run(["status", "run.json", "-o", "json"]).json();
    assert_eq!(status["summary"]["state"], "success", "{status:#}");
}

#[test]
fn an_error_of_the_store_is_no_answer() {
    let rig = Rig::new(Kind::S3);
    let handle = submitted(&rig, WORKFLOW, 3);
    let other = rig.elsewhere();
    let mut written = moved(&handle);
    written["cacheStore"]["endpoint"] = json!("http://127.0.0.1:9");
    other.write("run.json", &written.to_string());
    let refused = other.run(["progress", "run.json", "-o", "json"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");

    other.write("run.json", &moved(&handle).to_string());
    let mut command = other.environment.command(["progress", "run.json", "-o", "json"]);
    let denied = other.environment.finish(command.env("AWS_SECRET_ACCESS_KEY", "wrong"));
    assert_eq!((denied.code, denied.stdout.as_str()), (Some(1), ""), "{denied:?}");

    written["cacheStore"] = json!({"type": "directory", "url": other.path("absent")});
    other.write("run.json", &written.to_string());
    assert_eq!(other.run(["progress", "run.json"]).code, Some(6), "a directory of another machine tells nothing");
    let named = other.run(["progress", "run.json", "--store", "absent"]);
    assert_eq!(named.code, Some(1), "{named:?}");
    assert!(named.stderr.contains("no store of manifests"), "{named:?}");
}

#[test]
fn calls_that_depend_on_outputs_leave_the_total_open() {
    let rig = Rig::new(Kind::Directory);
    let list = "
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: pipeline}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: list, template: list}
    - - {name: each, template: work, withParam: '{{steps.list.outputs.result}}', arguments: {parameters: [{name: i, value: '{{item}}'}]}}
    - - {name: fail, template: fail}
  - name: list
    script: {image: busybox, command: [sh], source: 'echo [1,2]'}
  - name: fail
    script: {image: busybox, command: [sh], source: 'exit 1'}
  - name: work
    inputs: {parameters: [{name: i}]}
    container: {image: busybox, command: ['true']}
";
    let handle: Value = serde_json::from_str(&submitted(&rig, list, 3)).unwrap();
    assert_eq!(handle["nodes"]["partial"], true, "{handle:#}");
    let by_handle = rig.run(["progress", "run.json", "--store", &rig.url, "-o", "json"]).json();
    assert_eq!((&by_handle["partial"], &by_handle["is_complete"]), (&json!(true), &json!(false)));
    assert_eq!(by_handle["node_breakdown"]["list"], true, "{by_handle:#}");
    // The run itself knows by now what its loop came to.
    let by_run = rig.run(["progress", "--local", "pipeline", "--store", &rig.url, "-o", "json"]).json();
    assert_eq!(by_run["node_breakdown"]["each(1:2)"], true, "{by_run:#}");

    // Without its directory, the manifests say what they can.
    fs::remove_dir_all(rig.environment.run_directory("pipeline")).unwrap();
    let status = rig.run(["status", "run.json", "-o", "json"]).json();
    assert_eq!(status["summary"]["state"], "failure", "{status:#}");
}
