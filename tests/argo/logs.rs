//! Logs of live pods.

use crate::namespace::with_namespace;

/// Two tasks, one after the other, that write lines with pauses.
const TALK: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: talk-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: first, template: count, arguments: {parameters: [{name: who, value: first}]}}
    - - {name: second, template: count, arguments: {parameters: [{name: who, value: second}]}}
  - name: count
    inputs: {parameters: [{name: who}]}
    container:
      image: busybox:1.37
      command: [sh, -c, "for n in 1 2 3 4 5; do echo {{inputs.parameters.who}} $n; sleep 1; done"]
"#;

/// What the workflow itself has written: Argo's executor writes to the same streams.
fn own(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.contains(" argo=true")).collect()
}

#[test]
fn a_run_is_followed_from_its_first_line_to_its_last() {
    with_namespace(|namespace| {
        let name = namespace.start(TALK, &[]);
        let followed = namespace.run(&["logs", &name, "-f"]).exits(0);
        let expected: Vec<String> =
            ["first", "second"].iter().flat_map(|who| (1..=5).map(move |n| format!("{who}: {who} {n}"))).collect();
        assert_eq!(own(&followed.stdout), expected, "{}", followed.stderr);
        let _ = namespace.run(&["wait", &name]).exits(0);
        let one = namespace.run(&["logs", &name, "second"]).exits(0);
        assert_eq!(own(&one.stdout), ["second 1", "second 2", "second 3", "second 4", "second 5"]);
        let last = namespace.run(&["logs", &name, "second", "--tail", "2"]).exits(0);
        assert!(one.stdout.ends_with(&last.stdout) && last.stdout.lines().count() == 2, "{}", last.stdout);
        let found = namespace.run(&["logs", &name, "--grep", " 3$"]).exits(0);
        assert_eq!(found.stdout.lines().count(), 2, "{}", found.stdout);
    });
}
