//! Caches of local runs: keys of the user's that several templates have.

use serde_json::Value;

use crate::support::environment::Environment;

/// As generators of pipelines write it: one key, one cache, everywhere. `gate` fails in the first attempt.
const ONE_KEY: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: pipeline-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: run_id, value: nightly-1}, {name: open, value: "no"}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: one, template: draw}
      - {name: two, template: draw}
      - {name: other, template: other, depends: one}
      - {name: gate, template: gate, depends: other && two}
      - {name: last, template: draw, depends: gate}
    memoize: &memoize {key: "{{workflow.parameters.run_id}}", maxAge: "", cache: {configMap: {name: generated}}}
  - name: draw
    memoize: *memoize
    container: {image: busybox, command: [sh, -c, "od -An -N4 -tx1 /dev/urandom | tr -d ' \\n' >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: other
    memoize: *memoize
    container: {image: busybox, command: [sh, -c, "echo other >/tmp/o"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
  - name: gate
    memoize: *memoize
    container: {image: busybox, command: [sh, -c, "test {{workflow.parameters.open}} = yes"]}
"#;

fn node<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    nodes.values().find(|node| node["displayName"] == name).unwrap_or_else(|| panic!("no node {name}"))
}

fn output(workflow: &Value, name: &str) -> String {
    node(workflow, name)["outputs"]["parameters"][0]["value"].as_str().unwrap_or_default().to_owned()
}

fn is_hit(workflow: &Value, name: &str) -> bool {
    node(workflow, name)["memoizationStatus"]["hit"] == true
}

#[test]
fn a_pipeline_with_one_key_run_twice_gives_each_node_its_own_outputs() {
    let home = Environment::new();
    home.write("pipeline.yaml", ONE_KEY);
    let submit = |open: &str| home.run(["submit", "pipeline.yaml", "--local", "--wait", "-o", "json", "-p", open]);
    let first = submit("open=no");
    assert_eq!(first.code, Some(3), "{}", first.stderr);
    let told: Vec<&str> = first.stderr.lines().filter(|line| line.contains("template and call were added")).collect();
    assert_eq!(told.len(), 1, "{}", first.stderr);
    assert!(told[0].contains("main, draw, other, gate"), "{told:?}");
    let first = first.object();
    assert!(["one", "two", "other"].iter().all(|name| !is_hit(&first, name)));
    assert!(output(&first, "one") != output(&first, "two") && output(&first, "other") == "other\n".trim());

    let second = submit("open=yes");
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let second = second.object();
    for name in ["one", "two", "other"] {
        assert!(is_hit(&second, name), "{name} ran again");
        assert_eq!(output(&first, name), output(&second, name), "{name}");
    }
    assert!(!is_hit(&second, "gate") && !is_hit(&second, "last"));
}
