//! What a run outlives: its pod evicted, its client killed, its controller started again.

use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::namespace::with_namespace;
use crate::run::Run;
use crate::support::process::Running;

/// `make` draws a number, which `use` has to be given; `use` takes as long as LASTS.
const PIPELINE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: pipeline-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: make, template: make}
    - - {name: use, template: use, arguments: {parameters: [{name: made, value: "{{steps.make.outputs.parameters.made}}"}]}}
  - name: make
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}
    container: {image: "busybox:1.37", command: [sh, -c, "od -An -N4 -tx1 /dev/urandom | tr -d ' \\n' >/tmp/made"]}
  - name: use
    inputs: {parameters: [{name: made}]}
    container: {image: "busybox:1.37", command: [sh, -c, "test -n {{inputs.parameters.made}}; LASTS"]}
"#;
/// Only the first attempt lasts.
const UNTIL_RETRIED: &str = r#"test -n \"$RUNNABLE_RETRY_RUN_ID\" || sleep 300"#;

/// The pods of a run whose containers run and that nobody deletes, by name.
fn running_pods(namespace: &Namespace, run: &str, template: &str) -> Vec<String> {
    let pods = namespace.read(&namespace.collection("pods")).unwrap();
    let begin = format!("{run}-{template}-");
    let runs = pods["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pod| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null());
    let names = runs.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with(&begin)).collect()
}

fn evict(namespace: &Namespace, pod: &str) {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace.name}});
    namespace.post(&format!("{}/eviction", namespace.path("pods", pod)), &eviction);
}

fn once_running(namespace: &Namespace, run: &str, node: &str) {
    namespace.workflow_once(run, "so far", |workflow| {
        let is_running = |run: Run| run.find(node).is_some_and(|node| node["phase"] == "Running");
        workflow["status"]["nodes"].is_object() && is_running(Run::new(workflow.clone()))
    });
}

#[test]
fn the_node_of_an_evicted_pod_is_retried_alone() {
    with_namespace(|namespace| {
        let run = namespace.start(&PIPELINE.replace("LASTS", UNTIL_RETRIED), &[]);
        once_running(namespace, &run, "[1].use");
        // A pod that its controller has not seen running is made again by itself.
        namespace.once("the run has ended", || {
            for pod in running_pods(namespace, &run, "use") {
                evict(namespace, &pod);
            }
            namespace.workflow(&run).unwrap()["status"]["finishedAt"].is_string()
        });

        let ended = namespace.run(&["wait", &run]);
        assert!([Some(3), Some(4)].contains(&ended.code), "{ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("retry") && said.contains("use"), "{said}");
        let first = Run::new(namespace.workflow(&run).unwrap());
        let second = namespace.retry(&first, &[], 0);
        assert_eq!(second.hits(), ["[0].make"].into());
        assert_eq!(made(&second), made(&first));
    });
}

fn made(run: &Run) -> &Value {
    &run.find("[0].make").unwrap()["outputs"]["parameters"][0]["value"]
}

#[test]
fn a_run_goes_on_without_its_client_and_its_handle_finds_it() {
    with_namespace(|namespace| {
        let file = namespace.file("workflow.yaml", &PIPELINE.replace("LASTS", "sleep 5"));
        let handle = namespace.directory.path().join("handle.json");
        let arguments = ["submit", &file, "--wait", "--handle", handle.to_str().unwrap()];
        let mut client = Running::start(namespace.command(&arguments), namespace.directory.path());
        client.until("the handle is there", || handle.exists());
        client.signal(Signal::KILL);
        client.dies();

        let ended = namespace.run(&["wait", handle.to_str().unwrap(), "-o", "json"]).exits(0).object();
        assert_eq!(ended["status"]["phase"], "Succeeded");
    });
}

/// Starts the controller again: by `RUNNABLE_E2E_RESTART`, else by the end of its pods.
fn restart_controller(namespace: &Namespace) {
    if let Some(command) = std::env::var_os("RUNNABLE_E2E_RESTART") {
        assert!(Command::new("sh").arg("-c").arg(&command).status().unwrap().success(), "{}", command.display());
        return;
    }
    let pods = namespace.read("/api/v1/pods?labelSelector=app%3Dworkflow-controller").unwrap();
    let pods = pods["items"].as_array().unwrap();
    assert!(!pods.is_empty(), "set RUNNABLE_E2E_RESTART to a command that starts the workflow controller again");
    for pod in pods {
        let text = |field: &str| pod["metadata"][field].as_str().unwrap();
        namespace.remove(&format!("/api/v1/namespaces/{}/pods/{}", text("namespace"), text("name")));
    }
}

#[test]
fn a_suspended_run_is_resumed_after_its_controller_started_again() {
    with_namespace(|namespace| {
        let text = PIPELINE
            .replace("LASTS", "true")
            .replace("    - - {name: use,", "    - - {name: approve, template: approve}\n    - - {name: use,")
            + "  - name: approve\n    suspend: {}\n";
        let run = namespace.start(&text, &[]);
        once_running(namespace, &run, "[1].approve");
        restart_controller(namespace);
        let status = namespace.run(&["status", &run]).exits(0);
        assert!(status.stdout.contains("resume"), "{status:?}");
        assert_eq!(namespace.run(&["resume", &run]).code, Some(0));
        assert_eq!(namespace.run(&["wait", &run]).code, Some(0));
        let ended = Run::new(namespace.workflow(&run).unwrap());
        assert!(ended.hits().is_empty());
        assert_eq!(ended.find("[2].use").unwrap()["phase"], "Succeeded");
    });
}
