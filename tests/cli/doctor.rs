//! `doctor` without a cluster, and without what a run of this machine needs.

use serde_json::Value;

use crate::support::environment::Environment;

/// The checks of a part under one name, as state and message.
fn checks(report: &Value, part: &str, name: &str) -> Vec<(String, String)> {
    let all = report["checks"][part].as_array().unwrap();
    let of_name = all.iter().filter(|check| check["check"] == name);
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    of_name.map(|check| (text(check, "state"), text(check, "message"))).collect()
}

fn report(environment: &Environment, arguments: &[&str], exit: i32) -> Value {
    let output = environment.run([&["doctor", "-o", "json"], arguments].concat());
    serde_json::from_str(output.result(exit)).unwrap()
}

#[test]
fn a_machine_without_a_cluster_is_well() {
    let environment = Environment::new();
    let report = report(&environment, &[], 0);
    assert_eq!(report["ok"], true);
    assert_eq!(checks(&report, "cluster", "kubeconfig")[0].0, "warning");
    let view = &checks(&report, "machine", "view")[0];
    assert!(view.0 == "ok" || view.1.starts_with("plain"), "{view:?}");
    assert_eq!(checks(&report, "machine", "git")[0].0, "ok");
    assert_eq!(checks(&report, "machine", "limits").len(), 2);
    // Nothing is left of what was tried.
    assert_eq!(std::fs::read_dir(environment.directory()).unwrap().count(), 0);
    for check in report["checks"]["machine"].as_array().unwrap() {
        let needs_advice = check["state"] == "warning" || check["state"] == "error";
        assert_eq!(check["advice"].is_string(), needs_advice, "{check}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_an_error() {
    let kubeconfig = "apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: me, user: {}}]
";
    let environment = Environment::with("kubeconfig", kubeconfig).variable("KUBECONFIG", "kubeconfig");
    let report = report(&environment, &[], 1);
    assert_eq!(checks(&report, "cluster", "kubeconfig")[0].0, "ok");
    assert_eq!(checks(&report, "cluster", "server")[0].0, "error");
    // The flag leaves the cluster out.
    assert_eq!(self::report(&environment, &["--local"], 0)["checks"].as_object().unwrap().len(), 1);
}

#[test]
fn a_store_that_cannot_be_written_is_an_error_with_what_to_do() {
    // Not even root may write there.
    let environment = Environment::new().variable("RUNNABLE_HOME", "/proc/self/state");
    let output = environment.run(["doctor", "--local"]);
    let text = output.result(1);
    assert!(text.contains("✖ store") && text.contains("→ set RUNNABLE_HOME to a directory"), "{text}");
}
