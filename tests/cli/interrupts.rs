//! Signals and the timeout of a local run.

use std::fs;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::process::{Running, lives};
use crate::support::wait::{wait_for_word, wait_until};
use crate::workflows::{hello, one_task};

/// A `sleep` that is told apart by its seconds.
fn mark(offset: u32) -> String {
    (200_000_000 + u64::from(std::process::id()) * 10 + u64::from(offset)).to_string()
}

/// Starts a run whose task says that it is ready.
fn started(environment: &Environment, more: &[&str]) -> Running {
    let running = environment.start(["submit", "--local", "wf.yaml"].iter().chain(more));
    wait_for_word(&environment.run_directory("long").join("nodes/long/main.log"), "ready");
    running
}

fn status(environment: &Environment) -> Value {
    serde_json::from_slice(&fs::read(environment.run_directory("long").join("workflow.json")).unwrap()).unwrap()
}

fn assert_terminated(environment: &Environment, output: &Output, code: i32) {
    output.result(code);
    let workflow = status(environment);
    assert_eq!(workflow["status"]["phase"], "Failed", "{workflow:#}");
    assert_eq!(workflow["status"]["message"], "Stopped with strategy 'Terminate'", "{workflow:#}");
}

#[test]
fn a_signal_ends_the_run_and_its_tasks() {
    for (signal, offset) in [(Signal::INT, 0), (Signal::TERM, 1)] {
        let mark = mark(offset);
        let environment = Environment::with("wf.yaml", one_task("name: long", &format!("echo ready; sleep {mark}; :")));
        let running = started(&environment, &[]);
        wait_until("the task", || lives(&mark));
        running.signal(signal);
        let output = running.end();
        assert_terminated(&environment, &output, 130);
        assert!(output.stderr.contains("stopping the run; once more kills its tasks\n"), "{output}");
        wait_until("the end of the task", || !lives(&mark));
    }
}

#[test]
fn a_second_signal_does_not_wait_for_a_deaf_task() {
    let script = "trap \"\" TERM; echo ready; while :; do sleep 0.02; done";
    let environment = Environment::with("wf.yaml", one_task("name: long", script));
    let running = started(&environment, &[]);
    let begin = Instant::now();
    running.signal(Signal::INT);
    running.wait_for_talk("stopping the run");
    running.signal(Signal::INT);
    let output = running.end();
    assert_terminated(&environment, &output, 130);
    // A deaf task would have had ten seconds.
    assert!(begin.elapsed() < Duration::from_secs(8), "{output}");
}

#[test]
fn what_was_not_started_is_named_after_a_signal() {
    let text = format!("{}---\n{}", one_task("name: long", "echo ready; sleep 1000"), one_task("name: next", "echo"));
    let environment = Environment::with("wf.yaml", text);
    let running = started(&environment, &["-o", "name"]);
    running.signal(Signal::INT);
    let output = running.end();
    assert_eq!(output.result(130), "workflow.argoproj.io/long\n");
    assert!(output.stderr.contains("note: workflow next was not started\n"), "{output}");
    assert_eq!(environment.runs(), ["long"]);
}

#[test]
fn a_timeout_ends_the_run() {
    let environment = Environment::with("wf.yaml", one_task("name: long", "sleep 1000"));
    // Long enough for the task to begin on a busy machine.
    let output = environment.run(["submit", "--local", "wf.yaml", "--timeout", "4s"]);
    assert_terminated(&environment, &output, 5);
    assert_snapshot!(output);
}

#[test]
fn a_run_that_ends_in_time_is_not_timed_out() {
    let environment = Environment::with("wf.yaml", hello());
    environment.run(["submit", "--local", "wf.yaml", "--timeout", "10m", "-q"]).result(0);
}

/// Far less than what is being computed would take, and enough for a busy machine.
const SOON: Duration = Duration::from_mins(2);

/// A loop of which each item computes for long, with a longer list than any machine gets through in time.
fn endless() -> String {
    "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: long}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: item
        template: item
        withSequence: {count: 2000}
        arguments: {parameters: [{name: value, value: '{{=len(filter(1..1000, any(1..1000, # < 0)))}}{{item}}'}]}
  - name: item
    inputs: {parameters: [{name: value}]}
    container: {image: busybox, command: [echo, '{{inputs.parameters.value}}']}
"
    .to_owned()
}

#[test]
fn each_signal_is_heard_while_an_event_is_being_computed() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let environment = Environment::with("wf.yaml", endless());
        let running = environment.start(["submit", "--local", "wf.yaml"]);
        wait_until("the first item", || running.computes("scheduler"));
        running.signal(signal);
        let output = running.end_within(SOON);
        assert_terminated(&environment, &output, 130);
    }
}

#[test]
fn the_timeout_is_heard_while_an_event_is_being_computed() {
    let environment = Environment::with("wf.yaml", endless());
    let running = environment.start(["submit", "--local", "wf.yaml", "--timeout", "500ms"]);
    running.wait_for_talk("running workflow");
    let output = running.end_within(SOON);
    assert_terminated(&environment, &output, 5);
}

#[test]
fn an_order_to_stop_is_heard_while_an_event_is_being_computed() {
    let environment = Environment::with("wf.yaml", endless());
    let running = environment.start(["submit", "--local", "wf.yaml"]);
    wait_until("the first item", || running.computes("scheduler"));
    environment.run(["terminate", "--local", "long"]).result(0);
    assert_terminated(&environment, &running.end_within(SOON), 3);
}

#[test]
fn a_hang_up_that_the_caller_ignores_ends_nothing() {
    let environment = Environment::with("wf.yaml", one_task("name: long", "echo ready; sleep 1000"));
    let mut command = environment.other("nohup");
    command.arg(environment.command(["submit"]).get_program()).args(["submit", "--local", "wf.yaml"]);
    let running = Running::start(command, environment.directory());
    wait_for_word(&environment.run_directory("long").join("nodes/long/main.log"), "ready");
    running.signal(Signal::HUP);
    running.signal(Signal::INT);
    let output = running.end();
    assert_terminated(&environment, &output, 130);
    assert!(!output.stderr.contains("killing the tasks"), "the first signal counted: {output}");
}
