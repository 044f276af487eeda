//! Entries of nodes that have succeeded in a run that was killed: the next attempt takes them over, also where the process
//! ended before an entry was made.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::retry::{CHAIN, is_hit, marks, plan, retry, said, verdict};
use crate::support::environment::Environment;

/// Many tasks side by side, each of which has an output, before one that ends in a retry alone: the first attempt is killed
/// before its end.
const FAN: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: fan-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: t
        template: t
        withSequence: {count: 60}
        arguments: {parameters: [{name: p, value: "{{item}}"}]}
    - - {name: last, template: last}
  - name: last
    container: {image: busybox, command: [sh, -c, "test x$RETRY_INDICATOR != x || sleep 60"]}
  - name: t
    inputs: {parameters: [{name: p}]}
    container: {image: busybox, command: [sh, -c, "echo {{inputs.parameters.p}} | tee /tmp/out"]}
    outputs: {parameters: [{name: out, valueFrom: {path: /tmp/out}}], artifacts: [{name: file, path: /tmp/out}]}
"#;

fn journal(home: &Environment) -> Option<PathBuf> {
    Some(home.run_directory(home.runs().first()?).join("journal.jsonl"))
}

/// The tasks that have succeeded, as the journal says; what was printed is in it.
fn succeeded(home: &Environment) -> BTreeSet<String> {
    let text = journal(home).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let nodes = events.flat_map(|event| event["nodes"].as_array().cloned().unwrap_or_default());
    let done = nodes.filter(|node| node["type"] == "Pod" && node["phase"] == "Succeeded");
    done.filter_map(|node| node["displayName"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_has_succeeded_does_not_run_again_whenever_the_run_is_killed() {
    for count in [1, 4, 9, 16, 25, 36, 49] {
        let home = Environment::new();
        let file = home.write("fan.yaml", FAN);
        let mut engine = home.start(["submit", "--local", "-q", "--run-id", "killed", &file]);
        engine.until("tasks succeed", || succeeded(&home).len() >= count);
        engine.dies();
        let done = succeeded(&home);
        let before = marks(&home).len();
        let retried = retry(&home, &[]);
        assert_eq!(retried.code, Some(0), "{}", retried.stderr);
        let object = retried.object();
        let again: Vec<&String> = done.iter().filter(|name| !is_hit(&object, name)).collect();
        assert!(again.is_empty(), "killed after {} of {before}, these ran again: {again:?}", done.len());
    }
}

/// A home in which `a` and `b` have succeeded and the run was killed while `c` was at work, as if it had been before the
/// entries were made; the journal has only the lines that `stay`.
fn killed_without_entries(stay: impl Fn(&str) -> bool) -> Environment {
    let home = Environment::new();
    let hanging = CHAIN.replace("test x$RETRY_INDICATOR != x", "test x$RETRY_INDICATOR != x || sleep 60");
    let file = home.write("workflow.yaml", hanging);
    let mut engine = home.start(["submit", "--local", "--run-id", "killed", &file]);
    engine.until("c begins", || marks(&home).last().is_some_and(|mark| mark == "c"));
    engine.until("the entries are made", || {
        journal(&home)
            .and_then(|path| fs::read_to_string(path).ok())
            .is_some_and(|text| text.matches("\"made\"").count() > 1)
    });
    engine.dies();
    fs::remove_dir_all(home.path("state/cache")).unwrap();
    let path = journal(&home).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.lines().filter(|line| stay(line)).flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
    home
}

#[test]
fn entries_that_were_not_made_are_made_by_the_next_attempt() {
    let home = killed_without_entries(|line| !line.starts_with("{\"made\""));
    let planned = plan(&home);
    assert_eq!(verdict(&planned, "a"), said("cached", ""));
    assert_eq!(verdict(&planned, "c"), said("runs", "unfinished"));
    assert!(!home.path("state/cache").exists(), "a plan makes nothing");
    let retried = retry(&home, &[]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(marks(&home), ["a", "b", "c", "c"]);
}

#[test]
fn entries_that_were_not_made_and_are_asked_for_run_again() {
    let home = killed_without_entries(|line| !line.starts_with("{\"made\""));
    let retried = retry(&home, &["--only", "a"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(marks(&home), ["a", "a", "b", "c", "c"]);
}

#[test]
fn entries_that_were_made_and_removed_since_stay_away() {
    let home = killed_without_entries(|_| true);
    assert_eq!(verdict(&plan(&home), "a"), said("runs", "entryGone"));
    let retried = retry(&home, &["-q", "--yes"]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(marks(&home), ["a", "a", "b", "b", "c", "c"]);
}
