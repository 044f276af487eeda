//! `logs --local`.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support::environment::Environment;
use crate::support::runs::steps;

fn ended(commands: &[(&str, &str)]) -> Environment {
    let home = Environment::new();
    assert_eq!(home.begin_spec(&steps(commands)).ends(), Some(0));
    home
}

#[test]
fn the_logs_of_all_nodes_or_of_one_are_printed() {
    let home = ended(&[("one", "echo a; echo b >&2"), ("two", "printf c")]);
    let all = home.run(["logs", "--local", "w"]);
    assert_eq!((all.code, all.stdout.as_str()), (Some(0), "one: a\none: b\ntwo: c\n"), "{all:?}");
    for node in ["two", "w[1].two"] {
        assert_eq!(home.run(["logs", "--local", "w", node]).stdout, "c\n");
    }
    assert_eq!(home.run(["logs", "--local", "w", "w"]).stdout, all.stdout);
    let absent = home.run(["logs", "--local", "w", "three"]);
    assert_eq!(absent.code, Some(6), "{absent:?}");
    assert!(absent.stderr.contains("run w has no node \"three\""));
    home.run(["logs", "--local", "w", "tow"]).fails(6, &["has no node \"tow\"", "hint: did you mean two?"]);
}

#[test]
fn what_failed_and_what_was_repeated_can_be_chosen() {
    let home = Environment::new();
    let mut spec = steps(&[("one", "echo good"), ("two", "echo attempt {{retries}}; exit 1")]);
    spec["templates"][2]["retryStrategy"] = serde_json::json!({"limit": "1"});
    assert_eq!(home.begin_spec(&spec).ends(), Some(3));
    let logs = |more: &[&str]| home.run([&["logs", "--local", "w"], more].concat()).stdout;
    assert_eq!(logs(&[]), "one: good\ntwo(0): attempt 0\ntwo(1): attempt 1\n");
    assert_eq!(logs(&["--failed"]), "attempt 1\n");
    assert_eq!(logs(&["--previous"]), "attempt 0\n");
    assert_eq!(logs(&["two", "--failed", "--previous"]), "attempt 0\n");
    assert_eq!(logs(&["two", "--tail", "1", "--grep", "1$"]), "two(1): attempt 1\n");
    assert_eq!(logs(&["--all"]), "one: good\ntwo(0): attempt 0\ntwo(1): attempt 1\n");
    let none = home.run(["logs", "--local", "w", "one", "--failed"]);
    assert_eq!((none.code, none.stdout.as_str(), none.stderr.as_str()), (Some(0), "", "note: no node failed\n"));
    assert_eq!(home.run(["logs", "--local", "w", "-f", "--failed"]).code, Some(2));
}

#[test]
fn lines_are_chosen_by_their_place_and_what_is_in_them() {
    let home = ended(&[("one", "seq 1 12"), ("two", "seq 10 12")]);
    let tail = home.run(["logs", "--local", "w", "--tail", "2"]);
    assert_eq!(tail.stdout, "one: 11\none: 12\ntwo: 11\ntwo: 12\n");
    assert_eq!(home.run(["logs", "--local", "w", "one", "--grep", "^1.?$"]).stdout, "1\n10\n11\n12\n");
}

#[test]
fn lines_have_the_times_at_which_they_were_written() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("one", "echo a; echo b"), ("approve", ""), ("two", "seq 1 3")]));
    home.until("the node waits", || home.phase("approve").as_deref() == Some("Running"));
    let between = jiff::Timestamp::now();
    assert_eq!(home.run(["resume", "--local", "w"]).code, Some(0));
    assert_eq!(run.ends(), Some(0));
    let output = home.run(["logs", "--local", "w", "--timestamps"]);
    let lines: Vec<Vec<&str>> = output.stdout.lines().map(|line| line.split(' ').collect()).collect();
    let texts: Vec<(&str, &str)> = lines.iter().map(|line| (line[0], line[2])).collect();
    assert_eq!(texts, [("one:", "a"), ("one:", "b"), ("two:", "1"), ("two:", "2"), ("two:", "3")]);
    let times: Vec<jiff::Timestamp> = lines.iter().map(|line| line[1].parse().unwrap()).collect();
    assert!(
        times[..2].iter().all(|time| *time <= between) && times[2..].iter().all(|time| between <= *time),
        "{output:?}"
    );
    let since = between.to_string();
    let chosen = |more: &[&str]| home.run([&["logs", "--local", "w", "--since-time", &since], more].concat()).stdout;
    assert_eq!(chosen(&[]), "two: 1\ntwo: 2\ntwo: 3\n");
    assert_eq!(chosen(&["--tail", "2"]), "two: 2\ntwo: 3\n");
    assert_eq!(chosen(&["--grep", "[ab2]", "-f"]), "two: 2\n");
    assert_eq!(home.run(["logs", "--local", "w", "--since", "1h"]).stdout.lines().count(), 5);
    assert_eq!(home.run(["logs", "--local", "w", "--since", "1h", "--since-time", &since]).code, Some(2));
    let odd = home.run(["logs", "--local", "w", "--since-time", "noon"]);
    assert!(odd.code == Some(2) && odd.stderr.contains("expected a time with a zone"), "{odd:?}");
}

#[test]
fn a_log_without_times_is_read_and_said_to_have_none() {
    let home = ended(&[("one", "echo a")]);
    let node = home.run_file("nodes").read_dir().unwrap().next().unwrap().unwrap();
    std::fs::remove_file(node.path().join("main.times")).unwrap();
    for option in [&["--timestamps"][..], &["--since", "1h"]] {
        let read = home.run([&["logs", "--local", "w"], option].concat());
        assert_eq!((read.code, read.stdout.as_str()), (Some(0), "a\n"));
        assert_eq!(read.stderr, "note: the times of the lines of these nodes are not known: one\n");
    }
    assert_eq!(home.run(["logs", "--local", "w"]).stderr, "");
}

#[test]
fn a_run_is_followed_from_its_beginning_to_its_end() {
    let home = Environment::new();
    let script = "echo first; printf to; sleep 0.2; echo rn";
    let mut run = home.begin_spec(&steps(&[("approve", ""), ("one", script), ("two", "echo last")]));
    let mut following = home.command(["logs", "--local", "w", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap());
    home.until("the node waits", || home.phase("approve").as_deref() == Some("Running"));
    assert_eq!(home.run(["resume", "--local", "w"]).code, Some(0));
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "one: first\n");
    assert_eq!(run.ends(), Some(0));
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "one: torn\ntwo: last\n");
    assert_eq!(following.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_whose_process_dies_is_followed_no_longer() {
    let home = Environment::new();
    let mut run = home.begin_spec(&steps(&[("one", "echo begun; printf half; exec sleep 60")]));
    home.until("the task writes", || home.phase("one").is_some() && home.log("one").contains("half"));
    let mut following = home.command(["logs", "--local", "w", "one", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    run.dies();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "half\n");
    assert_eq!(following.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = ended(&[("one", "seq 1 100000")]);
    let mut reading = home.command(["logs", "--local", "w"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(reading.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "1\n");
    assert_eq!(reading.wait().unwrap().code(), Some(0));
}
