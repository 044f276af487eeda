//! What depends on when Argo's controller looks at a node, and in which order.

use super::*;

/// The templates that follow have a `leaf` beside them.
fn run(templates: &str) -> Run {
    Run::of(&spec(templates))
}

fn spec(templates: &str) -> String {
    format!("{{entrypoint: main, templates: [{{name: leaf, container: {{image: a, command: [c]}}}}, {templates}]}}")
}

/// Steps or a task whose exit handler cannot be asked.
const FAULTY: &str = "hooks: {exit: {template: leaf, expression: 'none.x'}}";

#[test]
fn a_suspension_counts_from_the_making_of_its_node_also_where_that_waits_for_a_lock() {
    let mut run = run("
        {name: pause, synchronization: {mutexes: [{name: m}]}, suspend: {duration: 10}},
        {name: main, dag: {tasks: [{name: a, template: pause}, {name: b, template: pause}]}}");
    assert!(run.wake());
    assert_eq!(run.now.as_second(), 10);
    assert_eq!(run.status(), "Succeeded\n DAG Succeeded\n.a Suspend Succeeded\n.b Suspend Succeeded");
}

#[test]
fn a_dag_waits_for_the_hooks_of_its_workflow() {
    let hooks = "hooks: {begun: {template: leaf, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let dag = spec("{name: main, dag: {tasks: [{name: a, template: leaf}]}}").replacen("entrypoint", hooks, 1);
    let mut run = Run::of(&dag);
    run.end(".a", succeeds());
    assert_eq!(run.line(""), " DAG Running");
    run.shut_down(Shutdown::Stop);
    run.end(".hooks.begun", succeeds());
    assert_eq!(run.line(""), " DAG Succeeded");

    let steps = spec("{name: main, steps: [[{name: a, template: leaf}]]}").replacen("entrypoint", hooks, 1);
    let mut run = Run::of(&steps);
    run.end("[0].a", succeeds());
    assert_eq!(run.line(""), " Steps Succeeded");
}

#[test]
fn steps_that_hand_an_error_up_are_looked_at_again_while_daemons_are_ended() {
    let templates = |beside: &str| {
        format!(
            "{{name: d, daemon: true, container: {{image: a, command: [c]}}}},
            {{name: main, steps: [[{beside} {{name: b, template: leaf, {FAULTY}}}]]}}"
        )
    };
    let mut alone = run(&templates(""));
    alone.end("[0].b", succeeds());
    assert_eq!(alone.line(""), " Steps Error: Workflow operation error");

    let mut beside = run(&templates("{name: a, template: d},"));
    beside.ready("[0].a");
    beside.end("[0].b", succeeds());
    assert!(
        beside.line("").starts_with(" Steps Failed: unable to evaluate expression 'none.x'"),
        "{}",
        beside.status()
    );
}

#[test]
fn they_are_not_looked_at_again_where_the_exit_handler_ends_as_it_begins() {
    let templates = format!("{{name: main, steps: [[{{name: a, template: leaf, {FAULTY}}}]]}}");
    let with = |handler: &str| spec(&templates).replacen("entrypoint", &format!("onExit: {handler}, entrypoint"), 1);
    let status = Run::of(&with("leaf")).play_failing(&[]);
    assert!(status.contains("\n Steps Failed: unable to evaluate expression"), "{status}");
    let status = Run::of(&with("none")).play_failing(&[]);
    assert!(status.contains("\n Steps Error: Workflow operation error"), "{status}");
    assert!(status.starts_with("Error: error in exit template execution : template none not found"), "{status}");
}

#[test]
fn an_exit_handler_that_hands_an_error_up_ends_the_workflow_in_error() {
    let templates = format!(
        "{{name: handler, steps: [[{{name: a, template: leaf, {FAULTY}}}]]}}, {{name: main, steps: [[{{name: b, template: leaf}}]]}}"
    );
    let status = Run::of(&spec(&templates).replacen("entrypoint", "onExit: handler, entrypoint", 1)).play_failing(&[]);
    assert!(status.starts_with("Error: unable to evaluate expression 'none.x'"), "{status}");
}

#[test]
fn a_hook_at_fault_ends_its_group_for_what_fails_fast_before_its_steps_have_ended() {
    let inner = "hooks: {h: {template: leaf, expression: 'none.x'}}";
    let mut run = run(&format!(
        "{{name: inner, steps: [[{{name: a, template: leaf, {inner}}}]]}},
        {{name: main, failFast: true, dag: {{tasks: [{{name: b, template: inner}}]}}}}"
    ));
    run.end(".b[0].a", succeeds());
    assert_eq!(run.line(""), " DAG Failed: template has failed or errored children and failFast enabled");
}

#[test]
fn no_hook_is_looked_at_behind_a_loop_that_cannot_be_read() {
    let status = run("
        {name: main, dag: {tasks: [
            {name: a, inline: {container: {image: a, command: [c]}}, withItems: [1]},
            {name: b, template: leaf, depends: a, hooks: {h: {template: none, expression: \"tasks['b'].status == 'Error'\"}}}]}}")
    .play_failing(&[]);
    assert!(status.starts_with("Error: error in entry template execution: failed to get a template"), "{status}");
    assert!(!status.contains(".b.hooks.h"), "{status}");
}

#[test]
fn a_loop_beside_a_daemon_has_an_exit_handler_as_a_whole() {
    let mut run = run("
        {name: d, daemon: true, container: {image: a, command: [c]}},
        {name: inner, steps: [[{name: a, template: leaf}]]},
        {name: main, dag: {tasks: [
            {name: b, template: d},
            {name: c, template: inner, withItems: [1, 2], onExit: leaf}]}}");
    run.ready(".b");
    for name in [".c(0:1)[0].a", ".c(1:2)[0].a", ".c(0:1).onExit", ".c(1:2).onExit"] {
        run.end(name, succeeds());
    }
    assert_eq!(run.running(), [".b", ".c.onExit"]);
}

#[test]
fn a_loop_whose_items_err_as_they_begin_has_its_exit_handler_before_what_comes_after() {
    let status = run("
        {name: bad, container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}},
        {name: main, dag: {tasks: [
            {name: a, template: bad, withItems: [1], onExit: leaf},
            {name: b, template: leaf, depends: a.Succeeded}]}}")
    .play_failing(&[]);
    assert!(status.contains("\n.a.onExit Pod Succeeded"), "{status}");
}

#[test]
fn steps_that_err_while_their_pods_are_at_work_have_no_hook_on_running() {
    let bad = "{name: bad, container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}},";
    let main = |step: &str| {
        format!(
            "{bad} {{name: inner, steps: [[{{name: a, template: leaf}}, {{name: b, template: {step}}}]]}},
            {{name: main, steps: [[{{name: a, template: inner,
                hooks: {{begun: {{template: leaf, expression: \"steps['a'].status == 'Running'\"}}}}}}]]}}"
        )
    };
    assert_eq!(run(&main("bad")).running(), ["[0].a[0].a"]);
    assert_eq!(run(&main("leaf")).running().len(), 3);
}

#[test]
fn a_dag_that_errs_as_it_begins_keeps_its_group_from_going_on_whatever_its_hooks() {
    for items in ["", "withItems: [x],"] {
        let status = run(&format!(
            "
            {{name: inner, dag: {{tasks: [{{name: a, template: leaf, {items} when: 'false',
                hooks: {{begun: {{template: leaf, expression: \"tasks['a'].status == 'Running'\"}}}}}}]}},
                outputs: {{parameters: [{{name: o, valueFrom: {{parameter: '{{{{tasks.a.exitCode}}}}'}}}}]}}}},
            {{name: main, steps: [[{{name: a, template: inner, withItems: [1, 2]}}, {{name: b, template: leaf}}]]}}"
        ))
        .play_failing(&[]);
        assert!(status.contains("\n[0].a(0:1) DAG Error"), "{status}");
        assert!(!status.contains("[0].a(1:2)") && !status.contains("[0].b"), "{status}");
    }
}

#[test]
fn a_target_whose_first_item_errs_goes_on_after_its_hooks() {
    let bad = "{name: bad, container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}},";
    let main = |target: &str| {
        format!(
            "{bad} {{name: main, dag: {{target: {target}, tasks: [
                {{name: a, template: bad, withItems: [1, 2, 3], hooks: {{begun: {{template: leaf, expression: \"tasks['a'].status == 'Running'\"}}}}}},
                {{name: b, template: leaf, depends: a}}]}}}}"
        )
    };
    let mut of_target = run(&main("a"));
    assert_eq!(of_target.running(), [".a.hooks.begun"]);
    of_target.end(".a.hooks.begun", succeeds());
    let status = of_target.status();
    assert!(status.contains("\n.a(1:2) ") && !status.contains("\n.a(2:3) "), "{status}");
    let mut stopped = run(&main("a"));
    stopped.shut_down(Shutdown::Terminate);
    stopped.end(".a.hooks.begun", Outcome { exit_code: Some(143), ..Outcome::default() });
    assert!(stopped.status().starts_with("Failed") && stopped.running().is_empty(), "{}", stopped.status());
    let status = run(&main("b")).status();
    assert!(!status.contains("\n.a(1:2) ") && !status.contains(".hooks.begun"), "{status}");
}

#[test]
fn a_loop_whose_exit_handlers_are_given_up_counts_each_of_its_items_once() {
    let mut run = run("
        {name: out, script: {image: a, command: [sh], source: echo}},
        {name: main, dag: {tasks: [
            {name: a, template: out, withItems: [1, 2]},
            {name: b, template: leaf, depends: a.AnySucceeded},
            {name: c, template: leaf, withItems: [1, 2, 3], hooks: {exit: {template: leaf}}}],
          }, outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.a.outputs.result}}'}}]}}");
    for name in [".a(0:1)", ".a(1:2)"] {
        run.end(name, Outcome { result: Some("no JSON".to_owned()), ..succeeds() });
    }
    for name in [".c(0:1)", ".c(1:2)"] {
        run.end(name, succeeds());
    }
    assert_eq!(run.line(".c"), ".c TaskGroup Running");
    run.end(".c(2:3)", succeeds());
    assert_eq!(run.line(".c"), ".c TaskGroup Succeeded");
}

#[test]
fn a_task_behind_a_loop_that_cannot_be_read_errs_when_it_is_looked_at_again() {
    let mut run = run("
        {name: main, dag: {tasks: [
            {name: a, inline: {container: {image: a, command: [c]}}, withItems: [1], when: 'false'},
            {name: b, template: leaf, depends: a.AnySucceeded},
            {name: c, template: leaf},
            {name: d, template: leaf, depends: b.Errored && c}]}}");
    assert_eq!(run.line(".b"), ".b Skipped Omitted: omitted: depends condition not met");
    run.end(".c", succeeds());
    assert_eq!(run.line(".b"), ".b Skipped Error: failed to get a template");
}

#[test]
fn a_workflow_that_is_looked_at_twice_as_it_begins_has_its_hook_on_running() {
    let bad = "{name: bad, container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}}";
    let hooks = "hooks: {begun: {template: leaf, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let status = |tasks: &str| {
        let spec = spec(&format!("{bad}, {{name: main, dag: {{tasks: [{tasks}]}}}}"));
        Run::of(&spec.replacen("entrypoint", hooks, 1)).play_failing(&[])
    };
    let after = "{name: b, template: leaf, depends: a.Succeeded}";
    let looped = status(&format!("{{name: a, template: bad, withItems: [1]}}, {after}"));
    assert!(
        looped.ends_with("\n.hooks.begun Pod Succeeded\n.b Skipped Omitted: omitted: depends condition not met"),
        "{looped}"
    );
    let single = status(&format!("{{name: a, template: bad}}, {after}"));
    assert!(!single.contains("hooks"), "{single}");
}

#[test]
fn a_workflow_whose_attempt_waits_for_a_lock_of_the_one_before_is_running() {
    let hooks = "hooks: {begun: {template: leaf, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let bad =
        "{name: bad, synchronization: {mutexes: [{name: m}]}, memoize: {key: bad_key, cache: {configMap: {name: c}}},
        container: {image: a, command: [c]}}";
    let main = "{name: main, retryStrategy: {limit: 1}, steps: [[{name: a, template: bad}]]}";
    let run = Run::of(&spec(&format!("{bad}, {main}")).replacen("entrypoint", hooks, 1));
    assert_eq!(run.running(), [".hooks.begun"], "{}", run.status());
}

#[test]
fn a_dag_of_which_a_target_is_joined_to_nothing_is_running_until_the_next_look() {
    let hooks = "hooks: {begun: {template: none, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let main = "{name: bad, steps: [[{name: a, template: leaf, when: 'a b'}]]},
        {name: main, dag: {tasks: [{name: a, template: bad}, {name: b, template: leaf, depends: a}]}}";
    let status = Run::of(&spec(main).replacen("entrypoint", hooks, 1)).play_failing(&[]);
    assert!(status.starts_with("Error") && status.contains("\n.hooks.begun Skipped Error"), "{status}");
}

#[test]
fn a_workflow_that_ends_with_a_loop_cut_short_was_never_running() {
    let hooks = "hooks: {begun: {template: leaf, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let bad = "{name: bad, container: {image: a, command: [c], env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}}";
    for fail_fast in [true, false] {
        let main = format!(
            "{{name: main, dag: {{failFast: {fail_fast}, tasks: [{{name: a, template: bad, withItems: [1, 2]}}]}}}}"
        );
        let status = Run::of(&spec(&format!("{bad}, {main}")).replacen("entrypoint", hooks, 1)).play_failing(&[]);
        assert!(status.starts_with("Error") && !status.contains("hooks"), "{fail_fast}: {status}");
    }
}

#[test]
fn an_exit_handler_of_a_task_that_erred_is_not_come_to_behind_one_whose_hook_is_at_work() {
    let handled = |follower_s: &str| {
        let mut run = run(&format!(
            "
            {{name: main, dag: {{tasks: [
                {{name: a, template: leaf}},
                {{name: b, template: leaf, when: 'a b != c', onExit: leaf, depends: a}},
                {{name: c, template: leaf, depends: a || b{follower_s}}}]}}}}"
        ));
        run.end(".a", succeeds());
        run.running().contains(&".b.onExit".to_owned())
    };
    assert!(handled(""));
    assert!(!handled(", hooks: {h: {template: leaf, expression: \"tasks['c'].status == 'Running'\"}}"));
}

#[test]
fn a_skipped_task_that_errs_by_its_hook_has_no_outputs_of_one_that_did_not_run() {
    let mut run = run("
        {name: gives, container: {image: a, command: [c]}, outputs: {parameters: [{name: o, valueFrom: {path: /o, default: d}}]}},
        {name: main, dag: {tasks: [
            {name: a, template: gives, when: 'false', hooks: {h: {template: leaf, expression: none.x}}},
            {name: b, template: leaf, depends: a}]},
            outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.a.outputs.parameters.o}}'}}]}}");
    run.end(".b", succeeds());
    assert!(run.line(".a").starts_with(".a Skipped Error: unable to evaluate"), "{}", run.status());
    assert_eq!(run.line(""), " DAG Error: Unable to resolve: \"tasks.a.outputs.parameters.o\"");
}

#[test]
fn steps_with_a_hook_at_fault_are_running_until_the_next_look() {
    let hooks = "hooks: {begun: {template: leaf, expression: \"workflow.status == 'Running'\"}}, entrypoint";
    let faulty = "{name: a, template: empty, hooks: {h: {template: leaf, expression: none.x}}}";
    let empty = "{name: empty, dag: {tasks: [{name: x, template: leaf, when: 'false'}]}}";
    for main in [
        format!("{{name: main, steps: [[{faulty}]]}}"),
        format!("{{name: inner, steps: [[{faulty}]]}}, {{name: main, dag: {{tasks: [{{name: t, template: inner}}]}}}}"),
    ] {
        let spec = spec(&format!("{empty}, {main}")).replacen("entrypoint", hooks, 1);
        let mut run = Run::of(&spec);
        assert_eq!(run.running(), [".hooks.begun"], "{}", run.status());
        run.end(".hooks.begun", succeeds());
        assert!(run.status().starts_with("Failed"), "{}", run.status());
    }
}

#[test]
fn no_error_of_an_exit_handler_is_handed_up_after_a_step_of_the_group_has_erred() {
    let mut run = run("
        {name: errs, steps: [[{name: x, template: leaf}]], outputs: {parameters: [{name: o, valueFrom: {expression: steps.y.z}}]}},
        {name: main, steps: [[{name: a, template: leaf, onExit: errs}, {name: b, template: errs}]]}");
    for name in ["[0].a", "[0].b[0].x", "[0].a.onExit[0].x"] {
        run.end(name, succeeds());
    }
    assert!(
        run.line("").starts_with(" Steps Failed: step group deemed errored due to child wf[0].b error"),
        "{}",
        run.status()
    );
}

#[test]
fn a_daemon_with_a_hook_at_fault_ends_in_error_as_it_is_ready() {
    let mut run = run("
        {name: d, daemon: true, container: {image: a, command: [c]}},
        {name: main, dag: {tasks: [
            {name: a, template: d, hooks: {h: {template: leaf, expression: none.x}}},
            {name: b, template: leaf, depends: a}]}}");
    run.ready(".a");
    run.end(".a", succeeds());
    let status = run.status();
    assert!(status.starts_with("Error\n DAG Error\n.a Pod Error: unable to evaluate expression 'none.x'"), "{status}");
    assert!(status.ends_with("\n.b Skipped Omitted: omitted: depends condition not met"), "{status}");
}
