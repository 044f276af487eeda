//! How groups, dags and workflows end.

use super::*;

const LEAF: &str = "
  - name: leaf
    container: {image: a, command: [c]}";

fn spec(templates: &str) -> String {
    format!("entrypoint: main\ntemplates:{templates}{LEAF}")
}

#[test]
fn a_failed_step_fails_its_group_and_ends_the_steps() {
    let spec = spec(
        "
  - name: main
    steps:
    - - {name: a, template: leaf}
      - {name: b, template: leaf}
    - - {name: c, template: leaf}",
    );
    assert_eq!(
        Run::of(&spec).play_failing(&["[0].b"]),
        "Failed: child 'wf[0].b' failed
 Steps Failed: child 'wf[0].b' failed
[0] StepGroup Failed: child 'wf[0].b' failed
[0].a Pod Succeeded
[0].b Pod Failed: main: Error (exit code 1)"
    );
}

#[test]
fn continue_on_lets_the_steps_go_on_after_what_it_names() {
    let spec = spec(
        "
  - name: main
    steps:
    - - {name: a, template: leaf, continueOn: {failed: true}}
    - - {name: b, template: leaf, continueOn: {failed: true}}
    - - {name: c, template: leaf}",
    );
    let mut run = Run::of(&spec);
    run.end("[0].a", fails(1));
    run.end("[1].b", errors());
    assert_eq!(
        run.status(),
        "Failed: child 'wf[1].b' failed
 Steps Failed: child 'wf[1].b' failed
[0] StepGroup Succeeded
[0].a Pod Failed: main: Error (exit code 1)
[1] StepGroup Failed: child 'wf[1].b' failed
[1].b Pod Error: an output is missing"
    );
}

#[test]
fn a_run_that_can_go_no_further_ends_with_all_its_nodes_in_error() {
    let spec = spec(
        "
  - name: main
    steps:
    - - {name: a, template: leaf}
    - - {name: b, template: leaf, hooks: {exit: {template: leaf}}}",
    );
    let mut run = Run::of(&spec);
    run.end("[0].a", succeeds());
    run.tell(Event::Stuck);
    let why =
        "the run can go no further: nothing is at work and nothing is waited for; this is a fault of this program";
    let expected = format!(
        "Error: {why}
 Steps Error: {why}
[0] StepGroup Succeeded
[0].a Pod Succeeded
[1] StepGroup Error: {why}
[1].b Pod Error: {why}"
    );
    assert_eq!(run.status(), expected);
}

#[test]
fn a_call_that_cannot_start_errors_its_group_and_keeps_the_rest_from_starting() {
    let spec = spec(
        "
  - name: main
    steps:
    - - {name: a, template: needy, withItems: [1, 2]}
      - {name: b, template: leaf}
  - name: needy
    inputs: {parameters: [{name: p}]}
    container: {image: a, command: [c]}",
    );
    let why = "step group deemed errored due to child wf[0].a(0:1) error: inputs.parameters.p was not supplied";
    assert_eq!(
        Run::of(&spec).status(),
        format!(
            "Failed: {why}
 Steps Failed: {why}
[0] StepGroup Error: {why}
[0].a(0:1) Skipped Error: inputs.parameters.p was not supplied"
        )
    );
}

#[test]
fn an_endless_recursion_ends_at_the_hundredth_template() {
    let spec = spec(
        "
  - name: main
    steps:
    - - {name: a, template: main}",
    );
    let run = Run::of(&spec);
    let steps = run.scheduler.nodes().iter().filter(|node| node.kind == crate::argo::status::NodeType::Steps).count();
    assert_eq!(steps, 99);
    let last = run.scheduler.nodes().last().unwrap();
    assert!(last.message.starts_with("Maximum recursion depth exceeded"), "{}", last.message);
    assert_eq!(last.phase.as_str(), "Error");
    assert_eq!(run.scheduler.finished().unwrap().phase.as_str(), "Failed");
}

#[test]
fn a_container_set_shows_its_containers_and_what_never_ran() {
    let spec = "
entrypoint: main
templates:
- name: main
  containerSet:
    containers:
    - {name: a, image: x, command: [c]}
    - {name: b, image: x, command: [c], dependencies: [a]}";
    let mut run = Run::of(spec);
    let containers = BTreeMap::from([("a".to_owned(), Some(3)), ("b".to_owned(), None)]);
    run.end("", Outcome { containers, ..fails(3) });
    assert_eq!(
        run.status(),
        "Failed: a: Error (exit code 3)
 Pod Failed: a: Error (exit code 3)
.a Container Failed: a: Error (exit code 3): 
.b Container Error: b: Error (exit code 64): a container before it failed"
    );
}

#[test]
fn a_suspended_node_goes_on_by_itself_with_the_defaults_of_its_outputs() {
    let spec = "
entrypoint: main
templates:
- name: main
  inputs: {parameters: [{name: who, value: x, default: nobody}]}
  suspend: {duration: 10s}
  outputs:
    parameters:
    - {name: who, valueFrom: {supplied: {}}}
    - {name: why, valueFrom: {supplied: {}, default: none}}";
    let mut run = Run::of(spec);
    assert_eq!(run.line(""), " Suspend Running who=? why=?");
    run.wake();
    assert_eq!(run.now.as_second(), 10);
    assert_eq!(run.status(), "Succeeded\n Suspend Succeeded who=nobody why=none");
}

#[test]
fn a_suspended_node_takes_what_it_is_given_and_a_default_for_the_rest() {
    let spec = "
entrypoint: main
templates:
- name: main
  suspend: {}
  outputs:
    parameters:
    - {name: who, globalName: approver, valueFrom: {supplied: {}}}
    - {name: why, valueFrom: {supplied: {}, default: none}}";
    let mut run = Run::of(spec);
    let node = run.scheduler.indices().next().unwrap();
    let mut outputs = run.scheduler.node(node).outputs.clone().unwrap();
    assert_eq!(outputs.parameters[1].value_from, Some(json!({"supplied": {}, "default": "none"})));
    outputs.parameters[0].value = Some("eve".to_owned());
    let given = || Box::new(Given { outputs: Some(outputs.clone()), message: "by eve".to_owned() });
    run.tell(Event::Resumed(node, given()));
    // Once more changes nothing.
    run.tell(Event::Resumed(node, given()));
    assert_eq!(run.status(), "Succeeded approver=eve\n Suspend Succeeded: by eve who=eve why=none");
}

#[test]
fn the_containers_of_a_set_end_whatever_was_made_between_them() {
    let spec = "
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: set, template: set}, {name: beside, template: leaf}]}
- name: set
  memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}
  containerSet:
    containers: [{name: first, image: a, command: [c]}, {name: second, image: a, command: [c], dependencies: [first]}]
- name: leaf
  container: {image: a, command: [c]}";
    let mut run = Run::of(spec);
    let containers = BTreeMap::from([("first".to_owned(), Some(0)), ("second".to_owned(), Some(0))]);
    run.end(".set", Outcome { containers, ..succeeds() });
    assert_eq!(run.line(".set.first"), ".set.first Container Succeeded");
    assert_eq!(run.line(".set.second"), ".set.second Container Succeeded");
}

#[test]
fn a_template_whose_name_no_pod_can_have_errors() {
    let spec = "
entrypoint: main
templates:
- name: main
  steps: [[{name: a, template: Build}]]
- name: Build
  container: {image: a, command: [c]}";
    let run = Run::of(spec).play_failing(&[]);
    assert!(run.contains("lower case") && run.contains("\n[0].a Pod Error"), "{run}");
}

#[test]
fn a_document_that_asks_for_its_end_runs_no_pod_but_those_of_its_exit_handler() {
    let spec = "
entrypoint: main
shutdown: HOW
onExit: leaf
templates:
- name: main
  steps: [[{name: a, template: inner}], [{name: b, template: leaf}]]
- name: inner
  dag: {tasks: [{name: c, template: leaf}]}
- name: leaf
  container: {image: a, command: [c]}";
    let stopped = Run::of(&spec.replace("HOW", "Stop")).play_failing(&[]);
    assert!(stopped.starts_with("Failed: Stopped with strategy 'Stop'"), "{stopped}");
    assert!(stopped.contains("[0].a.c Pod Failed: workflow shutdown with strategy: Stop"), "{stopped}");
    assert!(stopped.contains("\n.onExit Pod Succeeded") && !stopped.contains("[1]"), "{stopped}");

    let terminated = Run::of(&spec.replace("HOW", "Terminate")).play_failing(&[]);
    assert!(terminated.starts_with("Failed: Stopped with strategy 'Terminate'"), "{terminated}");
    assert!(!terminated.contains(".onExit"), "{terminated}");
}
