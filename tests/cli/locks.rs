//! Locks of whole workflows, without a cluster.

use insta::assert_snapshot;
use jiff::Timestamp;

use crate::support::environment::Environment;
use crate::support::wait::wait_until;
use crate::workflows::{hello, one_task};

const LOCKED: &str = "submit wf.yaml --dry-run --memoize=off --run-id r --name w --semaphore exampleorg/sample@main=2 \
                      --semaphore other --mutex deploy --parallelism 5";

#[test]
fn a_client_dry_run_writes_the_newer_form() {
    let environment = Environment::with("wf.yaml", hello());
    assert_snapshot!(environment.run(LOCKED.split_whitespace()));
}

#[test]
fn locks_of_a_template_that_is_in_no_file() {
    let environment = Environment::new();
    let from = "submit --from wftmpl/t --dry-run --memoize=off --run-id r --name w --mutex m";
    assert_snapshot!(environment.run(from.split_whitespace()));
}

#[test]
fn flags_that_name_no_lock() {
    let environment = Environment::with("wf.yaml", hello());
    for flags in [["--semaphore", "k=0"], ["--semaphore", "a b"], ["--mutex", ""], ["--parallelism", "0"]] {
        let output = environment.run(["submit", "wf.yaml", "--dry-run"].iter().chain(&flags));
        assert_snapshot!(format!("flags_that_name_no_lock_{}", flags.join("_").replace([' ', '-', '='], "_")), output);
    }
}

#[test]
fn a_semaphore_that_is_not_named() {
    let environment = Environment::new();
    for words in ["set", "set k", "set k 0", "set k x", "set k 2 --drain", "get", "delete", "set --owner o 1"] {
        let output = environment.run(["semaphore"].into_iter().chain(words.split(' ')));
        assert_snapshot!(format!("a_semaphore_that_is_not_named_{}", words.replace([' ', '-'], "_")), output);
    }
}

/// Two runs at once with the same lock: from when to when each was at work.
fn spans(environment: &Environment, lock: &[&str]) -> Vec<(Timestamp, Timestamp)> {
    let runs: Vec<_> = ["one", "two"]
        .map(|name| {
            let mut command =
                environment.command(["submit", "--local", "wf.yaml", "-o", "json", "--name", name].iter().chain(lock));
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .into_iter()
        .map(|run| {
            let output = run.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let run: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let time = |field: &str| run["status"][field].as_str().unwrap().parse().unwrap();
            (time("startedAt"), time("finishedAt"))
        })
        .collect();
    runs
}

#[test]
fn a_run_of_this_machine_waits_for_the_other_s_lock() {
    for lock in [["--mutex", "deploy"], ["--semaphore", "k"]] {
        let environment = Environment::with("wf.yaml", one_task("generateName: w-", "sleep 1"));
        let mut spans = spans(&environment, &lock);
        spans.sort();
        assert!(spans[0].1 <= spans[1].0, "{lock:?}: {spans:?}");
    }
}

#[test]
fn a_semaphore_of_this_machine_lets_in_as_many_as_its_limit() {
    let environment = Environment::with("wf.yaml", one_task("generateName: w-", "sleep 3"));
    let mut spans = spans(&environment, &["--semaphore", "k=2"]);
    spans.sort();
    assert!(spans[0].1 > spans[1].0, "{spans:?}");
}

#[test]
fn locks_of_this_machine_are_listed_and_waited_for() {
    let environment = Environment::with("wf.yaml", one_task("generateName: w-", "sleep 3"));
    let start =
        |name: &str| environment.start(["submit", "--local", "-q", "wf.yaml", "--mutex", "deploy", "--name", name]);
    let first = start("one");
    wait_until("the first run holds the lock", || listed(&environment).contains("one"));
    let free = environment.start(["semaphore", "wait", "Mutex/deploy", "--local"]);
    free.wait_for_talk("waiting for Mutex/deploy: 1 held by default/one");
    let second = start("two");
    second.wait_for_talk("workflow two is waiting for lock default/Mutex/deploy, held by default/one since ");
    let table = listed(&environment);
    assert_eq!(
        table,
        "LOCK          LIMIT  HELD  WAITING  HOLDERS  QUEUE\nMutex/deploy  1      1     1        one      two\n"
    );
    for run in [first, second] {
        let _ = run.end().exits(0);
    }
    let _ = free.end().prints(0, "Mutex/deploy: a place is free\n");
    assert_eq!(listed(&environment), "");
}

fn listed(environment: &Environment) -> String {
    environment.run(["semaphore", "list", "--local"]).good()
}
