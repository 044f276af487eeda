//! Logs of live pods.

use std::collections::BTreeMap;

use crate::namespace::{Namespace, PATIENCE, with_namespace};
use crate::support::process::Running;

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

/// Pods that end at once.
const SHORT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: short-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: count, template: count, withSequence: {count: "5"}}
  - name: count
    container:
      image: busybox:1.37
      command: [sh, -c, "for n in 1 2 3 4 5 6; do echo line $n; done"]
"#;
const PODS: usize = 5;
const LINES: usize = 6;
/// So many runs are followed at once.
const AT_ONCE: usize = 3;
/// How many runs are followed; 6 without it.
const RUNS: &str = "RUNNABLE_E2E_RUNS";

/// Each line of short-lived pods comes once, whether the pods stay or are deleted as soon as they end; then the nodes are named whose
/// lines are missing.
#[test]
fn no_line_of_short_lived_pods_is_lost_unsaid() {
    let runs: usize = std::env::var(RUNS).map_or(6, |runs| runs.parse().unwrap());
    let deleted = SHORT.replace("  entrypoint: main\n", "  entrypoint: main\n  podGC: {strategy: OnPodCompletion}\n");
    with_namespace(|namespace| {
        for _ in 0..runs.div_ceil(2 * AT_ONCE) {
            for (text, pods_stay) in [(SHORT, true), (deleted.as_str(), false)] {
                let followed: Vec<Running> = (0..AT_ONCE).map(|_| follow(namespace, text)).collect();
                for one in followed {
                    let ended = one.end_within(PATIENCE).exits(0);
                    assert_whole(&ended.stdout, &ended.stderr, pods_stay);
                }
            }
        }
    });
}

fn follow(namespace: &Namespace, text: &str) -> Running {
    let name = namespace.start(text, &[]);
    Running::start(namespace.command(&["logs", &name, "-f"]), namespace.directory.path())
}

/// Each pod's lines are there once, in their order; with pods that are deleted the first of them, and the pod is named.
fn assert_whole(stdout: &str, stderr: &str, pods_stay: bool) {
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in own(stdout) {
        let (source, text) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} names no node"));
        lines.entry(source).or_default().push(text);
    }
    let written: Vec<String> = (1..=LINES).map(|n| format!("line {n}")).collect();
    let sources: Vec<String> = (0..PODS).map(|item| format!("count({item}:{item})")).collect();
    assert!(lines.keys().all(|source| sources.iter().any(|known| known == source)), "{stdout}");
    for source in &sources {
        let read = lines.remove(source.as_str()).unwrap_or_default();
        assert!(
            written.starts_with(&read.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()),
            "{source}: {read:?}"
        );
        let is_whole = read.len() == LINES;
        assert!(
            is_whole || (!pods_stay && stderr.contains(source.as_str())),
            "{source}: {read:?} of {LINES}; {stderr}"
        );
    }
}
