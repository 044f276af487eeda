//! Templates that fail fast.

use super::*;

const LEAF: &str = "
  - name: leaf
    container: {image: a, command: [c]}";

fn spec(templates: &str) -> String {
    format!("entrypoint: main\ntemplates:{templates}{LEAF}")
}

#[test]
fn a_template_that_fails_fast_fails_with_its_first_pod_whatever_continues() {
    let spec = spec(
        "
  - name: main
    failFast: true
    parallelism: 1
    steps:
    - - {name: a, template: leaf, continueOn: {failed: true}}
      - {name: b, template: leaf}
    - - {name: c, template: leaf}",
    );
    assert_eq!(
        Run::of(&spec).play_failing(&["[0].a"]),
        "Failed: template has failed or errored children and failFast enabled
 Steps Failed: template has failed or errored children and failFast enabled
[0] StepGroup Failed: template has failed or errored children and failFast enabled
[0].a Pod Failed: main: Error (exit code 1)"
    );
}

#[test]
fn a_dag_template_that_fails_fast_makes_no_node_after_its_first_failure() {
    let spec = spec(
        "
  - name: main
    failFast: true
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: leaf}
      - {name: c, template: leaf, depends: a}",
    );
    assert_eq!(
        Run::of(&spec).play_failing(&[".a"]),
        "Failed: template has failed or errored children and failFast enabled
 DAG Failed: template has failed or errored children and failFast enabled
.b Pod Succeeded
.a Pod Failed: main: Error (exit code 1)"
    );
}

/// What comes after steps that end so is joined to no node, and Argo takes its dag for Running.
#[test]
fn a_dag_whose_last_task_is_joined_to_nothing_fails_by_what_came_before_it() {
    let spec = |fails_fast: &str, inner: &str| {
        spec(&format!(
            "
  - name: main
    failFast: {fails_fast}
    dag: {{tasks: [{{name: a, template: inner, withItems: [1]}}, {{name: b, template: leaf, depends: a}}]}}
  - name: inner
    failFast: {fails_fast}
    steps: [[{{name: s, template: leaf{inner}}}]]"
        ))
    };
    let mut run = Run::of(&spec("true", ""));
    run.end(".a(0:1)[0].s", fails(1));
    assert_eq!(run.line(""), " DAG Failed: template has failed or errored children and failFast enabled");
    assert_eq!(run.line(".b"), ".b Skipped Omitted: omitted: depends condition not met");

    let run = Run::of(&spec("false", ", when: 'a b'"));
    assert_eq!(run.line(""), " DAG Failed");
}

#[test]
fn a_failure_keeps_tasks_from_starting_that_wait_for_the_workflow_s_parallelism() {
    let spec = "
entrypoint: main
parallelism: 1
templates:
- name: main
  failFast: true
  dag: {tasks: [{name: bad, template: leaf}, {name: late, template: leaf}]}
- name: leaf
  container: {image: a, command: [c]}";
    let run = Run::of(spec).play_failing(&[".bad"]);
    assert!(run.starts_with("Failed: template has failed") && !run.contains(".late"), "{run}");
    let run = Run::of(spec).play_failing(&[]);
    assert!(run.contains(".late Pod Succeeded"), "{run}");
}

#[test]
fn a_dag_that_fails_fast_begins_nothing_after_a_child_that_failed_at_once() {
    let spec = "
entrypoint: main
templates:
- name: main
  failFast: true
  dag: {tasks: [{name: a, template: broken}, {name: b, template: leaf}]}
- name: broken
  steps: [[{name: s, template: leaf, when: 'a b'}]]
- name: leaf
  container: {image: a, command: [c]}";
    let why = "template has failed or errored children and failFast enabled";
    let run = Run::of(spec);
    assert!(
        run.status().starts_with(&format!("Failed: {why}\n DAG Failed: {why}\n.a Steps Failed: ")),
        "{}",
        run.status()
    );
    assert!(!run.status().contains("\n.b "), "{}", run.status());

    // With something at work the template goes on to that one's end.
    let tasks = "{name: 0a, template: leaf}, {name: a,";
    let mut run = Run::of(&spec.replace("{name: a,", tasks));
    run.end(".0a", succeeds());
    assert_eq!(run.line(""), format!(" DAG Failed: {why}"));
    assert!(!run.status().contains("\n.b "), "{}", run.status());
}

#[test]
fn a_child_that_never_was_one_keeps_nothing_from_beginning() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  failFast: true
  dag: {tasks: [{name: a, template: keyed}, {name: b, template: leaf}]}
- name: keyed
  memoize: {key: bad_key, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}
- name: leaf
  container: {image: a, command: [c]}",
    );
    run.end(".b", succeeds());
    assert_eq!(
        run.status(),
        "Error\n DAG Error\n.a Skipped Error: task 'wf.a' errored: invalid cache key: bad_key\n.b Pod Succeeded"
    );
}

/// Argo looks for failed children below the retry node, where there are none.
#[test]
fn an_attempt_that_fails_fast_is_stopped_by_a_task_that_asks_to_begin() {
    let spec = |depends: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  failFast: true
  retryStrategy: {{limit: 0}}
  dag: {{tasks: [{{name: a, template: leaf}}, {{name: b, template: leaf, depends: {depends}}}]}}
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    let omitted = "Failed: No more retries left
 Retry Failed: No more retries left
(0) DAG Failed
(0).a Pod Failed: main: Error (exit code 1)
(0).b Skipped Omitted: omitted: depends condition not met";
    assert_eq!(Run::of(&spec("a")).play_failing(&["(0).a"]), omitted);
    let asks = "Failed: No more retries left
 Retry Failed: No more retries left
(0) DAG Failed: template has failed or errored children and failFast enabled
(0).a Pod Failed: main: Error (exit code 1)";
    assert_eq!(Run::of(&spec("a.Failed")).play_failing(&["(0).a"]), asks);
}

/// Argo joins a call before it gives it up, and takes a dag with a node that is not there for Running.
#[test]
fn a_dag_that_gave_up_a_task_fails_whatever_another_one_has_come_to() {
    let spec = spec(
        "
  - name: main
    failFast: true
    dag:
      tasks:
      - {name: a, template: broken}
      - {name: b, template: leaf, depends: a}
      - {name: c, template: leaf, depends: a.Errored}
  - name: broken
    dag: {tasks: [{name: s, template: leaf, when: 'a b'}]}",
    );
    let run = Run::of(&spec);
    assert_eq!(run.line(".a"), ".a DAG Error");
    assert_eq!(run.line(""), " DAG Failed: template has failed or errored children and failFast enabled");
}

/// Argo comes to the other items when it looks at the dag for the next time, and ends it then.
#[test]
fn a_loop_whose_item_errs_while_others_are_at_work_fails_its_dag_fast() {
    let spec = spec(
        "
  - name: inner
    dag: {tasks: [{name: s, template: leaf}, {name: t, template: leaf, depends: s, when: 'false'}]}
    outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.t.outputs.result}}'}}]}
  - name: main
    failFast: true
    dag: {tasks: [{name: a, template: inner, withItems: [1, 2]}]}",
    );
    let status = Run::of(&spec).play(|_| succeeds()).status();
    assert!(status.starts_with("Failed: template has failed or errored children and failFast enabled"), "{status}");
}

#[test]
fn a_loop_ends_as_its_last_item_that_failed_whenever_that_began() {
    let spec = spec(
        "
  - name: main
    parallelism: 1
    dag: {tasks: [{name: a, template: leaf, withItems: ['1', '2', 'a b'], when: '{{item}} != 3'}]}",
    );
    let status = Run::of(&spec).play_failing(&[".a(0:1)", ".a(1:2)"]);
    assert!(status.contains("\n.a TaskGroup Error"), "{status}");
}
