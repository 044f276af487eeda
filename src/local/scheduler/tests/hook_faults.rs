//! Hooks that cannot be asked or called, and nodes that wait for a hook.

use super::*;

const TEMPLATES: &str = "
- name: leaf
  container: {image: a, command: [c]}
- name: bad
  memoize: {key: bad_key, cache: {configMap: {name: c}}}
  container: {image: a, command: [c]}
- name: dag
  dag: {tasks: [{name: first, template: leaf}, {name: second, template: leaf, depends: first}]}
- name: steps
  steps: [[{name: first, template: leaf}], [{name: second, template: leaf}]]
- name: again
  retryStrategy: {limit: 1}
  container: {image: a, command: [c]}
- name: nested
  steps: [[{name: inner, template: dag}]]";

fn spec(tasks: &str) -> String {
    format!("\nentrypoint: main\ntemplates:\n- name: main\n  dag:\n    tasks:{tasks}{TEMPLATES}")
}

const BAD: &str = "{template: bad, expression: \"tasks['a'].status == 'Running'\"}";
const GOOD: &str = "{template: leaf, expression: \"tasks['a'].status == 'Running'\"}";

#[test]
fn a_task_whose_hook_cannot_be_called_begins_nothing_more() {
    let hooked = [("dag", ".a.first"), ("steps", ".a[0].first"), ("again", ".a(0)"), ("nested", ".a[0].inner.first")];
    for (template, at_work) in hooked {
        let mut run = Run::of(&spec(&format!(
            "
    - {{name: a, template: {template}, hooks: {{begun: {BAD}}}}}
    - {{name: b, template: leaf, depends: a.Errored}}
    - {{name: c, template: leaf, depends: a}}"
        )));
        assert_eq!(run.running(), [at_work]);
        run.end(at_work, fails(1));
        assert_eq!(run.running(), [".b"], "{}", run.status());
        assert!(run.line(".a").ends_with(" Error: invalid cache key: bad_key"), "{}", run.status());
        assert!(run.scheduler.nodes().iter().all(|node| node.name != "wf.a" || node.outputs.is_none()));
    }
}

/// Argo looks at the hooks of such a task once more at the end of its look at the dag.
#[test]
fn a_dag_errs_with_the_hook_of_a_task_with_which_it_ends() {
    let asked = "{template: leaf, expression: \"tasks['z'].status == 'x'\"}";
    for (template, hook, at_work) in [("dag", BAD, ".a.first"), ("leaf", asked, ".a"), ("dag", asked, ".a.first")] {
        let mut run = Run::of(&spec(&format!(
            "
    - {{name: a, template: {template}, hooks: {{begun: {hook}}}}}
    - {{name: B, template: leaf}}
    - {{name: c, template: leaf, depends: B}}
    - {{name: D, template: leaf, depends: B}}"
        )));
        assert_eq!(run.running(), [".B", at_work]);
        run.end(".B", succeeds());
        assert_eq!(run.running(), [at_work]);
        run.end(at_work, succeeds());
        assert!(run.status().starts_with("Error: error in entry template execution: "), "{}", run.status());
        assert!(!run.status().contains("second"), "{}", run.status());
    }
}

/// Argo ends a loop with an item that errs as it begins.
#[test]
fn no_more_items_begin_after_one_that_errs_with_a_hook() {
    let inner = "
- name: inner
  dag: {tasks: [{name: t, template: leaf, hooks: {h: {template: leaf, expression: \"tasks['z'].status == 'x'\"}}}]}";
    let mut run = Run::of(&format!("{}{inner}", spec("\n    - {name: a, template: inner, withItems: [1, 2]}")));
    assert_eq!(run.running(), [".a(0:1).t"]);
    run.end(".a(0:1).t", succeeds());
    assert!(run.status().starts_with("Error\n DAG Error\n.a TaskGroup Error"), "{}", run.status());
}

#[test]
fn a_workflow_whose_hook_cannot_be_called_begins_nothing_more() {
    let hook = "{template: bad, expression: \"workflow.status == 'Running'\"}";
    let mut run = Run::of(&format!("\nentrypoint: nested\nhooks: {{begun: {hook}}}\ntemplates:{TEMPLATES}"));
    run.end("[0].inner.first", succeeds());
    assert!(run.status().starts_with("Error: invalid cache key: bad_key\n Steps Error: "), "{}", run.status());
}

#[test]
fn a_group_ends_in_error_with_a_hook_that_cannot_be_called_when_all_of_it_has_ended() {
    let group = |hook: &str, phase: &str| {
        let spec = format!(
            "
entrypoint: main
templates:
- name: main
  steps: [[{{name: a, template: dag, hooks: {{h: {{template: {hook}, expression: \"steps['a'].status == '{phase}'\"}}}}}}]]{TEMPLATES}"
        );
        let mut run = Run::of(&spec);
        run.play(|_| succeeds()).line("[0]")
    };
    assert_eq!(group("bad", "Running"), "[0] StepGroup Succeeded");
    assert_eq!(group("bad", "Succeeded"), "[0] StepGroup Error: invalid cache key: bad_key");
    // Argo asks for the template whenever it looks.
    assert_eq!(group("none", "Running"), "[0] StepGroup Error: template none not found");
}

#[test]
fn a_task_goes_on_when_its_hook_has_ended() {
    let hooked = [
        ("dag", ".a.first", ".a.second"),
        ("steps", ".a[0].first", ".a[1].second"),
        ("again", ".a(0)", ".a(1)"),
        ("nested", ".a[0].inner.first", ".a[0].inner.second"),
    ];
    for (template, first, second) in hooked {
        let mut run = Run::of(&spec(&format!(
            "
    - {{name: a, template: {template}, hooks: {{begun: {GOOD}}}}}
    - {{name: b, template: leaf, depends: a}}"
        )));
        assert_eq!(run.running(), [first, ".a.hooks.begun"]);
        run.end(first, if template == "again" { fails(1) } else { succeeds() });
        run.timers.clear();
        assert_eq!(run.running(), [".a.hooks.begun"]);
        run.end(".a.hooks.begun", succeeds());
        assert_eq!(run.running(), [second], "{}", run.status());
    }
}

#[test]
fn a_task_does_not_wait_for_a_hook_that_waits_for_a_lock() {
    let locked = "
- name: locked
  synchronization: {mutexes: [{name: m}]}
  dag: {tasks: [{name: first, template: leaf}, {name: second, template: leaf, depends: first}]}
- name: hook
  synchronization: {mutexes: [{name: m}]}
  container: {image: a, command: [c]}";
    let tasks = "
    - {name: a, template: locked, hooks: {begun: {template: hook, expression: \"tasks['a'].status == 'Running'\"}}}
    - {name: b, template: leaf, depends: a}";
    let mut run = Run::of(&format!("{}{locked}", spec(tasks)));
    run.end(".a.first", succeeds());
    run.end(".a.second", succeeds());
    assert!(run.running().contains(&".a.hooks.begun".to_owned()), "{}", run.status());
}

#[test]
fn a_hook_whose_arguments_cannot_be_resolved_has_no_node() {
    let hook = "{template: leaf, arguments: {artifacts: [{name: f, from: '{{tasks.a.outputs.artifacts.none}}'}]}";
    let tasks = |event: &str, expression: &str| {
        format!(
            "
    - {{name: a, template: leaf, hooks: {{{event}: {hook}{expression}}}}}}}
    - {{name: b, template: leaf, depends: a.Errored}}"
        )
    };
    let begun = Run::of(&spec(&tasks("begun", ", expression: \"tasks['a'].status == 'Running'\""))).play_failing(&[]);
    assert!(begun.contains("\n.a Pod Error: unable to resolve references: "), "{begun}");
    let exit = Run::of(&spec(&tasks("exit", ""))).play_failing(&[]);
    assert!(exit.contains("\n.a Pod Succeeded\n.b Skipped Omitted"), "{exit}");
    assert!(!format!("{begun}{exit}").contains(".hooks.") && !exit.contains("onExit"), "{begun}\n{exit}");
}
