//! Notices of the end of a local run.

use serde_json::{Value, json};

use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::support::runs::steps;

fn submit(home: &Environment, script: &str, more: &[&str]) -> Output {
    let workflow = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": steps(&[("one", script)]),
    });
    std::fs::write(home.path("w.yaml"), workflow.to_string()).unwrap();
    home.run([&["submit", "--local", "w.yaml", "-q", "-o", "name", "--run-id", "r1"], more].concat())
}

#[test]
fn a_command_is_told_how_the_run_ended() {
    for (script, code, phase) in [("true", 0, "Succeeded"), ("exit 4", 3, "Failed")] {
        let home = Environment::new();
        let command = "cat > told; echo $RUNNABLE_RUN $RUNNABLE_PHASE $RUNNABLE_SUCCESS; exit 9";
        let output = submit(&home, script, &["--notify-exec", command]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(code), "workflow.argoproj.io/w\n"), "{output:?}");
        assert!(output.stderr.contains(&format!("w {phase} {}\n", code == 0)), "{output:?}");
        assert!(output.stderr.contains("warning: the command of --notify-exec failed"), "{output:?}");
        let told: Value = serde_json::from_slice(&std::fs::read(home.path("told")).unwrap()).unwrap();
        assert_eq!((&told["run_id"], &told["phase"]), (&json!("r1"), &json!(phase)));
    }
}

#[test]
fn a_server_that_is_not_there_changes_nothing_but_is_told() {
    let home = Environment::new();
    let output = submit(&home, "true", &["--notify", "http://127.0.0.1:1/hook"]);
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "workflow.argoproj.io/w\n"), "{output:?}");
    assert_eq!(output.stderr, "warning: could not notify 127.0.0.1 of the end of w: connection refused\n");
}

#[test]
fn a_notice_needs_an_end_that_is_waited_for() {
    let output = Environment::new().run(["submit", "w.yaml", "--notify", "http://127.0.0.1:1/"]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("need --wait or --local"), "{output:?}");
}
