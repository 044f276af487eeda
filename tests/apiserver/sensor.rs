//! What Argo Events makes of the sensor: its own types, validators, filters, parameters and trigger (tests/programs/events)
//! against the API server, with the rights of the sensor's account.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::kubernetes::namespace::Namespace;
use crate::kubernetes::server::User;
use crate::support::programs::built;

/// A namespace with the component, and what it holds.
struct Events {
    namespace: Namespace,
    objects: [Value; 3],
}

impl Events {
    async fn new() -> Self {
        let namespace = Namespace::new().await;
        let settings = ["--set", "owner=ExampleOrg", "--set", "repositories=sample,other"];
        let _ = namespace.run(User::Admin, &[&["bundle", "install", "sensor"], &settings[..]].concat()).exits(0);
        let mut objects = Vec::new();
        for (plural, name) in
            [("eventbus", "default"), ("eventsources", "runnable-github"), ("sensors", "runnable-github")]
        {
            objects.push(namespace.get(plural, name).await.unwrap());
        }
        Self { namespace, objects: objects.try_into().unwrap() }
    }

    /// The object that each event made or found, null where the sensor does not take it.
    fn receive(&self, events: &[Value]) -> Vec<Value> {
        let [bus, source, sensor] = &self.objects;
        let asked = json!({"namespace": self.namespace.name, "eventBus": bus, "eventSource": source, "sensor": sensor,
            "events": events});
        let mut program = Command::new(built("events"))
            .arg(self.namespace.kubeconfig(User::Admin))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        program.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// An event of a repository of `ExampleOrg`, with the fields that GitHub sends and we read.
fn event(kind: &str, time: &str, repository: &str, more: &Value) -> Value {
    let mut body = json!({"repository": {"name": repository, "full_name": format!("ExampleOrg/{repository}"),
        "owner": {"login": "ExampleOrg", "name": "ExampleOrg"}}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"kind": kind, "time": time, "body": body})
}

fn push(time: &str, repository: &str, reference: &str) -> Value {
    event("push", time, repository, &json!({"ref": reference, "deleted": false, "after": time}))
}

fn pull_request(time: &str, action: &str, number: u64) -> Value {
    let pull = json!({"action": action, "number": number, "pull_request": {"head": {"sha": time}}});
    event("pull_request", time, "sample", &pull)
}

fn name(workflow: &Value) -> &str {
    workflow["metadata"]["name"].as_str().unwrap()
}

fn parameters(workflow: &Value) -> Vec<&str> {
    let own = workflow["spec"]["arguments"]["parameters"].as_array().unwrap();
    own.iter().map(|parameter| parameter["value"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_burst_makes_one_workflow_and_its_later_events_change_nothing() {
    let events = Events::new().await;
    let main = "refs/heads/main";
    let made = events.receive(&[
        push("2026-11-29T16:00:00Z", "sample", main),
        push("2026-11-29T16:00:14Z", "sample", main),
        push("2026-11-29T16:00:15Z", "sample", main),
        push("2026-11-29T16:00:00Z", "other", main),
        push("2026-11-29T16:00:00Z", "sample", "refs/heads/Feature/ü-1"),
        push("2026-11-29T16:00:00Z", "sample", "refs/heads/feature/ü-1"),
        pull_request("2026-11-29T16:00:00Z", "opened", 7),
        pull_request("2026-11-29T16:00:03Z", "synchronize", 7),
    ]);
    assert_eq!(made[0], made[1], "the second event of a window leaves the workflow as it is, resourceVersion too");
    assert_eq!(made[6], made[7]);
    let mut names: Vec<&str> = made.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| name.len() <= 63 && name.starts_with("ci-")), "{names:?}");

    assert_eq!(parameters(&made[0]), ["ExampleOrg", "sample", main, "", "15"]);
    assert_eq!(parameters(&made[4]), ["ExampleOrg", "sample", "refs/heads/Feature/ü-1", "", "15"]);
    assert_eq!(parameters(&made[6]), ["ExampleOrg", "sample", "refs/pull/7/head", "7", "15"]);
    for workflow in &made {
        let stored = events.namespace.get("workflows", name(workflow)).await.unwrap();
        assert_eq!(&stored, workflow, "it is on the server as the trigger got it back");
    }
}

#[tokio::test]
async fn deleted_branches_and_other_actions_start_nothing() {
    let events = Events::new().await;
    let time = "2026-11-29T16:00:00Z";
    let deleted = event("push", time, "sample", &json!({"ref": "refs/heads/main", "deleted": true}));
    let made = events.receive(&[
        deleted,
        pull_request(time, "closed", 7),
        pull_request(time, "labeled", 7),
        event("issues", time, "sample", &json!({"action": "opened"})),
    ]);
    assert_eq!(made, [Value::Null, Value::Null, Value::Null, Value::Null]);
}

/// A branch's name reaches a parameter and never becomes more of the object.
#[tokio::test]
async fn a_hostile_name_of_a_branch_stays_a_value() {
    let events = Events::new().await;
    let hostile = r#"refs/heads/x","y":{"a":1},"z":"{{workflow.name}}$(id)"#;
    let made = events.receive(&[push("2026-11-29T16:00:00Z", "sample", hostile)]);
    assert_eq!(parameters(&made[0])[2], hostile);
    assert!(name(&made[0]).bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
    assert_eq!(made[0]["spec"].as_object().unwrap().len(), 2, "{}", made[0]["spec"]);
}
