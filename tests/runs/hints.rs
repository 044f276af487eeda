//! What a refusal of `retry`, `submit --resume`, `delete` and `cache` advises: whoever follows a hint comes to no other error.

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::process::Running;

const FILE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: NAME}
spec:
  entrypoint: main
  arguments: {parameters: [{name: word, value: w}]}
  templates:
  - name: main
    steps: [[{name: first, template: say}], [{name: work, template: work}]]
  - name: say
    container: {image: busybox, command: [sh, -c, "echo {{workflow.parameters.word}}"]}
  - name: work
    container: {image: busybox, command: [sh, -c, "echo begun; SCRIPT"]}
"#;

/// Runs of these names and scripts that have ended, each with a cache of its name.
fn home(runs: &[(&str, &str)]) -> Environment {
    let home = Environment::new();
    for (name, script) in runs {
        let file = document(&home, name, script);
        let submitted = home.run(["submit", "--local", "-q", "--cache-name", name, &file]);
        assert!(matches!(submitted.code, Some(0 | 3)), "{submitted:?}");
    }
    home
}

fn document(home: &Environment, name: &str, script: &str) -> String {
    home.write(&format!("{name}.yaml"), FILE.replace("NAME", name).replace("SCRIPT", script))
}

/// A run that goes on.
fn begun(home: &Environment, name: &str) -> Running {
    let file = document(home, name, "sleep 60");
    let mut running = home.start(["submit", "--local", "-q", "--cache-name", name, &file]);
    running.until("its work has begun", || home.has_written(name));
    running
}

/// A command in words.
fn run(home: &Environment, words: &str) -> Output {
    home.run(words.split(' '))
}

/// Refuses a command with this exit code and a hint that has all of these parts.
#[track_caller]
fn refused(home: &Environment, words: &str, code: i32, parts: &[&str]) {
    let output = run(home, words);
    assert_eq!(output.code, Some(code), "{words}: {output:?}");
    let hint = output.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default();
    for part in parts {
        assert!(hint.contains(part), "{words}: {part:?} is not in the hint {hint:?}");
    }
}

/// Does what a hint has advised.
#[track_caller]
fn followed(home: &Environment, words: &str) {
    let output = run(home, words);
    assert!(matches!(output.code, Some(0 | 3)), "{words}: {output:?}");
}

#[test]
fn of_a_run_that_has_succeeded() {
    let home = home(&[("good", "true")]);
    let parts = ["submit FILE --resume", "--from NODE", "--only NODE"];
    refused(&home, "retry --local good", 7, &parts);
    refused(&home, "retry --local good -p word=w", 7, &parts);
    for advice in [
        "submit --local good.yaml --resume",
        "retry --local good --force --from first",
        "retry --local good --force --only work",
    ] {
        followed(&home, advice);
    }
    for argo in ["--memoized", "--in-place", "--in-place --restart-successful --node-field-selector displayName=work"] {
        refused(&home, &format!("retry --local good {argo}"), 2, &["leave them out", "--from or --only"]);
    }
}

#[test]
fn of_other_attempts() {
    let home = home(&[("bad", "test $RUNNABLE_RETRY_INDICATOR")]);
    followed(&home, "retry --local bad");
    refused(&home, "retry --local bad", 7, &["add --force"]);
    followed(&home, "retry --local bad --force");
    let _ = home.write("bad.yaml", FILE.replace("NAME", "bad").replace("SCRIPT", "sleep 60"));
    let mut running = home.start(["submit", "--local", "-q", "--resume", "bad.yaml"]);
    running.until("an attempt goes on", || run(&home, "list --local").stdout.contains("Running"));
    refused(&home, "retry --local bad", 7, &["wait for its end, or add --force"]);
    followed(&home, "retry --local bad --force --only first");
    refused(&home, "submit --local --resume=bad bad.yaml", 7, &["wait for its end, or stop it first"]);
    let listed = run(&home, "list --local").stdout;
    let attempt = listed.lines().find(|line| line.contains("Running")).and_then(|line| line.split(' ').next()).unwrap();
    followed(&home, &format!("stop --local {attempt}"));
    let _ = running.ends();
    let fixed = document(&home, "bad", "true");
    followed(&home, &format!("submit --local --resume=bad {fixed}"));
}

#[test]
fn of_a_run_that_goes_on() {
    let home = home(&[]);
    let mut running = begun(&home, "slow");
    refused(&home, "retry --local slow", 7, &["wait for its end, or stop it first"]);
    refused(&home, "submit --local --resume slow.yaml", 7, &["wait for its end, or stop it first"]);
    refused(&home, "cache delete --local slow", 7, &["add --force"]);
    followed(&home, "cache delete --local slow --force");
    for command in ["delete --local slow", "delete --local slow --force"] {
        refused(&home, command, 7, &["kubectl runnable terminate slow --local ends it"]);
    }
    followed(&home, "terminate --local slow");
    let _ = running.ends();
    followed(&home, "retry --local slow -p word=x --plan");
    followed(&home, "delete --local slow");
}

#[test]
fn of_nodes() {
    let home = home(&[("bad", "false")]);
    refused(&home, "retry --local bad --only wrk", 6, &["did you mean \"work\"?"]);
    followed(&home, "retry --local bad --only work");
    refused(&home, "retry --local bad --only nothing-like-it", 6, &["kubectl runnable status bad --all --local"]);
    followed(&home, "status --local bad --all");
    refused(&home, "cache why --local bad nothing-like-it", 6, &["kubectl runnable status bad --local"]);
    followed(&home, "status --local bad");
}

#[test]
fn of_several_runs() {
    let home = home(&[("one", "false"), ("two", "true")]);
    refused(&home, "retry --local one two --name x", 2, &["one by one"]);
    refused(&home, "retry --local one --plan --timeout 1s", 2, &["leave one of them out"]);
    refused(&home, "retry --local one -p run_id=x", 2, &["submit the workflow again"]);
    let text = FILE.replace("name: NAME", "generateName: many-").replace("SCRIPT", "true");
    let _ = home.write("many.yaml", text);
    followed(&home, "submit --local many.yaml");
    followed(&home, "submit --local many.yaml");
    let listed = run(&home, "submit --local --resume many.yaml");
    let hint = listed.stderr.lines().find_map(|line| line.strip_prefix("hint: name one: ")).unwrap();
    followed(&home, &format!("submit --local many.yaml {hint}"));
}

#[test]
fn of_caches() {
    let home = home(&[("kept", "true")]);
    refused(&home, "cache inspect --local gone", 6, &["kubectl runnable cache list --local"]);
    refused(&home, "cache delete --local gone", 6, &["kubectl runnable cache list --local"]);
    followed(&home, "cache list --local");
    refused(&home, "cache prune --local kept", 2, &["kubectl runnable cache delete --local"]);
    refused(&home, "cache prune --local --all", 2, &["kubectl runnable cache delete --local"]);
    followed(&home, "cache prune --local --all --older 1h");
    followed(&home, "delete --local kept");
    refused(&home, "cache prune --local kept --orphaned", 6, &["-f"]);
    followed(&home, "cache prune --local kept --orphaned -f kept.yaml --dry-run");
    followed(&home, "cache delete --local kept");
}
