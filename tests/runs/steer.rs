//! `suspend`, `resume`, `stop` and `terminate` of a local run, from another process.

use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::support::runs::steps;

fn is_running(home: &Environment, name: &str) -> bool {
    home.phase(name).as_deref() == Some("Running")
}

fn with_exit_handler() -> Value {
    let mut spec = steps(&[("long", "echo begun; exec sleep 60"), ("never", "true")]);
    spec["onExit"] = "bye".into();
    let bye = json!({"name": "bye", "container": {"image": "alpine", "command": ["sh", "-c", "echo bye"]}});
    spec["templates"].as_array_mut().unwrap().push(bye);
    spec
}

#[test]
fn a_stopped_run_still_runs_its_exit_handler() {
    let home = Environment::new();
    let mut run = home.begin_spec(&with_exit_handler());
    home.until("the task begins", || is_running(&home, "long"));
    let output = home.run(["stop", "--local", "w"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/w stopped\n"), "{output:?}");
    assert_eq!(run.ends(), Some(3));
    assert_eq!(home.phase("w.onExit").as_deref(), Some("Succeeded"));
    assert_eq!(home.workflow()["spec"]["shutdown"], "Stop");
    let again = home.run(["stop", "--local", "@latest"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "workflow.argoproj.io/w already stopped\n"));
}

#[test]
fn a_terminated_run_runs_nothing_more() {
    let home = Environment::new();
    let mut run = home.begin_spec(&with_exit_handler());
    home.until("the task begins", || is_running(&home, "long"));
    let tried = home.run(["cancel", "--local", "--dry-run", "w"]);
    assert_eq!(tried.stdout, "workflow.argoproj.io/w terminated (dry run)\n");
    assert!(is_running(&home, "long"));
    let output = home.run(["terminate", "--local", "w", "-o", "name"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/w\n"), "{output:?}");
    assert_eq!(run.ends(), Some(3));
    assert_eq!(home.phase("w.onExit"), None);
    assert_eq!(home.workflow()["status"]["phase"], "Failed");
}

#[test]
fn a_suspended_run_begins_nothing_until_it_is_resumed() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("first", "sleep 0.3; echo done"), ("second", "true")]));
    home.until("the task begins", || is_running(&home, "first"));
    let output = home.run(["suspend", "--local", "w"]);
    assert_eq!(output.stdout, "workflow.argoproj.io/w suspended\n", "{output:?}");
    let again = home.run(["suspend", "--local", "w"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "workflow.argoproj.io/w already suspended\n"));
    home.until("the task has ended", || home.log("first") == "done\n");
    assert_eq!(home.run(["stop", "--local", "--dry-run", "w"]).stdout, "workflow.argoproj.io/w stopped (dry run)\n");
    assert_eq!(home.phase("second"), None);
    let output = home.run(["resume", "--local", "w"]);
    assert_eq!(output.stdout, "workflow.argoproj.io/w resumed\n", "{output:?}");
    assert_eq!(run.ends(), Some(0));
    assert_eq!(home.phase("second").as_deref(), Some("Succeeded"));
    assert_eq!(home.workflow()["spec"].get("suspend"), None);
}

#[test]
fn a_run_that_is_suspended_from_its_beginning_begins_when_it_is_resumed() {
    let home = Environment::new();
    let mut spec = steps(&[("only", "true")]);
    spec["suspend"] = true.into();
    let mut run = home.begin_spec(&spec);
    home.until("the run can be steered", || home.run_file("control").exists());
    assert_eq!(home.journal(), "");
    assert_eq!(home.run(["resume", "--local", "w"]).stdout, "workflow.argoproj.io/w resumed\n");
    assert_eq!(run.ends(), Some(0));
}

#[test]
fn a_run_that_is_stopped_before_its_beginning_starts_nothing() {
    let home = Environment::new();
    let mut spec = steps(&[("only", "true")]);
    spec["suspend"] = true.into();
    let mut run = home.begin_spec(&spec);
    home.until("the run can be steered", || home.run_file("control").exists());
    assert_eq!(home.run(["terminate", "--local", "w"]).code, Some(0));
    assert_eq!(run.ends(), Some(3));
    assert!(!home.run_file("nodes").join("w").exists());
    assert_ne!(home.phase("only").as_deref(), Some("Succeeded"));
}

#[test]
fn a_suspended_node_waits_for_its_resumption() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("approve", ""), ("check", ""), ("after", "true")]));
    home.until("the first node waits", || is_running(&home, "approve"));
    let other = home.run(["resume", "--local", "w", "--node-field-selector", "displayName=check"]);
    assert_eq!(other.code, Some(6), "{other:?}");
    let output = home.run(["resume", "--local", "w", "--node-field-selector", "displayName=approve"]);
    assert_eq!(output.stdout, "workflow.argoproj.io/w resumed (approve)\n", "{output:?}");
    home.until("the second node waits", || is_running(&home, "check"));
    assert_eq!(home.phase("approve").as_deref(), Some("Succeeded"));
    assert_eq!(home.run(["resume", "--local", "w"]).stdout, "workflow.argoproj.io/w resumed (check)\n");
    assert_eq!(run.ends(), Some(0));
}

/// A node that asks for an approval, with a default, and for a reason, without; what comes after it prints both.
fn approval() -> Value {
    let mut spec = steps(&[
        ("approve", ""),
        (
            "after",
            "echo {{inputs.parameters.approved}} for {{inputs.parameters.why}}, {{workflow.outputs.parameters.reason}}",
        ),
    ]);
    spec["templates"][1]["outputs"] = json!({"parameters": [
        {"name": "approved", "valueFrom": {"supplied": {}, "default": "no"}},
        {"name": "why", "globalName": "reason", "valueFrom": {"supplied": {}}},
    ]});
    spec["templates"][2]["inputs"] = json!({"parameters": [{"name": "approved"}, {"name": "why"}]});
    let value = |name: &str| json!({"name": name, "value": format!("{{{{steps.approve.outputs.parameters.{name}}}}}")});
    spec["templates"][0]["steps"][1][0]["arguments"] = json!({"parameters": [value("approved"), value("why")]});
    spec
}

#[test]
fn a_suspended_node_is_given_its_outputs() {
    let home = Environment::new();
    let mut run = home.begin_spec(&approval());
    home.until("the node waits", || is_running(&home, "approve"));
    let missing = home.run(["resume", "--local", "w"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stderr.contains("node \"approve\" needs a value for its output parameter \"why\""), "{missing:?}");
    let unknown = home.run(["resume", "--local", "w", "--output", "why=x", "--output", "who=eve"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    let long = "x".repeat(5000);
    let why = format!("why={long}");
    let resumed = home.run(["resume", "--local", "w", "--output", &why, "--message", "by eve"]);
    assert_eq!(resumed.stdout, "workflow.argoproj.io/w resumed (approve)\n", "{resumed:?}");
    assert_eq!(run.ends(), Some(0));
    assert_eq!(home.log("after"), format!("no for {long}, {long}\n"));
    let workflow = home.workflow();
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    let approve = nodes.values().find(|node| node["displayName"] == "approve").unwrap();
    assert_eq!(approve["message"], "by eve");
    assert_eq!(approve["outputs"]["parameters"][0], json!({"name": "approved", "value": "no"}));
    assert_eq!(workflow["status"]["outputs"]["parameters"][0], json!({"name": "reason", "value": long}));
}

#[test]
fn a_run_whose_process_died_is_not_resumed_and_needs_no_stop() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("approve", "")]));
    home.until("the node waits", || is_running(&home, "approve"));
    run.dies();
    let resumed = home.run(["resume", "--local", "w"]);
    assert_eq!(resumed.code, Some(7), "{resumed:?}");
    assert!(resumed.stderr.contains("its process was killed"), "{resumed:?}");
    let stopped = home.run(["stop", "--local", "w"]);
    assert_eq!(stopped.stdout, "workflow.argoproj.io/w already ended: its process was killed\n");
}

#[test]
fn a_run_that_ended_or_never_was_is_refused_and_does_not_keep_the_order_from_others() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("only", "true")]));
    assert_eq!(run.ends(), Some(0));
    let output = home.run(["stop", "--local", "absent", "w"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(7), ""));
    assert!(output.stderr.contains("no local run \"absent\""), "{output:?}");
    assert!(output.stderr.contains("cannot stop workflow \"w\": it has ended (Succeeded)"), "{output:?}");
    assert_eq!(home.run(["suspend", "--local", "absent"]).code, Some(6));
}
