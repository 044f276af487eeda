//! `submit --resume`: after an edit, only what changed or did not succeed runs.

use serde_json::Value;

use super::retry::{is_hit, marks, node};
use crate::support::environment::Environment;
use crate::support::output::Output;

const FILE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {NAME}
spec:
  entrypoint: main
  arguments: {parameters: [{name: mark, value: c}]}
  templates:
  - name: main
    steps:
    - [{name: a, template: draw}]
    - [{name: b, template: fail}, {name: c, template: say}]
  - name: draw
    container: {image: busybox, command: [sh, -c, "echo a; od -An -N4 -tx1 /dev/urandom > /tmp/number"]}
    outputs: {parameters: [{name: number, valueFrom: {path: /tmp/number}}]}
  - name: fail
    container: {image: busybox, command: [sh, -c, "echo b; false"]}
  - name: say
    container: {image: busybox, command: [sh, -c, "echo {{workflow.parameters.mark}}"]}
"#;

fn submit(home: &Environment, text: &str, more: &[&str]) -> Output {
    let file = home.write("edited.yaml", text);
    home.run([&["submit", "--local", "-o", "json", &file], more].concat())
}

fn prefixed() -> String {
    FILE.replace("NAME", "generateName: edit-")
}

fn identity(workflow: &Value) -> (String, String) {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    let value = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].clone();
    (value("run_id").as_str().unwrap().to_owned(), value("retry_indicator").as_str().unwrap().to_owned())
}

#[test]
fn after_an_edit_only_what_changed_runs() {
    let home = Environment::new();
    let first = submit(&home, &prefixed(), &["--resume"]);
    assert_eq!(first.code, Some(3));
    assert!(first.stderr.contains("no earlier run of edit to continue from: this is the first"), "{first:?}");
    let (first, run_id) = (first.object(), identity(&first.object()).0);

    let fixed = prefixed().replace("echo b; false", "echo b; true");
    let second = submit(&home, &fixed, &["--resume"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    let said = format!(
        "going on from {} (Failed) as attempt 2 of run {run_id}: 2 of ",
        first["metadata"]["name"].as_str().unwrap()
    );
    assert!(second.stderr.contains(&said), "{said}: {second:?}");
    assert_eq!(marks(&home), ["a", "b", "b", "c"]);
    let second = second.object();
    assert_eq!(identity(&second), (run_id.clone(), "2".to_owned()));
    assert!(is_hit(&second, "a") && is_hit(&second, "c") && !is_hit(&second, "b"));
    assert_eq!(node(&second, "a")["outputs"], node(&first, "a")["outputs"]);

    let third = submit(&home, &fixed.replace("value: c", "value: d"), &["--resume"]);
    assert_eq!((third.code, identity(&third.object())), (Some(0), (run_id.clone(), "3".to_owned())), "{third:?}");
    assert_eq!(marks(&home), ["a", "b", "b", "c", "d"], "the document's parameters count");
    let fourth = submit(&home, &fixed, &["--resume", "-p", "mark=e"]);
    assert_eq!((fourth.code, identity(&fourth.object()).1.as_str()), (Some(0), "4"));
    assert_eq!(marks(&home), ["a", "b", "b", "c", "d", "e"]);

    let of_the_first = format!("--resume={}", first["metadata"]["name"].as_str().unwrap());
    let fifth = submit(&home, &fixed, &[&of_the_first]);
    assert_eq!((fifth.code, identity(&fifth.object()).1.as_str()), (Some(0), "5"), "{fifth:?}");
    assert_eq!(marks(&home), ["a", "b", "b", "c", "d", "e"], "later attempts that have succeeded do not matter");
}

#[test]
fn a_document_with_a_name_of_its_own_is_resumed_under_others() {
    let home = Environment::new();
    let named = FILE.replace("NAME", "name: edit");
    assert_eq!(submit(&home, &named, &["--run-id", "r1"]).code, Some(3));
    for attempt in ["2", "3"] {
        let again = submit(&home, &named, &["--resume"]);
        assert_eq!((again.code, identity(&again.object())), (Some(3), ("r1".to_owned(), attempt.to_owned())));
    }
    assert_eq!(marks(&home), ["a", "b", "b", "b", "c"]);
}

#[test]
fn of_several_runs_one_is_to_be_named() {
    let home = Environment::new();
    let first = submit(&home, &prefixed(), &["--run-id", "r1"]).object();
    assert_eq!(submit(&home, &prefixed(), &["--run-id", "r2"]).code, Some(3));
    let refused = submit(&home, &prefixed(), &["--resume"]);
    refused
        .fails(2, &["2 runs of this document can be resumed", "run r1, attempt 1", "run r2, attempt 1", "--resume="]);
    let name = first["metadata"]["name"].as_str().unwrap();
    let named = submit(&home, &prefixed(), &[&format!("--resume={name}")]);
    assert_eq!(identity(&named.object()), ("r1".to_owned(), "2".to_owned()));
    let by_id = submit(&home, &prefixed(), &["--resume", "--run-id", "r2"]);
    assert_eq!(identity(&by_id.object()), ("r2".to_owned(), "2".to_owned()));
    submit(&home, &prefixed(), &["--resume=absent"]).fails(6, &["absent"]);
    submit(&home, &prefixed(), &["--resume", "--dry-run=client"]).fails(2, &["--resume"]);
}

#[test]
fn a_run_that_goes_on_is_not_resumed() {
    let home = Environment::new();
    let slow = prefixed().replace("echo b; false", "echo b; sleep 60");
    let file = home.write("slow.yaml", &slow);
    let mut running = home.start(["submit", "--local", "-q", &file]);
    running.until("b begins", || marks(&home).contains(&"b".to_owned()));
    submit(&home, &prefixed(), &["--resume"]).fails(7, &["is Running"]);
    running.dies();
    assert_eq!(submit(&home, &prefixed(), &["--resume"]).code, Some(3), "a killed run has ended");
}

#[test]
fn a_document_that_has_not_changed_takes_everything_over() {
    let home = Environment::new();
    let fixed = prefixed().replace("echo b; false", "echo b; true");
    let first = submit(&home, &fixed, &[]).object();
    let second = submit(&home, &fixed, &["--resume"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(second.stderr.contains("nothing is left to do, 4 of 4 nodes are taken over"), "{second:?}");
    assert_eq!(
        (identity(&second.object()).1.as_str(), marks(&home).as_slice()),
        ("2", ["a", "b", "c"].map(str::to_owned).as_slice())
    );
    let (first, second) = (first["metadata"]["name"].as_str().unwrap(), second.object());
    assert!(second["metadata"]["name"].as_str().unwrap().starts_with(&format!("{first}-")), "{second:#}");
    assert_eq!(second["status"]["phase"], "Succeeded");
}

#[test]
fn a_retry_and_a_resumption_at_the_same_time_make_one_attempt() {
    let home = Environment::new();
    let first = submit(&home, &prefixed(), &["--run-id", "r1"]).object();
    let (run, file) = (first["metadata"]["name"].as_str().unwrap(), home.path("edited.yaml"));
    let commands: [&[&str]; 2] = [
        &["submit", "--local", "--resume", "-o", "json", file.to_str().unwrap()],
        &["retry", "--local", "-o", "json", run],
    ];
    let ended = std::thread::scope(|scope| {
        let home = &home;
        let threads = commands.map(|command| scope.spawn(move || home.run(command)));
        threads.map(|thread| thread.join().unwrap())
    });
    let mut codes: Vec<_> = ended.iter().map(|ended| ended.code.unwrap()).collect();
    codes.sort_unstable();
    // Whichever begins after the other has ended goes on from it.
    assert!(codes == [3, 7] || codes == [3, 3], "{ended:?}");
    let mut names: Vec<String> = home.runs();
    names.sort();
    assert_eq!(names.len(), 1 + codes.iter().filter(|code| **code == 3).count());
    assert!(names.iter().all(|name| name == run || name.starts_with(&format!("{run}-"))), "{names:?}");
}

#[test]
fn a_name_may_be_given_to_what_goes_on_from_a_run_that_is_named() {
    let home = Environment::new();
    let first = submit(&home, &prefixed(), &["--run-id", "r1"]).object();
    let from = format!("--resume={}", first["metadata"]["name"].as_str().unwrap());
    let named = submit(&home, &prefixed(), &[&from, "--name", "again"]).object();
    assert_eq!((named["metadata"]["name"].as_str(), identity(&named).1.as_str()), (Some("again"), "2"));
    let labels = &named["metadata"]["labels"];
    assert_eq!(
        (&labels["kubectl-runnable/run-id"], &labels["workflows.argoproj.io/resubmitted-from-workflow"]),
        (&"r1".into(), &first["metadata"]["name"])
    );
}
