//! What other users of the machine can read: nothing of runs, caches and the values of Secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::environment::Environment;
use crate::workflows::hello;

const SECRET: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: tell, template: tell}
    - - name: use
        template: use
        arguments: {parameters: [{name: told, value: '{{steps.tell.outputs.parameters.told}}'}]}
  - name: tell
    container:
      image: busybox
      command: [sh, -c, 'echo the password is $PASSWORD > /tmp/told']
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]
    outputs: {parameters: [{name: told, valueFrom: {path: /tmp/told}}]}
  - name: use
    inputs: {parameters: [{name: told}]}
    container: {image: busybox, command: [sh, -c, 'test \"{{inputs.parameters.told}}\" = \"the password is hunter\"\"2secret\"']}
---
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: hunter2secret}
";

const TWO_STEPS: &str = "apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: two}
spec:
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: give, template: give}], [{name: fail, template: fail}]]
  - name: give
    container: {image: busybox, command: [sh, -c, 'echo 1 > /tmp/a']}
    outputs: {parameters: [{name: a, valueFrom: {path: /tmp/a}}]}
  - name: fail
    container: {image: busybox, command: ['false']}
";

fn below(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| [vec![path.clone()], below(&path)].concat()).collect()
}

#[test]
fn runs_and_caches_are_for_their_owner_whatever_the_umask() {
    for mask in ["0", "022", "077"] {
        let environment = Environment::with("wf.yaml", hello());
        let submit = environment.command(["submit", "--local", "-q", "wf.yaml"]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("umask {mask}; exec \"$@\""), "sh"])
            .arg(submit.get_program())
            .args(submit.get_args());
        shell.current_dir(environment.path(".")).env("RUNNABLE_HOME", environment.path("state"));
        assert!(shell.output().unwrap().status.success());
        let state = environment.path("state");
        let paths = [vec![state.clone()], below(&state)].concat();
        assert!(paths.iter().any(|path| path.ends_with("manifest.json")), "{paths:?}");
        for path in paths {
            let mode = path.metadata().unwrap().permissions().mode();
            // The directories are closed; within them the times of logs follow the umask.
            let closed = path.is_dir()
                || ["json", "jsonl", "log", "yaml"]
                    .iter()
                    .any(|end| path.extension().is_some_and(|extension| extension == *end));
            assert!(!closed || mode.trailing_zeros() >= 6, "umask {mask}: {} has {mode:o}", path.display());
        }
    }
}

#[test]
fn a_home_that_the_user_made_keeps_its_mode() {
    let environment = Environment::with("wf.yaml", hello());
    let state = environment.path("state");
    fs::create_dir_all(state.join("runs")).unwrap();
    for path in [&state, &state.join("runs")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    environment.run(["submit", "--local", "-q", "wf.yaml"]).result(0);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&state), mode(&state.join("runs"))), (0o755, 0o700), "what a former version left is closed");
}

#[test]
fn a_value_of_a_secret_is_nowhere_but_in_logs_and_artifacts() {
    let environment = Environment::with("wf.yaml", SECRET);
    let output = environment.run(["submit", "--local", "wf.yaml", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!output.stdout.contains("hunter2secret") && !output.stderr.contains("hunter2secret"), "{}", output.stdout);
    assert!(output.stdout.contains("the password is secret db/password"), "{}", output.stdout);
    assert!(output.stderr.contains("not memoized: its outputs hold a value of a Secret"), "{}", output.stderr);
    for path in below(&environment.path("state")).iter().filter(|path| path.is_file()) {
        let text = fs::read(path).unwrap();
        let holds = text.windows(13).any(|window| window == b"hunter2secret");
        assert!(!holds, "{} holds the secret", path.display());
    }
    let retried = environment.run(["retry", "--local", "w", "--yes", "-q"]);
    assert!(retried.stderr.is_empty() || !retried.stderr.contains("hunter2secret"), "{}", retried.stderr);
}

#[test]
fn what_a_killed_probe_left_is_removed() {
    let environment = Environment::with("wf.yaml", hello());
    let left = environment.path("state/.probe-999999999");
    fs::create_dir_all(left.join("view/root")).unwrap();
    environment.run(["submit", "--local", "-q", "wf.yaml"]).result(0);
    assert!(!left.exists());
}

#[test]
fn an_entry_without_a_declared_output_is_no_hit() {
    let environment = Environment::with("wf.yaml", TWO_STEPS);
    let failed = environment.run(["submit", "--local", "-q", "wf.yaml"]);
    assert_eq!(failed.code, Some(3), "{}", failed.stderr);
    let manifests: Vec<PathBuf> =
        below(&environment.path("state")).into_iter().filter(|path| path.ends_with("manifest.json")).collect();
    assert_eq!(manifests.len(), 1);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&manifests[0]).unwrap()).unwrap();
    manifest["outputs"]["parameters"] = serde_json::json!([]);
    fs::write(&manifests[0], manifest.to_string()).unwrap();
    let output = environment.run(["retry", "--local", "two", "--yes", "-o", "json"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.stderr.contains("lacks the output \"a\""), "{}", output.stderr);
}
