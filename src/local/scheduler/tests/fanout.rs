//! Items, and what they give together.

use super::*;

#[test]
fn results_of_items_are_a_list_of_those_that_succeeded() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withItems: [1, 2, 3], when: '{{item}} != 2', continueOn: {failed: true}}
  - - name: b
      template: leaf
      withParam: '{{steps.a.outputs.result}}'
- name: leaf
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.running(), ["[0].a(0:1)", "[0].a(2:3)"]);
    run.end("[0].a(0:1)", gives(r#"{"k": [1, 2]}"#));
    run.end("[0].a(2:3)", gives("7"));
    assert_eq!(run.running(), ["[1].b(0:k:[1,2])", "[1].b(1:7)"]);
    assert_eq!(run.line("[0].a(1:2)"), "[0].a(1:2) Skipped Skipped: when '2 != 2' evaluated false");
}

#[test]
fn an_item_s_condition_that_makes_no_sense_errors_the_group() {
    let status = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withItems: ['x ==', y], when: '{{item}}'}
- name: leaf
  container: {image: a, command: [c]}",
    )
    .status();
    let group = status.lines().find(|line| line.starts_with("[0] ")).unwrap();
    assert!(group.starts_with("[0] StepGroup Error: "), "{status}");
    assert!(!status.contains("(1:y)"), "{status}");
}

#[test]
fn an_empty_list_skips_the_step_and_what_follows_goes_on() {
    let status = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withParam: '[]'}
    - {name: b, template: leaf, dependencies: [a]}
- name: leaf
  container: {image: a, command: [c]}",
    )
    .play_failing(&[]);
    assert_eq!(status, "Succeeded\n DAG Succeeded\n.a Skipped Skipped: Skipped, empty params\n.b Pod Succeeded");
}

#[test]
fn a_group_of_items_can_be_judged_by_any_or_all_of_them() {
    let status = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [1, 2]}
    - {name: b, template: leaf, depends: a.AnySucceeded}
    - {name: c, template: leaf, depends: a.AllFailed}
- name: leaf
  container: {image: a, command: [c]}",
    )
    .play_failing(&[".a(0:1)"]);
    assert_eq!(
        status,
        "Failed
 DAG Failed
.a TaskGroup Failed
.a(0:1) Pod Failed: main: Error (exit code 1)
.a(1:2) Pod Succeeded
.b Pod Succeeded
.c Skipped Omitted: omitted: depends condition not met"
    );
}

#[test]
fn items_may_be_nested_through_templates() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - name: row
      template: row
      arguments: {parameters: [{name: cells, value: '{{item}}'}]}
      withParam: '[[1, 2], [3]]'
- name: row
  inputs: {parameters: [{name: cells}]}
  steps:
  - - name: cell
      template: leaf
      arguments: {parameters: [{name: p, value: '{{item}}'}]}
      withParam: '{{inputs.parameters.cells}}'
- name: leaf
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}",
    );
    assert_eq!(
        run.running(),
        ["[0].row(0:[1 2])[0].cell(0:1)", "[0].row(0:[1 2])[0].cell(1:2)", "[0].row(1:[3])[0].cell(0:3)"]
    );
    assert_eq!(run.command("[0].row(1:[3])[0].cell(0:3)"), "c 3");
    assert!(run.play_failing(&[]).starts_with("Succeeded"));
}

#[test]
fn a_loop_whose_condition_is_false_skips_each_of_its_items() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: s, template: work}
- name: work
  KIND
- name: leaf
  container: {image: a, command: [c]}";
    let steps = "steps: [[{name: a, template: leaf, when: 1 > 2, withItems: [x, y]}], [{name: b, template: leaf}]]";
    let run = Run::of(&spec.replace("KIND", steps)).play_failing(&[]);
    assert!(run.contains("\n[0].s[0].a(0:x) Skipped Skipped: when '1 > 2' evaluated false"), "{run}");
    assert!(run.contains("\n[0].s[0].a(1:y) Skipped Skipped"), "{run}");
    assert!(!run.contains("\n[0].s[0].a "), "{run}");
    assert!(run.contains("\n[0].s[1].b Pod Succeeded"), "{run}");

    let dag = "dag: {tasks: [{name: a, template: leaf, when: 1 > 2, withItems: [x]}, {name: b, template: leaf, depends: a.Succeeded}]}";
    let run = Run::of(&spec.replace("KIND", dag)).play_failing(&[]);
    assert!(run.contains("\n[0].s.a TaskGroup Succeeded\n[0].s.a(0:x) Skipped Skipped"), "{run}");
    assert!(run.contains("\n[0].s.b Pod Succeeded"), "{run}");
}

#[test]
fn a_list_that_cannot_be_read_does_not_matter_where_the_condition_is_false() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: leaf, when: 'false', withParam: nonsense}]]
- name: leaf
  container: {image: a, command: [c]}";
    let run = Run::of(spec).play_failing(&[]);
    assert!(run.contains("\n[0].a Skipped Skipped: Skipped, empty params"), "{run}");
}

#[test]
fn outputs_of_items_are_marshalled_as_go_does() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: each, template: leaf, withItems: [0, 1]}
  - - name: after
      template: take
      arguments: {parameters: [{name: p, value: '{{steps.each.outputs.result}} {{steps.each.outputs.parameters}} {{steps.each.outputs.parameters.o}}'}]}
- name: leaf
  container: {image: a, command: [c]}
  outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}
- name: take
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [t, '{{inputs.parameters.p}}']}";
    let mut run = Run::of(spec);
    let outcome = |value: &str, result: &str| Outcome { result: Some(result.to_owned()), ..writes("o", value) };
    run.end("[0].each(0:0)", outcome("{\"b\": 1.0, \"a\": \"<\"}", " 3.10 "));
    run.end("[0].each(1:1)", outcome("[3.50]", "{\"b\": 1.0, \"a\": \"<\"}"));
    let expected = [
        r#"t [3.10,{"b":1.0,"a":"\u003c"}]"#,
        r#"[{"o":"{\"b\": 1.0, \"a\": \"\u003c\"}"},{"o":"[3.50]"}]"#,
        r#"[{"a":"\u003c","b":1},[3.5]]"#,
    ];
    assert_eq!(run.command("[1].after"), expected.join(" "));
}

#[test]
fn items_whose_results_make_no_list_end_a_dag_that_goes_on_from_them_with_an_error() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: inner}
- name: inner
  dag:
    tasks:
    - {name: b, template: leaf, withItems: [1]}
    - {name: d, template: leaf, depends: b.Failed}
    - {name: c, template: leaf, depends: 'd.Omitted || b', when: '{{tasks.b.outputs.result}} != x'}
- name: leaf
  container: {image: a, command: [c]}",
    );
    run.end(".a.b(0:1)", gives("fine"));
    let why = "invalid character 'i' in literal false (expecting 'a')";
    assert_eq!(run.line(".a.d"), ".a.d Skipped Omitted: omitted: depends condition not met");
    assert_eq!(run.line(".a.c"), format!(".a.c Skipped Error: {why}"));
    assert_eq!(run.line(".a"), format!(".a DAG Error: task 'wf.a' errored: {why}"));
}

#[test]
fn a_dag_whose_last_items_make_no_list_ends_in_error_whatever_its_output_has_for_a_default() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: b, template: leaf, withItems: [1]}
  outputs: {parameters: [{name: all, valueFrom: {parameter: '{{tasks.b.outputs.result}}', default: d}}]}
- name: leaf
  container: {image: a, command: [c]}",
    );
    run.end(".b(0:1)", gives("fine"));
    assert_eq!(run.line(""), " DAG Error: invalid character 'i' in literal false (expecting 'a')");
}

#[test]
fn what_follows_a_skipped_task_starts_before_what_stands_beside_it() {
    let mut run = Run::of(
        "
entrypoint: main
templates:
- name: main
  parallelism: 1
  dag:
    tasks:
    - {name: a, template: leaf, when: 'false'}
    - {name: b, template: leaf, dependencies: [a]}
    - {name: c, template: leaf, withItems: [1, 2]}
- name: leaf
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.running(), [".b"]);
    run.end(".b", succeeds());
    assert_eq!(run.running(), [".c(0:1)"]);
}

#[test]
fn an_item_of_a_step_that_errs_at_once_keeps_the_others_from_starting() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: inner, withItems: [1, 2]}
- name: inner
  steps:
  - - {name: b, template: leaf, withItems: [1], when: 'false'}
  outputs: {parameters: [{name: o, valueFrom: {expression: steps.b.outputs.result}}]}
- name: leaf
  container: {image: a, command: [c]}",
    );
    let status = run.status();
    assert!(status.contains("[0].a(0:1) Steps Error") && !status.contains("[0].a(1:2)"), "{status}");
}

#[test]
fn an_item_that_will_not_run_tells_its_condition_whatever_else_has_no_value() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: leaf, withItems: [2], when: \"'{{item}}' == 1\",
       arguments: {parameters: [{name: p, value: '{{=int(workflow.name) + 1}}'}]}}
- name: leaf
  inputs: {parameters: [{name: p}]}
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.line(".a(0:2)"), ".a(0:2) Skipped Skipped: when ''2' == 1' evaluated false");
}

#[test]
fn a_loop_over_nothing_is_skipped_also_where_another_one_of_its_group_cannot_be_read() {
    let run = Run::of(
        "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, template: leaf, withParam: '[]'}
    - {name: b, template: leaf, withParam: 'x'}
- name: leaf
  container: {image: a, command: [c]}",
    );
    assert_eq!(run.line("[0].a"), "[0].a Skipped Skipped: Skipped, empty params");
    assert!(run.line("[0]").starts_with("[0] StepGroup Error: withParam value could not be parsed"));
}

#[test]
fn what_a_loop_over_an_inline_template_gave_cannot_be_read() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps:
  - - {name: a, withItems: [1], inline: {container: {image: a, command: [c]}}}";
    let why = "failed to get a template";
    let status = Run::of(spec).play_failing(&[]);
    assert!(
        status.starts_with(&format!("Error: error in entry template execution: {why}\n Steps Error: {why}")),
        "{status}"
    );

    let tasks = spec.replace("steps:\n  - - ", "dag:\n    tasks:\n    - ");
    assert!(Run::of(&tasks).play_failing(&[]).starts_with("Succeeded\n"));
    let mut run = Run::of(&tasks);
    run.end(".a(0:1)", gives("1 i"));
    assert_eq!(run.line(""), " DAG Error: invalid character 'i' after top-level value");
    let followed = format!("{tasks}\n    - {{name: b, depends: a, inline: {{suspend: {{}}}}}}");
    let status = Run::of(&followed).play_failing(&[]);
    assert!(status.ends_with(&format!("\n.b Skipped Error: {why}")), "{status}");
}

#[test]
fn items_after_one_that_cannot_start_begin_where_the_dag_is_not_looked_through_to_their_group() {
    let tasks = |tasks: &str| {
        format!(
            "
entrypoint: main
templates:
- name: main
  dag:
    tasks:
{tasks}
- name: bad
  steps: [[{{name: s, template: gives, when: 'false'}}]]
  outputs: {{parameters: [{{name: o, valueFrom: {{parameter: '{{{{steps.s.outputs.parameters.o}}}}'}}}}]}}
- name: gives
  container: {{image: a, command: [c]}}
  outputs: {{parameters: [{{name: o, valueFrom: {{path: /o}}}}]}}"
        )
    };
    let (pod, items) = ("    - {name: a, template: gives}\n", "    - {name: b, template: bad, withItems: [1, 2]}\n");
    let begun = |tasks: String| {
        let run = Run::of(&tasks);
        run.status().lines().filter(|line| line.starts_with(".b(") && !line.contains(")[")).count()
    };
    assert_eq!(begun(tasks(&format!("{pod}{items}"))), 2, "the pod is at work and stands before");
    let later = pod.replace("name: a", "name: c");
    assert_eq!(begun(tasks(&format!("{items}{later}"))), 1, "the group stands before the pod");
    assert_eq!(begun(tasks(items)), 1);
}
