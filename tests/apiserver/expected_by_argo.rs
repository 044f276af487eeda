//! What argo's users expect of a cluster: runs selected instead of named, nodes that are given something, templates and
//! schedules; and `doctor`, before a controller is there.

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::environment::Environment;
use crate::support::output::Output;
use crate::workflow;

fn run(namespace: &Namespace, arguments: &[&str]) -> Output {
    namespace.command(User::Admin, arguments).output().unwrap().into()
}

/// A run with a label in a phase; one that has ended did so at the beginning of 2026.
async fn run_in(namespace: &Namespace, name: &str, team: &str, phase: &str) {
    let mut object = workflow(name, name);
    object["metadata"]["labels"] = json!({ "team": team });
    namespace.create("workflows", &object).await;
    let mut status = json!({"phase": phase, "startedAt": "2026-01-01T00:00:00Z"});
    if ["Succeeded", "Failed", "Error"].contains(&phase) {
        status["finishedAt"] = "2026-01-01T00:01:00Z".into();
    }
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

fn names(output: &Output) -> Vec<String> {
    let mut names: Vec<String> = output
        .result(0)
        .lines()
        .filter_map(|line| Some(line.split_once('/')?.1.split(' ').next()?.to_owned()))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn runs_are_selected_by_what_they_are() {
    let namespace = Namespace::new().await;
    run_in(&namespace, "etl-1", "data", "Running").await;
    run_in(&namespace, "etl-2", "data", "Failed").await;
    run_in(&namespace, "web-1", "web", "Succeeded").await;
    for (flags, wanted) in [
        (&["--running"][..], &["etl-1"][..]),
        (&["--completed"], &["etl-2", "web-1"]),
        (&["--status", "Failed,Succeeded"], &["etl-2", "web-1"]),
        (&["--prefix", "etl-"], &["etl-1", "etl-2"]),
        (&["--older", "7d"], &["etl-2", "web-1"]),
        (&["--since", "1h", "-l", "team=data"], &["etl-1", "etl-2"]),
        (&["--field-selector", "status.phase!=Failed,metadata.name!=web-1"], &["etl-1"]),
        (&["--resubmitted"], &[]),
    ] {
        let output = run(&namespace, &[&["list", "-o", "name"], flags].concat());
        assert_eq!(names(&output), wanted, "{flags:?}");
    }
    let table = run(&namespace, &["list", "--no-headers", "--running"]);
    assert!(table.result(0).starts_with("etl-1"), "{table}");

    // Only what goes on is stopped, and a dry run stops nothing.
    let dry = run(&namespace, &["stop", "-l", "team=data", "--dry-run"]);
    assert_eq!(names(&dry), ["etl-1"]);
    assert!(namespace.get("workflows", "etl-1").await.unwrap()["spec"].get("shutdown").is_none());
    assert_eq!(names(&run(&namespace, &["stop", "-l", "team=data"])), ["etl-1"]);
    assert_eq!(namespace.get("workflows", "etl-1").await.unwrap()["spec"]["shutdown"], "Stop");
    let none = run(&namespace, &["terminate", "-l", "team=web"]);
    assert_eq!((none.result(0), none.stderr.contains("no runs to terminate")), ("", true), "{none}");

    assert_eq!(names(&run(&namespace, &["delete", "--prefix", "etl-", "--yes"])), ["etl-2"]);
    assert_eq!(names(&run(&namespace, &["delete", "--all", "--force", "--yes"])), ["etl-1", "web-1"]);
    let gone = run(&namespace, &["status", "etl-1"]);
    assert_eq!(gone.code, Some(6), "{gone}");
}

#[tokio::test]
async fn a_suspended_node_is_given_outputs_or_fails() {
    let namespace = Namespace::new().await;
    namespace.create("workflows", &workflow("w", "r1")).await;
    let node = |name: &str| {
        json!({"id": name, "name": format!("w.{name}"), "displayName": name, "type": "Suspend", "phase": "Running",
               "outputs": {"parameters": [{"name": "by", "valueFrom": {"supplied": {}}}]}})
    };
    let status = json!({"phase": "Running", "nodes": {"a": node("a"), "b": node("b")}});
    namespace.patch("workflows", "w", &json!({ "status": status })).await;

    let set = run(&namespace, &["node", "set", "w", "--node-field-selector", "displayName=a", "-p", "by=eve"]);
    assert_eq!(set.result(0), "workflow.argoproj.io/w set (a)\n");
    let stop = ["stop", "w", "--node-field-selector", "displayName=b", "--message", "not today"];
    assert_eq!(run(&namespace, &stop).result(0), "workflow.argoproj.io/w set (b)\n");
    let nodes = namespace.get("workflows", "w").await.unwrap()["status"]["nodes"].clone();
    assert_eq!(
        (&nodes["a"]["phase"], &nodes["a"]["outputs"]["parameters"][0]["value"]),
        (&json!("Running"), &json!("eve"))
    );
    assert_eq!((&nodes["b"]["phase"], &nodes["b"]["message"]), (&json!("Failed"), &json!("not today")));

    assert_eq!(run(&namespace, &stop).code, Some(6), "it waits no longer");
    assert_eq!(run(&namespace, &["node", "set", "w"]).code, Some(2));
    let near = run(&namespace, &["status", "ww"]);
    assert_eq!(near.code, Some(6), "{near}");
}

#[tokio::test]
async fn templates_say_what_they_take() {
    let namespace = Namespace::new().await;
    let template = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": "nightly-etl"},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "date"}, {"name": "stage", "value": "dev", "enum": ["dev", "prod"]}]},
            "templates": [{"name": "main", "container": {"image": "alpine", "command": ["true"]}}],
        },
    });
    namespace.create("workflowtemplates", &template).await;
    let table = run(&namespace, &["template", "list"]);
    assert!(table.result(0).contains("nightly-etl  main        date,stage"), "{table}");
    let one = run(&namespace, &["template", "get", "nightly-etl"]);
    for line in ["Entrypoint: main", "date (needs a value)", "stage (one of dev, prod; default dev)"] {
        assert!(one.result(0).contains(line), "{line}: {one}");
    }
    let object = run(&namespace, &["template", "get", "nightly-etl", "-o", "json"]).json();
    assert_eq!(object["spec"]["entrypoint"], "main");
    let near = run(&namespace, &["template", "get", "nigthly-etl"]);
    assert_eq!((near.code, near.stderr.contains("nightly-etl")), (Some(6), true), "{near}");
    assert_eq!(run(&namespace, &["cluster-template", "list", "-o", "json"]).json()["kind"], "List");
}

fn cron() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": {"name": "nightly"},
        "spec": {
            "schedules": ["0 3 * * *"],
            "workflowSpec": {
                "entrypoint": "main",
                "arguments": {"parameters": [{"name": "cronScheduleTime", "value": ""}]},
                "templates": [{"name": "main", "container": {"image": "alpine", "command": ["true"]}}],
            },
        },
    })
}

#[tokio::test]
async fn a_schedule_is_suspended_resumed_submitted_and_made_up_for() {
    let namespace = Namespace::new().await;
    namespace.create("cronworkflows", &cron()).await;
    assert!(run(&namespace, &["cron", "list"]).result(0).contains("0 3 * * *"));
    let said = |arguments: &[&str]| run(&namespace, arguments).result(0).to_owned();
    assert_eq!(said(&["cron", "suspend", "nightly"]), "cronworkflow.argoproj.io/nightly suspended\n");
    assert_eq!(said(&["cron", "suspend", "nightly"]), "cronworkflow.argoproj.io/nightly already suspended\n");
    assert_eq!(namespace.get("cronworkflows", "nightly").await.unwrap()["spec"]["suspend"], true);
    assert!(said(&["cron", "get", "nightly"]).contains("Suspended:   true"));
    assert_eq!(said(&["cron", "resume", "nightly"]), "cronworkflow.argoproj.io/nightly resumed\n");

    let submitted = said(&["cron", "submit", "nightly", "--name", "by-hand", "-q"]);
    assert_eq!(submitted, "workflow.argoproj.io/by-hand created\n");

    let backfill = ["cron", "backfill", "nightly", "--start", "2026-11-01", "--end", "2026-11-03T12:00:00Z"];
    let times = said(&[&backfill[..], &["--dry-run"]].concat());
    assert_eq!(times, "2026-11-01T03:00:00Z\n2026-11-02T03:00:00Z\n2026-11-03T03:00:00Z\n");
    said(&backfill);
    let made = run(&namespace, &["list", "-o", "json", "--prefix", "nightly-backfill-"]).json();
    let made = made["items"].as_array().unwrap();
    assert_eq!(made.len(), 3);
    for one in made {
        let time = &one["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"];
        let parameters = one["spec"]["arguments"]["parameters"].as_array().unwrap();
        let given = parameters.iter().find(|parameter| parameter["name"] == "cronScheduleTime").unwrap();
        assert_eq!(&given["value"], time);
        assert_eq!(one["spec"]["synchronization"]["mutexes"][0]["name"], "nightly-backfill");
    }
    // The same again makes nothing twice.
    said(&backfill);
    let again = run(&namespace, &["list", "-o", "json", "--prefix", "nightly-backfill-"]).json();
    assert_eq!(again["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_cluster_without_a_controller_is_told_by_the_doctor() {
    let namespace = Namespace::new().await;
    let report = run(&namespace, &["doctor", "-o", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let checks = report["checks"]["cluster"].as_array().unwrap();
    let state = |name: &str| checks.iter().find(|check| check["check"] == name).map(|check| check["state"].clone());
    assert_eq!(state("kubeconfig"), Some(json!("ok")));
    assert_eq!(state("server"), Some(json!("ok")));
    assert_eq!(state("Argo's kinds"), Some(json!("ok")));
    let permissions: Vec<&Value> = checks.iter().filter(|check| check["check"] == "permissions").collect();
    assert!(permissions.len() > 5 && permissions.iter().all(|check| check["state"] == "ok"), "{permissions:?}");
}

#[tokio::test]
async fn names_of_the_cluster_complete_a_line() {
    let namespace = Namespace::new().await;
    namespace.create("cronworkflows", &cron()).await;
    let kubeconfig = namespace.kubeconfig(User::Admin).display().to_string();
    let environment = Environment::new().variable("KUBECONFIG", kubeconfig);
    for (words, name) in [
        (&["list", "-n", &namespace.name] as &[&str], namespace.name.as_str()),
        (&["submit", "--from", "cron"], "cronworkflow/nightly"),
        (&["submit", "--from", ""], "cronworkflow/nightly"),
    ] {
        let output = environment.run([&["__complete"], words].concat());
        assert!(output.result(0).lines().any(|line| line.split('\t').next() == Some(name)), "{output}");
    }
}
