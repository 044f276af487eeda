//! Caches of local runs: keys of the user's that several templates have.

use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::support::runs::steps;

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

/// `a` reads a parameter, `b` has a text that is edited, `c` fails in the first attempt, `wait` is not memoized.
const EDITED: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: edited-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: day, value: mon}]}
  templates:
  - name: main
    steps:
    - [{name: a, template: a, arguments: {parameters: [{name: m, value: "{{workflow.parameters.day}}"}]}}]
    - [{name: b, template: b}, {name: same, template: same}]
    - [{name: wait, template: wait}]
    - [{name: c, template: c}]
  - {name: a, inputs: {parameters: [{name: m}]}, container: {image: busybox, command: ["true", "{{inputs.parameters.m}}"]}}
  - name: b
    container:
      image: busybox
      command: [sh, -c, "echo OLD"]
  - {name: same, container: {image: busybox, command: ["true"]}}
  - {name: wait, suspend: {duration: "0"}}
  - {name: c, container: {image: busybox, command: [sh, -c, "test -n \"$RUNNABLE_RETRY_RUN_ID\""]}}
"#;

#[test]
fn why_compares_with_the_same_call_in_the_attempt_before() {
    let home = Environment::with("wf.yaml", EDITED);
    let why = |node: &str| home.run(["cache", "why", "--local", "@latest", node]).stdout;
    assert_eq!(home.run(["submit", "wf.yaml", "--local", "--wait"]).code, Some(3));
    assert!(why("a").ends_with("this is the first attempt of its run\n"), "{}", why("a"));

    home.write("new.yaml", EDITED.replace("OLD", "NEW"));
    let retried = home.run(["retry", "--local", "@latest", "--file", "new.yaml", "-p", "day=tue"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    let a = why("a");
    assert!(a.contains("  m: \"mon\" then, \"tue\" now\n"), "{a}");
    let b = why("b");
    assert!(b.contains("template b was edited:\n    -   - echo OLD\n    +   - echo NEW\n"), "{b}");
    assert!(why("same").contains("was cached") && why("same").contains("Succeeded, ran"), "{}", why("same"));
    let c = why("c");
    assert!(c.contains("Failed, ran") && c.contains("what does not succeed leaves no entry"), "{c}");
    let wait = why("wait");
    assert!(wait.contains("why: suspend") && wait.contains("Succeeded, not memoized"), "{wait}");

    let table = home.run(["cache", "why", "--local", "@latest", "--all"]).stdout;
    let row = |name: &str| table.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default();
    assert!(row("[1].same").contains("cached"), "{table}");
    assert!(row("[0].a").contains("m is \"mon\" there, \"tue\" here"), "{table}");
    let object = home.run(["cache", "why", "--local", "@latest", "b", "-o", "json"]).json();
    assert_eq!((&object["answer"], &object["before"]["node"]["phase"]), (&"own".into(), &"Succeeded".into()));
}

#[test]
fn all_caches_are_pruned_by_one_command() {
    let home = Environment::new();
    for (name, cache) in [("one", "a-cache"), ("two", "b-cache")] {
        assert_eq!(home.submit(name, "true", &["--cache-name", cache]).code, Some(0));
    }
    let none = home.run(["cache", "prune", "--all", "--local", "--older", "1h"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{none:?}");
    let shown = home.run(["cache", "prune", "--all", "--local", "--keep", "1", "--dry-run"]).good();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.starts_with("a-cache: pruned (dry run) 1 entry of 2, "), "{shown}");
    let named = home.run(["cache", "prune", "--all", "--local", "--template", "work", "-o", "name"]).good();
    assert_eq!(named, "a-cache\nb-cache\n");
    let pruned = home.run(["cache", "prune", "--all", "--local", "--keep", "0", "-o", "json"]).json();
    let caches: Vec<_> =
        pruned["caches"].as_array().unwrap().iter().map(|one| one["pruned"].as_array().unwrap().len()).collect();
    assert_eq!(caches, [1, 1], "{pruned}");
    home.run(["cache", "prune", "a-cache", "--all", "--local", "--keep", "0"]).fails(2, &["--all"]);
}

#[test]
fn why_tells_what_became_of_the_entry_before() {
    let home = Environment::new();
    let spec = steps(&[("a", "true"), ("gate", "test -n \"$RUNNABLE_RETRY_RUN_ID\"")]);
    let document = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": spec});
    home.write("w.json", document.to_string());
    let name = |run: &Value| run["metadata"]["name"].as_str().unwrap().to_owned();
    let first = home.run(["submit", "--local", "w.json", "--max-age", "1s", "-o", "json"]).object();
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let plan = home.run(["retry", "--local", &name(&first), "--plan"]).good();
    assert!(plan.contains("its cache entry is too old"), "{plan}");
    let second = home.run(["retry", "--local", &name(&first), "-o", "json"]).object();
    let why = home.run(["cache", "why", "--local", &name(&second), "a"]).good();
    assert!(why.contains("the entry that it left was too old by then"), "{why}");

    let lasting = home.run(["submit", "--local", "w.json", "-o", "json"]).object();
    let again = home.run(["retry", "--local", &name(&lasting), "--from", "a", "-o", "json"]).object();
    let why = home.run(["cache", "why", "--local", &name(&again), "a"]).good();
    assert!(why.contains("had been deleted, or removed so that this one runs"), "{why}");
    let cached = home.run(["cache", "why", "--local", &name(&again), "gate"]).good();
    assert!(!cached.contains("was edited"), "{cached}");
}
