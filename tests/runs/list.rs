//! `list --local`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::environment::Environment;

#[test]
fn runs_are_watched_from_their_beginning_to_their_removal() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    let mut watching = home.command(["list", "--local", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut line = || {
        let words: Vec<String> = lines.next().unwrap().unwrap().split_whitespace().take(2).map(str::to_owned).collect();
        words.join(" ")
    };
    assert_eq!([line(), line()], ["NAME PHASE", "a Succeeded"]);
    let mut running = home.begin("b", "echo begun; sleep 60");
    assert_eq!(line(), "b Running");
    running.dies();
    assert_eq!(line(), "b Killed");
    std::fs::remove_dir_all(home.run_directory("a")).unwrap();
    assert_eq!(line(), "a Deleted");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_stream_of_runs_that_nobody_reads_any_more_has_ended_well() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    let mut watching = home.command(["list", "--local", "-w", "-o", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "{");
    drop(lines);
    home.submit("b", "true", &[]).good();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn runs_are_listed_the_latest_first() {
    let home = Environment::new();
    let empty = home.run(["list", "--local"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""));
    assert!(empty.stderr.contains("no runs in namespace \"default\""), "{}", empty.stderr);
    home.submit("b", "true", &["--run-id", "r1"]).good();
    // Times of creation are whole seconds.
    let made = std::time::Instant::now();
    while made.elapsed() < std::time::Duration::from_millis(1100) {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(home.submit("a", "exit 1", &["-n", "other"]).code, Some(3));
    assert_eq!(home.run(["list", "--local", "-o", "name"]).good(), "workflow.argoproj.io/b\n");
    let all = home.run(["list", "--local", "-A"]).good();
    let rows: Vec<Vec<&str>> = all.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        rows[0],
        ["NAMESPACE", "NAME", "PHASE", "AGE", "DURATION", "PROGRESS", "RUN", "ID", "ATTEMPT", "MESSAGE"]
    );
    assert_eq!(rows[1][..3], ["other", "a", "Failed"]);
    assert_eq!((&rows[2][..3], rows[2][6]), (&["default", "b", "Succeeded"][..], "r1"));
}

#[test]
fn runs_are_selected_by_label_phase_and_age() {
    let home = Environment::new();
    home.submit("a", "true", &[]).good();
    assert_eq!(home.submit("b", "exit 1", &[]).code, Some(3));
    let mut killed = home.begin("c", "echo begun; sleep 60");
    killed.dies();
    let names = |more: &[&str]| home.run([&["list", "--local", "-o", "name"], more].concat()).good();
    assert_eq!(names(&["-l", "team in (a,x)"]), "workflow.argoproj.io/a\n");
    assert_eq!(names(&["--phase", "failed"]), "workflow.argoproj.io/b\n");
    assert_eq!(names(&["--phase", "Killed"]), "workflow.argoproj.io/c\n");
    assert_eq!(names(&["--phase", "Failed", "--phase", "Succeeded", "--since", "1h"]).lines().count(), 2);
    assert_eq!(names(&["--since", "1ns"]), "");
    let list = home.run(["list", "--local", "-o", "json", "-l", "team=a"]).json();
    assert_eq!((&list["kind"], &list["items"][0]["metadata"]["name"]), (&"List".into(), &"a".into()));
    assert_eq!(home.run(["list", "--local", "-l", "team in a"]).code, Some(2));
    assert_eq!(home.run(["list", "--local", "--phase", "Odd"]).code, Some(2));
}
