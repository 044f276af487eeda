//! What a plan hands on to the attempt: keys that need not be evaluated again. With them the attempt is the same as without,
//! also where they are those of another plan.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::argo::status::{Node, Phase};
use crate::local::resolved::Resolved;
use crate::local::scheduler::{Action, Event, Found, KnownKeys, Moment, Scheduler, Wanted};
use crate::local::task::Outcome as TaskOutcome;

/// Arguments of calls: what they read is known before, becomes known in the run, or is another value in each attempt.
const ARGUMENTS: [&str; 8] = [
    "one",
    "{{workflow.parameters.day}}",
    "{{tasks.t0.outputs.parameters.o}}",
    "{{=workflow.parameters.day + tasks.t0.outputs.parameters.o}}",
    "{{workflow.uid}}",
    "{{item}}",
    "{{pod.name}}",
    "{{inputs.parameters.outer}}",
];

/// Keys that users write; the first is made by prepare.
const KEYS: [&str; 8] = [
    "",
    "k-{{inputs.parameters.p}}",
    "{{=sprig.trunc(9, sprig.sha256sum(toJson([inputs.parameters, node.name])))}}",
    "{{workflow.name}}-{{=workflow.parameters['day'] + inputs.parameters.p}}",
    "{{=sprig.trunc(9, sprig.sha256sum(workflow.uid + inputs.parameters.p))}}",
    "c-{{workflow.creationTimestamp.s}}",
    "{{=sprig.trunc(9, sprig.sha256sum(toJson($env)))}}",
    "{{=sprig.trunc(9, sprig.sha256sum(workflow.labels['team'] + inputs.parameters.p))}}",
];

/// A task: what it calls, with which argument, how often.
type Task = (usize, usize, bool);

fn tasks(tasks: &[Task], templates: &[&str]) -> Value {
    let task = |(place, (called, argument, loops)): (usize, &Task)| {
        let value = ARGUMENTS[argument % ARGUMENTS.len()];
        let value = if value.contains("item") && !loops { "two" } else { value };
        let value = if value.contains("t0") && place == 0 { "three" } else { value };
        let mut task = json!({"name": format!("t{place}"), "template": templates[called % templates.len()],
            "arguments": {"parameters": [{"name": "p", "value": value}]}});
        if *loops {
            task["withItems"] = json!(["a", "b", 3]);
        }
        if place > 0 {
            task["depends"] = "t0".into();
        }
        task
    };
    tasks.iter().enumerate().map(task).collect::<Vec<_>>().into()
}

/// Two dags, one within the other, over leaves with these keys.
fn workflow(outer: &[Task], inner: &[Task], keys: &[usize]) -> Value {
    let called = ["l0", "l1", "inner"];
    let mut templates = vec![
        json!({"name": "main", "inputs": {"parameters": [{"name": "outer", "value": "o"}]}, "dag": {"tasks": tasks(outer, &called)}}),
        json!({"name": "inner", "inputs": {"parameters": [{"name": "p"}, {"name": "outer", "default": "{{inputs.parameters.p}}"}]},
            "dag": {"tasks": tasks(inner, &called[..2])},
            "outputs": {"parameters": [{"name": "o", "valueFrom": {"parameter": "{{tasks.t0.outputs.parameters.o}}"}}]}}),
    ];
    for (place, key) in keys.iter().enumerate() {
        // A value with a tag of its own is replaced after the key was made.
        let outer = ["d", "{{inputs.parameters.p}}"][place];
        let mut leaf = json!({"name": format!("l{place}"),
            "inputs": {"parameters": [{"name": "p"}, {"name": "outer", "default": outer}]},
            "container": {"image": "x", "command": ["sh", "{{inputs.parameters.outer}}"]},
            "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]}});
        if !KEYS[*key].is_empty() {
            leaf["memoize"] = json!({"key": KEYS[*key], "maxAge": "", "cache": {"configMap": {"name": "c"}}});
        }
        templates.push(leaf);
    }
    let metadata = json!({"name": "etl-x2k9f", "namespace": "argo", "labels": {"team": "a"}});
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {"entrypoint": "main",
        "arguments": {"parameters": [{"name": "day", "value": "mon"}]}, "templates": templates}})
}

/// The workflow as it is run, with what each attempt has of its own.
fn created(next: &Value, uid: &str, label: &str) -> Value {
    let mut created = next.clone();
    created["metadata"]["uid"] = uid.into();
    created["metadata"]["creationTimestamp"] = "2026-11-21T10:01:41Z".into();
    created["metadata"]["labels"]["team"] = label.into();
    created
}

/// Carries an attempt out: its nodes, and what they ask of the cache.
fn carry_out(workflow: Value, entries: &Entries, keys: Option<&Arc<KnownKeys>>) -> (Vec<Node>, Vec<Wanted>) {
    let mut scheduler = Scheduler::new(Resolved::new(workflow, PathBuf::from("/nowhere"), 8));
    if let Some(keys) = keys {
        scheduler = scheduler.knowing(Arc::clone(keys));
    }
    let mut asked = Vec::new();
    let mut events = VecDeque::from([Event::Start]);
    while let Some(event) = events.pop_front() {
        for action in scheduler.handle(Moment::begin(now()), event) {
            match action {
                Action::LookUp(node, wanted) => {
                    let kept = entries.get(&wanted.cache, &wanted.key);
                    let found = kept.map_or(Found::Miss, |kept| Found::Hit(kept.outputs.clone().map(Box::new)));
                    events.push_back(Event::Found(node, found));
                    asked.push(*wanted);
                }
                Action::Run(node, _) => {
                    let parameters = [("o".to_owned(), format!("of-{}", node.number()))].into();
                    let outcome = TaskOutcome { exit_code: Some(0), parameters, ..TaskOutcome::default() };
                    events.push_back(Event::Ended(node, Box::new(outcome)));
                }
                _ => {}
            }
        }
    }
    (scheduler.into_nodes(), asked)
}

/// What the nodes of a run leave, but for some.
fn entries(nodes: &[Node], kept: &[bool]) -> Entries {
    let made = nodes.iter().zip(kept.iter().cycle()).filter(|(_, kept)| **kept).filter_map(|(node, _)| {
        let status = node.memoization_status.as_ref().filter(|_| node.phase == Phase::Succeeded)?;
        let kept = Kept { created: Some(now()), outputs: node.outputs.clone(), node_id: node.id.clone() };
        Some(((status.cache_name.clone(), status.key.clone()), kept))
    });
    made.collect()
}

fn some_tasks() -> impl Strategy<Value = Vec<Task>> {
    prop::collection::vec((0..3_usize, 0..ARGUMENTS.len(), any::<bool>()), 1..4)
}

#[test]
fn an_attempt_takes_the_keys_of_its_plan() {
    let first = prepare(
        workflow(&[(0, 0, false), (1, 5, true)], &[(0, 0, false)], &[0, 4]),
        &Templates::default(),
        &options(&[("run_id", "r1")]),
    );
    let next = first.unwrap().workflow;
    let mut live = next.clone();
    live["status"] = json!({"phase": "Failed", "nodes": {}});
    let plan = plan_from(&live, &next, &Entries::default());
    let known = |node: &str| plan.keys.has(&format!("next{node}"));
    assert!(known(".t0"), "its key is made of the call alone");
    assert!(!known(".t1(0:a)"), "its key reads the uid");
}

proptest! {
    #[test]
    fn an_attempt_is_the_same_with_keys_that_were_handed_on(
        (outer, inner) in (some_tasks(), some_tasks()),
        keys in prop::collection::vec(0..KEYS.len(), 2),
        kept in prop::collection::vec(any::<bool>(), 1..9),
        (other, label) in (any::<bool>(), any::<bool>()),
    ) {
        let document = workflow(&outer, &inner, &keys);
        let prepared = |day: &str| {
            let options = options(&[("run_id", "r1"), ("day", day)]);
            prepare(document.clone(), &Templates::default(), &options).unwrap().workflow
        };
        let (before, _) = carry_out(created(&prepared("mon"), "u1", "a"), &Entries::default(), None);
        let entries = entries(&before, &kept);
        let mut live = prepared("mon");
        live["status"] = json!({"phase": "Failed", "nodes": {}});
        let plan = plan_from(&live, &prepared("mon"), &entries);

        // The attempt that was planned, or one with another parameter.
        let next = created(&prepared(if other { "tue" } else { "mon" }), "u2", if label { "a" } else { "b" });
        let with = carry_out(next.clone(), &entries, Some(&plan.keys));
        let without = carry_out(next, &entries, None);
        prop_assert_eq!(with, without);
    }
}
