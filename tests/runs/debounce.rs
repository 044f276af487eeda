//! `submit --local --debounce`: one run of several submits on this machine.

use std::collections::BTreeSet;

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::process::Running;
use crate::support::wait::wait_until;

const SUBMITS: usize = 10;

fn workflow(script: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{generateName: build-}}\nspec:\n  entrypoint: main\n  \
         templates:\n  - name: main\n    container: {{image: busybox, command: [sh, -c, {script:?}]}}\n"
    )
}

fn start(home: &Environment, script: &str, more: &[&str]) -> Running {
    let file = home.write("w.yaml", workflow(script));
    home.start([&["submit", "--local", "-q", "-o", "name", &file, "--debounce", "1h"], more].concat())
}

fn name(output: &Output) -> String {
    output.stdout.trim().strip_prefix("workflow.argoproj.io/").unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

fn has_begun(home: &Environment) -> bool {
    home.runs().iter().any(|run| home.has_written(run))
}

#[test]
fn of_several_submits_one_makes_the_run_and_all_end_with_it() {
    let home = Environment::new();
    let running: Vec<Running> = (0..SUBMITS).map(|_| start(&home, "sleep 2; exit 3", &[])).collect();
    let ended: Vec<Output> = running.into_iter().map(Running::end).collect();
    for output in &ended {
        assert_eq!(output.code, Some(3), "{output:?}");
    }
    assert_eq!(ended.iter().map(name).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), home.runs());
    assert_eq!(home.runs().len(), 1);
}

#[test]
fn a_reservation_whose_run_never_came_serves_the_next() {
    let home = Environment::new();
    let first = name(&start(&home, "true", &[]).end().exits(0));
    std::fs::remove_dir_all(home.run_directory(&first)).unwrap();
    assert_eq!(name(&start(&home, "true", &[]).end().exits(0)), first);
    let refused = start(&home, "true", &["--on-duplicate", "fail"]).end();
    refused.fails(7, &["of another submit of the same key is there already"]);
}

#[test]
fn a_run_is_replaced_or_waited_for() {
    let home = Environment::new();
    let first = start(&home, "echo begun; sleep 1000", &[]);
    wait_until("the first run works", || has_begun(&home));
    let second = start(&home, "echo begun; sleep 2", &["--on-duplicate", "replace"]);
    assert_eq!(first.end().code, Some(3), "it was terminated");
    wait_until("the second run works", || {
        home.runs().len() == 2 && home.runs().iter().all(|run| home.has_written(run))
    });
    let third = start(&home, "true", &["--on-duplicate", "queue"]).end().exits(0);
    let second = second.end().exits(0);
    assert_ne!(name(&second), name(&third));
    assert_eq!(home.runs().len(), 3);
}
