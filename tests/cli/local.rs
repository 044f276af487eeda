//! Runs on this machine as a user sees them.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::workflows::{PARAMETERS, TEMPLATE, hello, one_task};

const LOCAL: [&str; 3] = ["submit", "--local", "wf.yaml"];

#[test]
fn a_workflow_that_succeeds() {
    assert_snapshot!(Environment::with("wf.yaml", hello()).run(LOCAL));
}

#[test]
fn a_workflow_that_fails_shows_the_end_of_its_log() {
    let script =
        "i=0; while [ $i -lt 15 ]; do i=$((i + 1)); echo line $i; done; printf \"\\\\033[31mred\\\\n\"; exit 3";
    let environment = Environment::with("wf.yaml", one_task("generateName: fails-", script));
    assert_snapshot!(environment.run(LOCAL));
}

#[test]
fn a_workflow_that_ends_in_error() {
    let text = format!(
        "{}    outputs: {{parameters: [{{name: a, valueFrom: {{path: /gone}}}}]}}\n",
        one_task("generateName: ends-", "exit 0")
    );
    assert_snapshot!(Environment::with("wf.yaml", text).run(LOCAL));
}

#[test]
fn the_worst_end_counts() {
    let text = format!("{}---\n{}", one_task("generateName: fails-", "exit 1"), hello());
    let environment = Environment::with("wf.yaml", text);
    assert_eq!(environment.run(LOCAL.iter().chain(&["-q", "-o", "name"])).result(3).lines().count(), 2);
}

#[test]
fn quiet_says_the_result_alone() {
    assert_snapshot!(Environment::with("wf.yaml", hello()).run(LOCAL.iter().chain(&["-q"])));
}

#[test]
fn a_format_leaves_standard_output_to_it() {
    let environment = Environment::with("wf.yaml", hello());
    assert_snapshot!("name", environment.run(LOCAL.iter().chain(&["-o", "name"])));
    assert_snapshot!(
        "wide",
        environment.run(LOCAL.iter().chain(&["-o", "wide", "-q", "--run-id", "night-1", "--name", "x"]))
    );
    let output = environment.run(LOCAL.iter().chain(&["-o", "json"]));
    let workflow: Value = serde_json::from_str(output.result(0)).unwrap();
    assert_eq!(workflow["status"]["phase"], "Succeeded");
}

#[test]
fn parameters_reach_the_task() {
    let environment = Environment::with("wf.yaml", PARAMETERS);
    environment.run(LOCAL.iter().chain(&["-q", "-p", "date=today"])).result(0);
    let log = fs::read_to_string(environment.run_directory("params").join("nodes/params/main.log")).unwrap();
    assert_eq!(log, "today none");
}

#[test]
fn made_from_a_template_in_a_file() {
    let environment = Environment::with("wf.yaml", TEMPLATE);
    assert_snapshot!(environment.run(LOCAL.iter().chain(&["--from", "workflowtemplate/template"])));
}

#[test]
fn made_from_a_template_that_is_in_no_file() {
    assert_snapshot!(Environment::new().run(["submit", "--local", "--from", "wftmpl/gone"]));
}

#[test]
fn a_name_that_is_taken() {
    let environment = Environment::with("wf.yaml", one_task("name: once", "echo"));
    environment.run(LOCAL).result(0);
    let kept = fs::read(environment.run_directory("once").join("workflow.json")).unwrap();
    assert_snapshot!(environment.run(LOCAL));
    assert_eq!(fs::read(environment.run_directory("once").join("workflow.json")).unwrap(), kept);
}

#[test]
fn a_name_that_is_taken_keeps_every_workflow_from_starting() {
    let environment = Environment::with("wf.yaml", one_task("name: once", "echo"));
    environment.run(LOCAL).result(0);
    let two = format!("{}---\n{}", hello(), one_task("name: once", "echo"));
    let environment = environment.file("wf.yaml", two);
    environment.run(LOCAL).result(7);
    assert_eq!(environment.runs(), ["once"]);
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    let environment = Environment::with("wf.yaml", hello()).file("file", "");
    let state = environment.path("file/state").display().to_string();
    assert_snapshot!(environment.variable("RUNNABLE_HOME", state).run(LOCAL));
}

#[test]
fn the_state_directory_is_found_without_runnable_home() {
    let environment = Environment::with("wf.yaml", one_task("name: here", "echo"));
    let mut command = environment.command(LOCAL);
    assert!(command.env_remove("RUNNABLE_HOME").output().unwrap().status.success());
    let kept = ".local/state/kubectl-runnable/runs/default/here/workflow.json";
    assert!(environment.path(kept).exists());
}

#[test]
fn a_retry_may_have_another_priority() {
    let environment = Environment::with("wf.yaml", one_task("name: w", "exit 1"));
    let _ = environment.run(["submit", "wf.yaml", "--local"]).exits(3);
    let next = environment.run(["retry", "w", "--local", "--priority", "-7", "-o", "json"]).exits(3);
    assert_eq!(next.object()["spec"]["priority"], -7);
}

#[test]
fn a_part_of_the_nodes_can_be_shown() {
    let environment = Environment::with("wf.yaml", one_task("name: w", "exit 1"));
    let _ = environment.run(["submit", "wf.yaml", "--local"]).exits(3);
    for verb in ["status", "watch"] {
        let shown = |flags: &[&str]| environment.run([&[verb, "w", "--local"], flags].concat()).stdout;
        assert!(shown(&["--phase", "failed,error"]).contains("✖ w  "), "{verb}");
        assert!(!shown(&["--status=Running"]).contains("✖ w  "), "{verb}");
        assert!(!shown(&["--node-field-selector", "displayName!=w"]).contains("✖ w  "), "{verb}");
    }
}
