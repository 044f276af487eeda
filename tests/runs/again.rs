//! Attempts of one run beside each other, and runs of which more runs again than failed.

use std::fs;
use std::thread;

use serde_json::Value;

use super::retry::{is_hit, marks, node};
use crate::support::environment::Environment;
use crate::support::output::Output;

/// `a ─► b ─► c`, and `d` beside them. `a` gives a random number each time; `c` fails unless `ok` is yes.
fn workflow(home: &Environment, ok: &str) -> String {
    let text = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: again-, labels: {team: data}}
spec:
  entrypoint: main
  arguments: {parameters: [{name: mark, value: d}, {name: ok, value: "OK"}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: draw}
      - name: b
        template: take
        depends: a
        arguments: {parameters: [{name: number, value: "{{tasks.a.outputs.parameters.number}}"}]}
      - {name: c, template: gate, depends: b}
      - {name: d, template: say}
  - name: draw
    container: {image: busybox, command: [sh, -c, "echo a; od -An -N4 -tx1 /dev/urandom | tr -d ' \n' > /tmp/number"]}
    outputs: {parameters: [{name: number, valueFrom: {path: /tmp/number}}]}
  - name: take
    inputs: {parameters: [{name: number}]}
    container: {image: busybox, command: [sh, -c, "echo b {{inputs.parameters.number}} > /dev/null; echo b"]}
  - name: gate
    container: {image: busybox, command: [sh, -c, "echo c; test {{workflow.parameters.ok}} = yes"]}
  - name: say
    container: {image: busybox, command: [sh, -c, "echo {{workflow.parameters.mark}}"]}
"#;
    home.write("again.yaml", text.replace("OK", ok))
}

/// A home in which the workflow has run to its end.
fn submitted(broken: bool) -> (Environment, Value) {
    let home = Environment::new();
    let file = workflow(&home, if broken { "no" } else { "yes" });
    let first = home.run(["submit", "--local", "-o", "json", "--run-id", "r1", &file]);
    assert_eq!(first.code, Some(if broken { 3 } else { 0 }), "{first:?}");
    let object = first.object();
    (home, object)
}

fn name(workflow: &Value) -> &str {
    workflow["metadata"]["name"].as_str().unwrap()
}

fn retry(home: &Environment, run: &str, more: &[&str]) -> Output {
    home.run([&["retry", "--local", run, "-o", "json"], more].concat())
}

fn attempt(output: &Output) -> String {
    let object = output.object();
    let parameters = object["spec"]["arguments"]["parameters"].as_array().unwrap();
    let indicator = parameters.iter().find(|parameter| parameter["name"] == "retry_indicator").unwrap();
    indicator["value"].as_str().unwrap().to_owned()
}

#[test]
fn a_node_runs_again_alone_or_with_all_that_follows() {
    let (home, first) = submitted(false);
    assert_eq!(marks(&home), ["a", "b", "c", "d"]);
    let plan = home.run(["retry", "--local", name(&first), "--only", "c", "--plan"]);
    let planned = plan.stdout.lines().filter(|line| line.contains("asked for")).count();
    assert_eq!((plan.code, planned), (Some(0), 1), "{plan:?}");
    assert_eq!(marks(&home).len(), 4, "a plan removes nothing");

    let only = retry(&home, name(&first), &["--only", "c"]);
    assert_eq!(only.code, Some(0), "{only:?}");
    assert_eq!(marks(&home), ["a", "b", "c", "c", "d"]);
    let second = only.object();
    assert!(["a", "b", "d"].iter().all(|name| is_hit(&second, name)));
    assert_eq!(node(&second, "a")["outputs"], node(&first, "a")["outputs"]);

    let from = retry(&home, name(&second), &["--from", "a"]);
    assert_eq!((from.code, attempt(&from).as_str()), (Some(0), "3"), "{from:?}");
    assert_eq!(marks(&home), ["a", "a", "b", "b", "c", "c", "c", "d"]);
    let third = from.object();
    assert_ne!(node(&third, "a")["outputs"], node(&first, "a")["outputs"]);
    assert!(is_hit(&third, "d"));
}

#[test]
fn a_node_that_is_not_there_is_named_with_the_nearest() {
    let (home, first) = submitted(false);
    let refused = retry(&home, name(&first), &["--only", "ab"]);
    refused.fails(6, &["has no node \"ab\""]);
    retry(&home, name(&first), &["--from", "a", "--only", "b"]).fails(2, &["--only"]);
}

#[test]
fn a_run_that_succeeded_is_retried_where_something_changes() {
    let (home, first) = submitted(false);
    let run = name(&first);
    for nothing in [&[][..], &["-p", "mark=d"]] {
        let refused = retry(&home, run, nothing);
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("has succeeded") && refused.stderr.contains("submit FILE --resume"));
    }
    let changed = retry(&home, run, &["-p", "mark=z"]);
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert_eq!(marks(&home), ["a", "b", "c", "d", "z"]);
}

#[test]
fn numbers_of_attempts_are_never_given_twice() {
    let (home, first) = submitted(true);
    let run = name(&first);
    for expected in ["2", "3"] {
        let again = retry(&home, run, &[]);
        assert_eq!((again.code, attempt(&again).as_str()), (Some(3), expected), "{again:?}");
        fs::remove_dir_all(home.run_directory(name(&again.object()))).unwrap();
    }
    let last = retry(&home, run, &["-p", "ok=yes"]);
    assert_eq!((last.code, attempt(&last).as_str()), (Some(0), "4"), "the cache remembers attempts that are gone");
    let listed = home.run(["list", "--local"]).good();
    let attempts: Vec<&str> = listed.lines().skip(1).filter_map(|line| line.split_whitespace().nth(6)).collect();
    assert_eq!(attempts, ["4", "1"], "{listed}");
    let status = home.run(["status", "--local", name(&last.object())]).good();
    assert!(status.contains("Attempt:    4 of 4\n") && status.contains(&format!("Retry of:   {run}\n")), "{status}");

    let late = retry(&home, run, &[]);
    late.fails(7, &[&format!("attempt 4, {}, has succeeded", name(&last.object()))]);
    let forced = retry(&home, run, &["--force", "-p", "ok=yes"]);
    assert_eq!((forced.code, attempt(&forced).as_str()), (Some(0), "5"), "{forced:?}");
}

#[test]
fn a_retry_beside_a_running_attempt_is_refused() {
    let (home, first) = submitted(true);
    let slow = fs::read_to_string(home.path("again.yaml")).unwrap().replace("echo c;", "echo slow; sleep 60;");
    let slow = home.write("slow.yaml", slow);
    let mut running = home.start(["retry", "--local", name(&first), "--file", &slow]);
    running.until("c begins", || marks(&home).contains(&"slow".to_owned()));
    let refused = retry(&home, name(&first), &[]);
    assert_eq!(refused.code, Some(7));
    assert!(refused.stderr.contains("attempt 2, ") && refused.stderr.contains(", is running"), "{refused:?}");
    assert_eq!(retry(&home, name(&first), &["--plan"]).code, Some(0));
    let forced = retry(&home, name(&first), &["--force"]);
    assert_eq!((forced.code, attempt(&forced).as_str()), (Some(3), "3"), "{forced:?}");
    running.dies();
}

#[test]
fn of_retries_side_by_side_one_is_made() {
    let (home, first) = submitted(true);
    let run = name(&first);
    let retries = thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| retry(&home, run, &["-p", "ok=yes"])));
        threads.map(|thread| thread.join().unwrap())
    });
    let made: Vec<&Output> = retries.iter().filter(|retry| retry.code == Some(0)).collect();
    assert_eq!(made.len(), 1, "{retries:?}");
    assert_eq!(attempt(made[0]), "2");
    for refused in retries.iter().filter(|retry| retry.code != Some(0)) {
        assert!(refused.code == Some(7) && refused.stderr.contains("attempt 2, "), "{refused:?}");
    }
    assert_eq!(marks(&home), ["a", "b", "c", "c", "d"]);
}

#[test]
fn all_runs_that_failed_are_retried_by_one_command() {
    let (home, first) = submitted(true);
    let file = home.path("again.yaml");
    let file = file.to_str().unwrap();
    let other = home.run(["submit", "--local", "-o", "json", "--labels", "team=ops", file]).object();
    let third = home.run(["submit", "--local", "-o", "json", file]).object();
    assert_eq!(retry(&home, name(&third), &[]).code, Some(3));
    assert_eq!(home.run(["submit", "--local", "-q", file, "-p", "ok=yes"]).code, Some(0));

    let plans = home.run(["retry", "--local", "-l", "team=data", "--plan", "-o", "json"]).json();
    let planned: Vec<(&str, &Value)> = plans["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{plans:#}"))
        .iter()
        .map(|plan| (plan["workflow"].as_str().unwrap(), &plan["attempt"]))
        .collect();
    assert_eq!(planned.len(), 2, "{planned:?}");
    // Runs of one second have no order.
    assert!(planned.contains(&(name(&first), &Value::from(2))), "{planned:?}");
    assert!(planned.iter().any(|plan| plan.1 == 3), "the last attempt of a run goes on: {planned:?}");

    let all = home.run(["retry", "--local", "--field-selector", "status.phase=Failed", "-o", "name", "-p", "ok=yes"]);
    assert_eq!((all.code, all.stdout.lines().count()), (Some(0), 3), "{all:?}");
    let none = home.run(["retry", "--local", "-l", "team in (data, ops)"]);
    assert!(none.code == Some(0) && none.stderr.contains("nothing to retry"), "{none:?}");

    let (one, two) = (name(&first), name(&other));
    let both = home.run(["retry", "--local", one, two, "--only", "d"]);
    assert_eq!(both.code, Some(7), "each has succeeded since: {both:?}");
    home.run(["retry", "--local", one, two, "--name", "x"]).fails(2, &["--name fits one run"]);
}
