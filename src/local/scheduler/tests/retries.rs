//! Attempts.

use super::*;

#[test]
fn a_retried_pod_succeeds_with_its_last_attempt() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: 3}
  container: {image: a, command: [c, '{{retries}}', '{{lastRetry.exitCode}}']}",
    );
    run.end("(0)", fails(4));
    assert_eq!(run.command("(1)"), "c 1 4");
    run.end("(1)", succeeds());
    assert_eq!(
        run.status(),
        "Succeeded\n Retry Succeeded\n(0) Pod Failed: main: Error (exit code 4)\n(1) Pod Succeeded"
    );
}

#[test]
fn the_workflow_s_strategy_holds_for_templates_without_one() {
    let status = Run::of(
        "
entrypoint: main
retryStrategy: {limit: 1}
templates:
- name: main
  steps:
  - - {name: a, template: leaf}
- name: leaf
  retryStrategy: {limit: 0}
  container: {image: a, command: [c]}",
    )
    .play_failing(&["(0)[0].a(0)", "(1)[0].a(0)"]);
    assert_eq!(
        status,
        "Failed: No more retries left
 Retry Failed: No more retries left
(0) Steps Failed: child 'wf(0)[0].a' failed
(0)[0] StepGroup Failed: child 'wf(0)[0].a' failed
(0)[0].a Retry Failed: No more retries left
(0)[0].a(0) Pod Failed: main: Error (exit code 1)
(1) Steps Failed: child 'wf(1)[0].a' failed
(1)[0] StepGroup Failed: child 'wf(1)[0].a' failed
(1)[0].a Retry Failed: No more retries left
(1)[0].a(0) Pod Failed: main: Error (exit code 1)"
    );
}

#[test]
fn a_backoff_is_waited_for() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: 3, backoff: {duration: 30s}}
  container: {image: a, command: [c]}",
    );
    run.end("(0)", fails(1));
    assert_eq!(run.line(""), " Retry Running: Backoff for 30 seconds");
    run.wake();
    assert_eq!((run.running(), run.now.as_second()), (vec!["(1)".to_owned()], 31));
}

#[test]
fn what_errors_as_it_begins_is_tried_again_with_a_breath_between() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  retryStrategy: {retryPolicy: Always}
  container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}",
    );
    assert_eq!(run.scheduler.nodes().len(), 2);
    run.wake();
    assert_eq!((run.scheduler.nodes().len(), run.now.as_second()), (3, 1));
}

#[test]
fn items_are_retried_one_by_one_and_give_their_last_results() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [x, y]}
    - name: b
      template: leaf
      depends: a
      arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.parameters.o}}'}]}
- name: leaf
  retryStrategy: {limit: 1}
  inputs: {parameters: [{name: p, value: none}]}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}",
    );
    run.end(".a(0:x)(0)", fails(1));
    run.end(".a(1:y)(0)", writes("o", "second"));
    run.end(".a(0:x)(1)", writes("o", "first"));
    assert_eq!(run.command(".b(0)"), r#"c ["first","second"]"#);
}

#[test]
fn a_skipped_step_is_no_attempt() {
    let status = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, when: '1 == 2'}
- name: leaf
  retryStrategy: {limit: 1}
  container: {image: a, command: [c]}",
    )
    .status();
    assert_eq!(
        status,
        "Succeeded\n Steps Succeeded\n[0] StepGroup Succeeded\n[0].a Skipped Skipped: when '1 == 2' evaluated false"
    );
}

#[test]
fn the_longest_duration_ends_an_attempt_that_runs_from_the_second_on() {
    let spec = "
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: 5, backoff: {duration: 1s, maxDuration: 4s}}
  container: {image: a, command: [c]}";
    let mut run = Run::of(spec);
    assert!(run.timers.is_empty());
    run.end("(0)", fails(1));
    assert!(run.wake());
    assert_eq!(run.running(), ["(1)"]);
    assert!(run.wake());
    assert_eq!(run.now.as_second(), 4);
    run.end("(1)", succeeds());
    assert_eq!(run.line("(1)"), "(1) Pod Failed: Pod was active on the node longer than the specified deadline");
    assert_eq!(run.status().lines().next(), Some("Failed: Max duration limit exceeded"));
}

#[test]
fn a_clock_that_is_set_changes_no_backoff_and_no_longest_duration() {
    let spec = "
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: 5, backoff: {duration: '10', maxDuration: '1m'}}
  container: {image: a, command: [c]}";
    for hours in [-1, 24] {
        let mut run = Run::of(spec);
        run.set_by = SignedDuration::from_hours(hours);
        run.end("(0)", fails(1));
        assert!(run.wake());
        assert_eq!(run.running(), ["(1)"], "the clock is set by {hours} hours");
        assert_eq!(run.now, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(11));

        run.end("(1)", succeeds());
        let retry = run.scheduler.indices().next().map(|node| run.scheduler.node(node).finished_at);
        let shown = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(12) + run.set_by;
        assert_eq!(retry, Some(Some(shown)), "what is shown is the wall's time");
    }
}

#[test]
fn an_error_that_is_handed_up_is_not_retried() {
    let spec = "
entrypoint: main
templates:
- name: main
  retryStrategy: {limit: 2}
  steps:
  - - {name: a, template: leaf, when: 'false'}
  outputs: {parameters: [{name: o, valueFrom: {expression: \"steps['a'].outputs.parameters.p\"}}]}
- name: leaf
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}";
    let run = Run::of(spec);
    let why = "failed to evaluate expression \"steps['a'].outputs.parameters.p\"";
    assert_eq!(run.line("(0)"), format!("(0) Steps Error: {why}"));
    assert_eq!(run.line(""), " Retry Error: Workflow operation error");
    assert!(run.status().starts_with(&format!("Error: error in entry template execution: {why}")), "{}", run.status());
}
