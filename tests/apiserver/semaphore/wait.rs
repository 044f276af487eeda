//! `semaphore wait`, and what `wait` and `status` say about locks. The test plays the controller.

use serde_json::{Value, json};

use super::{KEY, MAP, config_map, record, semaphore};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::process::Running;

fn start(namespace: &Namespace, arguments: &[&str]) -> Running {
    let directory = std::env::temp_dir();
    Running::start(namespace.command(User::Admin, arguments), &directory)
}

async fn status(namespace: &Namespace, name: &str, status: &Value) {
    namespace.patch("workflows", name, &json!({ "status": status })).await;
}

#[tokio::test]
async fn a_free_place_is_told_at_once_and_not_taken() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "1"}})).await;
    for _ in 0..2 {
        let _ =
            semaphore(&namespace, &["wait", "exampleorg/sample@main"]).prints(0, &format!("{KEY}: a place is free\n"));
    }
    let _ = semaphore(&namespace, &["wait", "Mutex/deploy"]).prints(0, "Mutex/deploy: a place is free\n");
    semaphore(&namespace, &["wait", "absent"]).fails(6, &["ConfigMap/workflow-semaphores/absent does not exist"]);
}

#[tokio::test]
async fn a_place_is_waited_for_until_the_holder_leaves_and_nobody_is_before() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "1"}})).await;
    for name in ["semaphore-running", "semaphore-pending"] {
        record(&namespace, name).await;
    }
    let late = semaphore(&namespace, &["wait", KEY, "--timeout", "1s"]);
    late.fails(5, &[&format!("no place of ConfigMap/{MAP}/{KEY} is free after 1s")]);

    let waiting = start(&namespace, &["semaphore", "wait", KEY]);
    waiting.wait_for_talk(&format!("waiting for {KEY}: 1 held by {}/sem-hqvrn, 1 waiting", namespace.name));
    // The waiter gets the place: the queue is empty, but no place is free.
    let lock = format!("{}/ConfigMap/{MAP}/{KEY}", namespace.name);
    let holding = json!([{"semaphore": lock, "holders": [format!("{}/sem-pvlt2", namespace.name)]}]);
    let labels = json!({"workflows.argoproj.io/completed": "true"});
    let ended = json!({"metadata": {"labels": labels}, "status": {"phase": "Succeeded", "synchronization": null}});
    namespace.patch("workflows", "sem-hqvrn", &ended).await;
    let held = json!({"phase": "Running", "synchronization": {"semaphore": {"holding": holding, "waiting": null}}});
    status(&namespace, "sem-pvlt2", &held).await;
    waiting.wait_for_talk(&format!("1 held by {}/sem-pvlt2, 0 waiting", namespace.name));
    namespace.delete("workflows", "sem-pvlt2").await;
    let _ = waiting.end().prints(0, &format!("{KEY}: a place is free\n"));
}

#[tokio::test]
async fn a_raised_limit_ends_the_wait() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "1"}})).await;
    record(&namespace, "semaphore-running").await;
    let waiting = start(&namespace, &["semaphore", "wait", KEY, "--timeout", "1m"]);
    waiting.wait_for_talk("1 held by");
    let _ = semaphore(&namespace, &["set", KEY, "2"]).exits(0);
    let _ = waiting.end().prints(0, &format!("{KEY}: a place is free\n"));
}

#[tokio::test]
async fn a_wait_for_a_run_tells_who_holds_its_lock_and_since_when() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "1"}})).await;
    for name in ["semaphore-running", "semaphore-pending"] {
        record(&namespace, name).await;
    }
    let holder = namespace.get("workflows", "sem-hqvrn").await.unwrap();
    let since = holder["status"]["startedAt"].as_str().unwrap();
    let lock = format!("lock {0}/ConfigMap/{MAP}/{KEY}, held by {0}/sem-hqvrn since {since}", namespace.name);
    let shown = namespace.run(User::Admin, &["status", "sem-pvlt2"]).exits(0);
    assert!(shown.stdout.contains(&lock), "{lock}: {shown:?}");
    let waiting = start(&namespace, &["wait", "sem-pvlt2"]);
    waiting.wait_for_talk(&format!("workflow sem-pvlt2 is waiting for {lock}"));
    status(&namespace, "sem-pvlt2", &json!({"phase": "Succeeded", "synchronization": null})).await;
    let _ = waiting.end().exits(0);
}
