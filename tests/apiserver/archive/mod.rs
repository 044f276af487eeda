//! The verbs of `archive` with Argo's own argo-server, and workflows that Argo's own code has archived.

mod rig;

use serde_json::{Value, json};

use self::rig::{Archive, Mode};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::retry::failed;
use crate::support::PROGRAM;
use crate::support::environment::isolated;
use crate::support::output::Output;

const RUN_ID: &str = "kubectl-runnable/run-id";

/// A workflow that failed, of which the cluster knows nothing any more.
async fn archived(archive: &Archive, name: &str) -> Value {
    failed_before(archive, name).await;
    archive.take(name).await
}

async fn failed_before(archive: &Archive, name: &str) {
    failed(&archive.namespace, name).await;
    let status = json!({"startedAt": "2026-11-21T09:00:00Z", "message": "child 'b' failed"});
    let labels = json!({RUN_ID: "r1"});
    let change = json!({"status": status, "metadata": {"labels": labels, "generateName": "build-"}});
    archive.namespace.patch("workflows", name, &change).await;
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

async fn exists(namespace: &Namespace, name: &str) -> bool {
    namespace.get("workflows", name).await.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_the_cluster_is_listed_and_shown() {
    let archive = Archive::new(Mode::Open).await;
    let build = archived(&archive, "build").await;
    archived(&archive, "build-2").await;
    let mut succeeded = build.clone();
    succeeded["metadata"]["name"] = "nightly".into();
    succeeded["metadata"]["uid"] = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into();
    succeeded["metadata"]["labels"] = json!({"team": "ops"});
    succeeded["status"] = json!({"phase": "Succeeded", "startedAt": "2026-11-22T09:00:00Z"});
    archive.add(&succeeded);
    assert!(!exists(&archive.namespace, "build").await);

    let text = archive.run(&["archive", "list"]).good();
    let uid = build["metadata"]["uid"].as_str().unwrap();
    for part in ["NAME", "UID", "build-2", "Failed", "nightly", "Succeeded", uid, "r1", "child 'b' failed"] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let listed = |flags: &[&str]| archive.run(&[&["archive", "list", "-o", "json"], flags].concat()).json();
    // One page for each, and no workflow twice.
    let mut all = listed(&["--chunk-size", "1"]);
    all["items"].as_array_mut().unwrap().sort_by_key(|item| item["metadata"]["name"].to_string());
    assert_eq!(names(&all), ["build", "build-2", "nightly"]);
    assert_eq!(names(&listed(&["-l", "team=ops"])), ["nightly"]);
    assert_eq!(names(&listed(&["--prefix", "ni"])), ["nightly"]);
    assert_eq!(names(&listed(&["--phase", "Failed"])).len(), 2);
    assert_eq!(names(&listed(&["--since", "1h"])).len(), 0, "they started long ago");
    assert_eq!(names(&listed(&["-A", "-l", "team=ops", "--field-selector", "metadata.name=nightly"])), ["nightly"]);
    assert_eq!(
        archive.run(&["archive", "list", "-o", "name", "--prefix", "ni"]).good(),
        "workflow.argoproj.io/nightly\n"
    );

    // The name is not the beginning of one, as argo takes it.
    let mut object = archive.run(&["archive", "get", "build", "-o", "json"]).json();
    object.as_object_mut().unwrap().remove("summary");
    let mut expected = build.clone();
    expected["metadata"]["labels"]["workflows.argoproj.io/workflow-archiving-status"] = "Persisted".into();
    let phases = |object: &Value| -> Vec<(String, Value)> {
        let nodes = object["status"]["nodes"].as_object().unwrap().iter();
        let mut phases: Vec<_> = nodes.map(|(id, node)| (id.clone(), node["phase"].clone())).collect();
        phases.sort_by(|left, right| left.0.cmp(&right.0));
        phases
    };
    assert_eq!(phases(&object), phases(&expected));
    assert_eq!(object["metadata"]["labels"], expected["metadata"]["labels"]);
    let text = archive.run(&["archive", "get", uid]).good();
    for part in ["Phase:      Failed\n", "✖ b", &format!("kubectl runnable archive retry {uid} -n ")] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }

    let server = format!("http://localhost:{}", archive.server.port);
    let missing = archive.run(&["archive", "get", "buil", "--argo-server", &server]).exits(6);
    assert!(missing.stderr.contains(&format!(" --argo-server {server} shows what the archive has")), "{missing:?}");
    assert!(missing.stderr.contains("the archive does not have workflow \"buil\""), "{missing:?}");
    let keys = archive.run(&["archive", "list-label-keys"]).good();
    assert!(keys.lines().any(|key| key == "team"), "{keys}");
    let values = archive.run(&["archive", "list-label-values", "-l", "team"]).good();
    assert!(values.contains("data\n") && values.contains("ops\n"), "{values}");
    assert_eq!(archive.run(&["archive", "list-label-values", "-l", "nobody"]).good(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workflows_of_a_name_the_uid_says_which() {
    let archive = Archive::new(Mode::Open).await;
    let first = archived(&archive, "build").await;
    let second = archived(&archive, "build").await;
    let several = archive.run(&["archive", "get", "build"]).exits(2);
    for uid in [&first, &second].map(|workflow| workflow["metadata"]["uid"].as_str().unwrap()) {
        assert!(several.stderr.contains(uid), "{several:?}");
        let object = archive.run(&["archive", "get", uid, "-o", "json"]).json();
        assert_eq!(object["metadata"]["uid"], uid);
    }
    let uid = first["metadata"]["uid"].as_str().unwrap();
    let shown = archive.run(&["archive", "delete", uid, "--dry-run"]).good();
    assert!(shown.contains("(dry run)"), "{shown}");
    assert!(archive.run(&["archive", "delete", uid]).good().contains("deleted from the archive"));
    let _ = archive.run(&["archive", "get", uid]).exits(6);
    let _ = archive.run(&["archive", "delete", uid]).exits(6);
    let left = archive.run(&["archive", "get", "build", "-o", "json"]).json();
    assert_eq!(left["metadata"]["uid"], second["metadata"]["uid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_gone_is_retried_by_the_plan_of_one_that_is_there() {
    let archive = Archive::new(Mode::Open).await;
    failed_before(&archive, "build").await;
    let of_live = archive.run(&["retry", "build", "--plan", "-o", "json"]).json();
    archive.take("build").await;
    let gone = archive.run(&["retry", "build"]).exits(6);
    assert!(gone.stderr.contains("kubectl runnable archive list"), "{gone:?}");

    let plan = archive.run(&["archive", "retry", "build", "--plan", "-o", "json"]).json();
    assert_eq!(plan, of_live);
    assert_eq!((&plan["mode"], &plan["attempt"], &plan["runId"]), (&json!("new"), &json!(2), &json!("r1")));
    assert_eq!(plan["nodes"].as_array().unwrap().len(), 3);
    let created = archive.run(&["archive", "retry", "build", "--name", "again", "-o", "json"]).json();
    let live = archive.namespace.get("workflows", "again").await.unwrap();
    assert_eq!(live["metadata"]["uid"], created["metadata"]["uid"]);
    assert_eq!(live["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"], "build");
    assert_eq!(live["status"], Value::Null);
    let parameters = live["spec"]["arguments"]["parameters"].to_string();
    assert!(parameters.contains(r#"{"name":"retry_indicator","value":"2"}"#), "{parameters}");

    // An attempt that goes on, and later one that the archive alone has, count as those of the cluster do.
    let running = archive.run(&["archive", "retry", "build"]).exits(7);
    assert!(running.stderr.contains("attempt 2, again, is"), "{running:?}");
    archive.namespace.patch("workflows", "again", &json!({"status": {"phase": "Succeeded"}})).await;
    archive.take("again").await;
    let done = archive.run(&["archive", "retry", "build"]).exits(7);
    assert!(done.stderr.contains("attempt 2, again, has succeeded"), "{done:?}");
    let third = archive.run(&["archive", "retry", "build", "--force", "-o", "json"]).json();
    assert_eq!(third["run"]["attempt"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_whose_last_attempt_failed_are_retried() {
    let archive = Archive::new(Mode::Open).await;
    archived(&archive, "build").await;
    let plan = archive.run(&["archive", "retry", "-l", "team=data", "--plan", "-o", "json"]).json();
    assert_eq!(plan["workflow"], "build");
    let none = archive.run(&["archive", "retry", "-l", "team=none"]).exits(0);
    assert!(none.stderr.contains("nothing to retry"), "{none:?}");
    let _ = archive.run(&["archive", "retry", "build", "--local"]).exits(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_created_again_and_goes_on_where_it_failed() {
    let archive = Archive::new(Mode::Open).await;
    let build = archived(&archive, "build").await;
    archive.run(&["archive", "retry", "build", "--in-place"]).good();
    let live = archive.namespace.get("workflows", "build").await.unwrap();
    assert_ne!(live["metadata"]["uid"], build["metadata"]["uid"]);
    let displayed: Vec<&str> = live["status"]["nodes"]
        .as_object()
        .unwrap()
        .values()
        .map(|node| node["displayName"].as_str().unwrap_or_default())
        .collect();
    assert!(displayed.contains(&".a") && !displayed.contains(&".b"), "{displayed:?}");
    assert_eq!(live["status"].get("phase"), None);
    assert_eq!(live["metadata"]["labels"].get("workflows.argoproj.io/workflow-archiving-status"), None);
    let back = archive.run(&["archive", "retry", "build", "--in-place", "--force"]).exits(7);
    assert!(back.stderr.contains("is on the cluster again") || back.stderr.contains("already exists"), "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resubmitted_workflow_is_a_new_run() {
    let archive = Archive::new(Mode::Open).await;
    archived(&archive, "build").await;
    let created = archive.run(&["archive", "resubmit", "build", "-p", "date=today", "-o", "json"]).json();
    assert_ne!(created["run"]["runId"], "r1");
    assert_eq!(created["run"]["attempt"], 1);
    let name = created["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("build-"), "{name}");
    let live = archive.namespace.get("workflows", name).await.unwrap();
    assert_eq!(live["metadata"]["labels"][RUN_ID], created["run"]["runId"]);
    assert!(live["spec"]["arguments"]["parameters"].to_string().contains("today"), "{live}");
}

/// The program with a server that asks for tokens, over TLS.
fn with_token(archive: &Archive, token: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = archive.command(arguments);
    command.env_remove("ARGO_SECURE");
    if let Some(token) = token {
        command.env("ARGO_TOKEN", token);
    }
    Output::of(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_knows_its_user_by_a_token_that_is_never_shown() {
    let archive = Archive::new(Mode::Tokens).await;
    archived(&archive, "build").await;
    let list = ["archive", "list", "-o", "name", "--insecure-skip-verify"];
    let listed = "workflow.argoproj.io/build\n";
    // The kubeconfig's token, ARGO_TOKEN as argo reads it and as a token alone, and a file.
    assert_eq!(with_token(&archive, None, &list).good(), listed);
    assert_eq!(with_token(&archive, Some("Bearer admin-token"), &list).good(), listed);
    assert_eq!(with_token(&archive, Some("admin-token"), &list).good(), listed);
    let file = archive.namespace.kubeconfig(User::Admin).with_file_name("token");
    std::fs::write(&file, "Bearer admin-token\n").unwrap();
    let from_file = [&list[..], &["--argo-token-file", file.to_str().unwrap()]].concat();
    assert_eq!(with_token(&archive, Some("Bearer wrong-secret"), &from_file).good(), listed);

    let wrong = with_token(&archive, Some("Bearer wrong-secret"), &[&list[..], &["-vv"]].concat()).exits(1);
    assert!(wrong.stderr.contains("does not accept the credentials"), "{wrong:?}");
    assert!(wrong.stderr.contains("request to argo-server"), "{wrong:?}");
    let all = with_token(&archive, Some("Bearer admin-token"), &[&list[..], &["-vv"]].concat()).exits(0);
    for output in [&wrong, &all] {
        assert!(!output.stderr.contains("wrong-secret") && !output.stderr.contains("admin-token"), "{output:?}");
    }
    let restricted = with_token(&archive, Some("Bearer restricted-token"), &list).exits(1);
    assert!(restricted.stderr.contains("does not allow it"), "{restricted:?}");

    let unknown = with_token(&archive, None, &["archive", "list"]).exits(1);
    assert!(unknown.stderr.contains("certificate") && unknown.stderr.contains("--insecure-skip-verify"), "{unknown:?}");
    let plain = with_token(&archive, None, &["archive", "list", "--secure=false"]).exits(1);
    assert!(plain.stderr.contains("argo-server"), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_and_completion_ask_the_server() {
    let archive = Archive::new(Mode::Open).await;
    archived(&archive, "build").await;
    let report: Value = serde_json::from_str(&archive.run(&["doctor", "-o", "json"]).stdout).unwrap();
    let check = report.pointer("/checks").or(report.get("cluster")).unwrap().to_string();
    assert!(check.contains("argo-server") && check.contains("its archive has workflows"), "{report:#}");
    let kubeconfig = archive.namespace.kubeconfig(User::Admin);
    let mut completion = isolated(PROGRAM, kubeconfig.parent().unwrap());
    completion.args(["__complete", "archive", "get", "--secure=false", "--argo-server"]);
    completion.arg(format!("localhost:{}", archive.server.port)).arg("--kubeconfig").arg(&kubeconfig).arg("");
    assert_eq!(Output::of(&mut completion).good().lines().next(), Some("build\t"));
    let down = Output::of(archive.command(&["doctor", "-o", "json"]).env("ARGO_SERVER", "localhost:1"));
    assert!(down.stdout.contains("cannot reach argo-server at http://localhost:1"), "{down:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_not_taken_for_it() {
    let archive = Archive::new(Mode::Open).await;
    let kubernetes = crate::kubernetes::server::Server::argo();
    let flags = ["archive", "list", "--insecure-skip-verify", "--argo-server", &kubernetes.url];
    let other = Output::of(archive.command(&flags).env("ARGO_TOKEN", "Bearer admin-token")).exits(1);
    assert!(other.stderr.contains("does not answer as argo-server does"), "{other:?}");
    let below = archive.run(&["archive", "list", "--argo-base-href", "/argo"]).exits(1);
    assert!(below.stderr.contains("--argo-base-href"), "{below:?}");
    assert_eq!(archive.run(&["archive", "list", "--as", "eve"]).code, Some(2));
}
