//! `retry --local`: only what did not succeed runs again.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::support::environment::Environment;
use crate::support::output::Output;

/// Runs a workflow to its end.
fn submit(home: &Environment, text: &str, arguments: &[&str]) -> Output {
    let file = home.write("workflow.yaml", text);
    home.run([&["submit", "--local", "-o", "json", &file], arguments].concat())
}

pub(crate) fn plan(home: &Environment) -> Value {
    home.run(["retry", "--local", "@latest", "--plan", "-o", "json"]).json()
}

pub(crate) fn retry(home: &Environment, arguments: &[&str]) -> Output {
    home.run([&["retry", "--local", "@latest", "-o", "json"], arguments].concat())
}

/// The first lines that tasks of all runs have written, one for each time that one ran.
pub(crate) fn marks(home: &Environment) -> Vec<String> {
    let below = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let nodes = below(home.path("state/runs/default")).flat_map(|run| below(run.join("nodes")));
    let logs = nodes.filter_map(|node| std::fs::read_to_string(node.join("main.log")).ok());
    let mut marks: Vec<String> = logs.filter_map(|log| log.lines().next().map(str::to_owned)).collect();
    marks.sort();
    marks
}

fn parameter<'a>(workflow: &'a Value, name: &str) -> &'a str {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"].as_str().unwrap()
}

pub(crate) fn node<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let nodes = workflow["status"]["nodes"].as_object().unwrap();
    nodes.values().find(|node| node["displayName"] == name).unwrap_or_else(|| panic!("no node {name}"))
}

pub(crate) fn is_hit(workflow: &Value, name: &str) -> bool {
    node(workflow, name)["memoizationStatus"]["hit"] == true
}

/// The verdicts of the plan by the node's name below the workflow.
pub(crate) fn verdict(plan: &Value, name: &str) -> (String, String) {
    let root = plan["workflow"].as_str().unwrap();
    let nodes = plan["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["name"] == format!("{root}.{name}"));
    let found = found.unwrap_or_else(|| panic!("no {name} in {plan:#}"));
    let why = found["why"]["reason"].as_str().unwrap_or_default();
    (found["action"].as_str().unwrap().to_owned(), why.to_owned())
}

pub(crate) fn said(action: &str, why: &str) -> (String, String) {
    (action.to_owned(), why.to_owned())
}

/// `a ─► b ─► c`: `a` hands `b` an artifact and a parameter, `c` fails in the first attempt.
pub(crate) const CHAIN: &str = r#"
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

const CRON: &str = r"
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ['0 0 * * *']
  workflowSpec:
    entrypoint: main
    templates: [{name: main, container: {image: busybox, command: ['true']}}]
";

#[test]
fn only_what_failed_runs_again_and_the_plan_said_so() {
    let home = Environment::new();
    let first = submit(&home, CHAIN, &["--run-id", "chain-1"]);
    assert_eq!(first.code, Some(3));
    assert_eq!(marks(&home), ["a", "b", "c"]);
    let plan = plan(&home);
    assert_eq!(verdict(&plan, "a"), said("cached", ""));
    assert_eq!(verdict(&plan, "b"), said("cached", ""));
    assert_eq!(verdict(&plan, "c"), said("runs", "failed"));
    assert_eq!((&plan["runId"], &plan["attempt"]), (&"chain-1".into(), &2.into()));
    assert_eq!(marks(&home).len(), 3, "a plan runs nothing");
    let second = retry(&home, &[]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert_eq!(marks(&home), ["a", "b", "c", "c"]);
    let workflow = second.object();
    assert!(is_hit(&workflow, "a") && is_hit(&workflow, "b") && !is_hit(&workflow, "c"));
    assert_eq!(node(&workflow, "a")["outputs"]["parameters"][0]["value"], "word");
    assert_eq!(parameter(&workflow, "retry_run_id"), "chain-1");
    assert_eq!(parameter(&workflow, "retry_indicator"), "2");
    let previous = &workflow["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"];
    assert_eq!(*previous, first.object()["metadata"]["name"]);
}

#[test]
fn a_consumer_that_runs_again_reads_the_artifact_from_the_cache() {
    let home = Environment::new();
    let broken = CHAIN.replace("grep content", "grep nothing");
    assert_eq!(submit(&home, &broken, &[]).code, Some(3));
    let cron = home.write("cron.yaml", CRON);
    let refused = retry(&home, &["--file", &cron]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("with a Workflow, and the files hold a CronWorkflow"), "{refused:?}");
    let file = home.write("workflow.yaml", CHAIN);
    let retried = retry(&home, &["--file", &file]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(marks(&home), ["a", "b", "b", "c"]);
    assert!(is_hit(&retried.object(), "a"));
}

/// Retries a run as `again`, which waits for the mutex `deploy`: that something else holds until `meanwhile` is done.
fn retry_that_waits(home: &Environment, arguments: &[&str], meanwhile: impl FnOnce()) -> Output {
    let holder = home.script_file("holder", "echo begun; exec sleep 60");
    let mut holder = home.start(["submit", "--local", "-q", &holder, "--mutex", "deploy"]);
    holder.until("it holds the mutex", || home.has_written("holder"));
    let mut retrying = home.command([&["retry", "--local", "--name", "again", "-o", "json"], arguments].concat());
    let mut retrying = retrying.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(retrying.stderr.take().unwrap()).lines();
    let waits = |line: String| line.starts_with("workflow again is waiting for ") && line.contains("deploy");
    assert!(talk.any(|line| waits(line.unwrap())), "it did not wait");
    meanwhile();
    holder.dies();
    Output::from(retrying.wait_with_output().unwrap())
}

#[test]
fn an_entry_that_is_replaced_after_the_plan_is_used_as_it_is() {
    let home = Environment::new();
    let first = submit(&home, CHAIN, &["--mutex", "deploy"]).object();
    let key = node(&first, "a")["memoizationStatus"]["key"].as_str().unwrap();
    let cache = node(&first, "a")["memoizationStatus"]["cacheName"].as_str().unwrap();
    let manifest = home.path(&format!("state/cache/{cache}/{key}/manifest.json"));
    let replace = || {
        let text = std::fs::read_to_string(&manifest).unwrap();
        std::fs::write(manifest.with_extension("new"), text.replace(r#""value": "word""#, r#""value": "term""#))
            .unwrap();
        std::fs::rename(manifest.with_extension("new"), &manifest).unwrap();
    };
    let ended = retry_that_waits(&home, &[first["metadata"]["name"].as_str().unwrap()], replace);
    assert_eq!(ended.code, Some(3), "b was given another word: {ended:?}");
    let again = ended.object();
    assert!(is_hit(&again, "a") && !is_hit(&again, "b"), "{again}");
    assert_eq!(node(&again, "a")["outputs"]["parameters"][0]["value"], "term");
}

#[test]
fn an_edited_document_keeps_the_locks_of_the_run() {
    let home = Environment::new();
    let locks = ["--mutex", "deploy", "--semaphore", "k=2", "--parallelism", "3"];
    let first = submit(&home, CHAIN, &locks).object();
    let edited = home.write("edited.yaml", CHAIN.replace("test x$RETRY_INDICATOR != x", "true"));
    let run = first["metadata"]["name"].as_str().unwrap();
    let ended = retry_that_waits(&home, &[run, "--file", &edited], || {});
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let again = ended.object();
    assert_eq!(
        (&again["spec"]["synchronization"], &again["spec"]["parallelism"]),
        (&first["spec"]["synchronization"], &3.into())
    );
    let beside = std::fs::read_to_string(home.run_directory("again").join("beside.yaml")).unwrap();
    assert!(beside.contains("workflow-semaphores") && beside.contains("k: \"2\""), "{beside}");
}

#[test]
fn ten_retries_keep_one_run_id_and_names_do_not_grow() {
    let home = Environment::new();
    let first = submit(&home, &CHAIN.replace("test x$RETRY_INDICATOR != x", "false"), &[]).object();
    let mut names = vec![first["metadata"]["name"].as_str().unwrap().to_owned()];
    for attempt in 2..=11 {
        let retried = retry(&home, &[]);
        assert_eq!(retried.code, Some(3));
        let workflow = retried.object();
        assert_eq!(parameter(&workflow, "run_id"), parameter(&first, "run_id"));
        assert_eq!(parameter(&workflow, "retry_indicator"), attempt.to_string());
        names.push(workflow["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(marks(&home).iter().filter(|mark| *mark == "a").count(), 1);
    assert_eq!(names[1].len(), names[10].len(), "{names:?}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 11);
}

#[test]
fn a_retry_leaves_a_handle_of_the_new_attempt() {
    let home = Environment::new();
    let handle = &home.write("run.json", "");
    let first = submit(&home, CHAIN, &["--run-id", "r1", "--handle", handle]).object();
    assert_eq!(first["run"]["attempt"], 1);
    let output = home.run(["retry", handle, "-o", "json", "--handle", handle]);
    let second = output.object();
    let written: Value = serde_json::from_str(&std::fs::read_to_string(handle).unwrap()).unwrap();
    assert_eq!(second["run"], written);
    assert_eq!(
        (&written["attempt"], &written["retryRunId"], &written["runId"]),
        (&2.into(), &"r1".into(), &"r1".into())
    );
    assert_eq!((&written["name"], &written["uid"]), (&second["metadata"]["name"], &second["metadata"]["uid"]));
    assert_eq!((&written["cacheName"], &written["store"]), (&first["run"]["cacheName"], &first["run"]["store"]));
    for flags in [&["--handle", handle][..], &["--wait"], &["--timeout", "1h"], &["--report", "junit=run.xml"]] {
        let planned = home.run([&["retry", handle, "--plan"], flags].concat());
        assert_eq!(planned.code, Some(2), "{planned:?}");
        let message = format!("{} needs a run, and --plan makes none", flags[0]);
        assert!(planned.stderr.contains(&message), "{planned:?}");
    }
}

#[test]
fn a_killed_run_goes_on_from_what_succeeded() {
    let home = Environment::new();
    let hanging = CHAIN.replace("test x$RETRY_INDICATOR != x", "test x$RETRY_INDICATOR != x || sleep 60");
    let file = home.write("workflow.yaml", &hanging);
    let mut engine = home.start(["submit", "--local", "--run-id", "killed", &file]);
    engine.until("c begins", || marks(&home).last().is_some_and(|mark| mark == "c"));
    let running = retry(&home, &[]);
    assert_eq!(running.code, Some(7));
    assert!(running.stderr.contains("is Running"));
    engine.dies();
    let plan = plan(&home);
    assert_eq!(verdict(&plan, "b"), said("cached", ""));
    assert_eq!(verdict(&plan, "c"), said("runs", "unfinished"));
    let retried = retry(&home, &[]);
    assert_eq!(retried.code, Some(0), "{}", retried.stderr);
    assert_eq!(marks(&home), ["a", "b", "c", "c"]);
}

#[test]
fn a_broken_entry_is_a_miss() {
    let home = Environment::new();
    assert_eq!(submit(&home, CHAIN, &[]).code, Some(3));
    let caches = std::fs::read_dir(home.path("state/cache")).unwrap().flatten();
    let entries = caches.flat_map(|cache| std::fs::read_dir(cache.path()).unwrap().flatten());
    let made = entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/make-")).unwrap();
    std::fs::write(made.join("manifest.json"), "{\"version\": 1").unwrap();
    assert_eq!(verdict(&plan(&home), "a"), said("runs", "entryGone"));
    let retried = retry(&home, &[]);
    assert_eq!(retried.code, Some(0));
    assert!(retried.stderr.contains("ignored a broken cache entry"));
    assert_eq!(marks(&home), ["a", "a", "b", "c", "c"]);
}

#[test]
fn a_changed_parameter_runs_what_reads_it() {
    let home = Environment::new();
    let text = CHAIN
        .replace("entrypoint: main\n", "entrypoint: main\n  arguments: {parameters: [{name: mark, value: c}]}\n")
        .replace("echo c;", "echo {{workflow.parameters.mark}};");
    assert_eq!(submit(&home, &text, &[]).code, Some(3));
    assert_eq!(retry(&home, &["-p", "mark=z"]).code, Some(0));
    // What reads an artifact depends on all parameters: its content is not in the key.
    assert_eq!(marks(&home), ["a", "b", "b", "c", "z"]);
}

#[test]
fn what_cannot_be_retried_is_refused() {
    let home = Environment::new();
    let ready = CHAIN.replace("test x$RETRY_INDICATOR != x", "true");
    assert_eq!(submit(&home, &ready, &[]).code, Some(0));
    let refused = retry(&home, &[]);
    assert_eq!(refused.code, Some(7));
    assert!(refused.stderr.contains("has succeeded"));
    assert_eq!(retry(&home, &["--in-place"]).code, Some(2));
    assert_eq!(retry(&home, &["-p", "run_id=x"]).code, Some(2));
    assert_eq!(home.run(["retry", "--local", "absent"]).code, Some(6));
}

#[test]
fn a_users_own_key_is_found_within_the_run_and_after_it() {
    let home = Environment::new();
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
    let first = submit(&home, text, &["--memoize=off"]).object();
    assert!(!is_hit(&first, "one") && is_hit(&first, "two"));
    let second = submit(&home, text, &["--memoize=off"]).object();
    assert!(is_hit(&second, "one") && is_hit(&second, "two"));
    assert_eq!(marks(&home).len(), 1);
}

#[test]
fn two_runs_of_one_entry_make_it_once() {
    let home = Environment::new();
    let slow = CHAIN.replace("test x$RETRY_INDICATOR != x", "true").replace("echo a;", "sleep 1; echo a;");
    let file = home.write("workflow.yaml", &slow);
    let arguments = ["submit", "--local", "--run-id", "both", "--cache-name", "both", &file];
    let mut runs = [(); 2].map(|()| home.start(arguments));
    assert!(runs.iter_mut().all(|run| run.ends() == Some(0)));
    assert_eq!(marks(&home).iter().filter(|mark| *mark == "a").count(), 1, "{:?}", marks(&home));
}
