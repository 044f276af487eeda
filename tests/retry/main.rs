//! `retry --local` by the real program: only what did not succeed runs again.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use assert_fs::TempDir;
use serde_json::Value;

/// A directory of runs.
struct Home {
    directory: TempDir,
}

impl Home {
    fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn workflow(&self, text: &str) -> PathBuf {
        let path = self.path("workflow.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-runnable"));
        command.args(arguments).env("RUNNABLE_HOME", self.path("home")).env_remove("GITHUB_STEP_SUMMARY");
        command.stdin(Stdio::null());
        command
    }

    #[must_use]
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn submit(&self, text: &str, arguments: &[&str]) -> Output {
        let path = self.workflow(text);
        let mut all = vec!["submit", "--local", "-o", "json"];
        all.extend(arguments);
        all.push(path.to_str().unwrap());
        self.run(&all)
    }

    fn plan(&self) -> Value {
        let output = self.run(&["retry", "--local", "@latest", "--plan", "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn retry(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["retry", "--local", "@latest", "-o", "json"];
        all.extend(arguments);
        self.run(&all)
    }

    /// The first lines that tasks of all runs have written, one for each time that one ran.
    fn marks(&self) -> Vec<String> {
        let below = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let nodes = below(self.path("home/runs/default")).flat_map(|run| below(run.join("nodes")));
        let logs = nodes.filter_map(|node| std::fs::read_to_string(node.join("main.log")).ok());
        let mut marks: Vec<String> = logs.filter_map(|log| log.lines().next().map(str::to_owned)).collect();
        marks.sort();
        marks
    }
}

fn object(output: &Output) -> Value {
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

fn parameter<'a>(workflow: &'a Value, name: &str) -> &'a str {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_str().unwrap()
}

fn node<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    nodes.values().find(|node| node["displayName"] == name).unwrap_or_else(|| panic!("no node {name}"))
}

fn is_hit(workflow: &Value, name: &str) -> bool {
    node(workflow, name)["memoizationStatus"]["hit"] == true
}

/// The verdicts of the plan by the node's name below the workflow.
fn verdict(plan: &Value, name: &str) -> (String, String) {
    let root = plan["workflow"].as_str().unwrap();
    let nodes = plan["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["name"] == format!("{root}.{name}"));
    let found = found.unwrap_or_else(|| panic!("no {name} in {plan:#}"));
    let why = found["why"]["reason"].as_str().unwrap_or_default();
    (found["action"].as_str().unwrap().to_owned(), why.to_owned())
}

fn said(action: &str, why: &str) -> (String, String) {
    (action.to_owned(), why.to_owned())
}

/// `a ─► b ─► c`: `a` hands `b` an artifact and a parameter, `c` fails in the first attempt.
const CHAIN: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: chain-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: make}
      - name: b
        template: use
        depends: a
        arguments:
          parameters: [{name: word, value: "{{tasks.a.outputs.parameters.word}}"}]
          artifacts: [{name: in, from: "{{tasks.a.outputs.artifacts.out}}"}]
      - {name: c, template: flaky, depends: b}
  - name: make
    container:
      image: busybox
      command: [sh, -c, "echo a; echo content > /tmp/out; echo word > /tmp/word"]
    outputs:
      parameters: [{name: word, valueFrom: {path: /tmp/word}}]
      artifacts: [{name: out, path: /tmp/out}]
  - name: use
    inputs: {parameters: [{name: word}], artifacts: [{name: in, path: /tmp/in}]}
    container:
      image: busybox
      command: [sh, -c, "echo b; test {{inputs.parameters.word}} = word && grep content /tmp/in"]
  - name: flaky
    container:
      image: busybox
      command: [sh, -c, "echo c; test x$RETRY_INDICATOR != x"]
"#;

#[test]
fn only_what_failed_runs_again_and_the_plan_said_so() {
    let home = Home::new();
    let first = home.submit(CHAIN, &["--run-id", "chain-1"]);
    assert_eq!(first.status.code(), Some(3));
    assert_eq!(home.marks(), ["a", "b", "c"]);
    let plan = home.plan();
    assert_eq!(verdict(&plan, "a"), said("cached", ""));
    assert_eq!(verdict(&plan, "b"), said("cached", ""));
    assert_eq!(verdict(&plan, "c"), said("runs", "failed"));
    assert_eq!((&plan["runId"], &plan["attempt"]), (&"chain-1".into(), &2.into()));
    assert_eq!(home.marks().len(), 3, "a plan runs nothing");
    let second = home.retry(&[]);
    assert_eq!(second.status.code(), Some(0), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(home.marks(), ["a", "b", "c", "c"]);
    let workflow = object(&second);
    assert!(is_hit(&workflow, "a") && is_hit(&workflow, "b") && !is_hit(&workflow, "c"));
    assert_eq!(node(&workflow, "a")["outputs"]["parameters"][0]["value"], "word");
    assert_eq!(parameter(&workflow, "retry_run_id"), "chain-1");
    assert_eq!(parameter(&workflow, "retry_indicator"), "2");
    let previous = &workflow["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"];
    assert_eq!(*previous, object(&first)["metadata"]["name"]);
}

#[test]
fn a_consumer_that_runs_again_reads_the_artifact_from_the_cache() {
    let home = Home::new();
    let broken = CHAIN.replace("grep content", "grep nothing");
    assert_eq!(home.submit(&broken, &[]).status.code(), Some(3));
    let path = home.workflow(CHAIN);
    let retried = home.retry(&["--file", path.to_str().unwrap()]);
    assert_eq!(retried.status.code(), Some(0), "{}", String::from_utf8_lossy(&retried.stderr));
    assert_eq!(home.marks(), ["a", "b", "b", "c"]);
    assert!(is_hit(&object(&retried), "a"));
}

#[test]
fn ten_retries_keep_one_run_id_and_names_do_not_grow() {
    let home = Home::new();
    let first = object(&home.submit(&CHAIN.replace("test x$RETRY_INDICATOR != x", "false"), &[]));
    let mut names = vec![first["metadata"]["name"].as_str().unwrap().to_owned()];
    for attempt in 2..=11 {
        let retried = home.retry(&[]);
        assert_eq!(retried.status.code(), Some(3));
        let workflow = object(&retried);
        assert_eq!(parameter(&workflow, "run_id"), parameter(&first, "run_id"));
        assert_eq!(parameter(&workflow, "retry_indicator"), attempt.to_string());
        names.push(workflow["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(home.marks().iter().filter(|mark| *mark == "a").count(), 1);
    assert_eq!(names[1].len(), names[10].len(), "{names:?}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 11);
}

#[test]
fn a_retry_leaves_a_handle_of_the_new_attempt() {
    let home = Home::new();
    let handle = home.path("run.json");
    let handle = handle.to_str().unwrap();
    let first = object(&home.submit(CHAIN, &["--run-id", "r1", "--handle", handle]));
    assert_eq!(first["run"]["attempt"], 1);
    let output = home.run(&["retry", handle, "-o", "json", "--handle", handle]);
    let second = object(&output);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(handle).unwrap()).unwrap();
    assert_eq!(second["run"], written);
    assert_eq!(
        (&written["attempt"], &written["retryRunId"], &written["runId"]),
        (&2.into(), &"r1".into(), &"r1".into())
    );
    assert_eq!((&written["name"], &written["uid"]), (&second["metadata"]["name"], &second["metadata"]["uid"]));
    assert_eq!((&written["cacheName"], &written["store"]), (&first["run"]["cacheName"], &first["run"]["store"]));
    for flags in [&["--handle", handle][..], &["--wait"], &["--timeout", "1h"], &["--report", "junit=run.xml"]] {
        let planned = home.run(&[&["retry", handle, "--plan"], flags].concat());
        assert_eq!(planned.status.code(), Some(2), "{planned:?}");
        let message = format!("{} needs a run, and --plan makes none", flags[0]);
        assert!(String::from_utf8_lossy(&planned.stderr).contains(&message), "{planned:?}");
    }
}

#[test]
fn a_killed_run_goes_on_from_what_succeeded() {
    let home = Home::new();
    let hanging = CHAIN.replace("test x$RETRY_INDICATOR != x", "test x$RETRY_INDICATOR != x || sleep 60");
    let path = home.workflow(&hanging);
    let arguments = ["submit", "--local", "--run-id", "killed", path.to_str().unwrap()];
    let mut engine: Child = home.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(|| home.marks().last().is_some_and(|mark| mark == "c"));
    let running = home.retry(&[]);
    assert_eq!(running.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&running.stderr).contains("is Running"));
    engine.kill().unwrap();
    engine.wait().unwrap();
    let plan = home.plan();
    assert_eq!(verdict(&plan, "b"), said("cached", ""));
    assert_eq!(verdict(&plan, "c"), said("runs", "unfinished"));
    let retried = home.retry(&[]);
    assert_eq!(retried.status.code(), Some(0), "{}", String::from_utf8_lossy(&retried.stderr));
    assert_eq!(home.marks(), ["a", "b", "c", "c"]);
}

#[test]
fn a_broken_entry_is_a_miss() {
    let home = Home::new();
    assert_eq!(home.submit(CHAIN, &[]).status.code(), Some(3));
    let caches = std::fs::read_dir(home.path("home/cache")).unwrap().flatten();
    let entries = caches.flat_map(|cache| std::fs::read_dir(cache.path()).unwrap().flatten());
    let made = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/make-")).unwrap();
    std::fs::write(made.join("manifest.json"), "{\"version\": 1").unwrap();
    assert_eq!(verdict(&home.plan(), "a"), said("runs", "entryGone"));
    let retried = home.retry(&[]);
    assert_eq!(retried.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&retried.stderr).contains("a broken cache entry is passed over"));
    assert_eq!(home.marks(), ["a", "a", "b", "c", "c"]);
}

#[test]
fn a_changed_parameter_runs_what_reads_it() {
    let home = Home::new();
    let text = CHAIN
        .replace("entrypoint: main\n", "entrypoint: main\n  arguments: {parameters: [{name: mark, value: c}]}\n")
        .replace("echo c;", "echo {{workflow.parameters.mark}};");
    assert_eq!(home.submit(&text, &[]).status.code(), Some(3));
    assert_eq!(home.retry(&["-p", "mark=z"]).status.code(), Some(0));
    // What reads an artifact depends on all parameters: its content is not in the key.
    assert_eq!(home.marks(), ["a", "b", "b", "c", "z"]);
}

#[test]
fn what_cannot_be_retried_is_refused() {
    let home = Home::new();
    let ready = CHAIN.replace("test x$RETRY_INDICATOR != x", "true");
    assert_eq!(home.submit(&ready, &[]).status.code(), Some(0));
    let refused = home.retry(&[]);
    assert_eq!(refused.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has succeeded"));
    assert_eq!(home.retry(&["--in-place"]).status.code(), Some(2));
    assert_eq!(home.retry(&["-p", "run_id=x"]).status.code(), Some(2));
    assert_eq!(home.run(&["retry", "--local", "absent"]).status.code(), Some(6));
}

#[test]
fn a_users_own_key_is_found_within_the_run_and_after_it() {
    let home = Home::new();
    let text = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: own-}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: one, template: own}]
    - [{name: two, template: own}]
  - name: own
    memoize: {key: mine, maxAge: "", cache: {configMap: {name: my-cache}}}
    container:
      image: busybox
      command: [sh, -c, "echo run"]
"#;
    let first = object(&home.submit(text, &["--memoize=off"]));
    assert!(!is_hit(&first, "one") && is_hit(&first, "two"));
    let second = object(&home.submit(text, &["--memoize=off"]));
    assert!(is_hit(&second, "one") && is_hit(&second, "two"));
    assert_eq!(home.marks().len(), 1);
}

#[test]
fn two_runs_of_one_entry_make_it_once() {
    let home = Home::new();
    let slow = CHAIN.replace("test x$RETRY_INDICATOR != x", "true").replace("echo a;", "sleep 1; echo a;");
    let path = home.workflow(&slow);
    let arguments = ["submit", "--local", "--run-id", "both", "--cache-name", "both", path.to_str().unwrap()];
    let mut runs =
        [(); 2].map(|()| home.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    assert!(runs.iter_mut().all(|run| run.wait().unwrap().success()));
    assert_eq!(home.marks().iter().filter(|mark| *mark == "a").count(), 1, "{:?}", home.marks());
}

fn wait_for(condition: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "the condition never held");
        std::thread::sleep(Duration::from_millis(10));
    }
}
