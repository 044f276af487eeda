//! `--reuse`: entries of templates that are pure functions are found by all runs of one cache.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::environment::Environment;

const NIGHTLY: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nightly-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: date, value: today}]}
  templates:
  - name: main
    steps:
    - - {name: load, template: load}
      - {name: again, template: load}
    - - {name: parse, template: parse, arguments: {parameters: [{name: text, value: '{{steps.load.outputs.result}}'}]}}
    - - {name: tell, template: tell}
  - name: load
    script: {image: busybox, command: [sh], source: 'echo {{workflow.parameters.date}}'}
  - name: parse
    inputs: {parameters: [{name: text}]}
    container: {image: busybox, command: [sh, -c, 'test {{inputs.parameters.text}}']}
    metadata: {annotations: {kubectl-runnable/reuse: 'true'}}
  - name: tell
    container: {image: busybox, command: ['false']}
";

fn hits(object: &Value) -> BTreeSet<&str> {
    let nodes = object["status"]["nodes"].as_object().unwrap().values();
    let hits = nodes.filter(|node| node["memoizationStatus"]["hit"] == true);
    hits.map(|node| node["displayName"].as_str().unwrap()).collect()
}

fn night(home: &Environment, run_id: &str, more: &[&str]) -> Value {
    let file = home.write("nightly.yaml", NIGHTLY);
    let submit = ["submit", "--local", "-q", &file, "-o", "json", "--run-id", run_id, "--name", run_id];
    home.run([&submit[..], more].concat()).exits(3).object()
}

#[test]
fn tomorrows_run_takes_what_todays_has_made() {
    let home = Environment::new();
    let reuse = ["--reuse", "load", "--cache-name", "nightly"];
    let first = night(&home, "r1", &reuse);
    assert!(!hits(&first).contains("parse"), "{:?}", hits(&first));
    let second = night(&home, "r2", &reuse);
    assert_eq!(hits(&second), ["again", "load", "parse"].into());
    let key = second["status"]["nodes"].as_object().unwrap().values().find(|node| node["displayName"] == "load");
    let key = key.unwrap()["memoizationStatus"]["key"].as_str().unwrap();
    assert!(key.starts_with("load-") && key.contains("-reuse-") && !key.contains("r2"), "{key}");

    // What an input changes runs again, and the next attempt keeps to it.
    let other = night(&home, "r3", &[&reuse[..], &["-p", "date=tomorrow"]].concat());
    assert!(!hits(&other).contains("parse"), "{:?}", hits(&other));
    let plan = home.run(["retry", "--local", "r2", "--plan", "-o", "json"]).json();
    let load = plan["nodes"].as_array().unwrap().iter().find(|node| node["name"] == "r2[0].load").unwrap();
    assert_eq!((&load["action"], &load["reused"]), (&"cached".into(), &true.into()), "{load}");
    let text = home.run(["retry", "--local", "r2", "--plan"]).good();
    assert!(text.contains("old, of any run"), "{text}");
    let why = home.run(["cache", "why", "--local", "r2", "load"]).good();
    assert!(why.contains("any run may use it (--reuse)"), "{why}");

    // Without the flag each run has its own.
    let fourth = night(&home, "r4", &["--cache-name", "nightly"]);
    assert_eq!(hits(&fourth), ["parse"].into(), "the annotation of its template counts");
}

#[test]
fn what_is_no_pure_function_is_said_and_kept_to_its_run() {
    let home = Environment::new();
    let file = home.write("nightly.yaml", NIGHTLY.replace("workflow.parameters.date", "workflow.name"));
    let submit = ["submit", &file, "--dry-run=client", "-o", "yaml", "--reuse", "all"];
    let named = home.run([&submit[..], &["--cache-name", "nightly"]].concat()).exits(0);
    assert!(named.stderr.contains("not reused by other runs: main, load (reads workflow.name"), "{}", named.stderr);
    assert!(named.stderr.contains("any run that uses the cache may use the entries of parse"), "{}", named.stderr);
    let unnamed = home.run(submit).exits(0);
    assert!(unnamed.stderr.contains("--cache-name names no cache"), "{}", unnamed.stderr);
    let slip = home.run(["submit", &file, "--dry-run=client", "--reuse", "laod", "--cache-name", "nightly"]);
    assert_eq!(slip.code, Some(2), "{slip:?}");
    assert!(slip.stderr.contains("there is no template \"laod\" to reuse"), "{}", slip.stderr);
}
