//! `wait --local` and `watch --local`, from another process than the run's.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::process::signal;

#[test]
fn the_exit_code_tells_how_a_run_ended() {
    let home = Environment::new();
    home.submit("good", "true", &[]).good();
    assert_eq!(home.submit("bad", "exit 9", &[]).code, Some(3));
    let good = home.run(["wait", "--local", "good"]);
    assert_eq!(good.code, Some(0));
    assert!(good.stdout.starts_with("workflow.argoproj.io/good Succeeded in "), "{}", good.stdout);
    let bad = home.run(["wait", "--local", "bad"]);
    assert_eq!(bad.code, Some(3));
    assert!(bad.stdout.starts_with("workflow.argoproj.io/bad Failed in "), "{}", bad.stdout);
    assert_eq!(home.run(["wait", "--local", "absent"]).code, Some(6));
    assert_eq!(home.run(["wait", "--local", "good", "bad", "absent", "-o", "name"]).code, Some(6));
    assert_eq!(home.run(["wait", "--local", "bad", "absent", "--ignore-not-found"]).code, Some(3));
    let gone = home.run(["wait", "--local", "absent", "--ignore-not-found"]);
    assert_eq!((gone.code, gone.stderr.as_str()), (Some(0), ""));
    assert_eq!(home.run(["watch", "--local", "bad"]).code, Some(3));
}

#[test]
fn a_run_at_work_is_waited_for() {
    let home = Environment::new();
    let _running = home.begin("a", "echo begun; sleep 1");
    let object = home.run(["wait", "--local", "a", "-o", "json"]).json();
    assert_eq!(object["status"]["phase"], "Succeeded");
    assert!(object["status"]["finishedAt"].is_string(), "{}", object["status"]);
}

#[test]
fn time_runs_out_and_the_run_goes_on() {
    let home = Environment::new();
    let _running = home.begin("a", "echo begun; sleep 60");
    for verb in ["wait", "watch"] {
        let late = home.run([verb, "--local", "a", "--timeout", "300ms"]);
        assert_eq!(late.code, Some(5), "{}", late.stderr);
        assert!(late.stderr.contains("has not ended after 300ms (phase Running)"), "{}", late.stderr);
    }
    assert_eq!(home.run(["status", "--local", "a", "-o", "json"]).json()["summary"]["phase"], "Running");
}

#[test]
fn a_killed_run_is_not_waited_for() {
    let home = Environment::new();
    let mut running = home.begin("a", "echo begun; sleep 60");
    let waiting = home.command(["wait", "--local", "a"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    running.dies();
    let done = Output::from(waiting.wait_with_output().unwrap());
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert!(done.stderr.contains("local run \"a\" has not ended: its process was killed"), "{}", done.stderr);
    assert_eq!(home.run(["watch", "--local", "a"]).code, Some(1));
}

#[test]
fn an_interrupt_ends_the_wait_and_not_the_run() {
    let home = Environment::new();
    let _running = home.begin("a", "echo begun; sleep 60");
    let mut waiting =
        home.command(["watch", "--local", "a"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = std::io::BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut talk, &mut line).unwrap();
    assert!(line.contains("Running"), "{line}");
    signal(&waiting, Signal::INT);
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    assert_eq!(home.run(["wait", "--local", "a", "--timeout", "1ms"]).code, Some(5));
}

#[test]
fn a_watch_shows_changes_and_then_the_tree() {
    let home = Environment::new();
    let _running = home.begin("a", "echo begun; sleep 1");
    let done = home.run(["watch", "--local", "a"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let news: Vec<&str> = done.stderr.lines().collect();
    assert!(news.iter().any(|line| line.contains("Running") && line.contains("a[0].work")), "{news:?}");
    assert!(news.last().is_some_and(|line| line.contains("Succeeded")), "{news:?}");
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines[1].starts_with("└─ ✔ work"), "{lines:?}");
    assert!(lines[2].starts_with("workflow.argoproj.io/a Succeeded in "), "{lines:?}");
}

#[test]
fn events_are_told_one_a_line() {
    let home = Environment::new();
    let running = home.begin("a", "echo begun; sleep 1; exit 4");
    let watched = home.run(["watch", "--local", "a", "-o", "json"]);
    assert_eq!(watched.code, Some(3), "{watched:?}");
    let told: Vec<String> = watched
        .stdout
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["workflow"], "a", "{line}");
            let subject = event["node"].as_str().or(event["state"].as_str()).unwrap();
            format!("{} {subject}", event["event"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told, ["started a", "started work", "ended a", "ended work", "run failure"], "{}", watched.stdout);
    drop(running);
    let again = home.run(["watch", "--local", "a", "-o", "json"]);
    assert_eq!(again.stdout.lines().count(), 5, "a run that has ended tells all of it: {}", again.stdout);
}
