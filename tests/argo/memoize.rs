//! Cache hits of prepared workflows on a live controller.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::namespace::{Namespace, with_namespace};
use crate::run::Run;

/// A result, a loop over it, a nested dag that hands a parameter on, and a step that reads what the dag puts out.
const NESTED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nested-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: list, template: list}
    - - name: square
        template: square
        withParam: "{{steps.list.outputs.result}}"
        arguments: {parameters: [{name: number, value: "{{item}}"}]}
      - name: pair
        template: pair
        arguments: {parameters: [{name: word, value: once}]}
    - - name: show
        template: show
        arguments:
          parameters:
          - {name: squares, value: "{{steps.square.outputs.result}}"}
          - {name: word, value: "{{steps.pair.outputs.parameters.word}}"}
  - name: list
    script: {image: "busybox:1.37", command: [sh], source: "echo '[2, 3]'"}
  - name: square
    inputs: {parameters: [{name: number}]}
    script:
      image: busybox:1.37
      command: [sh]
      source: echo $(({{inputs.parameters.number}} * {{inputs.parameters.number}}))
  - name: pair
    inputs: {parameters: [{name: word}]}
    dag:
      tasks:
      - name: a
        template: write
        arguments: {parameters: [{name: word, value: "{{inputs.parameters.word}}"}]}
      - name: b
        template: write
        depends: a
        arguments: {parameters: [{name: word, value: "{{tasks.a.outputs.parameters.word}}-twice"}]}
    outputs:
      parameters: [{name: word, valueFrom: {parameter: "{{tasks.b.outputs.parameters.word}}"}}]
  - name: write
    inputs: {parameters: [{name: word}]}
    container:
      image: busybox:1.37
      command: [sh, -c, "echo -n {{inputs.parameters.word}} > /tmp/word"]
    outputs: {parameters: [{name: word, valueFrom: {path: /tmp/word}}]}
  - name: show
    inputs: {parameters: [{name: squares}, {name: word}]}
    container:
      image: busybox:1.37
      command: [echo, "{{inputs.parameters.squares}} {{inputs.parameters.word}}"]
"#;

fn set<const N: usize>(names: [&'static str; N]) -> BTreeSet<&'static str> {
    names.into()
}

fn input<'a>(node: &'a Value, name: &str) -> &'a str {
    let parameters = node["inputs"]["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_str().unwrap()
}

/// The same document once more, as another workflow of the same run with the same cache.
fn again(namespace: &Namespace, first: &Run, text: &str) -> Run {
    namespace.submit(text, &["--run-id", first.parameter("run_id"), "--cache-name", first.cache_name()], 0)
}

#[test]
fn a_second_run_takes_the_whole_from_the_cache() {
    with_namespace(|namespace| {
        let first = namespace.submit(NESTED, &["--run-id", "nested-1"], 0);
        assert_eq!(first.hits(), set([]));
        assert_eq!(input(first.node("[2].show"), "word"), "once-twice");
        let second = again(namespace, &first, NESTED);
        assert_eq!((second.hits(), second.ran()), (set([""]), set([])));
    });
}

#[test]
fn the_cache_holds_an_entry_for_each_node_under_its_own_key() {
    with_namespace(|namespace| {
        let first = namespace.submit(NESTED, &["--run-id", "nested_2"], 0);
        let cache = namespace.cache(first.cache_name()).expect("the controller has made no cache");
        let entries = cache["data"].as_object().unwrap();
        let memoized: Vec<&Value> = first.nodes().filter(|node| node.get("memoizationStatus").is_some()).collect();
        assert_eq!(memoized.len(), 8, "the root, list, two squares, pair, a, b, show");
        for node in &memoized {
            let key = node["memoizationStatus"]["key"].as_str().unwrap();
            assert!(key.starts_with(&format!("{}-", node["templateName"].as_str().unwrap())), "{key}");
            assert!(key.contains("nested-2"), "{key}");
            let entry: Value = serde_json::from_str(entries[key].as_str().unwrap()).unwrap();
            assert_eq!(entry["nodeID"], node["id"]);
            let kept = |outputs: &Value| (outputs["result"].clone(), outputs["parameters"].clone());
            assert_eq!(kept(&entry["outputs"]), kept(&node["outputs"]), "{key}");
        }
        assert_eq!(entries.len(), memoized.len());
    });
}

#[test]
fn an_edited_step_runs_again_with_the_outputs_of_those_that_do_not() {
    with_namespace(|namespace| {
        let first = namespace.submit(NESTED, &["--run-id", "nested-3"], 0);
        let edited = NESTED.replace("command: [echo, ", "command: [echo, edited, ");
        let second = again(namespace, &first, &edited);
        assert_eq!(second.hits(), set(["[0].list", "[1].square(0:2)", "[1].square(1:3)", "[1].pair"]));
        assert_eq!(second.ran(), set(["[2].show"]));
        let show = second.node("[2].show");
        assert_eq!((input(show, "squares"), input(show, "word")), ("[4,9]", "once-twice"));
    });
}

#[test]
fn an_edited_template_in_a_nested_one_runs_again_and_its_siblings_do_not() {
    with_namespace(|namespace| {
        let first = namespace.submit(NESTED, &["--run-id", "nested-4"], 0);
        let edited = NESTED.replace("parameters.word}}-twice", "parameters.word}}-thrice");
        let second = again(namespace, &first, &edited);
        assert_eq!(second.hits(), set(["[0].list", "[1].square(0:2)", "[1].square(1:3)", "[1].pair.a"]));
        assert_eq!(second.ran(), set(["[1].pair.b", "[2].show"]));
        assert_eq!(input(second.node("[2].show"), "word"), "once-thrice");
    });
}

/// `roll` is called once by a task whose result is read and once by one whose result is not.
const MIXED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: mixed-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: unread, template: roll}
      - {name: read, template: roll, depends: unread}
      - name: check
        template: check
        depends: read
        arguments: {parameters: [{name: rolled, value: "{{tasks.read.outputs.result}}"}]}
  - name: roll
    script: {image: "busybox:1.37", command: [sh], source: "echo six"}
  - name: check
    inputs: {parameters: [{name: rolled}]}
    container: {image: "busybox:1.37", command: [sh, -c, "test {{inputs.parameters.rolled}} = six"]}
"#;

#[test]
fn who_reads_a_result_gets_one() {
    with_namespace(|namespace| {
        let first = namespace.submit(MIXED, &["--run-id", "mixed-1"], 0);
        assert_eq!((first.hits(), first.ran()), (set([]), set([".unread", ".read", ".check"])));
        let second = again(namespace, &first, &MIXED.replace("= six", "= six && echo yes"));
        assert_eq!((second.hits(), second.ran()), (set([".unread", ".read"]), set([".check"])));
        assert_eq!(input(second.node(".check"), "rolled"), "six");
    });
}

/// `work` comes from a WorkflowTemplate and has attempts of its own; `mine` is memoized by the user.
const SURROUNDED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: surrounded-}
spec:
  entrypoint: main
  onExit: farewell
  templates:
  - name: main
    dag:
      tasks:
      - {name: work, template: work, hooks: {running: {template: farewell, expression: "tasks.work.status == 'Running'"}}}
      - {name: shared, templateRef: {name: shared, template: task}}
      - {name: mine, template: mine}
      - {name: late, template: late, depends: work && shared && mine}
  - name: work
    retryStrategy: {limit: 2}
    script: {image: "busybox:1.37", command: [sh], source: "sleep 2; test {{retries}} -ge 1"}
  - name: mine
    memoize: {key: mine, maxAge: 1h, cache: {configMap: {name: MINE}}}
    container: {image: "busybox:1.37", command: [echo, mine]}
  - name: late
    container: {image: "busybox:1.37", command: [echo, late]}
  - name: farewell
    container: {image: "busybox:1.37", command: [echo, farewell]}
"#;

const SHARED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  entrypoint: task
  templates:
  - name: task
    dag:
      tasks:
      - {name: one, template: step}
      - {name: two, template: step, depends: one}
  - name: step
    container: {image: "busybox:1.37", command: [echo, step]}
"#;

#[test]
fn attempts_handlers_references_and_the_users_own_memoize_go_together() {
    with_namespace(|namespace| {
        namespace.create("workflowtemplates", SHARED);
        let text = SURROUNDED.replace("MINE", &format!("runnable-{}", &namespace.name[namespace.name.len() - 6..]));
        let first = namespace.submit(&text, &["--run-id", "surrounded-1"], 0);
        assert_eq!(first.hits(), set([]));
        let second = again(namespace, &first, &text.replace("[echo, late]", "[echo, later]"));
        let ran = second.ran();
        assert!(ran.contains(".late") && ran.contains(".onExit"), "{ran:?}");
        assert!(second.is_hit(".mine"));
        assert!(second.is_hit(".work"), "{:#}", second.node(".work"));
    });
}

#[test]
fn a_workflow_template_merged_in_is_memoized() {
    with_namespace(|namespace| {
        namespace.create("workflowtemplates", SHARED);
        let from = |more: &[&str]| {
            let all = [&["submit", "--from", "workflowtemplate/shared", "--inline", "--wait", "-o", "json"], more];
            Run::new(namespace.run(&all.concat()).exits(0).json())
        };
        let first = from(&["--run-id", "shared-1"]);
        assert_eq!(
            (first.hits(), first.ran()),
            (set([]), set([".one", ".two"])),
            "two calls with equal inputs each do their work"
        );
        let cache = first.cache_name().to_owned();
        let second = from(&["--run-id", "shared-1", "--cache-name", &cache]);
        assert_eq!((second.hits(), second.ran()), (set([""]), set([])));
        let third = from(&["--run-id", "shared-2", "--cache-name", &cache]);
        assert_eq!(third.ran(), set([".one", ".two"]), "another run has entries of its own");
    });
}
