//! `progress --local`.

use serde_json::json;

use crate::support::environment::Environment;

const GATE: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: gate}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: first, template: work, arguments: {parameters: [{name: code, value: '0'}]}}
      - {name: never, template: work, when: '1 == 2', arguments: {parameters: [{name: code, value: '0'}]}}
    - - {name: map, template: work, withItems: ['0', '3'], arguments: {parameters: [{name: code, value: '{{item}}'}]}}
    - - {name: last, template: nested}
  - name: nested
    dag: {tasks: [{name: end, template: work, arguments: {parameters: [{name: code, value: '0'}]}}]}
  - name: work
    inputs: {parameters: [{name: code}]}
    container: {image: busybox, command: [sh, -c, 'exit {{inputs.parameters.code}}']}
";

#[test]
fn the_calls_of_a_failed_run_are_complete_or_not() {
    let home = Environment::new();
    let file = home.write("gate.yaml", GATE);
    assert_eq!(home.run(["submit", "--local", "-q", &file]).code, Some(3));
    let progress = home.run(["progress", "--local", "gate", "-o", "json"]).json();
    let breakdown = json!({"first": true, "never": true, "map(0:0)": true, "map(1:3)": false, "last.end": false});
    assert_eq!(progress["node_breakdown"], breakdown, "{progress}");
    let counts = json!({"total": 5, "completed": 3, "fraction": 0.6, "is_complete": false, "phase": "Failed"});
    for (field, value) in counts.as_object().unwrap() {
        assert_eq!(&progress[field], value, "{field}");
    }
    let text = home.run(["progress", "--local", "gate"]).good();
    assert!(text.starts_with("gate Failed: 3 of 5 calls complete (60 %)\n"), "{text}");
    assert_eq!(home.run(["progress", "--local", "gate", "--watch", "-o", "json"]).code, Some(3));
}

#[test]
fn a_run_that_succeeded_is_complete() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    let progress = home.run(["progress", "--local", "a", "-o", "json"]).json();
    assert_eq!((&progress["fraction"], &progress["is_complete"]), (&json!(1.0), &json!(true)), "{progress}");
    assert_eq!(home.run(["progress", "--local", "b"]).code, Some(6));
}
