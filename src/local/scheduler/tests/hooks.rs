//! Hooks and exit handlers.

use super::*;

const HOOK: &str = "
- name: leaf
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
- name: hook
  inputs: {parameters: [{name: p, value: none}]}
  container: {image: a, command: [h, '{{inputs.parameters.p}}']}";

#[test]
fn an_exit_handler_sees_the_outputs_of_its_step_and_holds_up_the_next() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - name: a
      template: leaf
      hooks:
        exit:
          template: hook
          arguments: {parameters: [{name: p, value: '{{steps.a.outputs.parameters.o}}'}]}
  - - {name: b, template: leaf}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    run.end("[0].a", writes("o", "v"));
    assert_eq!(run.command("[0].a.onExit"), "h v");
    assert_eq!(run.running(), ["[0].a.onExit"]);
    run.end("[0].a.onExit", fails(1));
    assert_eq!(run.running(), ["[1].b"]);
}

#[test]
fn an_exit_handler_without_arguments_gets_the_workflow_s() {
    for (of_workflow, of_step) in
        [("onExit: hook", "onExit: hook"), ("hooks: {exit: {template: hook}}", "hooks: {exit: {template: hook}}")]
    {
        let spec = format!(
            "
entrypoint: main
{of_workflow}
arguments: {{parameters: [{{name: p, value: given}}]}}
templates:
- name: main
  steps:
  - - {{name: a, template: leaf, {of_step}}}{HOOK}"
        );
        let mut run = Run::of(&spec);
        run.end("[0].a", succeeds());
        assert_eq!(run.command("[0].a.onExit"), "h given");
        run.end("[0].a.onExit", succeeds());
        assert_eq!(run.command(".onExit"), "h given");
    }
}

#[test]
fn hooks_run_once_when_their_expression_holds() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - name: a
      template: leaf
      hooks:
        running: {template: hook, expression: tasks.a.status == 'Running'}
        failed: {template: hook, expression: tasks.a.status == 'Failed'}
        never: {template: hook, expression: tasks.a.status == 'Succeeded'}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), [".a", ".a.hooks.running"]);
    run.end(".a", fails(1));
    assert_eq!(run.running(), [".a.hooks.running", ".a.hooks.failed"]);
    run.end(".a.hooks.failed", fails(1));
    assert!(run.scheduler.finished().is_none());
    run.end(".a.hooks.running", succeeds());
    assert_eq!(run.status().lines().next(), Some("Failed"));
}

#[test]
fn a_hook_whose_expression_fails_ends_its_group_in_error_once_all_items_have_started() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withItems: [1, 2], hooks: {p: {template: hook, expression: steps.a.status == 'Running'}}}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), ["[0].a(0:1)", "[0].a(1:2)"]);
    let status = run.play(|_| succeeds()).status();
    assert!(status.contains("[0] StepGroup Error: unable to evaluate expression"), "{status}");
}

#[test]
fn a_hook_that_cannot_be_asked_or_called_ends_its_task_in_error_when_its_work_has_ended() {
    let spec = |hook: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {{name: a, template: leaf, hooks: {{p: {hook}}}}}
    - {{name: b, template: leaf, depends: a.Succeeded}}
    - {{name: c, template: leaf, depends: a.Errored}}
- name: broken
  dag:
    tasks: [{{name: x, template: hook}}]
  outputs: {{parameters: [{{name: r, valueFrom: {{expression: tasks.x.nope.r}}}}]}}{HOOK}"
        )
    };
    let asked = "{template: hook, expression: nope.x == 'y'}";
    let mut run = Run::of(&spec(asked));
    assert_eq!(run.running(), [".a"]);
    run.end(".a", succeeds());
    assert_eq!(run.running(), [".c"]);

    let called = "{template: broken, expression: \"tasks.a.status == 'Running'\"}";
    for hook_ends_first in [true, false] {
        let mut run = Run::of(&spec(called));
        assert_eq!(run.running(), [".a", ".a.hooks.p.x"]);
        let order = if hook_ends_first { [".a.hooks.p.x", ".a"] } else { [".a", ".a.hooks.p.x"] };
        for node in order {
            run.end(node, succeeds());
        }
        assert_eq!(run.running(), [".c"], "{}", run.status());
        run.end(".c", succeeds());
        assert!(run.status().contains(".a Pod Error: expression"), "{}", run.status());
    }
}

#[test]
fn a_workflow_hook_that_cannot_be_asked_ends_the_workflow_in_error_when_its_work_has_ended() {
    let spec = "
entrypoint: leaf
hooks: {p: {template: hook, expression: nope.x == 'y'}}
templates:";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), [""]);
    run.end("", succeeds());
    assert!(run.scheduler.finished().is_some());
    assert!(run.status().starts_with("Error: unable to evaluate expression"), "{}", run.status());
}

#[test]
fn a_hook_on_pending_fires_for_a_task_with_which_its_dag_ends() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, hooks: {p: {template: hook, expression: tasks.a.status == 'Pending'}}}
    - {name: b, template: leaf, dependencies: [a], hooks: {p: {template: hook, expression: tasks.b.status == 'Pending'}}}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), [".a"]);
    run.end(".a", succeeds());
    assert_eq!(run.running(), [".b", ".b.hooks.p"]);
}

#[test]
fn the_items_of_a_task_have_its_exit_handler_and_their_group_all_of_its_hooks() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - name: a
      template: leaf
      withItems: [1, 2]
      hooks:
        exit: {template: hook, arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.parameters.o}}'}]}}
        running: {template: hook, expression: tasks.a.status == 'Running'}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), [".a(0:1)", ".a(1:2)", ".a.hooks.running"]);
    run.end(".a(1:2)", writes("o", "two"));
    assert_eq!(run.command(".a(1:2).onExit"), "h two");
    run.play(|_| writes("o", "x"));
    assert_eq!(
        run.status(),
        "Succeeded
 DAG Succeeded
.a TaskGroup Succeeded
.a(0:1) Pod Succeeded o=x
.a(1:2) Pod Succeeded o=two
.a.hooks.running Pod Succeeded
.a(1:2).onExit Pod Succeeded
.a(0:1).onExit Pod Succeeded
.a.onExit Pod Succeeded"
    );
}

#[test]
fn an_exit_handler_s_failure_fails_a_workflow_that_succeeded() {
    let spec = "
entrypoint: leaf
onExit: hook
templates:";
    let run = Run::of(&format!("{spec}{HOOK}")).play_failing(&[".onExit"]);
    assert_eq!(run, "Failed: main: Error (exit code 1)\n Pod Succeeded\n.onExit Pod Failed: main: Error (exit code 1)");
}

#[test]
fn a_workflow_hook_runs_beside_the_entrypoint() {
    let spec = "
entrypoint: leaf
hooks:
  running: {template: hook, expression: workflow.status == 'Running'}
templates:";
    let run = Run::of(&format!("{spec}{HOOK}")).play_failing(&[".hooks.running"]);
    assert_eq!(run, "Succeeded\n Pod Succeeded\n.hooks.running Pod Failed: main: Error (exit code 1)");
}

#[test]
fn an_exit_handler_knows_what_failed() {
    let spec = "
entrypoint: leaf
onExit: hook
arguments: {parameters: [{name: p, value: '{{workflow.status}} {{workflow.failures}}'}]}
templates:";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    run.end("", fails(2));
    let command = run.command(".onExit");
    assert!(command.starts_with("h Failed "), "{command}");
    assert!(command.contains("main: Error (exit code 2)"), "{command}");
}

#[test]
fn a_hook_on_running_fires_where_attempts_are_made() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: again, hooks: {started: {template: hook, expression: steps.a.status == 'Running'}}}
- name: again
  retryStrategy: {limit: 1}
  container: {image: a, command: [c]}";
    let run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), ["[0].a(0)", "[0].a.hooks.started"]);
}

#[test]
fn an_exit_hook_whose_expression_fails_ends_a_step_group_and_is_forgotten_of_a_task() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: leaf, hooks: {exit: {template: leaf, expression: \"steps['b'].status == 'x'\"}}}]]
- name: leaf
  container: {image: a, command: [c]}";
    let run = Run::of(spec).play_failing(&[]);
    let group = run.lines().find(|line| line.starts_with("[0] ")).unwrap();
    assert!(
        group.starts_with("[0] StepGroup Error: unable to evaluate expression 'steps['b'].status == 'x''"),
        "{run}"
    );
    assert!(run.contains("\n[0].a Pod Succeeded"), "{run}");
    // Of the entrypoint it ends the workflow at once, of a template that it calls the steps fail.
    assert!(run.starts_with("Error: unable to evaluate expression 'steps['b'].status == 'x''"), "{run}");
    assert!(run.contains("\n Steps Error: Workflow operation error"), "{run}");
    let inner = spec.replace("- name: main", "- name: main\n  steps: [[{name: n, template: inner}]]\n- name: inner");
    let run = Run::of(&inner).play_failing(&[]);
    assert!(run.contains("\n[0].n Steps Failed: unable to evaluate expression"), "{run}");

    let tasks = spec.replace("steps: [[", "dag: {tasks: [").replace("}]]", "}]}").replace("steps[", "tasks[");
    assert_eq!(Run::of(&tasks).play_failing(&[]), "Succeeded\n DAG Succeeded\n.a Pod Succeeded");
}

#[test]
fn an_exit_handler_that_cannot_be_called_ends_a_step_group_in_error() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, onExit: broken}
- name: leaf
  container: {image: a, command: [c]}
- name: broken
  memoize: {key: bad_key, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}",
    );
    run.end("[0].a", succeeds());
    assert_eq!(
        run.status(),
        "Error: invalid cache key: bad_key
 Steps Error: Workflow operation error
[0] StepGroup Error: invalid cache key: bad_key
[0].a Pod Succeeded
[0].a.onExit Skipped Error: invalid cache key: bad_key"
    );
}

#[test]
fn an_exit_handler_of_the_workflow_makes_a_failure_of_such_an_error() {
    let spec = "
entrypoint: main
onExit: leaf
templates:
- name: main
  steps:
  - - {name: a, template: leaf, onExit: broken}
- name: leaf
  container: {image: a, command: [c]}
- name: broken
  memoize: {key: bad_key, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}";
    // Argo does not look at the expression of this hook.
    let hook = "hooks: {exit: {template: leaf, expression: \"workflow.status == 'Succeeded'\"}}";
    for spec in [spec.to_owned(), spec.replace("onExit: leaf\n", &format!("{hook}\n"))] {
        let mut run = Run::of(&spec);
        let status = run.play(|_| succeeds()).status();
        let first: Vec<&str> = status.lines().take(3).collect();
        let why = "invalid cache key: bad_key";
        assert_eq!(
            first,
            [format!("Failed: {why}"), format!(" Steps Failed: {why}"), format!("[0] StepGroup Error: {why}")]
        );
    }

    // Argo leaves what is at work beside it, and errs again when it comes to the group.
    let beside = spec.replace("onExit: broken}", "onExit: broken}\n    - {name: b, template: leaf}");
    let status = Run::of(&beside).play(|_| succeeds()).status();
    assert!(
        status.starts_with("Error: invalid cache key: bad_key\n Steps Error: Workflow operation error"),
        "{status}"
    );
}

#[test]
fn a_hook_on_pending_fires_for_a_step_that_waits_for_a_lock() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: locked}
    - {name: b, template: locked, hooks: {p: {template: hook, expression: steps.b.status == 'Pending'}}}
- name: locked
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}";
    let mut run = Run::of(&format!("{spec}{HOOK}"));
    assert_eq!(run.running(), ["[0].a", "[0].b.hooks.p"]);
    run.end("[0].b.hooks.p", succeeds());
    run.end("[0].a", succeeds());
    assert_eq!(run.running(), ["[0].b"]);
}

/// Argo looks at the hooks of a group when all of its steps have begun.
#[test]
fn steps_begin_whatever_is_wrong_with_the_exit_handler_of_one_that_ends_at_once() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: none, hooks: {exit: {template: leaf, expression: \"steps['x'].status == 'x'\"}}}
    - {name: b, template: leaf}
- name: none
  steps: [[{name: s, template: leaf, when: 'false'}]]
- name: leaf
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.running(), ["[0].b"]);
}

#[test]
fn a_workflow_that_ends_as_it_begins_has_no_hook_on_running() {
    let spec = |when: &str| {
        format!(
            "
entrypoint: main
hooks: {{begun: {{template: leaf, expression: workflow.status == 'Running'}}}}
templates:
- name: main
  steps: [[{{name: a, template: leaf, when: '{when}'}}]]
- name: leaf
  container: {{image: a, command: [c]}}"
        )
    };
    let run = Run::of(&spec("false"));
    assert_eq!(
        run.status(),
        "Succeeded\n Steps Succeeded\n[0] StepGroup Succeeded\n[0].a Skipped Skipped: when 'false' evaluated false"
    );
    assert_eq!(Run::of(&spec("true")).running(), ["[0].a", ".hooks.begun"]);
}
