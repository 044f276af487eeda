//! What scripts and people see of live runs: exit codes, list, status.

use std::process::Command;

use crate::namespace::with_namespace;
use crate::support::PROGRAM;

/// A container whose command is COMMAND.
const ONE: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: one-, labels: {team: data}}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: "busybox:1.37", command: [sh, -c, COMMAND]}
"#;

/// What a user writes: only the exit code is looked at.
const SCRIPT: &str = r#"
"$RUNNABLE" wait "$1" --timeout "$2" >/dev/null 2>&1
case $? in 0) echo done;; 3) echo failed;; 4) echo errored;; 5) echo late;; 6) echo gone;; *) echo unknown;; esac
"#;

fn one(command: &str) -> String {
    ONE.replace("COMMAND", &format!("\"{command}\""))
}

#[test]
fn a_script_tells_the_ends_apart() {
    with_namespace(|namespace| {
        let script = namespace.file("wait.sh", SCRIPT);
        let said = |run: &str, timeout: &str| {
            let mut shell = Command::new("sh");
            shell.args([script.as_str(), run, timeout]).env("RUNNABLE", PROGRAM);
            shell.env("KUBECONFIG", &namespace.kubeconfig).env("ARGO_NAMESPACE", &namespace.name);
            String::from_utf8(shell.output().unwrap().stdout).unwrap().trim().to_owned()
        };
        let names =
            [("true", "done"), ("false", "failed")].map(|(command, end)| (namespace.start(&one(command), &[]), end));
        // A memoize key that is no legal key ends the workflow in Error.
        let illegal = one("true").replace(
            "    container:",
            "    memoize: {key: 'a b', maxAge: '', cache: {configMap: {name: none}}}\n    container:",
        );
        let illegal = namespace.start(&illegal, &[]);
        for (name, end) in &names {
            assert_eq!(said(name, "4m"), *end);
        }
        assert_eq!(said(&illegal, "4m"), "errored");
        let lasting = namespace.start(&one("sleep 300"), &[]);
        assert_eq!(said(&lasting, "2s"), "late");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| said(&lasting, "4m"));
            std::thread::sleep(std::time::Duration::from_secs(1));
            namespace.delete("workflows", &lasting);
            assert_eq!(waiting.join().unwrap(), "gone");
        });
        assert_eq!(said(&lasting, "4m"), "gone");
        assert_eq!(said("never", "4m"), "gone");
    });
}

#[test]
fn runs_are_listed_and_shown_as_they_ended() {
    with_namespace(|namespace| {
        let good = namespace.submit(&one("true"), &["--run-id", "good"], 0);
        let bad = namespace.submit(&one("exit 7"), &["--run-id", "bad"], 3);
        let names = |more: &[&str]| {
            let ended = namespace.run(&[&["list", "-o", "name"], more].concat()).exits(0);
            ended.stdout.lines().map(|line| line.replace("workflow.argoproj.io/", "")).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), [bad.name(), good.name()]);
        assert_eq!(names(&["--phase", "Failed", "-l", "team=data"]), [bad.name()]);
        let status = namespace.run(&["status", bad.name()]).exits(0).stdout;
        for part in ["Failed", "Run ID:     bad", "exit code 7"] {
            assert!(status.contains(part), "{part:?} is not in:\n{status}");
        }
        let summary = &namespace.run(&["status", "@latest", "-o", "json"]).exits(0).json()["summary"];
        assert_eq!((&summary["phase"], &summary["failedNodes"]), (&"Failed".into(), &1.into()));
    });
}

#[test]
fn a_watch_follows_a_run_to_its_end() {
    with_namespace(|namespace| {
        // Longer than the ten seconds after which a controller looks again, or it may never see the pod running.
        let name = namespace.start(&one("sleep 15; exit 1"), &[]);
        let ended = namespace.run(&["watch", &name]).exits(3);
        assert!(ended.stderr.contains("Running") && ended.stderr.contains("Failed"), "{}", ended.stderr);
    });
}
