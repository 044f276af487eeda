//! The answers to `__complete`, which kubectl asks for through `kubectl_complete-runnable`.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::PROGRAM;
use crate::support::environment::Environment;
use crate::workflows::one_task;

fn answer(words: &[&str]) -> Vec<String> {
    let environment = Environment::with("wf.yaml", "");
    let output = environment.run(["__complete"].iter().chain(words));
    assert_eq!(output.stderr, "");
    output.result(0).lines().map(str::to_owned).collect()
}

/// The words without their descriptions, and the directive.
fn words(words: &[&str]) -> Vec<String> {
    answer(words).iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn commands() {
    assert_eq!(words(&["sub"]), ["submit", ":4"]);
    assert!(words(&[""]).contains(&"completion".to_owned()));
    assert!(!words(&[""]).contains(&"__complete".to_owned()));
}

#[test]
fn flags_with_their_help() {
    let lines = answer(&["submit", "--dry"]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("--dry-run\tOnly show"), "{lines:?}");
}

#[test]
fn values_of_flags() {
    assert_eq!(words(&["submit", "--dry-run="]), ["--dry-run=none", "--dry-run=client", "--dry-run=server", ":4"]);
    assert_eq!(words(&["submit", "-o", ""]), ["name", "json", "yaml", "wide", ":4"]);
    assert_eq!(words(&["submit", "-o", "j"]), ["json", ":4"]);
    assert_eq!(words(&["submit", "--memoize=o"]), ["--memoize=off", ":4"]);
    assert_eq!(words(&["submit", "--name", ""]), [":4"]);
}

#[test]
fn files_are_the_shell_s_to_complete() {
    for line in [
        &["submit", ""][..],
        &["submit", "w"],
        &["submit", "/et"],
        &["submit", "wf.yaml", ""],
        &["submit", "-f", ""],
        &["submit", "--parameter-file=w"],
        &["submit", "--kubeconfig", "x"],
    ] {
        assert_eq!(words(line), [":0"], "{line:?}");
    }
}

#[test]
fn runs_of_the_place_that_the_line_names() {
    let environment = Environment::with("wf.yaml", one_task("name: etl-1", "true"));
    environment.run(["submit", "--local", "wf.yaml", "-q"]).result(0);
    environment.run(["submit", "--local", "wf.yaml", "-q", "--name", "other"]).result(0);
    environment.run(["submit", "--local", "wf.yaml", "-q", "-n", "team"]).result(0);
    let words = |line: &str| {
        let output = environment.run(["__complete"].into_iter().chain(line.split(' ')));
        let lines = output.result(0).lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>().join(" ")
    };
    for verb in ["retry", "status", "wait", "watch", "logs", "suspend", "resume", "stop", "terminate"] {
        let mut names: Vec<String> = words(&format!("{verb} --local ")).split(' ').map(str::to_owned).collect();
        names.sort();
        assert_eq!(names, [":4", "@latest", "etl-1", "other"], "{verb}");
    }
    assert_eq!(words("retry --local -n team "), "@latest etl-1 :4");
    assert_eq!(words("retry --local -n nobody "), ":4");
    assert_eq!(words("status --local other et"), "etl-1 :4");
    assert_eq!(words("retry --local @"), "@latest :4");
    assert_eq!(words("retry --local ./ru"), ":0");
    assert!(words("retry --local etl-1 --pl").starts_with("--plan"));
    // No cluster is to be had here: nothing is offered, and nothing said.
    assert_eq!(words("retry "), ":4");
}

#[test]
fn kubectl_s_executable_asks_the_program() {
    let environment = Environment::new();
    symlink(PROGRAM, environment.path("kubectl-runnable")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/kubectl_complete-runnable");
    let path = format!("{}:{}", environment.path("").display(), std::env::var("PATH").unwrap());
    let output = Command::new(script).args(["submit", "-o", "j"]).env("PATH", path).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().last(), Some(":4"));
    assert!(output.status.success());
}

#[test]
fn a_shell_that_does_not_exist() {
    insta::assert_snapshot!(Environment::new().run(["completion", "csh"]));
}
