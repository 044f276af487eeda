//! Suspending, resuming, stopping and terminating live runs.

use serde_json::Value;

use crate::namespace::with_namespace;
use crate::run::Run;

/// Two gates side by side; what comes after `approve` reads what it was resumed with.
const GATES: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: gates-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: approve, template: approve}
      - {name: pause, template: pause}
      - name: use
        template: use
        depends: approve
        arguments: {parameters: [{name: by, value: "{{tasks.approve.outputs.parameters.by}}"}]}
  - name: approve
    suspend: {}
    outputs: {parameters: [{name: by, valueFrom: {supplied: {}}}]}
  - name: pause
    suspend: {}
  - name: use
    inputs: {parameters: [{name: by}]}
    container: {image: "busybox:1.37", command: [sh, -c, "test {{inputs.parameters.by}} = ada"]}
"#;

/// A task that lasts, and an exit handler.
const LASTING: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: lasting-}
spec:
  entrypoint: main
  onExit: farewell
  templates:
  - name: main
    steps:
    - - {name: last, template: last}
    - - {name: never, template: farewell}
  - name: last
    container: {image: "busybox:1.37", command: [sh, -c, "sleep 300 & wait"]}
  - name: farewell
    container: {image: "busybox:1.37", command: [echo, farewell]}
"#;

fn phase_of(workflow: &Value, display: &str) -> String {
    let nodes = workflow["status"]["nodes"].as_object();
    let node = nodes.and_then(|nodes| nodes.values().find(|node| node["displayName"] == display));
    node.map_or("", |node| node["phase"].as_str().unwrap_or_default()).to_owned()
}

#[test]
fn one_gate_is_opened_with_what_it_waits_for_and_then_the_other() {
    with_namespace(|namespace| {
        let name = namespace.start(GATES, &[]);
        namespace.workflow_once(&name, "at its gates", |workflow| {
            phase_of(workflow, "approve") == "Running" && phase_of(workflow, "pause") == "Running"
        });
        let status = namespace.run(&["status", &name, "-o", "json"]).exits(0).json();
        assert_eq!(status["summary"]["isSuspended"], true);
        let dry = ["resume", &name, "--node-field-selector", "displayName=approve", "--output", "by=ada", "--dry-run"];
        let _ = namespace.run(&dry).exits(0);
        let _ = namespace.run(&dry[..dry.len() - 1]).exits(0);
        let workflow =
            namespace.workflow_once(&name, "past the first gate", |workflow| phase_of(workflow, "use") == "Succeeded");
        assert_eq!(phase_of(&workflow, "pause"), "Running");
        let _ = namespace.run(&["resume", &name]).exits(0);
        let _ = namespace.run(&["wait", &name]).exits(0);
        let refused = namespace.run(&["resume", &name]).exits(7);
        assert!(refused.stderr.contains(&name), "{}", refused.stderr);
    });
}

#[test]
fn a_run_that_is_held_begins_nothing_until_it_is_resumed() {
    with_namespace(|namespace| {
        let text = LASTING.replace("sleep 300 & wait", "sleep 10");
        let name = namespace.start(&text, &[]);
        // A controller that looks every ten seconds may never see so short a pod running.
        namespace.workflow_once(&name, "at work", |workflow| !phase_of(workflow, "last").is_empty());
        let _ = namespace.run(&["suspend", &name]).exits(0);
        let again = namespace.run(&["suspend", &name]).exits(0);
        assert!(
            again.stderr.contains("already") || again.stdout.contains("already"),
            "{}{}",
            again.stdout,
            again.stderr
        );
        let held = namespace
            .workflow_once(&name, "done with its first step", |workflow| phase_of(workflow, "last") == "Succeeded");
        assert_eq!(held["spec"]["suspend"], true);
        let late = namespace.run(&["wait", &name, "--timeout", "3s"]);
        assert_eq!(late.code, Some(5), "{}", late.stderr);
        assert_eq!(phase_of(&namespace.workflow(&name).unwrap(), "never"), "");
        let _ = namespace.run(&["resume", &name]).exits(0);
        let ended = Run::new(namespace.run(&["wait", &name, "-o", "json"]).exits(0).json());
        assert_eq!(ended.node("[1].never")["phase"], "Succeeded");
    });
}

#[test]
fn a_stopped_run_says_farewell() {
    with_namespace(|namespace| {
        let name = namespace.start(LASTING, &[]);
        namespace.workflow_once(&name, "at work", |workflow| phase_of(workflow, "last") == "Running");
        let _ = namespace.run(&["stop", &name]).exits(0);
        let run = Run::new(namespace.run(&["wait", &name, "-o", "json"]).exits(3).object());
        assert_eq!(run.node(".onExit")["phase"], "Succeeded");
        assert!(run.find("[1].never").is_none());
        let _ = namespace.run(&["stop", &name]).exits(0);
    });
}

#[test]
fn a_terminated_run_does_not() {
    with_namespace(|namespace| {
        let name = namespace.start(LASTING, &[]);
        namespace.workflow_once(&name, "at work", |workflow| phase_of(workflow, "last") == "Running");
        let _ = namespace.run(&["terminate", &name]).exits(0);
        let run = Run::new(namespace.run(&["wait", &name, "-o", "json"]).exits(3).object());
        assert!(run.find(".onExit").is_none_or(|node| node["phase"] != "Succeeded"), "{:#}", run.object["status"]);
        let _ = namespace.run(&["terminate", &name]).exits(0);
    });
}
