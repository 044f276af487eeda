//! How the tasks of a dag begin and how it ends.

use super::*;

const LEAF: &str = "
  - name: leaf
    container: {image: a, command: [c]}";

fn spec(templates: &str) -> String {
    format!("entrypoint: main\ntemplates:{templates}{LEAF}")
}

#[test]
fn tasks_after_a_failure_are_omitted_and_the_dag_fails_with_it() {
    let spec = spec(
        "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: leaf, dependencies: [a]}
      - {name: c, template: leaf, depends: a.Failed}
      - {name: d, template: leaf, depends: b.Omitted && c.Succeeded}",
    );
    assert_eq!(
        Run::of(&spec).play_failing(&[".a"]),
        "Succeeded
 DAG Succeeded
.a Pod Failed: main: Error (exit code 1)
.b Skipped Omitted: omitted: depends condition not met
.c Pod Succeeded
.d Pod Succeeded"
    );
}

#[test]
fn an_omitted_target_has_the_phase_of_what_came_before_it() {
    let spec = spec(
        "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: leaf, depends: a}",
    );
    assert_eq!(
        Run::of(&spec).play_failing(&[".a"]),
        "Failed
 DAG Failed
.a Pod Failed: main: Error (exit code 1)
.b Skipped Omitted: omitted: depends condition not met"
    );
}

#[test]
fn a_target_runs_what_it_needs_and_nothing_else() {
    let spec = spec(
        "
  - name: main
    dag:
      target: c
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: leaf, depends: a}
      - {name: c, template: leaf, depends: a}",
    );
    assert_eq!(Run::of(&spec).play_failing(&[]), "Succeeded\n DAG Succeeded\n.a Pod Succeeded\n.c Pod Succeeded");
}

#[test]
fn a_task_that_cannot_start_errors_with_its_name() {
    let spec = spec(
        "
  - name: main
    dag:
      tasks:
      - {name: a, template: missing}",
    );
    assert_eq!(
        Run::of(&spec).status(),
        "Error\n DAG Error\n.a Skipped Error: task 'wf.a' errored: template missing not found"
    );
}

#[test]
fn the_phase_of_a_dag_is_that_of_its_first_failure_or_without_fail_fast_of_its_last() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    failFast: FAST
    tasks: [{name: a, template: leaf, withParam: nonsense}, {name: b, template: leaf}, {name: c, template: leaf}]
- name: leaf
  container: {image: a, command: [c]}";
    for (fast, phase) in [("true", "Error"), ("false", "Failed")] {
        let run = Run::of(&spec.replace("FAST", fast)).play_failing(&[".b"]);
        assert_eq!(run.lines().next(), Some(phase), "{run}");
    }
}

/// Argo comes to all that a target needs before it comes to the next one, and ends the dag when it cannot read what is before a
/// target that is there.
#[test]
fn tasks_that_become_ready_begin_in_the_order_of_the_targets_behind_them() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [1, 2]}
    - {name: d, template: leaf, depends: a.AllFailed}
    - {name: b, template: leaf, depends: a.AnySucceeded}
    - {name: c, template: leaf, depends: b.Omitted}
- name: leaf
  container: {image: a, command: [c]}",
    );
    run.end(".a(0:1)", gives("done"));
    run.end(".a(1:2)", gives("done"));
    assert_eq!(run.line(".c"), ".c Skipped Omitted: omitted: depends condition not met");
    assert!(!run.status().contains("\n.d "), "{}", run.status());
}

#[test]
fn what_comes_after_a_dag_that_errs_by_its_outputs_is_joined_to_nothing_of_it() {
    let spec = spec(
        "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: inner}
      - {name: c, template: leaf, depends: a.Failed && b}
  - name: inner
    dag: {tasks: [{name: d, template: leaf}]}
    outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.d.outputs.parameters.gone}}'}}]}",
    );
    let status = Run::of(&spec).play_failing(&[]);
    assert!(status.starts_with("Succeeded\n DAG Succeeded\n"), "the way by a ends well: {status}");
    assert!(status.contains("\n.b DAG Error: task 'wf.b' errored: "), "{status}");
}

/// Argo ends such a loop after it has come to all else.
#[test]
fn a_dag_that_fails_beside_a_loop_that_could_not_start_has_nothing_after_the_loop() {
    let spec = |beside: &str| {
        spec(&format!(
            "
  - name: main
    dag:
      tasks: [{beside}{{name: b, template: bad, withItems: [1, 2]}}, {{name: c, template: leaf, depends: b.Failed}}]
  - name: bad
    memoize: {{key: bad_key, cache: {{configMap: {{name: c}}}}}}
    container: {{image: a, command: [c]}}"
        ))
    };
    let run = Run::of(&spec("{name: a, template: bad}, "));
    assert_eq!(run.line(""), " DAG Error");
    assert!(!run.status().contains("\n.c "), "{}", run.status());
    assert_eq!(Run::of(&spec("")).line(".c"), ".c Skipped Omitted: omitted: depends condition not met");
}

#[test]
fn a_call_that_waits_for_a_place_does_not_begin_once_its_dag_has_erred() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  parallelism: 1
  dag:
    tasks:
    - {name: a, template: kept, withItems: [1, 2]}
    - {name: d, template: kept}
    - name: c
      template: reads
      arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.result}}'}]}
      depends: a.Errored
- name: kept
  memoize: {key: k, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}
- name: reads
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [c]}",
    );
    run.end(".a(0:1)", gives("x"));
    assert_eq!(
        run.status(),
        "Error: error in entry template execution: invalid character 'x' looking for beginning of value
 DAG Error: invalid character 'x' looking for beginning of value
.a TaskGroup Succeeded
.a(0:1) Pod Succeeded result=x
.a(1:2) Pod Succeeded result=x
.c Skipped Omitted: omitted: depends condition not met"
    );
}
