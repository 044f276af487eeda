use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::rig::{Home, steps};

fn ended(commands: &[(&str, &str)]) -> Home {
    let home = Home::new();
    assert_eq!(home.start(&steps(commands)).ends(), Some(0));
    home
}

#[test]
fn the_logs_of_all_nodes_or_of_one_are_printed() {
    let home = ended(&[("one", "echo a; echo b >&2"), ("two", "printf c")]);
    let all = home.run(&["logs", "--local", "w"]);
    assert_eq!((all.code, all.stdout.as_str()), (Some(0), "one: a\none: b\ntwo: c\n"), "{all:?}");
    for node in ["two", "w[1].two"] {
        assert_eq!(home.run(&["logs", "--local", "w", node]).stdout, "c\n");
    }
    assert_eq!(home.run(&["logs", "--local", "w", "w"]).stdout, all.stdout);
    let absent = home.run(&["logs", "--local", "w", "three"]);
    assert_eq!(absent.code, Some(6), "{absent:?}");
    assert!(absent.stderr.contains("run w has no node \"three\""));
}

#[test]
fn lines_are_chosen_by_their_place_and_what_is_in_them() {
    let home = ended(&[("one", "seq 1 12"), ("two", "seq 10 12")]);
    let tail = home.run(&["logs", "--local", "w", "--tail", "2"]);
    assert_eq!(tail.stdout, "one: 11\none: 12\ntwo: 11\ntwo: 12\n");
    assert_eq!(home.run(&["logs", "--local", "w", "one", "--grep", "^1.?$"]).stdout, "1\n10\n11\n12\n");
    let since = home.run(&["logs", "--local", "w", "--since", "1h"]);
    assert_eq!(since.code, Some(2));
    assert!(since.stderr.contains("hold no times"), "{since:?}");
}

#[test]
fn a_run_is_followed_from_its_beginning_to_its_end() {
    let home = Home::new();
    let script = "echo first; printf to; sleep 0.2; echo rn";
    let mut run = home.start(&steps(&[("approve", ""), ("one", script), ("two", "echo last")]));
    let mut following = home.command(&["logs", "--local", "w", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap());
    home.until("the node waits", || home.phase("approve").as_deref() == Some("Running"));
    assert_eq!(home.run(&["resume", "--local", "w"]).code, Some(0));
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
    let home = Home::new();
    let mut run = home.start(&steps(&[("one", "echo begun; printf half; exec sleep 60")]));
    home.until("the task writes", || home.phase("one").is_some() && home.log("one").contains("half"));
    let mut following = home.command(&["logs", "--local", "w", "one", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
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
    let mut reading = home.command(&["logs", "--local", "w"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(reading.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "1\n");
    assert_eq!(reading.wait().unwrap().code(), Some(0));
}
