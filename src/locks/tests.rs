//! The lock table, filled from status that a real controller wrote.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::argo::synchronization::Holder;

const RUNNING: &str = include_str!("../../tests/fixtures/semaphore-running.json");
const PENDING: &str = include_str!("../../tests/fixtures/semaphore-pending.json");
const MUTEX: &str = include_str!("../../tests/fixtures/mutex-one-waiting.json");
const SEMAPHORE: &str = "argo/ConfigMap/workflow-semaphores/exampleorg-sample-main";

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn table(workflows: &[Value]) -> LockTable {
    let mut table = LockTable::default();
    for workflow in workflows {
        table.add(workflow);
    }
    table
}

fn lock(table: &LockTable, name: &str) -> Lock {
    table.lock(name.parse().unwrap())
}

fn who<'a>(holders: impl IntoIterator<Item = &'a Holder>) -> Vec<String> {
    holders.into_iter().map(ToString::to_string).collect()
}

/// A workflow that waits for a workflow-level lock.
fn waiting(name: &str, priority: i64, created: &str) -> Value {
    let mut workflow = read(PENDING);
    workflow["metadata"]["name"] = json!(name);
    workflow["metadata"]["creationTimestamp"] = json!(created);
    workflow["spec"]["priority"] = json!(priority);
    workflow
}

#[test]
fn a_workflow_holds_and_another_waits() {
    let mut table = table(&[read(RUNNING), read(PENDING)]);
    assert_eq!(table.config_maps(), [("argo".to_owned(), "workflow-semaphores".to_owned())].into());
    assert_eq!(table.unread_holders(), BTreeSet::new());
    let limits =
        json!({"metadata": {"name": "workflow-semaphores"}, "data": {"exampleorg-sample-main": "1", "other": "3"}});
    table.add_limits("argo", &Limits::of(&limits).unwrap());
    let locks = table.locks();
    assert_eq!(locks.len(), 2);
    let held = &locks[0];
    assert_eq!((held.name.to_string().as_str(), &held.limit), (SEMAPHORE, &Limit::Of(1)));
    assert_eq!(who(held.holders.iter().map(|holding| &holding.holder)), ["argo/sem-hqvrn"]);
    assert_eq!(held.holders[0].state, HolderState::Live { phase: "Running".to_owned() });
    assert_eq!(who(held.queue.iter().map(|waiter| &waiter.holder)), ["argo/sem-pvlt2"]);
    assert_eq!((&locks[1].limit, locks[1].holders.len()), (&Limit::Of(3), 0));
}

#[test]
fn one_node_holds_and_its_sibling_waits() {
    let held = lock(&table(&[read(MUTEX)]), "argo/Mutex/deploy");
    assert_eq!(held.limit, Limit::Of(1));
    assert_eq!(held.holders[0].node_name.as_deref(), Some("tsem[0].a(0:0)"));
    assert_eq!(who(held.queue.iter().map(|waiter| &waiter.holder)), ["argo/tsem/tsem-3089131026"]);
    assert_eq!(held.queue[0].node_name.as_deref(), Some("tsem[0].a(1:1)"));
    assert_eq!(held.queue[0].within, ["tsem"]);
    assert_eq!(crate::locks::cycles(&[held]), []);
}

#[test]
fn the_queue_goes_by_priority_then_by_age() {
    let table = table(&[
        waiting("young", 0, "2026-11-21T08:23:29Z"),
        waiting("old", 0, "2026-11-21T08:23:27Z"),
        waiting("urgent", 5, "2026-11-21T09:00:00Z"),
        waiting("idle", -1, "2026-11-21T08:00:00Z"),
    ]);
    let queue = lock(&table, SEMAPHORE).queue;
    assert_eq!(
        queue.iter().map(|waiter| waiter.holder.workflow.as_str()).collect::<Vec<_>>(),
        ["urgent", "old", "young", "idle"]
    );
}

#[test]
fn a_holder_that_is_gone_or_has_ended_is_orphaned() {
    let mut table = table(&[read(PENDING)]);
    let holder = ("argo".to_owned(), "sem-hqvrn".to_owned());
    assert_eq!(table.unread_holders(), [holder.clone()].into());
    assert_eq!(lock(&table, SEMAPHORE).holders, [], "nobody is called an orphan before it was looked for");
    table.add_gone(holder);
    assert_eq!((table.unread_holders().len(), &lock(&table, SEMAPHORE).holders[0].state), (0, &HolderState::Gone));

    let mut ended = read(RUNNING);
    ended["status"] = json!({"phase": "Failed"});
    table.add(&ended);
    let state = HolderState::Ended { phase: "Failed".to_owned() };
    assert_eq!(lock(&table, SEMAPHORE).holders[0].state, state);

    let mut leftover = read(RUNNING);
    leftover["status"]["phase"] = json!("Succeeded");
    table.add(&leftover);
    assert!(lock(&table, SEMAPHORE).holders[0].state.is_orphaned());
}

#[test]
fn an_ended_holder_does_not_count_if_the_lock_is_full() {
    let mut ended = read(RUNNING);
    ended["status"] = json!({"phase": "Succeeded"});
    let mut next = read(RUNNING);
    next["metadata"]["name"] = json!("next");
    next["status"]["synchronization"]["semaphore"]["holding"][0]["holders"] = json!(["argo/next"]);
    let mut table = table(&[read(PENDING), ended, next]);
    for (limit, held) in [("1", vec!["argo/next"]), ("2", vec!["argo/next", "argo/sem-hqvrn"])] {
        let limits = json!({"metadata": {"name": "workflow-semaphores"}, "data": {"exampleorg-sample-main": limit}});
        table.add_limits("argo", &Limits::of(&limits).unwrap());
        assert_eq!(who(lock(&table, SEMAPHORE).holders.iter().map(|holding| &holding.holder)), held);
    }
}

#[test]
fn a_workflow_that_no_longer_waits_names_no_holder() {
    let mut running = read(RUNNING);
    let waiting = read(PENDING)["status"]["synchronization"]["semaphore"]["waiting"].clone();
    running["status"]["synchronization"]["semaphore"]["waiting"] = waiting;
    running["status"]["synchronization"]["semaphore"]["waiting"][0]["holders"] = json!(["argo/gone"]);
    let mut table = table(&[running]);
    table.add_gone(("argo".to_owned(), "gone".to_owned()));
    let limits = json!({"metadata": {"name": "workflow-semaphores"}, "data": {"exampleorg-sample-main": "2"}});
    table.add_limits("argo", &Limits::of(&limits).unwrap());
    assert_eq!(who(lock(&table, SEMAPHORE).holders.iter().map(|holding| &holding.holder)), ["argo/sem-hqvrn"]);
}

#[test]
fn a_holder_is_not_a_waiter() {
    let mut workflow = read(PENDING);
    let name = workflow["status"]["synchronization"]["semaphore"]["waiting"][0]["semaphore"].clone();
    let holding = json!([{"semaphore": name, "holders": ["argo/sem-pvlt2"]}]);
    workflow["status"]["synchronization"]["semaphore"]["holding"] = holding;
    let held = lock(&table(&[workflow]), SEMAPHORE);
    assert_eq!((held.holders.len(), held.queue.len()), (1, 0));
}

#[test]
fn the_status_of_a_live_workflow_itself_counts() {
    let mut released = read(RUNNING);
    released["status"]["synchronization"] = json!(null);
    assert_eq!(lock(&table(&[read(PENDING), released]), SEMAPHORE).holders, []);
}

#[test]
fn a_node_that_ended_with_its_lock_is_orphaned() {
    let mut workflow = read(MUTEX);
    workflow["status"]["nodes"]["tsem-3332060374"]["phase"] = json!("Succeeded");
    let holders = lock(&table(&[workflow]), "argo/Mutex/deploy").holders;
    assert_eq!(holders[0].state, HolderState::Ended { phase: "Succeeded".to_owned() });
}

#[test]
fn a_node_that_gave_up_is_not_a_waiter() {
    let mut workflow = read(MUTEX);
    workflow["status"]["nodes"]["tsem-3089131026"]["phase"] = json!("Failed");
    assert_eq!(lock(&table(&[workflow]), "argo/Mutex/deploy").queue, []);
    let mut ended = read(PENDING);
    ended["status"]["phase"] = json!("Failed");
    let table = table(&[ended]);
    assert_eq!((lock(&table, SEMAPHORE).queue.len(), table.locks().len()), (0, 0));
}

#[test]
fn a_waiter_with_offloaded_nodes_is_the_workflow() {
    let mut workflow = read(MUTEX);
    workflow["status"]["nodes"] = json!(null);
    workflow["status"]["offloadNodeStatusVersion"] = json!("fnv:1");
    let held = lock(&table(&[workflow]), "argo/Mutex/deploy");
    assert_eq!(who(held.queue.iter().map(|waiter| &waiter.holder)), ["argo/tsem"]);
    assert_eq!(held.holders[0].node_name, None);
}

#[test]
fn holders_of_controllers_before_3_6_have_short_names() {
    let (mut running, mut pending) = (read(RUNNING), read(PENDING));
    running["status"]["synchronization"]["semaphore"]["holding"][0]["holders"] = json!(["sem-hqvrn"]);
    pending["status"]["synchronization"]["semaphore"]["waiting"][0]["holders"] = json!(["sem-hqvrn"]);
    let held = lock(&table(&[running, pending]), SEMAPHORE);
    assert_eq!(who(held.holders.iter().map(|holding| &holding.holder)), ["argo/sem-hqvrn"]);
}

#[test]
fn a_missing_limit_differs_from_an_unread_one() {
    let mut table = table(&[read(PENDING)]);
    let limit = |table: &LockTable| lock(table, SEMAPHORE).limit;
    assert_eq!(limit(&table), Limit::Unknown);
    table.add_missing_limits(("argo".to_owned(), "workflow-semaphores".to_owned()));
    assert_eq!(limit(&table), Limit::MissingConfigMap);
    let empty = json!({"metadata": {"name": "workflow-semaphores"}});
    table.add_limits("argo", &Limits::of(&empty).unwrap());
    assert_eq!(limit(&table), Limit::MissingKey);
}

/// A workflow of a namespace that holds one lock and waits for another.
fn between(namespace: &str, name: &str, holds: &str, waits: &str) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "status": {"phase": "Running", "synchronization": {"mutex": {
            "holding": [{"mutex": holds, "holder": format!("{namespace}/{name}")}],
            "waiting": [{"mutex": waits, "holder": "z/z"}],
        }}},
    })
}

#[test]
fn a_namespace_includes_users_of_its_locks_in_all_namespaces() {
    let mut table = table(&[
        between("own", "a", "own/Mutex/own", "own/Mutex/awaited"),
        between("b", "holder", "own/Mutex/awaited", "b/Mutex/next"),
        between("c", "next", "b/Mutex/next", "c/Mutex/last"),
        between("d", "stranger", "d/Mutex/x", "d/Mutex/y"),
    ]);
    table.retain_related_to("own");
    let names = |locks: Vec<Lock>| locks.iter().map(|lock| lock.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(table.locks_of("own")), ["own/Mutex/awaited", "own/Mutex/own"]);
    assert_eq!(
        names(table.locks()),
        ["b/Mutex/next", "c/Mutex/last", "own/Mutex/awaited", "own/Mutex/own"],
        "a stranger is forgotten"
    );
    let awaited = lock(&table, "own/Mutex/awaited");
    assert_eq!(who(awaited.holders.iter().map(|holding| &holding.holder)), ["b/holder"]);
}

#[test]
fn a_secret_in_a_node_s_name_is_masked() {
    let mut workflow = read(MUTEX);
    workflow["spec"]["arguments"] = json!({"parameters": [{"name": "token", "value": "s3cr3t"}]});
    workflow["status"]["nodes"]["tsem-3089131026"]["name"] = json!("tsem[0].a(1:s3cr3t)");
    let held = lock(&table(&[workflow]), "argo/Mutex/deploy");
    assert_eq!(held.queue[0].node_name.as_deref(), Some("tsem[0].a(1:***)"));
}
