//! `semaphore set --drain` and what takes it back. The test does what a controller does: it queues the workflow and
//! lets it in.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{KEY, Output, config_map, data, record, semaphore};
use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::wait::until;

const DRAIN: &str = "drain-exampleorg-sample-main-";

/// The name of the workflow that drains, once it exists.
async fn drain(namespace: &Namespace) -> String {
    until("the workflow that drains", async || {
        let listed = semaphore(namespace, &["get", KEY, "-o", "json"]).json();
        let name = listed["drained"]["workflow"].as_str()?.to_owned();
        namespace.get("workflows", &name).await.map(|_| name)
    })
    .await
}

/// The program at work on a drain, with these flags.
fn start(namespace: &Namespace, flags: &[&str]) -> JoinHandle<Output> {
    let arguments = [&["semaphore", "set", KEY, "--drain"], flags].concat();
    let mut command = namespace.command(User::Admin, &arguments);
    tokio::task::spawn_blocking(move || Output::from(command.output().unwrap()))
}

/// What the program does; the test fails at once, with what the program said, when the program ends before it.
async fn before_its_end<T>(running: &mut JoinHandle<Output>, what: impl Future<Output = T>) -> T {
    tokio::select! {
        done = what => done,
        ran = running => panic!("the program ended early: {ran:?}"),
    }
}

/// As the controller writes it.
fn status(namespace: &Namespace, of: &str, name: &str) -> Value {
    let lock = format!("{}/ConfigMap/workflow-semaphores/{KEY}", namespace.name);
    let (phase, holder) = match of {
        "holding" => ("Running", format!("{}/{name}", namespace.name)),
        _ => ("Pending", format!("{}/sem-hqvrn", namespace.name)),
    };
    let entry = json!([{"semaphore": lock, "holders": [holder]}]);
    let other = if of == "holding" { "waiting" } else { "holding" };
    json!({"status": {"phase": phase, "synchronization": {"semaphore": {of: entry, other: null}}}})
}

/// Drains with these flags beside a controller that queues the workflow and then lets it in.
async fn drained(namespace: &Namespace, flags: &[&str]) -> Output {
    let mut running = start(namespace, flags);
    let name = before_its_end(&mut running, drain(namespace)).await;
    for of in ["waiting", "holding"] {
        namespace.patch("workflows", &name, &status(namespace, of, &name)).await;
    }
    running.await.unwrap()
}

#[tokio::test]
async fn a_drain_takes_the_one_place_and_is_taken_back() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    record(&namespace, "semaphore-running").await;
    let ran = drained(&namespace, &["--wait"]).await;
    let ran = ran.prints(0, "semaphore exampleorg-sample-main: 4 → drained\n");
    assert!(ran.stderr.contains("has no other holders; workflow drain-exampleorg-sample-main-"), "{ran:?}");
    assert_eq!(data(&namespace).await, json!({KEY: "1"}));

    let name = drain(&namespace).await;
    assert!(name.starts_with(DRAIN), "{name}");
    let workflow = namespace.get("workflows", &name).await.unwrap();
    let spec = &workflow["spec"];
    assert_eq!((spec.get("suspend"), &spec["priority"]), (None, &json!(i32::MAX)));
    assert_eq!(spec["templates"], json!([{"name": "wait", "suspend": {}}]));
    let at = json!({"name": "workflow-semaphores", "key": KEY});
    assert_eq!(spec["synchronization"], json!({"semaphores": [{"configMapKeyRef": at}]}));
    let listed = semaphore(&namespace, &["list"]);
    assert!(
        listed.stdout.contains(&format!("exampleorg-sample-main  drained  2     0        {name}, sem-hqvrn")),
        "{listed:?}"
    );

    semaphore(&namespace, &["delete", KEY]).fails(7, &["is drained", "--undrain"]);
    let again = semaphore(&namespace, &["set", KEY, "0", "--drain"]);
    let _ = again.prints(0, "semaphore exampleorg-sample-main: drained (4 before) (unchanged)\n");
    assert_eq!(namespace.get("workflows", &name).await.unwrap()["metadata"]["uid"], workflow["metadata"]["uid"]);

    let back = semaphore(&namespace, &["set", KEY, "--undrain"]);
    let _ = back.prints(0, "semaphore exampleorg-sample-main: drained (4 before) → 4\n");
    assert_eq!((namespace.get("workflows", &name).await, data(&namespace).await), (None, json!({KEY: "4"})));
    semaphore(&namespace, &["set", KEY, "--undrain"]).fails(7, &["is not drained"]);
}

#[tokio::test]
async fn a_new_limit_ends_a_drain_too() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    let _ = drained(&namespace, &[]).await.prints(0, "semaphore exampleorg-sample-main: 4 → drained\n");
    let name = drain(&namespace).await;
    let _ = semaphore(&namespace, &["set", KEY, "2", "--if-absent"])
        .prints(0, "semaphore exampleorg-sample-main: drained (4 before) (unchanged)\n");
    let _ = semaphore(&namespace, &["set", KEY, "2"])
        .prints(0, "semaphore exampleorg-sample-main: drained (4 before) → 2\n");
    assert_eq!((namespace.get("workflows", &name).await, data(&namespace).await), (None, json!({KEY: "2"})));
}

#[tokio::test]
async fn a_drain_that_lost_its_workflow_is_told_and_made_good() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    let _ = drained(&namespace, &[]).await;
    let name = drain(&namespace).await;
    let gone = namespace.get("workflows", &name).await.unwrap()["metadata"]["uid"].clone();
    namespace.patch("workflows", &name, &json!({"status": {"phase": "Failed", "synchronization": null}})).await;
    let listed = semaphore(&namespace, &["list"]);
    assert!(
        listed.stdout.contains("is neither holder nor waiter, so new holders may be admitted: drain again"),
        "{listed:?}"
    );
    let mut running = start(&namespace, &[]);
    let another = until("another workflow of this name", async || {
        namespace.get("workflows", &name).await.filter(|workflow| workflow["metadata"]["uid"] != gone)
    });
    before_its_end(&mut running, another).await;
    namespace.patch("workflows", &name, &status(&namespace, "holding", &name)).await;
    let _ = running.await.unwrap().prints(0, "semaphore exampleorg-sample-main: drained (4 before) (unchanged)\n");
    let _ = semaphore(&namespace, &["delete", KEY, "--force"]).prints(0, "semaphore exampleorg-sample-main deleted\n");
    assert_eq!(namespace.get("workflows", &name).await, None);
}

#[tokio::test]
async fn a_wait_for_the_last_holder_ends_in_time() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    let ran = semaphore(&namespace, &["set", KEY, "--drain", "--wait", "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("is not empty after 300ms"), "{ran:?}");
}

#[tokio::test]
async fn a_workflow_that_the_controller_refuses_is_an_error() {
    let namespace = Namespace::new().await;
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    let mut running = start(&namespace, &["--wait"]);
    let name = before_its_end(&mut running, drain(&namespace)).await;
    let refused = json!({"status": {"phase": "Error", "message": "workflows must use workflowTemplateRef"}});
    namespace.patch("workflows", &name, &refused).await;
    let ran = running.await.unwrap();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("ended: workflows must use workflowTemplateRef"), "{ran:?}");
}

#[tokio::test]
async fn nothing_is_drained_that_is_not_there_or_under_another_s_name() {
    let namespace = Namespace::new().await;
    semaphore(&namespace, &["set", KEY, "--drain"]).fails(6, &["does not exist in ConfigMap"]);
    config_map(&namespace, &json!({"data": {KEY: "4"}})).await;
    let dry = semaphore(&namespace, &["set", KEY, "--drain", "--dry-run"]);
    let _ = dry.prints(0, "semaphore exampleorg-sample-main: 4 → drained (server dry run)\n");
    assert_eq!(data(&namespace).await, json!({KEY: "4"}));
    let _ = drained(&namespace, &[]).await;
    let name = drain(&namespace).await;
    let _ = semaphore(&namespace, &["set", KEY, "--undrain"]);
    let mut foreign = crate::workflow(&name, "r1");
    foreign["metadata"]["name"] = json!(name);
    namespace.create("workflows", &foreign).await;
    let ran = semaphore(&namespace, &["set", KEY, "--drain"]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.stderr.contains("another workflow has the name"), "{ran:?}");
}
