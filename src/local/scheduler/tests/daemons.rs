//! Daemons: pods that count as done once they are ready, and end with what they belong to.

use super::*;
use crate::local::probe::{Check, Probe};

const TEMPLATES: &str = "
- name: server
  daemon: true
  container: {image: a, command: [s]}
- name: leaf
  inputs: {parameters: [{name: p, value: none}]}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}";

fn run(main: &str) -> Run {
    Run::of(&format!("entrypoint: main\ntemplates:\n- name: main\n{main}{TEMPLATES}"))
}

#[test]
fn what_follows_a_daemon_begins_when_it_is_ready() {
    let mut run = run("
  steps:
  - - {name: s, template: server}
  - - name: c
      template: leaf
      arguments: {parameters: [{name: p, value: '{{steps.s.ip}}'}]}");
    assert_eq!(run.running(), ["[0].s"]);
    assert_eq!(run.line("[0].s"), "[0].s Pod Pending");
    run.ready("[0].s");
    assert_eq!(run.running(), ["[0].s", "[1].c"]);
    assert_eq!(run.command("[1].c"), "c 127.0.0.1");
    assert_eq!(run.line("[0].s"), "[0].s Pod Running");
    run.end("[1].c", succeeds());
    assert_eq!(run.dismissed, ["[0].s"]);
    assert_eq!(run.line("[0].s"), "[0].s Pod Succeeded");
    assert_eq!(run.line(""), " Steps Succeeded");
    assert!(run.scheduler.finished().is_some());
}

#[test]
fn a_daemon_ends_with_the_template_that_calls_it_and_not_with_the_run() {
    let mut run = run("
  steps:
  - - {name: inner, template: inner}
  - - {name: after, template: leaf}
- name: inner
  dag:
    tasks:
    - {name: s, template: server}
    - {name: c, template: leaf, dependencies: [s]}");
    run.ready("[0].inner.s");
    run.end("[0].inner.c", fails(1));
    assert_eq!(run.dismissed, ["[0].inner.s"]);
    assert_eq!(run.line("[0].inner"), "[0].inner DAG Failed");
    assert_eq!(run.line("[0].inner.s"), "[0].inner.s Pod Succeeded");
}

#[test]
fn a_daemon_that_ends_before_it_is_ready_has_failed() {
    for (outcome, line) in [(succeeds(), "[0].s Pod Failed"), (fails(3), "[0].s Pod Failed: main: Error (exit code 3)")]
    {
        let mut run = run("
  steps:
  - - {name: s, template: server}
  - - {name: c, template: leaf}");
        run.end("[0].s", outcome);
        assert_eq!(run.line("[0].s"), line);
        assert_eq!(run.line("[0]"), "[0] StepGroup Failed: child 'wf[0].s' failed");
        assert!(run.scheduler.finished().is_some());
    }
}

#[test]
fn a_daemon_that_ends_while_it_is_needed_has_failed_and_what_follows_goes_on() {
    let mut run = run("
  steps:
  - - {name: s, template: server}
  - - {name: c, template: leaf}");
    run.ready("[0].s");
    run.end("[0].s", fails(2));
    assert_eq!(run.line("[0].s"), "[0].s Pod Failed: main: Error (exit code 2)");
    run.end("[1].c", succeeds());
    assert_eq!(run.line(""), " Steps Succeeded");
}

#[test]
fn a_task_can_depend_on_a_daemon_and_one_that_has_ended_is_none() {
    let mut run = run("
  dag:
    tasks:
    - {name: s, template: server}
    - {name: a, template: leaf, depends: s.Daemoned}
    - {name: b, template: leaf, depends: s && a}
    - {name: c, template: leaf, depends: s.Succeeded}");
    run.ready(".s");
    assert_eq!(run.running(), [".s", ".a"]);
    assert_eq!(run.line(".c"), ".c Skipped Omitted: omitted: depends condition not met");
    run.end(".s", fails(1));
    run.end(".a", succeeds());
    assert_eq!(run.line(".b"), ".b Skipped Omitted: omitted: depends condition not met");
}

#[test]
fn a_daemon_of_a_dag_is_tried_again() {
    let mut run = run("
  dag:
    tasks:
    - {name: s, template: again}
    - {name: a, template: leaf, depends: s}
- name: again
  daemon: true
  retryStrategy: {limit: 1}
  container: {image: a, command: [s]}");
    run.ready(".s(0)");
    assert_eq!(run.running(), [".s(0)", ".a"]);
    run.end(".s(0)", fails(1));
    assert_eq!(run.running(), [".a", ".s(1)"]);
    run.ready(".s(1)");
    run.end(".a", succeeds());
    assert_eq!(run.dismissed, [".s(1)"]);
    assert_eq!(run.line(".s"), ".s Retry Succeeded");
    assert_eq!(run.line(".s(0)"), ".s(0) Pod Failed: main: Error (exit code 1)");
    assert_eq!(run.line(".s(1)"), ".s(1) Pod Succeeded");
    assert!(run.scheduler.finished().is_some_and(|finished| finished.phase.as_str() == "Succeeded"));
}

#[test]
fn a_daemon_that_is_ready_leaves_its_places_and_locks_to_others() {
    let mut run = Run::with(
        &format!(
            "entrypoint: main\nparallelism: 1\ntemplates:\n- name: main
  parallelism: 1
  steps:
  - - {{name: s, template: locked}}
    - {{name: t, template: locked}}
  - - {{name: c, template: leaf}}
- name: locked
  daemon: true
  synchronization: {{mutexes: [{{name: m}}]}}
  container: {{image: a, command: [s]}}{TEMPLATES}"
        ),
        |plan| plan.task_limit = 1,
    );
    assert_eq!(run.running(), ["[0].s"]);
    run.ready("[0].s");
    assert_eq!(run.running(), ["[0].s", "[0].t"]);
    run.ready("[0].t");
    assert_eq!(run.running(), ["[0].s", "[0].t", "[1].c"]);
    run.end("[1].c", succeeds());
    assert_eq!(run.dismissed, ["[0].s", "[0].t"]);
}

#[test]
fn a_stop_ends_a_daemon_with_what_it_belongs_to() {
    let mut run = run("
  steps:
  - - {name: s, template: server}
  - - {name: c, template: leaf}");
    run.ready("[0].s");
    run.shut_down(Shutdown::Terminate);
    assert_eq!(run.dismissed, [""; 0]);
    run.end("[1].c", succeeds());
    assert_eq!(run.dismissed, ["[0].s"]);
    assert!(run.scheduler.finished().is_some());
}

#[test]
fn probes_are_read_from_the_template() {
    let run = run("
  steps:
  - - {name: s, template: probed}
- name: probed
  daemon: true
  container:
    image: a
    command: [s]
    ports: [{name: web, containerPort: 8080}]
    startupProbe: {exec: {command: [test, -f, /up]}}
    readinessProbe:
      httpGet: {path: /ok, port: web, httpHeaders: [{name: x, value: y}]}
      initialDelaySeconds: 2
      successThreshold: 3
  sidecars:
  - {name: side, image: b, command: [s], readinessProbe: {tcpSocket: {port: 5432}, periodSeconds: 1}}");
    let probe = |container: &str, check: Check| Probe {
        container: container.to_owned(),
        check,
        delay: 0,
        period: 10,
        timeout: 1,
        successes: 1,
    };
    let http =
        Check::Http { url: "http://127.0.0.1:8080/ok".to_owned(), headers: vec![("x".to_owned(), "y".to_owned())] };
    let command = ["test", "-f", "/up"].map(str::to_owned).to_vec();
    let tcp = Check::Tcp { host: "127.0.0.1".to_owned(), port: 5432 };
    assert_eq!(
        run.running[0].1.daemon,
        Some(vec![
            probe("main", Check::Command(command)),
            Probe { delay: 2, successes: 3, ..probe("main", http) },
            Probe { period: 1, ..probe("side", tcp) },
        ])
    );
}
