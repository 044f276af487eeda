//! Outcomes that the user gives to nodes.

use super::*;
use crate::local::stub::Stubs;

const TEMPLATES: &str = "
- name: deploy
  resource: {action: create}
  memoize: {key: deploy, cache: {configMap: {name: c}}}
  outputs: {parameters: [{name: url, globalName: g, valueFrom: {jsonPath: x}}, {name: d, valueFrom: {default: none}}]}
- name: leaf
  inputs: {parameters: [{name: p, value: none}]}
  memoize: {key: 'leaf-{{inputs.parameters.p}}', cache: {configMap: {name: c}}}
  container: {image: a, command: [c, '{{inputs.parameters.p}}']}";

fn run(main: &str, stubs: &[(&str, Value)]) -> Run {
    Run::with(&format!("entrypoint: main\ntemplates:\n- name: main\n{main}{TEMPLATES}"), |plan| {
        let mut all = Stubs::default();
        for (name, document) in stubs {
            all.add(name, document).unwrap();
        }
        plan.stubs = all;
    })
}

#[test]
fn a_stub_stands_for_its_node_and_nothing_that_depends_on_it_is_kept() {
    let mut run = run(
        "
  dag:
    tasks:
    - {name: before, template: leaf, arguments: {parameters: [{name: p, value: before}]}}
    - {name: d, template: deploy, depends: before}
    - {name: after, template: leaf, depends: d, arguments: {parameters: [{name: p, value: '{{tasks.d.outputs.parameters.url}}'}]}}",
        &[("deploy", json!({"outputs": {"parameters": {"url": "x1"}}}))],
    );
    run.end(".before", succeeds());
    assert_eq!(run.command(".after"), "c x1");
    run.end(".after", succeeds());
    assert_eq!(run.line(".d"), ".d Pod Succeeded url=x1 d=none");
    assert_eq!((run.kept, run.left_out), (vec![".before".to_owned()], vec![".after".to_owned()]));
}

#[test]
fn what_does_not_depend_on_a_stub_is_kept() {
    let mut run = run(
        "
  dag:
    tasks:
    - {name: x, template: leaf, arguments: {parameters: [{name: p, value: x}]}}
    - {name: s, template: leaf, arguments: {parameters: [{name: p, value: s}]}}
    - {name: y, template: inner, depends: x}
    - {name: z, template: leaf, depends: y && s, arguments: {parameters: [{name: p, value: z}]}}
- name: inner
  memoize: {key: inner, cache: {configMap: {name: c}}}
  steps:
  - - {name: i, template: leaf, arguments: {parameters: [{name: p, value: i}]}}",
        &[("s", json!({"phase": "Succeeded"}))],
    );
    run.play(|_| succeeds());
    assert_eq!(run.kept, [".x", ".y[0].i", ".y"]);
    assert_eq!(run.left_out, [".z"]);
}

#[test]
fn later_groups_and_what_may_read_global_outputs_depend_on_a_stub() {
    let mut run = run(
        "
  steps:
  - - {name: d, template: deploy}
    - {name: beside, template: leaf, arguments: {parameters: [{name: p, value: beside}]}}
  - - {name: later, template: leaf, arguments: {parameters: [{name: p, value: later}]}}",
        &[("d", json!({"message": "as if", "outputs": {"parameters": {"url": "u"}}}))],
    );
    run.play(|_| succeeds());
    assert_eq!(run.line("[0].d"), "[0].d Pod Succeeded: as if url=u d=none");
    assert_eq!(run.left_out, ["[0].beside", "[1].later"]);
    assert_eq!(run.kept, [""; 0]);
}

#[test]
fn a_failed_stub_is_tried_again_as_often_as_the_template_says() {
    let mut run = run(
        "
  steps:
  - - {name: a, template: again}
- name: again
  retryStrategy: {limit: 1}
  plugin: {x: {}}",
        &[("again", json!({"phase": "Failed", "message": "no"}))],
    );
    run.play(|_| succeeds());
    assert_eq!(run.line("[0].a"), "[0].a Retry Failed: No more retries left");
    assert_eq!(run.line("[0].a(1)"), "[0].a(1) Plugin Failed: no");
}

#[test]
fn a_template_that_needs_a_cluster_errs_without_a_stub() {
    let mut run = run("\n  steps:\n  - - {name: a, template: deploy}", &[("other", Value::Null)]);
    run.play(|_| succeeds());
    assert_eq!(run.line("[0].a"), "[0].a Pod Error: a resource template needs a cluster, or its outcome by --stub");
}
