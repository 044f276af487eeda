//! `delete`: runs of this machine go with what they have left, and nothing else does.

use crate::support::environment::Environment;
use crate::support::wait::wait_until;

const QUICK: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME, labels: {team: TEAM}}
spec:
  entrypoint: main
  templates:
  - {name: main, steps: [[{name: work, template: work}]]}
  - name: work
    container: {image: busybox, command: [sh, -c, "echo done >/tmp/o; mkdir -m 0 /tmp/closed"]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
"#;

fn submit(home: &Environment, name: &str, team: &str, arguments: &[&str]) {
    let file = home.write("workflow.yaml", QUICK.replace("NAME", name).replace("TEAM", team));
    let submitted = home.run([&["submit", "--local", "--wait", &file], arguments].concat());
    assert_eq!(submitted.code, Some(0), "{}", submitted.stderr);
}

fn names(home: &Environment) -> Vec<String> {
    let listed = home.run(["list", "--local", "-o", "name"]).stdout;
    let mut names: Vec<String> = listed.lines().map(|line| line.rsplit('/').next().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn caches(home: &Environment) -> Vec<String> {
    let listed = home.run(["cache", "list", "--local", "-o", "name"]).stdout;
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn a_run_goes_with_its_files_and_on_demand_with_the_cache_that_only_it_uses() {
    let home = Environment::new();
    for (name, cache) in [("one", "shared"), ("two", "shared"), ("three", "own")] {
        submit(&home, name, "data", &["--cache-name", cache]);
    }
    let shown = home.run(["delete", "--local", "one", "three", "--with-cache", "--dry-run"]);
    assert_eq!(
        shown.stdout,
        "workflow.argoproj.io/one deleted (dry run)\nworkflow.argoproj.io/three deleted (dry run)\ncache own deleted (dry run)\n"
    );
    assert_eq!((names(&home).len(), caches(&home).len()), (3, 2));

    let deleted = home.run(["delete", "--local", "one", "three", "--with-cache"]);
    assert_eq!(deleted.code, Some(0), "{}", deleted.stderr);
    assert!(deleted.stderr.contains("cache shared is kept: other runs or templates refer to it"), "{}", deleted.stderr);
    assert_eq!((names(&home), caches(&home)), (vec!["two".to_owned()], vec!["shared".to_owned()]));
    assert!(!home.path("state/runs/default/one").exists() && !home.path("state/removed/runs/default/one").exists());

    let missing = home.run(["delete", "--local", "one", "two"]);
    assert_eq!((missing.code, names(&home).len()), (Some(6), 0), "the other one is deleted all the same");
    submit(&home, "one", "data", &[]);
    assert_eq!(names(&home), ["one"], "the name is free again");
}

#[test]
fn runs_are_selected_by_label_age_and_end_and_one_that_goes_on_is_left() {
    let home = Environment::new();
    submit(&home, "ours", "data", &[]);
    submit(&home, "theirs", "web", &[]);
    let waits = home.write(
        "waits.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: waits, labels: {team: data}}\n\
         spec: {entrypoint: main, templates: [{name: main, suspend: {}}]}\n",
    );
    let running = home.start(["submit", "--local", "--wait", &waits]);
    wait_until("the run is there", || names(&home).len() == 3);

    let young = home.run(["delete", "--local", "--older", "7d"]);
    assert_eq!((young.code, young.stdout.as_str()), (Some(0), ""), "{}", young.stderr);
    let refused = home.run(["delete", "--local", "waits", "--force"]);
    assert_eq!(refused.code, Some(7), "{}", refused.stderr);
    let labelled = home.run(["delete", "--local", "-l", "team=data"]);
    assert!(labelled.stderr.contains("1 of the selected runs have not ended and are kept"), "{}", labelled.stderr);
    assert_eq!(names(&home), ["theirs", "waits"]);
    assert_eq!(home.run(["delete", "--local", "--completed"]).code, Some(0));
    assert_eq!(names(&home), ["waits"]);
    assert_eq!(home.run(["delete", "--local"]).code, Some(2), "nothing is named");

    assert_eq!(home.run(["terminate", "--local", "waits"]).code, Some(0));
    assert_eq!(running.end().code, Some(3));
}
