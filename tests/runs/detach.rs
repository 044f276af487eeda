//! `submit --local --detach`: the run goes on after the command has returned.

use std::fs;

use crate::support::environment::Environment;
use crate::support::wait::comes_true;

#[test]
fn a_detached_run_goes_on_and_obeys_other_commands() {
    let home = Environment::new();
    let handle = home.path("run.json").into_os_string().into_string().unwrap();
    let flags = ["--detach", "--handle", &handle];
    let started = home.submit("a", "echo begun; sleep 1000", &flags);
    assert_eq!(started.good(), "workflow.argoproj.io/a started\n");
    assert!(comes_true(|| home.has_written("a")), "the task never began");
    let running = home.run(["status", &handle, "-o", "json"]).json();
    assert_eq!(running["summary"]["phase"], "Running", "{running}");

    home.run(["terminate", &handle]).good();
    assert_eq!(home.run(["wait", &handle, "--timeout", "60s", "-q"]).code, Some(3));
    let log = home.run_directory("a").join("engine.log");
    assert!(comes_true(|| fs::read_to_string(&log).unwrap().contains("workflow.argoproj.io/a Failed")));
}

#[test]
fn what_keeps_a_run_from_starting_is_told_at_once() {
    let home = Environment::new();
    let empty = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: b}\nspec: {}\n";
    let refused = home.run(["submit", "--local", "--detach", &home.write("empty.yaml", empty)]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("empty.yaml"), "{refused:?}");

    home.submit("a", "true", &[]).good();
    let taken = home.submit("a", "true", &["--detach"]);
    assert_eq!((taken.code, taken.stdout.as_str()), (Some(7), ""), "{taken:?}");
    for flags in [["--detach", "--dry-run=client"], ["--detach", "--wait"]] {
        assert_eq!(home.submit("c", "true", &flags).code, Some(2), "{flags:?}");
    }
}

#[test]
fn a_failed_run_is_retried_in_the_background() {
    let home = Environment::new();
    assert_eq!(home.submit("a", "exit 3", &[]).code, Some(3));
    let retried = home.run(["retry", "--local", "a", "--yes", "-q", "--name", "again", "--detach"]).good();
    assert_eq!(retried, "workflow.argoproj.io/again started\n");
    assert_eq!(home.run(["wait", "--local", "again", "--timeout", "60s", "-q"]).code, Some(3));
}
