//! What becomes of the steps and tasks that have hooks, and of what comes after them.

use super::*;

#[test]
fn no_hook_begins_of_a_step_after_one_whose_hook_cannot_be_looked_at() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, hooks: {exit: {template: leaf, expression: \"steps['z'].status == 'x'\"}}}
    - {name: b, template: leaf, onExit: leaf}
- name: leaf
  container: {image: a, command: [c]}";
    let mut run = Run::of(spec);
    run.end("[0].a", succeeds());
    run.end("[0].b", succeeds());
    assert_eq!(run.running(), [""; 0]);
    assert!(run.scheduler.finished().is_some(), "{}", run.status());

    // The hooks of steps before it do.
    let mut run = Run::of(spec);
    run.end("[0].b", succeeds());
    assert_eq!(run.running(), ["[0].a", "[0].b.onExit"]);
}

#[test]
fn what_comes_after_a_retried_task_with_an_exit_handler_follows_the_handler() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: again, onExit: leaf}
    - {name: b, template: leaf, depends: a}
- name: again
  retryStrategy: {limit: 0}
  container: {image: a, command: [c]}
- name: leaf
  container: {image: a, command: [c]}";
    let status = Run::of(spec).play_failing(&[".a(0)"]);
    assert!(status.starts_with("Succeeded\n DAG Succeeded\n.a Retry Failed: "), "{status}");
    assert!(status.contains("\n.b Skipped Omitted: "), "{status}");
    let status = Run::of(spec).play_failing(&[".a(0)", ".a.onExit"]);
    assert!(status.starts_with("Failed\n DAG Failed\n"), "{status}");
}

#[test]
fn what_comes_after_a_loop_follows_the_hooks_of_the_whole_loop() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [1], onExit: bad}
    - {name: b, template: leaf, depends: a.Failed}
- name: leaf
  container: {image: a, command: [c]}
- name: bad
  container: {image: a, command: [c]}";
    let status = Run::of(spec).play_failing(&[".a.onExit"]);
    assert!(status.starts_with("Failed\n DAG Failed\n.a TaskGroup Succeeded"), "{status}");
    assert!(Run::of(spec).play_failing(&[".a(0:1).onExit"]).starts_with("Succeeded\n"));
}

#[test]
fn a_task_that_does_not_run_has_its_hooks_all_the_same() {
    let spec = |hooks: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  dag: {{tasks: [{{name: a, template: leaf, when: WHEN, {hooks}}}]}}
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    let broken = spec("onExit: leaf").replace("WHEN", "a b");
    let status = Run::of(&broken).play_failing(&[]);
    assert!(status.starts_with("Error\n DAG Error\n.a Skipped Error: Invalid 'when' expression"), "{status}");
    assert!(!status.contains("onExit"), "the dag is over: {status}");
    let beside = broken.replace("tasks: [", "tasks: [{name: b, template: leaf}, ");
    assert!(Run::of(&beside).play_failing(&[]).ends_with("\n.a.onExit Pod Succeeded"));

    let skipped = spec("onExit: leaf").replace("WHEN", "'false'");
    assert!(!Run::of(&skipped).play_failing(&[]).contains("onExit"));
    let skipped = spec("hooks: {h: {template: leaf, expression: \"tasks['a'].status == 'Skipped'\"}}");
    let status = Run::of(&skipped.replace("WHEN", "'false'")).play_failing(&[]);
    assert!(status.ends_with("\n.a.hooks.h Pod Succeeded"), "{status}");
}

#[test]
fn a_loop_whose_items_had_exit_handlers_has_one_as_a_whole() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [1, 2], hooks: {exit: {template: leaf, expression: \"tasks['a'].status == 'WORD'\"}}}
- name: leaf
  container: {image: a, command: [c]}";
    let status = Run::of(&spec.replace("WORD", "Succeeded")).play_failing(&[]);
    let handlers: Vec<&str> = status.lines().filter(|line| line.contains("onExit")).collect();
    assert_eq!(
        handlers,
        [".a(0:1).onExit Pod Succeeded", ".a(1:2).onExit Pod Succeeded", ".a.onExit Pod Succeeded"],
        "{status}"
    );
    assert!(!Run::of(&spec.replace("WORD", "Failed")).play_failing(&[]).contains("onExit"));
}

#[test]
fn no_exit_handler_runs_of_a_step_whose_group_has_erred_as_it_began() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withItems: [1], hooks: {exit: {template: leaf, expression: \"steps['a'].status == 'Failed'\"}}}
    - {name: b, template: leaf, hooks: {exit: {template: leaf}}}
    - {name: c, template: leaf, withItems: [1], when: 'a b'}
- name: leaf
  container: {image: a, command: [c]}",
    );
    run.end("[0].a(0:1)", succeeds());
    run.end("[0].b", succeeds());
    assert!(run.status().starts_with("Failed: Invalid 'when' expression"), "{}", run.status());
    assert!(!run.status().contains(".onExit"), "{}", run.status());
}

/// Argo looks at the hooks of a group when all of its steps have begun.
#[test]
fn no_hook_runs_of_a_step_that_ends_before_another_cannot_begin() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: none, onExit: leaf}
    - {name: b, template: again, hooks: {h: {template: leaf, expression: \"steps['b'].status == 'Running'\"}}}
    - {name: c, template: bad}
- name: bad
  memoize: {key: bad_key, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}
- name: none
  steps: [[{name: s, template: leaf, when: 'false'}]]
- name: again
  retryStrategy: {limit: 0}
  container: {image: a, command: [c]}
- name: leaf
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.running(), ["[0].b(0)"]);
}

/// Argo comes to such hooks when it comes to the task again, if the dag has not ended by then.
#[test]
fn hooks_of_what_ends_on_the_way_run_beside_what_comes_after_or_not_at_all() {
    let spec = |task: &str, depends: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  dag: {{tasks: [{{name: a, {task}}}, {{name: b, template: leaf, depends: {depends}}}]}}
- name: again
  retryStrategy: {{limit: 1}}
  container: {{image: a, command: [c]}}
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    let retried = "template: again, hooks: {h: {template: leaf, expression: \"tasks['a'].status == 'Succeeded'\"}}";
    let mut run = Run::of(&spec(retried, "a"));
    run.end(".a(0)", succeeds());
    assert_eq!(run.running(), [".b", ".a.hooks.h"]);
    run.end(".b", succeeds());
    run.end(".a.hooks.h", succeeds());
    assert_eq!(run.line(""), " DAG Succeeded");
    assert!(!Run::of(&spec(retried, "a.Failed")).play_failing(&[]).contains(".hooks."));

    let skipped = "template: leaf, withItems: [1, 2], when: 'false', onExit: again";
    assert!(!Run::of(&spec(skipped, "a.Failed")).play_failing(&[]).contains("onExit"));
    assert_eq!(Run::of(&spec(skipped, "a")).running(), [".b", ".a.onExit(0)"]);
}

#[test]
fn a_loop_has_no_exit_handler_as_a_whole_where_those_of_its_items_end_at_once() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: a, template: none, withItems: [1], onExit: none}]}
- name: none
  steps: [[{name: s, template: none, withParam: '[]'}]]",
    );
    assert!(run.status().contains("\n.a(0:1).onExit Steps Succeeded"), "{}", run.status());
    assert!(!run.status().contains("\n.a.onExit"), "{}", run.status());
}

#[test]
fn the_handler_of_a_whole_loop_counts_with_its_items_and_waits_for_what_is_before_it() {
    let spec = |before: &str, depends: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    {before}
    - {{name: b, template: leaf, withItems: [1], onExit: leaf}}
    - {{name: c, template: leaf, depends: {depends}}}
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    let status = Run::of(&spec("", "b.AllFailed")).play_failing(&[".b(0:1)"]);
    assert!(status.contains("\n.b.onExit Pod Succeeded\n.c Skipped Omitted"), "{status}");

    // While another task is at work, Argo ends the group when it comes to the task, and does not come back to it.
    let mut run = Run::of(&spec("- {name: a, template: leaf}", "b.Failed"));
    run.end(".b(0:1)", succeeds());
    run.end(".b(0:1).onExit", succeeds());
    assert_eq!(run.running(), [".a"]);
    assert_eq!(run.line(".c"), ".c Skipped Omitted: omitted: depends condition not met");
}

#[test]
fn what_ends_as_it_begins_was_never_running_to_a_hook() {
    let spec = |broken: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  steps: [[{{name: a, template: broken, hooks: {{h: {{template: leaf, expression: \"steps['a'].status == 'Running'\"}}}}}}]]
- name: broken
  {broken}
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    for broken in [
        "steps: [[{name: s, template: leaf, when: 'a b'}]]",
        "retryStrategy: {limit: 0}\n  steps: [[{name: s, template: leaf, when: 'a b'}]]",
        "dag: {tasks: [{name: s, template: leaf, when: 'a b'}]}",
    ] {
        let run = Run::of(&spec(broken));
        assert!(run.status().starts_with("Failed: child 'wf[0].a' failed"), "{}", run.status());
        assert!(!run.status().contains(".hooks."), "{}", run.status());
    }
}
