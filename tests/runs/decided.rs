//! What a plan says of nodes whose key or entry depends on others.

use serde_json::Value;

use crate::retry::node;
use crate::support::environment::Environment;

/// `c0` gives another value each time, whose template is a hook's too and not memoized; `c1` and `c2` take it.
const RANDOM_INPUT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: random-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: c0, template: draw, hooks: {exit: {template: draw}}}
    - - {name: c1, template: take, arguments: {parameters: [{name: m, value: "{{steps.c0.outputs.parameters.o}}"}]}}
    - - {name: c2, template: take, arguments: {parameters: [{name: m, value: "{{steps.c0.outputs.parameters.o}}"}]}}
  - name: draw
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
    container: {image: busybox, command: [sh, -c, "od -An -N8 -tx1 /dev/urandom | tr -d ' \\n' >/tmp/o"]}
  - name: take
    inputs: {parameters: [{name: m}]}
    container: {image: busybox, command: [sh, -c, "echo {{inputs.parameters.m}}"]}
"#;

/// Three calls that share a key of the user's.
const SHARED_KEY: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: shared-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: c0, template: make}], [{name: c1, template: make}], [{name: c2, template: make}]]
  - name: make
    memoize: {key: fixed, cache: {configMap: {name: c}}}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
    container: {image: busybox, command: [sh, -c, "echo made >/tmp/o"]}
"#;

/// The plan of running a step again, a line for each step: its name, what becomes of it, and why or by what node.
fn plan(home: &Environment, only: &str) -> Vec<String> {
    let plan = home.run(["retry", "--local", "@latest", "--only", only, "--plan", "-o", "json"]).json();
    let line = |entry: &Value| {
        let (_, step) = entry["name"].as_str()?.rsplit_once("].")?;
        let because = entry["why"]["reason"].as_str().or(entry["by"].as_str()).unwrap_or_default();
        Some(format!("{step} {} {because}", entry["action"].as_str().unwrap()).trim_end().to_owned())
    };
    plan["nodes"].as_array().unwrap().iter().filter_map(line).collect()
}

fn submitted(text: &str) -> Environment {
    let home = Environment::with("workflow.yaml", text);
    let ended = home.run(["submit", "--local", "--wait", "workflow.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    home
}

#[test]
fn calls_that_take_the_same_unknown_value_do_not_answer_for_each_other() {
    let home = submitted(RANDOM_INPUT);
    let planned = ["c0 runs handler", "c0.onExit runs handler", "c1 runs selected", "c2 decided c0"];
    assert_eq!(plan(&home, "c1"), planned);
}

#[test]
fn the_call_that_makes_an_entry_decides_about_those_that_ask_for_it() {
    let home = submitted(SHARED_KEY);
    assert_eq!(plan(&home, "c0"), ["c0 runs selected", "c1 decided c0", "c2 decided c0"]);
}

/// Two calls of a steps template that share a key of the user's.
const NESTED_KEY: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nested-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: c0, template: inner}], [{name: c1, template: inner}]]
  - name: inner
    memoize: {key: fixed, cache: {configMap: {name: c}}}
    steps: [[{name: make, template: make}]]
  - name: make
    container: {image: busybox, command: [sh, -c, "true"]}
"#;

#[test]
fn a_steps_template_whose_entry_another_call_makes_is_not_said_to_run() {
    let home = submitted(NESTED_KEY);
    let planned = plan(&home, "c0");
    assert!(planned.contains(&"c1 decided c0".to_owned()), "{planned:?}");
    let after = home.run(["retry", "--local", "@latest", "--only", "c0", "-o", "json"]).object();
    assert_eq!(node(&after, "c1")["memoizationStatus"]["hit"], true);
}
