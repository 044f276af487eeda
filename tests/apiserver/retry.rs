//! Retrying on a cluster by the real program: the test plays the controller.

use std::process::{Command, Output};

use kubectl_runnable::testing::argo::status::{node_id, pod_name};
use kubectl_runnable::testing::exit::{CommandError, Exit};
use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::workflow;

fn command(namespace: &Namespace, arguments: &[&str]) -> Command {
    namespace.command(User::Admin, &[&["retry"], arguments].concat())
}

fn retry(namespace: &Namespace, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| command(namespace, arguments).output().unwrap())
}

fn object(output: &Output) -> Value {
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

fn parameter<'a>(workflow: &'a Value, name: &str) -> &'a Value {
    let parameters = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    &parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["value"]
}

pub(crate) fn node(workflow: &str, suffix: &str, kind: &str, phase: &str, children: &[&str]) -> Value {
    let id = |suffix: &str| node_id(workflow, &format!("{workflow}{suffix}"));
    let children: Vec<String> = children.iter().map(|child| id(child)).collect();
    let mut node = json!({ "id": id(suffix), "name": format!("{workflow}{suffix}"), "displayName": suffix,
        "type": kind, "phase": phase, "templateName": "main", "children": children });
    if !suffix.is_empty() {
        node["boundaryID"] = workflow.into();
    }
    node
}

/// A workflow of which `a` succeeded and `b` failed.
pub(crate) async fn failed(namespace: &Namespace, name: &str) -> Value {
    let mut object = workflow(name, "r1");
    let tasks = json!([{ "name": "a", "template": "main" }, { "name": "b", "template": "main" }]);
    object["spec"]["templates"].as_array_mut().unwrap().push(json!({ "name": "graph", "dag": { "tasks": tasks } }));
    object["spec"]["entrypoint"] = "graph".into();
    namespace.create("workflows", &object).await;
    let nodes = [
        node(name, "", "DAG", "Failed", &[".a", ".b"]),
        node(name, ".a", "Pod", "Succeeded", &[]),
        node(name, ".b", "Pod", "Failed", &[]),
    ];
    let nodes: serde_json::Map<String, Value> =
        nodes.into_iter().map(|node| (node["id"].as_str().unwrap().to_owned(), node)).collect();
    let labels = json!({ "workflows.argoproj.io/completed": "true", "team": "data" });
    let status = json!({ "phase": "Failed", "nodes": nodes, "finishedAt": "2026-11-21T10:00:00Z" });
    namespace.patch("workflows", name, &json!({ "metadata": { "labels": labels }, "status": status })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_creates_nothing() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let output = retry(&namespace, &["build", "--plan", "-o", "json", "--name", "again"]);
    let plan = object(&output);
    assert_eq!((&plan["mode"], &plan["attempt"], &plan["runId"]), (&json!("new"), &json!(2), &json!("r1")));
    assert_eq!(plan["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(namespace.get("workflows", "again").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_waited_for_told_and_found_again() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let directory = tempfile::tempdir().unwrap();
    let handle = directory.path().join("run.json");
    let told = directory.path().join("told");
    let exec = format!("cat > {}", told.display());
    let waiting = [
        "build",
        "--name",
        "again",
        "--wait",
        "-o",
        "json",
        "-q",
        "--handle",
        handle.to_str().unwrap(),
        "--notify-exec",
        &exec,
    ];
    let child = command(&namespace, &waiting).spawn().unwrap();
    until(&handle).await;
    namespace.patch("workflows", "again", &json!({ "status": { "phase": "Error", "message": "no" } })).await;
    let output = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let last = object(&output);
    assert_eq!((&last["status"]["phase"], &last["run"]["attempt"]), (&json!("Error"), &json!(2)));
    let written: Value = serde_json::from_slice(&std::fs::read(&handle).unwrap()).unwrap();
    assert_eq!((&written, &written["uid"]), (&last["run"], &last["metadata"]["uid"]));
    let told: Value = serde_json::from_slice(&std::fs::read(told).unwrap()).unwrap();
    assert_eq!((&told["run"], &told["phase"], &told["error"]), (&json!("again"), &json!("Error"), &json!("no")));
    let refused = retry(&namespace, &["again", "--notify-exec", "true"]);
    assert_eq!(refused.status.code(), Some(2));
}

async fn until(path: &std::path::Path) {
    let started = std::time::Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < std::time::Duration::from_mins(1), "{} was not written", path.display());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_retries_keep_one_run_id_and_count_on() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let mut last = "build".to_owned();
    for attempt in 2..=11 {
        let output = retry(&namespace, &[&last, "-o", "json", "-q"]);
        let made = object(&output);
        assert_eq!(parameter(&made, "run_id"), "r1");
        assert_eq!(parameter(&made, "retry_run_id"), "r1");
        assert_eq!(*parameter(&made, "retry_indicator"), json!(attempt.to_string()));
        assert_eq!(made["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"], last.as_str());
        assert_eq!(made["metadata"]["labels"].get("workflows.argoproj.io/completed"), None);
        assert_eq!(made["metadata"]["labels"]["team"], "data");
        last = made["metadata"]["name"].as_str().unwrap().to_owned();
        assert_eq!(last.len(), "build-12345".len());
        namespace.patch("workflows", &last, &json!({ "status": { "phase": "Failed" } })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memoized_carries_the_status_over() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let output = retry(&namespace, &["build", "--memoized", "--name", "again", "-o", "name"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "workflow.argoproj.io/again\n");
    let made = namespace.get("workflows", "again").await.unwrap();
    let nodes = &made["status"]["nodes"];
    assert_eq!(nodes[node_id("again", "again.a")]["phase"], "Skipped");
    assert_eq!(nodes[node_id("again", "again.b")]["phase"], "Pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_document_keeps_the_locks_of_the_run_unless_it_names_its_own() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let held = json!({
        "mutexes": [{ "name": "deploy" }],
        "semaphores": [{ "configMapKeyRef": { "name": "workflow-semaphores", "key": "team-x" } }],
    });
    let limits = json!({ "spec": { "synchronization": held, "parallelism": 3 } });
    namespace.patch("workflows", "build", &limits).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("edited.json");
    let own = json!({ "mutexes": [{ "name": "own" }] });
    for (number, name, synchronization, parallelism, expected) in [
        ("2", "silent", Value::Null, Value::Null, (held.clone(), json!(3))),
        ("3", "own", own.clone(), json!(7), (own, json!(7))),
        ("4", "none", json!({}), Value::Null, (json!({}), json!(3))),
    ] {
        let mut edited = workflow("edited", "another");
        edited["spec"]["templates"][0]["container"]["image"] = json!("busybox");
        // What a template of it locks is no word on the locks of the run.
        edited["spec"]["templates"][0]["synchronization"] = json!({ "mutexes": [{ "name": "step" }] });
        for (field, value) in [("synchronization", synchronization), ("parallelism", parallelism)] {
            if !value.is_null() {
                edited["spec"][field] = value;
            }
        }
        std::fs::write(&file, edited.to_string()).unwrap();
        // The attempts before are not carried out here: they are pending, so that --force is needed.
        let file = file.to_str().unwrap();
        let output = retry(&namespace, &["build", "--file", file, "--name", name, "--force", "-o", "json"]);
        let made = object(&output);
        assert_eq!((made["spec"]["synchronization"].clone(), made["spec"]["parallelism"].clone()), expected, "{name}");
        assert_eq!((parameter(&made, "run_id"), parameter(&made, "retry_indicator")), (&json!("r1"), &json!(number)));
        let template = &made["spec"]["templates"][0];
        assert_eq!(template["container"]["image"], "busybox");
        assert_eq!(template["synchronization"]["mutexes"][0]["name"], "step");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_the_same_object_goes_on() {
    let namespace = Namespace::new().await;
    let before = failed(&namespace, "build").await;
    let pod = pod_name("build", "main", "build.b");
    let spec = json!({ "containers": [{ "name": "main", "image": "busybox" }], "automountServiceAccountToken": false });
    let failed_pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": pod }, "spec": spec });
    let pods = format!("/api/v1/namespaces/{}/pods", namespace.name);
    namespace.post(&pods, &failed_pod).await;
    let output = retry(&namespace, &["build", "--in-place"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("pod {pod} is deleted")));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "workflow.argoproj.io/build retried\n");
    let after = namespace.get("workflows", "build").await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let nodes = after["status"]["nodes"].as_object().unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!(nodes["build"]["phase"], "Running");
    assert_eq!(after["status"].get("phase"), None);
    // Its name is free again.
    namespace.post(&pods, &failed_pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_at_the_same_time_is_a_conflict() {
    let namespace = Namespace::new().await;
    let stale = failed(&namespace, "build").await;
    namespace.patch("workflows", "build", &json!({ "metadata": { "labels": { "team": "other" } } })).await;
    let error = namespace.cluster(User::Admin).await.replace(&stale, false).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Conflict, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_retried_is_refused_with_its_reason() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    for (phase, reason) in [("Running", "is Running"), ("Succeeded", "has succeeded"), ("Odd", "not known")] {
        namespace.patch("workflows", "build", &json!({ "status": { "phase": phase } })).await;
        let output = retry(&namespace, &["build"]);
        assert_eq!(output.status.code(), Some(7));
        assert!(String::from_utf8_lossy(&output.stderr).contains(reason), "{phase}");
    }
    assert_eq!(retry(&namespace, &["absent"]).status.code(), Some(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_owner_is_gone_is_refused() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let owner = failed(&namespace, "owner").await;
    let reference = |uid: &Value| {
        json!({ "metadata": { "ownerReferences": [
            { "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "owner", "uid": uid },
        ] } })
    };
    namespace.patch("workflows", "build", &reference(&owner["metadata"]["uid"])).await;
    let kept = retry(&namespace, &["build", "-o", "json"]);
    assert_eq!(object(&kept)["metadata"]["ownerReferences"][0]["uid"], owner["metadata"]["uid"]);
    namespace.delete("workflows", "owner").await;
    let refused = retry(&namespace, &["build"]);
    assert_eq!(refused.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("belongs to Workflow/owner, which is deleted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_known_by_their_label_and_those_of_older_versions_too() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let second = object(&retry(&namespace, &["build", "-o", "json"]));
    let (name, marks) = (second["metadata"]["name"].as_str().unwrap().to_owned(), &second["metadata"]);
    assert_eq!(marks["labels"]["kubectl-runnable/run-id"], "r1");
    assert_eq!(marks["annotations"]["kubectl-runnable/creator"], "admin");
    namespace.patch("workflows", &name, &json!({ "status": { "phase": "Failed" } })).await;

    // An attempt that an older version made has no label.
    let mut old = workflow("build-old", "r1");
    old["spec"]["arguments"]["parameters"][2]["value"] = "7".into();
    namespace.create("workflows", &old).await;
    let refused = retry(&namespace, &[&name]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(7) && said.contains("attempt 7, build-old, is pending"), "{said}");
    namespace.patch("workflows", "build-old", &json!({ "status": { "phase": "Error" } })).await;
    let next = object(&retry(&namespace, &[&name, "-o", "json"]));
    assert_eq!(*parameter(&next, "retry_indicator"), "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_attempt_has_the_label_no_other_runs_are_read() {
    let namespace = Namespace::new().await;
    failed(&namespace, "build").await;
    let label = json!({ "metadata": { "labels": { "kubectl-runnable/run-id": "r1" } } });
    namespace.patch("workflows", "build", &label).await;
    // Such a one cannot be: whoever retries a workflow copies its labels.
    let mut unseen = workflow("build-unseen", "r1");
    unseen["spec"]["arguments"]["parameters"][2]["value"] = "7".into();
    namespace.create("workflows", &unseen).await;
    let next = object(&retry(&namespace, &["build", "-o", "json"]));
    assert_eq!(*parameter(&next, "retry_indicator"), "2");

    // A workflow of another run that has the name of the next attempt keeps it.
    let name = next["metadata"]["name"].as_str().unwrap().to_owned();
    namespace.delete("workflows", &name).await;
    namespace.create("workflows", &workflow(&name, "other")).await;
    let again = object(&retry(&namespace, &["build", "-o", "json"]));
    assert_eq!(*parameter(&again, "retry_indicator"), "2");
    assert_ne!(again["metadata"]["name"], name.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_on_from_the_runs_of_its_user() {
    let namespace = Namespace::new().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("build.json");
    let mut document = workflow("build", "r1");
    document["metadata"] = json!({ "generateName": "build-" });
    document["spec"].as_object_mut().unwrap().remove("arguments");
    std::fs::write(&file, document.to_string()).unwrap();
    let submit = |arguments: &[&str]| {
        let arguments = [&["submit", file.to_str().unwrap(), "-o", "json"], arguments].concat();
        let mut command = namespace.command(User::Admin, &arguments);
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let ann = ["--as", "ann@example.org", "--as-group", "system:masters"];
    let first = object(&submit(&ann));
    let run = first["metadata"]["name"].as_str().unwrap();
    assert_eq!(first["metadata"]["annotations"]["kubectl-runnable/creator"], "ann@example.org");
    namespace.patch("workflows", run, &json!({ "status": { "phase": "Failed" } })).await;

    let other = submit(&["--resume"]);
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains(&format!("created by others, such as {run} by ann@example.org")), "{said}");
    assert!(said.contains("no earlier run of build to continue from"), "{said}");
    assert_eq!(*parameter(&object(&other), "retry_indicator"), "");
    let own = object(&submit(&[&ann[..], &["--resume"]].concat()));
    assert_eq!(*parameter(&own, "retry_indicator"), "2");
    assert!(own["metadata"]["name"].as_str().unwrap().starts_with(&format!("{run}-")), "named as a retry names it");
    assert_eq!(own["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"], run);
}

/// The ConfigMap of a cache, as it is besides its label.
async fn cache(namespace: &Namespace, name: &str, label: bool, more: &Value) {
    let labels = if label { json!({ "workflows.argoproj.io/configmap-type": "Cache" }) } else { json!({}) };
    let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels } });
    for (field, value) in more.as_object().unwrap() {
        object[field] = value.clone();
    }
    namespace.create("configmaps", &object).await;
}

/// A run of one memoized template that succeeded and one that failed.
async fn memoized(namespace: &Namespace, name: &str, cache: &str, max_age: &str) {
    failed(namespace, name).await;
    let template = |name: &str, key: &str| {
        json!({ "name": name, "container": { "image": "alpine", "command": ["true"] }, "memoize": {
            "key": key, "maxAge": max_age, "cache": { "configMap": { "name": cache } } } })
    };
    let tasks = json!([{ "name": "a", "template": "one" }, { "name": "b", "template": "two" }]);
    let templates = json!([{ "name": "graph", "dag": { "tasks": tasks } },
        template("one", "one-{{workflow.parameters.run_id}}"), template("two", "two-{{workflow.parameters.run_id}}")]);
    namespace.patch("workflows", name, &json!({ "spec": { "templates": templates } })).await;
}

/// What the plan says of the node `a`, or of the first one where it comes to no other, and what is said beside it.
fn planned(namespace: &Namespace, run: &str) -> (Value, String) {
    let output = retry(namespace, &[run, "--plan", "-o", "json"]);
    let plan = object(&output);
    let nodes = plan["nodes"].as_array().unwrap();
    let entry = nodes.iter().find(|entry| entry["name"] == format!("{run}.a")).unwrap_or(&nodes[0]);
    (entry.clone(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_knows_what_a_controller_makes_of_a_cache() {
    let namespace = Namespace::new().await;
    let entry = |minutes: i64| {
        let made = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        let made = jiff::Timestamp::from_second(made.as_second()).unwrap();
        json!({ "nodeID": "n", "outputs": null, "creationTimestamp": made, "lastHitTimestamp": made }).to_string()
    };
    let whole = json!({ "data": { "one-r1": entry(30) } });
    cache(&namespace, "whole", true, &whole).await;
    cache(&namespace, "frozen", true, &json!({ "data": { "one-r1": entry(30) }, "immutable": true })).await;
    cache(&namespace, "odd", true, &json!({ "data": { "one-r1": "{" } })).await;
    cache(&namespace, "plain", false, &whole).await;
    for (run, cache, max_age) in [
        ("whole", "whole", ""),
        ("soon", "whole", "40m"),
        ("expired", "whole", "20m"),
        ("frozen", "frozen", ""),
        ("odd", "odd", ""),
        ("plain", "plain", ""),
        ("none", "missing", ""),
    ] {
        memoized(&namespace, run, cache, max_age).await;
    }
    let is = |run: &str, action: &str, reason: &str| {
        let (entry, said) = planned(&namespace, run);
        let why = entry["why"]["reason"].as_str().unwrap_or_default();
        assert_eq!((entry["action"].as_str().unwrap(), why), (action, reason), "{run}: {entry} {said}");
        (entry, said)
    };
    let (entry, _) = is("whole", "cached", "");
    assert!((1_800..1_900).contains(&entry["ageSeconds"].as_i64().unwrap()), "{entry}");
    let (entry, _) = is("soon", "cached", "");
    assert!((500..=600).contains(&entry["expiresInSeconds"].as_i64().unwrap()), "{entry}");
    let text = String::from_utf8_lossy(&retry(&namespace, &["soon", "--plan"]).stdout).into_owned();
    assert!(text.contains("expires in 9m") || text.contains("expires in 10m"), "{text}");
    is("expired", "runs", "expired");
    let (entry, said) = is("frozen", "runs", "fails");
    assert_eq!(entry["why"]["message"], "cache frozen is immutable");
    assert!(
        said.contains("cache frozen is immutable: nodes that hit") && said.contains("cache delete frozen"),
        "{said}"
    );
    let (_, said) = is("odd", "runs", "fails");
    assert!(said.contains("cache odd has 1 malformed"), "{said}");
    let (_, said) = is("plain", "runs", "fails");
    assert!(said.contains("cache plain lacks the label"), "{said}");
    is("none", "runs", "notMemoized");
}
